"""The view Free layout: the strongest edges that are kept, and where their bottlenecks hang together. Pure, no page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ncviz.plots.network.connected_parts import Component, bottleneck_components, bottlenecks
from ncviz.plots.network.free_layout import free_layout, links_between, to_graph
from ncviz.plots.network.lines import NetworkView, drawn_edges, edges_of, strength
from ncviz.plots.palette import Theme
from ncviz.scene.tables import lowest
from ncviz.values import NEVER_ACTIVE

if TYPE_CHECKING:
    import networkx as nx

HEIGHT = 440


@dataclass(frozen=True, eq=False)
class FreeFigure:
    """The picture with what is said of it.

    Attributes:
        page: A page of its own, that loads nothing.
        components: The connected parts of the bottlenecks.
        edges: How many edges are drawn.
    """

    page: str
    components: list[Component]
    edges: int


def free_figure(
    view: NetworkView,
    graph: nx.DiGraph,
    kept: int,
    theme: Theme,
    *,
    name: str,
    selected: frozenset[int] = frozenset(),
    is_bottlenecks_only: bool = False,
    follows: tuple[str, str] | None = None,
) -> FreeFigure:
    """Return the picture of the strongest edges.

    Args:
        view: The network.
        graph: Its strongest edges that are kept, from ``strongest_graph``.
        kept: How many edges of the chosen layers are kept.
        theme: Which variant of the colours.
        name: Of the network and its step, such as "LeNet: 30.0% removed, redundant first".
        selected: Nodes that stand out.
        is_bottlenecks_only: Whether to leave out what is not negative.
        follows: Channel of the live panel that the picture follows, and the order that it is of.
    """
    components = bottleneck_components(graph)
    drawn = bottlenecks(graph) if is_bottlenecks_only else graph
    kind = "strongest bottlenecks" if is_bottlenecks_only else "strongest of either sign"
    lines = "edges" if view.members is None else "lines (kernel slices and edges)"
    links = links_between(view, drawn.nodes)
    words = [
        f"showing {drawn.number_of_edges():,} of {view.edge_count:,} {lines}, the {kind} among {kept:,} kept.",
        f"{name}.",
        "Grey areas: parts that bottlenecks hold together." if components else "",
        f"Grey lines: {_kinds(links)}." if links else "",
        "Diamond: selected." if selected & set(drawn) else "",
    ]
    page = free_layout(
        drawn,
        theme,
        HEIGHT,
        words=[word for word in words if word],
        components=components,
        selected=selected,
        follows=follows,
        links=links,
        scale=view.scale,
    )
    return FreeFigure(page, components, drawn.number_of_edges())


def _kinds(links: Sequence[tuple[int, int, str, str]]) -> str:
    """Return what sorts of links there are, such as "skips, pooling"."""
    names = {"skip": "skips", "pool": "pooling", "scale": "scaling", "product": "products"}
    return ", ".join(dict.fromkeys(names[kind] for _, _, _, kind in links))


def strongest_graph(
    view: NetworkView,
    curvature: np.ndarray,
    ranks: np.ndarray,
    removed: int,
    connection: int | None,
    most: int,
) -> tuple[nx.DiGraph, int]:
    """Return the strongest edges that are kept as a graph, half of either sign if there are, and how many are kept.

    An edge's ``rank`` says when it goes: it is kept as long as no more parameters than that are removed.

    Args:
        view: The network.
        curvature: κ of each parameter, float32 [N]; NaN or 2 where it is never active.
        ranks: int64 [N], when each parameter is removed.
        removed: How many are.
        connection: Only the edges of this weight layer, None for all.
        most: How many edges to take.
    """
    lines = kept_lines(view, curvature, ranks, removed)
    kappa, edges = lines.curvature, edges_of(view, connection)
    edges = edges[lines.is_kept[edges]]
    negative = edges[kappa[edges] < 0]
    positive = edges[~(kappa[edges] < 0)]
    # Bottlenecks reach far below 0 and redundant edges only to 2: by strength alone, none of these would be seen.
    half = max(most // 2, most - len(positive))
    ends = [
        own[lowest(-strength(kappa[own]), count)]
        for own, count in ((negative, half), (positive, most - min(half, len(negative))))
    ]
    return _graph(view, lines, np.concatenate(ends), ranks), len(edges)


def drawn_graph(
    view: NetworkView,
    curvature: np.ndarray,
    ranks: np.ndarray,
    removed: int,
    connection: int | None,
    most: int,
) -> nx.DiGraph:
    """Return as a graph the edges that the network's picture draws and that are kept.

    Arguments and the edges' ``rank`` are as in ``strongest_graph``.
    """
    lines = kept_lines(view, curvature, ranks, removed)
    drawn = drawn_edges(view, most, connection)
    return _graph(view, lines, drawn[lines.is_kept[drawn]], ranks)


def _graph(view: NetworkView, lines: KeptLines, edges: np.ndarray, ranks: np.ndarray) -> nx.DiGraph:
    seen = replace(view, curvature=lines.curvature, weight=lines.weight, parameter=lines.parameter)
    graph = to_graph(seen, edges)
    last = _last(view, ranks)
    for edge in edges.tolist():
        facts = graph.edges[int(view.source[edge]), int(view.target[edge])]
        facts["rank"] = max(int(last[edge]), facts.get("rank", 0))
    return graph


def _last(view: NetworkView, ranks: np.ndarray) -> np.ndarray:
    """Return when the last of each edge's parameters is removed, int64 [E]."""
    if view.members is None or not view.edge_count:
        return ranks[view.parameter]
    return np.maximum.reduceat(ranks[view.members.parameter], view.members.start[:-1])


@dataclass(frozen=True, eq=False)
class KeptLines:
    """Each edge by that of its parameters that is kept and has the least κ; of equal ones the first.

    Attributes:
        is_kept: bool [E], whether any is kept; where none is, the others mean nothing.
        curvature: float32 [E], its κ.
        parameter: int32 [E], which it is.
        weight: float32 [E], its weight in the network as it came.
    """

    is_kept: np.ndarray
    curvature: np.ndarray
    parameter: np.ndarray
    weight: np.ndarray


def kept_lines(view: NetworkView, curvature: np.ndarray, ranks: np.ndarray, removed: int) -> KeptLines:
    """Return what each edge is like at a pruning step; arguments as in ``strongest_graph``."""
    flat = np.nan_to_num(np.asarray(curvature, np.float32), nan=NEVER_ACTIVE)
    if view.members is None or not view.edge_count:
        return KeptLines(ranks[view.parameter] >= removed, flat[view.parameter], view.parameter, view.weight)
    members = view.members
    values = np.where(ranks[members.parameter] >= removed, flat[members.parameter], np.float32(np.inf))
    least = np.minimum.reduceat(values, members.start[:-1])
    line = np.repeat(np.arange(view.edge_count), np.diff(members.start))
    is_least = np.flatnonzero(values == least[line])
    at = is_least[np.searchsorted(line[is_least], np.arange(view.edge_count))]
    is_kept = np.isfinite(least)
    kappa = np.where(is_kept, least, np.float32(NEVER_ACTIVE))
    weight = view.weight if members.weight is None else members.weight[at]
    return KeptLines(is_kept, kappa, members.parameter[at], weight)


def flat_curvature(kappa: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return κ of all parameters one after the other, float32 [N]."""
    return np.concatenate([np.asarray(values, np.float32).reshape(-1) for values in kappa.values()])
