"""Ollivier–Ricci curvature of the edges of any networkx graph: the idea behind the neural curvature, on its own.

Source: Ollivier, *Ricci curvature of Markov chains on metric spaces*, J. Funct. Anal. 256 (2009); with idleness as in
Lin, Lu, Yau, *Ricci curvature of graphs*, Tohoku Math. J. 63 (2011); on directed graphs as in arXiv 2601.16366.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from ncviz.config import check_alpha
from ncviz.errors import NcvizError
from ncviz.transport.exact import optimal_plan

if TYPE_CHECKING:
    import networkx as nx

    Edge = tuple[Hashable, Hashable]

SHORTEST, LONGEST = 1e-100, 1e100
# Equal masses computed in two ways differ by this much; it is not moved about.
ROUNDING = 1e-15


@dataclass(frozen=True, eq=False)
class EdgeTransport:
    """One edge's transport problem, solved.

    Attributes:
        edge: (u, v).
        alpha: Idleness.
        sources: The P nodes where the measure of u has mass.
        targets: The Q nodes where the measure of v has mass.
        a: float64 [P], masses of the sources, summing to 1.
        b: float64 [Q], masses of the targets, summing to 1.
        cost: float64 [P, Q], shortest-path distance from each source to each target.
        plan: float64 [P, Q], an optimal plan: its rows sum to ``a`` and its columns to ``b``. Mass that both measures
            have at a node stays there, which is never dearer than moving it.
        value: W₁, the sum of plan · cost.
        distance: d(u, v), shortest-path distance.
    """

    edge: Edge
    alpha: float
    sources: tuple[Hashable, ...]
    targets: tuple[Hashable, ...]
    a: np.ndarray
    b: np.ndarray
    cost: np.ndarray
    plan: np.ndarray
    value: float
    distance: float

    @property
    def curvature(self) -> float:
        """κ(u, v) = 1 − W₁ / d(u, v)."""
        return 1.0 - self.value / self.distance


def ollivier_ricci(graph: nx.Graph, alpha: float = 0.5, weight: str | None = None) -> dict[Edge, float]:
    """Return the Ollivier–Ricci curvature of every edge of a graph, exact.

    κ(u, v) = 1 − W₁(μ_u, ν_v) / d(u, v), where d is the shortest-path distance, W₁ the least work of moving the measure
    μ_u to ν_v along the graph, and each measure keeps the share ``alpha`` on its own node and spreads the rest over
    that node's neighbours, in proportion to exp(−length²) of the edge to them. In a directed graph μ_u lies on the
    in-neighbours of u and ν_v on the out-neighbours of v; a node without such neighbours keeps all its mass.

    The neural curvature of `neural_curvature` is this divided by 1 − ``alpha``, with masses that depend on activations
    instead of lengths. κ is never above 1, nor above 2 (1 − ``alpha``).

    No pair that matters is out of reach: from an (in-)neighbour of u there is always the way through u and v to any
    (out-)neighbour of v. So graphs need not be connected. A self-loop carries no mass and has no curvature of its own
    (its ends are no distance apart), so it is left out. Where exp(−length²) underflows for all neighbours,
    the proportions are still those of the formula.

    Args:
        graph: A ``networkx`` Graph or DiGraph.
        alpha: Idleness in [0, 1).
        weight: Name of the edge attribute that holds the length; None makes every edge as long as 1.

    Returns:
        (u, v) → κ, for the edges as ``graph.edges`` gives them, self-loops left out.

    Raises:
        NcvizError: If ``graph`` is no such graph or has parallel edges, ``alpha`` lies outside [0, 1), or a length is
            missing or no number in [1e-100, 1e100].
    """
    metric, alpha = _Metric(graph, weight), check_alpha(alpha)
    by_source: dict[int, list[Edge]] = {}
    for u, v in graph.edges:
        if u != v:
            by_source.setdefault(metric.index[u], []).append((u, v))
    found = {
        edge: p.curvature for edges in by_source.values() for edge, p in metric.solve(edges, alpha).items()
    }
    return {(u, v): found[u, v] for u, v in graph.edges if u != v}


def edge_transport(
    graph: nx.Graph, edge: Edge, alpha: float = 0.5, weight: str | None = None
) -> EdgeTransport:
    """Return the measures of one edge's ends, the distances between them, and how the mass moves.

    Args:
        graph: A ``networkx`` Graph or DiGraph.
        edge: (u, v), in either direction if the graph is undirected.
        alpha: Idleness in [0, 1).
        weight: Name of the edge attribute that holds the length; None makes every edge as long as 1.

    Raises:
        NcvizError: As `ollivier_ricci`, or if the graph has no such edge, or it is a self-loop.
    """
    metric, alpha = _Metric(graph, weight), check_alpha(alpha)
    is_pair = isinstance(edge, tuple) and len(edge) == 2 and all(isinstance(end, Hashable) for end in edge)
    if not is_pair or not graph.has_edge(*edge):
        raise NcvizError(f"edge must be a pair (u, v) of nodes that the graph joins, got {_short(edge)}.")
    if edge[0] == edge[1]:
        raise NcvizError(f"The self-loop {_short(edge)} has no curvature: its ends are no distance apart.")
    return metric.solve([edge], alpha)[edge]


class _Metric:
    """A graph's lengths as sparse matrices, forwards and backwards."""

    def __init__(self, graph: nx.Graph, weight: str | None) -> None:
        _check(graph, weight)
        self.nodes = list(graph.nodes)
        self.index = {node: at for at, node in enumerate(self.nodes)}
        edges = [(u, v, _length(u, v, data, weight)) for u, v, data in graph.edges(data=True) if u != v]
        if not graph.is_directed():
            edges += [(v, u, length) for u, v, length in edges]
        rows = np.array([self.index[u] for u, _, _ in edges], dtype=np.int32)
        columns = np.array([self.index[v] for _, v, _ in edges], dtype=np.int32)
        lengths = np.array([length for _, _, length in edges], dtype=np.float64)
        size = len(self.nodes)
        self.forwards = csr_array((lengths, (rows, columns)), shape=(size, size))
        self.backwards = csr_array((lengths, (columns, rows)), shape=(size, size))

    def solve(self, edges: Sequence[Edge], alpha: float) -> dict[Edge, EdgeTransport]:
        """Solve edges with a common source."""
        u = self.index[edges[0][0]]
        sources, a = _measure(self.backwards, u, alpha)
        targets = {edge: _measure(self.forwards, self.index[edge[1]], alpha) for edge in edges}
        # No distance that is needed is longer than a step back, the longest edge and a step on.
        ends = [self.index[v] for _, v in edges]
        steps = (self.backwards[[u]], self.forwards[[u]], self.forwards[ends])
        limit = sum(float(step.max()) for step in steps if step.nnz)
        rows = np.append(sources, u)
        distance = np.atleast_2d(dijkstra(self.forwards, indices=rows, limit=limit * (1 + 1e-9)))
        found = {}
        for edge, (points, b) in targets.items():
            cost = distance[:-1, points]
            plan = _plan(sources, points, a, b, cost)
            found[edge] = EdgeTransport(
                edge=edge,
                alpha=alpha,
                sources=tuple(self.nodes[at] for at in sources),
                targets=tuple(self.nodes[at] for at in points),
                a=a,
                b=b,
                cost=cost,
                plan=plan,
                value=float((plan * cost).sum()),
                distance=float(distance[-1, self.index[edge[1]]]),
            )
        return found


