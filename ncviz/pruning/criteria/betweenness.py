"""Edge betweenness: how many shortest paths from a pixel to a class go through a weight's edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ncviz.errors import NcvizError
from ncviz.graph.connection import Connection
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.limits import LIMITS
from ncviz.pruning.criteria.edges import by_weight, joined, neural_graph_of, pieces
from ncviz.pruning.criteria.given import ScoreInputs, weights_of
from ncviz.pruning.criteria.layers import mean_ranks


def betweenness(given: ScoreInputs) -> dict[str, Tensor]:
    """A weight's place by the betweenness of its edges, summed over all positions; among equals by |w|.

    Betweenness of an edge: for each input unit and each class, the share of the shortest paths between them that go
    through the edge; see ``edge_betweenness``. On most weights no shortest path lies, so that |w| orders these.
    """
    graph = neural_graph_of(given, "betweenness")
    paths = by_weight(graph, edge_betweenness(graph), np.add)
    # Sums in another order must not part what is equal.
    _, place = np.unique(np.concatenate([each.numpy().reshape(-1) for each in paths.values()]).round(9),
                         return_inverse=True)  # fmt: skip
    weights = weights_of(given)
    sizes = [weights[name].detach().abs().to("cpu").double().numpy() for name in paths]
    start = 0
    found = {}
    for name, ranks in zip(paths, mean_ranks(sizes), strict=True):
        own = place[start : start + ranks.size].reshape(ranks.shape)
        found[name] = paths[name].new_tensor(own + ranks / len(place))
        start += ranks.size
    return found


def edge_betweenness(graph: NeuralGraph) -> list[np.ndarray]:
    """Count the shortest paths from all input units to all classes through each kernel value's edges.

    Brandes, Journal of Mathematical Sociology 25, 2001, and Social Networks 30, 2008, section 3.1 (sources and targets
    chosen, edges instead of nodes), with the curvature's own lengths 1/|w|, on the layers instead of with a queue:
    class by class, distances backward and shares of paths forward. Where k shortest paths are equally long, each
    counts 1/k. Not divided by the number of pairs.

    Returns:
        For each weight layer's connection [G, C, K], summed over its positions.

    Raises:
        NcvizError: If edges times classes are more than ``LIMITS.path_steps``.
    """
    classes = graph.layer_sizes[-1]
    steps = sum(each.number_of_edges for each in joined(graph)) * classes
    if steps > LIMITS.path_steps:
        raise NcvizError(
            f"Edge betweenness would go through {steps:.1e} edges (those of the graph, once for each class), more than "
            f"{LIMITS.path_steps:.1e}; choose another criterion, or a smaller network."
        )
    total = [np.zeros(each.weight.shape) for each in joined(graph)]
    for target in range(classes):
        for each, through in zip(total, _paths_to(graph, target), strict=True):
            each += through
    return total[: len(graph.connections)]


@dataclass(frozen=True, eq=False)
class _Steps:
    """First steps of shortest paths to one class, int64 [m] each: kernel value (flat), unit left, unit reached."""

    kernel: np.ndarray
    source: np.ndarray
    target: np.ndarray


def _paths_to(graph: NeuralGraph, target: int) -> list[np.ndarray]:
    """Return the shares of all inputs' shortest paths to one class, of each kernel value of all that is joined."""
    sizes, every = graph.layer_sizes, joined(graph)
    distance = [np.full(size, np.inf) for size in sizes]
    count = [np.zeros(size) for size in sizes]
    distance[-1][target], count[-1][target] = 0.0, 1.0
    steps: dict[int, _Steps] = {}
    for layer in reversed(range(len(sizes) - 1)):
        leaving = [number for number, each in enumerate(every) if each.source == layer]
        best = {number: _onward(every[number], distance[every[number].target]) for number in leaving}
        for number, length in best.items():
            inside = every[number].fields >= 0
            np.minimum.at(distance[layer], every[number].fields[inside], length[inside])
        for number, length in best.items():
            each = every[number]
            found = _shortest(each, length, distance[layer], distance[each.target])
            count[layer] += np.bincount(found.source, count[each.target][found.target], sizes[layer])
            steps[number] = found
    return _shares(graph, steps, np.isfinite(distance[0]).astype(np.float64), count)


def _shares(
    graph: NeuralGraph, steps: dict[int, _Steps], flow: np.ndarray, count: list[np.ndarray]
) -> list[np.ndarray]:
    """Send one path from each input unit along the steps, split where several lead on by how many paths each begins."""
    sizes, every = graph.layer_sizes, joined(graph)
    flows = [flow, *(np.zeros(size) for size in sizes[1:])]
    through = [np.zeros(each.weight.shape) for each in every]
    for number in sorted(steps, key=lambda at: every[at].source):
        each, own = every[number], steps[number]
        share = (
            flows[each.source][own.source] * count[each.target][own.target] / count[each.source][own.source]
        )
        flows[each.target] += np.bincount(own.target, share, sizes[each.target])
        counted = np.bincount(own.kernel, share, each.weight.size)
        through[number] += counted.reshape(each.weight.shape)
    return through


def _onward(connection: Connection, distance: np.ndarray) -> np.ndarray:
    """Return the length of the shortest way on from each slot at each position, [G, P, K]; inf where there is none."""
    found = np.full(connection.fields.shape, np.inf)
    reached = distance.reshape(*connection.weight.shape[:2], -1)
    for group, kernels in pieces(connection):
        ways = _lengths(connection, group, kernels)[:, None, :] + reached[group, kernels, :, None]
        np.minimum(found[group], ways.min(axis=0), out=found[group])
    return found


def _shortest(connection: Connection, onward: np.ndarray, left: np.ndarray, reached: np.ndarray) -> _Steps:
    """Return the steps along which the distance is as short as it can be."""
    _, channels, slots = connection.weight.shape
    positions = connection.fields.shape[1]
    is_best = (connection.fields >= 0) & np.isfinite(onward) & (onward == left[connection.fields])
    ends = reached.reshape(connection.weight.shape[0], channels, positions)
    kernel, source, target = [], [], []
    for group in range(len(connection.fields)):
        p, k = np.nonzero(is_best[group])
        ways = _lengths(connection, group, slice(None))[:, k] + ends[group][:, p]
        c, at = np.nonzero(ways == onward[group, p, k])
        kernel.append((group * channels + c) * slots + k[at])
        source.append(connection.fields[group, p[at], k[at]])
        target.append((group * channels + c) * positions + p[at])
    return _Steps(*(np.concatenate(each) for each in (kernel, source, target)))


def _lengths(connection: Connection, group: int, kernels: slice) -> np.ndarray:
    size = np.abs(connection.weight[group, kernels])
    return np.divide(1.0, size, out=np.full_like(size, np.inf), where=size > 0)
