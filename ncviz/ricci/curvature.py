"""The curvature of all edges of a graph, in blocks on all cores."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from ncviz.config import check_alpha
from ncviz.devices import cores
from ncviz.ricci.edge import solve_edge
from ncviz.ricci.metric import Metric, short

if TYPE_CHECKING:
    import networkx as nx

    from ncviz.ricci.edge import Edge
    from ncviz.ricci.moving import Side

# Distances that a thread holds at a time, 8 bytes each; one edge's own problem may need more.
_HELD = 1_000_000
# Blocks to a thread, so that all end at about the same time; where paths are searched for, a block's edges share them.
_BLOCKS, _BLOCKS_OF_PATHS = 8, 2
# So many edges are solved one by one in less time than it takes to compile the code for blocks.
_FEW = 200
# Edges that a message names.
_MOST_NAMED = 5


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

    Each edge's problem is solved as `ncviz.transport.solve_many` solves it, with a proof; where the graph is small
    and the code not compiled yet, by HiGHS, whose potentials are checked as the proof. Masses are quotients of floats,
    so that κ is known to some 1e-16 times the longest way that mass goes beside d. Edges are worked on in blocks,
    from the end of each that has fewer neighbours, with distances only between nodes whose mass has to move; beside
    the graph a core takes some 100 MB, whatever the degrees, unless one edge's own problem is larger: with P and Q
    neighbours that its ends do not share 24·P·Q + (P + Q)²/8 bytes. The first large graph on a machine waits half a
    minute for the code to be compiled.

    Args:
        graph: A ``networkx`` Graph or DiGraph.
        alpha: Idleness in [0, 1).
        weight: Name of the edge attribute that holds the length; None makes every edge as long as 1.

    Returns:
        (u, v) → κ, for the edges as ``graph.edges`` gives them, self-loops left out.

    Raises:
        NcvizError: If ``graph`` is no such graph or has parallel edges, ``alpha`` lies outside [0, 1), or a length is
            missing or no number in [1e-100, 1e100].
        RuntimeError: If a value could not be proved; the message names the edges.
    """
    metric, alpha = Metric(graph, weight), check_alpha(alpha)
    edges = [edge for edge in graph.edges if edge[0] != edge[1]]
    if len(edges) <= _FEW and not _is_compiled():
        return {edge: solve_edge(metric, edge, alpha).curvature for edge in edges}
    return dict(zip(edges, _solved(metric, alpha, *metric.numbers(graph)).tolist(), strict=True))


def compile_ahead() -> None:
    """Compile or load all that any graph needs."""
    import networkx as nx

    for graph in (nx.star_graph(3), nx.DiGraph([(0, 1), (1, 2)])):
        metric = Metric(graph, None)
        _solved(metric, 0.5, *metric.numbers(graph))


def _is_compiled() -> bool:
    # Not at the top: it brings numba along.
    from ncviz.compiled import is_cached
    from ncviz.ricci.solving import solve_edges

    return bool(solve_edges.signatures) or is_cached(solve_edges)


def _solved(metric: Metric, alpha: float, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return κ of the edges between nodes of these numbers."""
    from ncviz.ricci.solving import solve_edges

    before, after = _side(metric.backwards, alpha), _side(metric.forwards, alpha)
    lengths = np.ones(len(first)) if metric.is_unit else metric.forwards[first, second]
    kappa, stop = np.empty(len(first)), np.zeros(1, dtype=np.bool_)

    def solve(edges: np.ndarray, is_turned: bool) -> np.ndarray:
        # The problem of (u, v) is that of (v, u) with every step turned round; few distances start at the smaller end.
        ends, sides = (first[edges], second[edges]), (before, after)
        found = np.empty(len(edges))
        is_unproved = solve_edges(
            *(ends[::-1] if is_turned else ends), lengths[edges], *(sides[::-1] if is_turned else sides),
            metric.is_unit, found, stop,
        )  # fmt: skip
        kappa[edges] = found
        return edges[is_unproved]

    workers = cores()
    number = workers * (_BLOCKS if metric.is_unit else _BLOCKS_OF_PATHS)
    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(solve, *block) for block in _blocks(first, second, before, after, number)]
        try:
            unproved = np.concatenate([[], *(job.result() for job in jobs)]).astype(int)
        finally:
            stop[0] = True
    if len(unproved):
        named = ", ".join(
            short((metric.nodes[first[at]], metric.nodes[second[at]])) for at in unproved[:_MOST_NAMED]
        )
        rest = len(unproved) - _MOST_NAMED
        raise RuntimeError(
            f"The curvature of {len(unproved)} edges could not be proved: {named}"
            + (f" and {rest} more." if rest > 0 else ".")
        )
    return kappa


def _side(lengths: csr_array, alpha: float) -> Side:
    from ncviz.ricci.moving import Side, set_masses

    own, mass = np.empty(lengths.shape[0]), np.empty(len(lengths.data))
    set_masses(lengths.indptr, lengths.data, alpha, mass, own)
    return Side(lengths.indptr, lengths.indices, lengths.data, mass, own)


def _blocks(
    first: np.ndarray, second: np.ndarray, before: Side, after: Side, number: int
) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield edges by the end that has fewer neighbours, in so many blocks or more, bounded ones; the largest first."""
    rows, columns = np.diff(before.begin)[first] + 1, np.diff(after.begin)[second] + 1
    sizes = rows.astype(np.int64) * columns
    held = min(_HELD, max(1, int(sizes.sum()) // number))
    found = []
    for is_turned in (False, True):
        own = np.flatnonzero((rows > columns) == is_turned)
        own = own[np.argsort((second if is_turned else first)[own], kind="stable")]
        begin = 0
        total = np.cumsum(sizes[own])
        while begin < len(own):
            done = total[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(total, done + held, "right")))
            found.append((int(total[end - 1] - done), own[begin:end], is_turned))
            begin = end
    for _, edges, is_turned in sorted(found, key=lambda block: -block[0]):
        yield edges, is_turned
