"""Ollivier–Ricci curvature of the edges of any networkx graph: the idea behind the neural curvature, on its own.

Source: Ollivier, *Ricci curvature of Markov chains on metric spaces*, J. Funct. Anal. 256 (2009); with idleness as in
Lin, Lu, Yau, *Ricci curvature of graphs*, Tohoku Math. J. 63 (2011); on directed graphs as in arXiv 2601.16366.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from ncviz.config import check_alpha
from ncviz.errors import NcvizError
from ncviz.text import shorten
from ncviz.transport.exact import optimal_plan, optimal_value

if TYPE_CHECKING:
    import networkx as nx

    Edge = tuple[Hashable, Hashable]
    # An edge, and the numbers of the nodes at which its mass starts and ends.
    Ends = tuple[Edge, int, int]

SHORTEST, LONGEST = 1e-100, 1e100
# Equal masses computed in two ways differ by this much; it is not moved about.
ROUNDING = 1e-15
# Distances that are held at a time, 8 bytes each; one edge's own problem may need more.
_HELD = 4_000_000


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

    Beside the graph it takes some 100 MB, whatever the degrees: distances are computed in blocks, from the end of each
    edge that has fewer neighbours, and only between nodes whose mass has to move. One edge's own problem may be larger:
    8 bytes for each pair of neighbours that its ends do not share.

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
    found: dict[Edge, float] = {}
    # The problem of (u, v) is that of (v, u) with every step turned round; few distances start at the smaller end.
    for own, edges in zip((metric, metric.turned()), metric.by_smaller_end(graph.edges), strict=True):
        for ends in edges.values():
            found.update(own.curvatures(ends, alpha))
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
    return metric.transport(edge, alpha)


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

    def turned(self) -> _Metric:
        """Return the same graph with every step turned round."""
        other = copy(self)
        other.forwards, other.backwards = self.backwards, self.forwards
        return other

    def by_smaller_end(self, edges: Iterable[Edge]) -> tuple[dict[int, list[Ends]], dict[int, list[Ends]]]:
        """Return edges by their first node where its measure is the smaller one, and by their second otherwise.

        Returns:
            Node → (the edge, its other node); for first nodes and for second ones.
        """
        before, after = np.diff(self.backwards.indptr), np.diff(self.forwards.indptr)
        found: tuple[dict[int, list[Ends]], dict[int, list[Ends]]] = ({}, {})
        for u, v in edges:
            if u != v:
                first, second = self.index[u], self.index[v]
                is_second = bool(before[first] > after[second])
                start, end = (second, first) if is_second else (first, second)
                found[is_second].setdefault(start, []).append(((u, v), start, end))
        return found

    def curvatures(self, edges: Sequence[Ends], alpha: float) -> Iterator[tuple[Edge, float]]:
        """Yield κ of edges with a common start."""
        start = edges[0][1]
        own, limit = _measure(self.backwards, start, alpha), self._limit(start, [end for *_, end in edges])
        waiting: list[_Moving] = []
        rows, columns = {start}, set[int]()
        for edge, _, end in edges:
            moving = _Moving.between(edge, end, *own, *_measure(self.forwards, end, alpha))
            wider = rows.union(moving.sources.tolist()), columns.union(moving.targets.tolist(), [end])
            if waiting and len(wider[0]) * len(wider[1]) > _HELD:
                yield from self._solved(waiting, start, limit)
                waiting = []
                wider = {start, *moving.sources.tolist()}, {end, *moving.targets.tolist()}
            rows, columns = wider
            waiting.append(moving)
        yield from self._solved(waiting, start, limit)

    def _solved(self, problems: Sequence[_Moving], start: int, limit: float) -> Iterator[tuple[Edge, float]]:
        rows = np.unique(np.concatenate([[start], *(each.sources for each in problems)]))
        columns = np.unique(
            np.concatenate([each.targets for each in problems] + [[each.end] for each in problems])
        )
        distance = self._between(rows, columns, limit)
        for each in problems:
            at = np.ix_(np.searchsorted(rows, each.sources), np.searchsorted(columns, each.targets))
            length = distance[np.searchsorted(rows, start), np.searchsorted(columns, each.end)]
            yield each.edge, float(1.0 - each.value(distance[at]) / length)

    def transport(self, edge: Edge, alpha: float) -> EdgeTransport:
        """Solve one edge."""
        u, v = self.index[edge[0]], self.index[edge[1]]
        sources, a = _measure(self.backwards, u, alpha)
        targets, b = _measure(self.forwards, v, alpha)
        distance = self._between(np.append(sources, u), np.append(targets, v), self._limit(u, [v]))
        cost = distance[:-1, :-1]
        plan = _plan(sources, targets, a, b, cost)
        return EdgeTransport(
            edge=edge,
            alpha=alpha,
            sources=tuple(self.nodes[at] for at in sources),
            targets=tuple(self.nodes[at] for at in targets),
            a=a,
            b=b,
            cost=cost,
            plan=plan,
            value=float((plan * cost).sum()),
            distance=float(distance[-1, -1]),
        )

    def _limit(self, start: int, ends: Sequence[int]) -> float:
        """Return what no distance that is needed exceeds: a step back, the longest edge and a step on."""
        longest = (
            _longest(self.backwards, [start]),
            _longest(self.forwards, [start]),
            _longest(self.forwards, ends),
        )
        return sum(longest) * (1 + 1e-9)

    def _between(self, rows: np.ndarray, columns: np.ndarray, limit: float) -> np.ndarray:
        """Return the distances from some nodes to others, float64 [rows, columns], inf beyond a limit."""
        found = np.empty((len(rows), len(columns)))
        step = max(1, _HELD // len(self.nodes))
        for first in range(0, len(rows), step):
            block = slice(first, first + step)
            found[block] = np.atleast_2d(dijkstra(self.forwards, indices=rows[block], limit=limit))[
                :, columns
            ]
        return found


@dataclass(frozen=True, eq=False)
class _Moving:
    """What one edge's measures do not have in common: what both have at a node stays there.

    Attributes:
        edge: The edge.
        end: Its node at whose neighbours the mass arrives.
        sources: int64 [P], nodes from which mass moves.
        targets: int64 [Q], nodes to which it moves.
        left: float64 [P], how much.
        needed: float64 [Q], how much.
    """

    edge: Edge
    end: int
    sources: np.ndarray
    targets: np.ndarray
    left: np.ndarray
    needed: np.ndarray

    @staticmethod
    def between(
        edge: Edge, end: int, sources: np.ndarray, a: np.ndarray, targets: np.ndarray, b: np.ndarray
    ) -> _Moving:
        """Return it, given both measures."""
        _, first, second = np.intersect1d(sources, targets, assume_unique=True, return_indices=True)
        left, needed = a.copy(), b.copy()
        stays = np.minimum(a[first], b[second])
        left[first] -= stays
        needed[second] -= stays
        rows, columns = left > ROUNDING, needed > ROUNDING
        if not (rows.any() and columns.any()):
            rows, columns = np.zeros_like(rows), np.zeros_like(columns)
        return _Moving(edge, end, sources[rows], targets[columns], left[rows], needed[columns])

    def value(self, cost: np.ndarray) -> float:
        """Return W₁, given the distances from sources to targets."""
        if not cost.size:
            return 0.0
        total = self.left.sum()
        return float(total * optimal_value(self.left / total, self.needed / self.needed.sum(), cost))


def _longest(lengths: csr_array, nodes: Sequence[int]) -> float:
    rows = [lengths.data[lengths.indptr[at] : lengths.indptr[at + 1]] for at in nodes]
    return max((float(row.max()) for row in rows if len(row)), default=0.0)


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
    return shorten(repr(value))
