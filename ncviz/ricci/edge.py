"""One edge's transport problem in full: measures, distances and how the mass moves; plainly, edge by edge."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from ncviz.config import check_alpha
from ncviz.errors import NcvizError
from ncviz.ricci.metric import Metric, short
from ncviz.transport.dense import UnprovedError, proved_plan

if TYPE_CHECKING:
    import networkx as nx

    Edge = tuple[Hashable, Hashable]

# Distances that are held at a time, 8 bytes each.
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
        RuntimeError: If no plan could be proved to be the best.
    """
    metric, alpha = Metric(graph, weight), check_alpha(alpha)
    is_pair = isinstance(edge, tuple) and len(edge) == 2 and all(isinstance(end, Hashable) for end in edge)
    if not is_pair or not graph.has_edge(*edge):
        raise NcvizError(f"edge must be a pair (u, v) of nodes that the graph joins, got {short(edge)}.")
    if edge[0] == edge[1]:
        raise NcvizError(f"The self-loop {short(edge)} has no curvature: its ends are no distance apart.")
    return solve_edge(metric, edge, alpha)


def solve_edge(metric: Metric, edge: Edge, alpha: float) -> EdgeTransport:
    """Return one edge's problem, solved."""
    u, v = metric.index[edge[0]], metric.index[edge[1]]
    sources, a = _measure(metric.backwards, u, alpha)
    targets, b = _measure(metric.forwards, v, alpha)
    distance = _between(metric, np.append(sources, u), np.append(targets, v))
    cost = distance[:-1, :-1]
    plan = _plan(sources, targets, a, b, cost, float(distance[-1, -1]))
    if plan is None:
        raise RuntimeError(f"The curvature of the edge {short(edge)} could not be proved.")
    return EdgeTransport(
        edge=edge,
        alpha=alpha,
        sources=tuple(metric.nodes[at] for at in sources),
        targets=tuple(metric.nodes[at] for at in targets),
        a=a,
        b=b,
        cost=cost,
        plan=plan,
        value=float((plan * cost).sum()),
        distance=float(distance[-1, -1]),
    )


def _between(metric: Metric, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the distances from one end's neighbours, and itself last, to the other's, float64 [rows, columns]."""
    # Importing it takes longer than most graphs.
    from scipy.sparse.csgraph import dijkstra

    # What no distance that is needed exceeds: a step back, the longest edge and a step on.
    limit = _longest(metric.backwards, rows[-1:]) + _longest(metric.forwards, [*rows[-1:], *columns[-1:]]) * 2
    found = np.empty((len(rows), len(columns)))
    step = max(1, _HELD // len(metric.nodes))
    for first in range(0, len(rows), step):
        block = slice(first, first + step)
        found[block] = np.atleast_2d(
            dijkstra(metric.forwards, indices=rows[block], limit=limit * (1 + 1e-9))
        )[:, columns]
    return found


def _longest(lengths: csr_array, nodes: Iterable[int]) -> float:
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
    sources: np.ndarray, targets: np.ndarray, a: np.ndarray, b: np.ndarray, cost: np.ndarray, distance: float
) -> np.ndarray | None:
    """Return an optimal plan [P, Q] that leaves common mass where it is (free, by the triangle inequality).

    None if it could not be proved to be the best.
    """
    stays = np.where(sources[:, None] == targets[None], np.minimum(a[:, None], b[None]), 0.0)
    left, needed = a - stays.sum(axis=1), b - stays.sum(axis=0)
    rows, columns = np.flatnonzero(left > 0), np.flatnonzero(needed > 0)
    if len(rows) and len(columns):
        # Of masses that are nearly equal little but rounding is left; the sum of the other side is the true one.
        doubts = (a[rows][left[rows] < a[rows]].sum(), b[columns][needed[columns] < b[columns]].sum())
        total = left.sum() if doubts[0] <= doubts[1] else needed.sum()
        moved = np.ix_(rows, columns)
        p, q = left[rows] / left.sum(), needed[columns] / needed.sum()
        try:
            stays[moved] += total * proved_plan(p, q, cost[moved], beside=distance / total)
        except UnprovedError:
            return None
    return stays