def _measure(lengths: csr_array, at: int, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes where a node's measure has mass, itself first if it has any, and their masses."""
    own = slice(lengths.indptr[at], lengths.indptr[at + 1])
    neighbours, length = lengths.indices[own], lengths.data[own]
    if not len(neighbours):
        return np.array([at]), np.ones(1)
    nearest = length.min()
    # exp(−length²) but for a common factor, so that not all of them underflow.
    share = np.exp(-(length - nearest) * (length + nearest))
    mass = np.append(alpha, (1 - alpha) * share / share.sum())
    has_mass = mass > 0
    return np.append(at, neighbours)[has_mass], mass[has_mass]


def _plan(
    sources: np.ndarray, targets: np.ndarray, a: np.ndarray, b: np.ndarray, cost: np.ndarray
) -> np.ndarray:
    """Return an optimal plan [P, Q] that leaves common mass where it is (free, by the triangle inequality)."""
    stays = np.where(sources[:, None] == targets[None], np.minimum(a[:, None], b[None]), 0.0)
    left, needed = a - stays.sum(axis=1), b - stays.sum(axis=0)
    rows, columns = np.flatnonzero(left > ROUNDING), np.flatnonzero(needed > ROUNDING)
    if len(rows) and len(columns):
        total = left[rows].sum()
        moved = np.ix_(rows, columns)
        stays[moved] += total * optimal_plan(
            left[rows] / total, needed[columns] / needed[columns].sum(), cost[moved]
        )
    return stays


def _check(graph: Any, weight: Any) -> None:
    # A networkx graph can only come from one who has imported networkx; importing it here costs them nothing.
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise NcvizError(f"graph must be a networkx Graph or DiGraph, got {type(graph).__name__}.")
    if graph.is_multigraph():
        raise NcvizError(
            "graph must not be a multigraph, whose parallel edges have no curvature of their own; "
            "nx.Graph(graph) or nx.DiGraph(graph) keeps one edge of each pair."
        )
    if weight is not None and not isinstance(weight, str):
        raise NcvizError(f"weight must be the name of an edge attribute or None, got {_short(weight)}.")


def _length(u: Hashable, v: Hashable, data: dict[str, Any], weight: str | None) -> float:
    if weight is None:
        return 1.0
    if weight not in data:
        raise NcvizError(f"Edge {_short((u, v))} has no attribute '{weight}', which should hold its length.")
    try:
        length = float(data[weight])
    except (TypeError, ValueError, OverflowError):
        length = np.nan
    if not SHORTEST <= length <= LONGEST:
        raise NcvizError(
            f"The length '{weight}' of edge {_short((u, v))} must be a positive number "
            f"({SHORTEST:g} to {LONGEST:g}), got {_short(data[weight])}."
        )
    return length


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
