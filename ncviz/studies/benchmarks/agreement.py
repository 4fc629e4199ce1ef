"""Whether ours says what the definition's full problem, solved by POT, says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.studies.benchmarks.baselines import FULL
from ncviz.studies.benchmarks.edges import Edges, of_weights

if TYPE_CHECKING:
    from ncviz.curvature import CurvatureResult
    from ncviz.graph.neural_graph import NeuralGraph
    from ncviz.studies.benchmarks.pool import BaselinePool

TOLERANCE = 1e-6
UPPER_BOUND = 2.0


def difference(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the differences relative to max(1, |expected|)."""
    return np.abs(found - expected) / np.maximum(1.0, np.abs(expected))


def report_difference(values: np.ndarray, compared: int | None = None) -> dict[str, Any]:
    """Return the largest difference, over how many values, and whether that is agreement."""
    largest = float(values.max(initial=0.0))
    return {
        "compared": len(values) if compared is None else compared,
        "largest_difference": largest,
        "agrees": largest <= TOLERANCE,
    }


def compare_edges(
    result: CurvatureResult, graph: NeuralGraph, drawn: Edges, expected: np.ndarray
) -> dict[str, Any]:
    """Compare every drawn edge's κ with the expected one."""
    found = np.empty(len(drawn))
    for index in range(len(graph.connections)):
        for sample in np.unique(drawn.sample[drawn.connection == index]):
            chosen = np.flatnonzero((drawn.connection == index) & (drawn.sample == sample))
            source, target, curvature = (values.numpy() for values in result.edges(index, int(sample)))
            width = graph.layer_sizes[index + 1]
            key = source * width + target
            order = np.argsort(key)
            at = np.searchsorted(key[order], drawn.source[chosen] * width + drawn.target[chosen])
            found[chosen] = curvature[order[at]]
    return report_difference(difference(found, expected))


def compare_weights(
    result: CurvatureResult,
    graph: NeuralGraph,
    activity: Sequence[np.ndarray],
    pool: BaselinePool,
    drawn: Edges,
    expected: np.ndarray,
    budget: int,
) -> dict[str, Any]:
    """Compare the least κ of some whole weights, and see that no drawn edge lies below its weight's.

    Args:
        result: Ours, the least κ of each weight over the samples.
        graph: The neural graph.
        activity: For each layer float64 [samples, units], normalised.
        pool: Where the full problems are solved.
        drawn: Some live edges.
        expected: Their κ.
        budget: As many random weights of each connection are solved whole as it takes to have so many edges.
    """
    rng = np.random.default_rng(1)
    gaps, below, solved = [], [np.zeros(1)], 0
    for index, connection in enumerate(graph.connections):
        least = result.weights[connection.parameter].numpy().reshape(-1)
        own = drawn.connection == index
        excess = np.maximum(least[drawn.parameter[own]] - expected[own], 0.0)
        below.append(excess / np.maximum(1.0, np.abs(expected[own])))
        weights, edges = _some_weights(graph, activity, index, rng, budget)
        lowest = np.full(len(least), UPPER_BOUND)
        np.minimum.at(lowest, edges.parameter, pool.solve(FULL, edges).curvature)
        gaps.append(difference(least[weights], lowest[weights]))
        solved += len(edges)
    overall = report_difference(np.concatenate([*gaps, *below]), sum(len(part) for part in gaps))
    return {**overall, "edges_solved": solved, "edges_bounded": len(drawn)}


def _some_weights(
    graph: NeuralGraph, activity: Sequence[np.ndarray], index: int, rng: np.random.Generator, budget: int
) -> tuple[np.ndarray, Edges]:
    """Return random weights of a connection, as many as have ``budget`` live edges, and those edges."""
    size = graph.connections[index].weight.size
    order, count = rng.permutation(size), 1
    edges = of_weights(graph, activity, index, order[:count])
    while len(edges) < budget and count < size:
        count = min(size, 2 * count)
        edges = of_weights(graph, activity, index, order[:count])
    return order[:count], edges
