"""Forman's curvature of the edges, the other discrete Ricci curvature: arithmetic on neighbours, no transport."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ncviz.graph.connection import Connection
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.pruning.criteria.edges import by_weight, joined, neural_graph_of, pieces, summed_at_sources
from ncviz.pruning.criteria.given import ScoreInputs


def forman(given: ScoreInputs) -> dict[str, Tensor]:
    """-F, the least F of the weight's edges over all positions: what is curved most negatively matters most.

    Forman, Discrete & Computational Geometry 29, 2003, as Sreejith, Mohanraj, Jost, Saucan, Samal, 2016,
    arXiv 1603.00386, eq. 4, have it for networks with weights, all units weighing 1:

        F(e) = 2 − Σ √(w_e / w_e'), over all edges e' ≠ e that share a unit with e.

    An edge weighs |w|, as strong connections do there; with the lengths 1/|w| instead, the largest weights would go
    first. On the graph of the curvature, skips and poolings among its edges. F falls with the number of neighbours, so
    that in one order for the whole network layers of few connections go first. A weight without an edge scores −4,
    below every other: the limit of the formula for w → 0.
    """
    graph = neural_graph_of(given, "forman")
    around = _around(graph)
    return by_weight(graph, (-_least(each, around) for each in graph.connections), np.maximum)


def _around(graph: NeuralGraph) -> list[np.ndarray]:
    """Return for each layer Σ 1/√w over all edges at a unit, those that come in and those that go out."""
    sizes = graph.layer_sizes
    found = [np.zeros(size) for size in sizes]
    for each in joined(graph):
        root = _inverse_roots(each)
        inside = (each.fields >= 0).astype(np.float64)
        found[each.target] += (root @ inside.transpose(0, 2, 1)).reshape(-1)
        found[each.source] += summed_at_sources(each, root.sum(axis=1), sizes[each.source])
    return found


def _least(connection: Connection, around: list[np.ndarray]) -> np.ndarray:
    """Return the least F over the positions of each kernel value, [G, C, K]."""
    most = np.zeros(connection.weight.shape)
    positions = connection.fields.shape[1]
    ends = around[connection.target].reshape(*connection.weight.shape[:2], positions)
    for group, kernels in pieces(connection):
        fields = connection.fields[group]
        starts = np.where(fields >= 0, around[connection.source][fields], -np.inf)  # [P, K]
        found = (ends[group, kernels, :, None] + starts).max(axis=1)
        most[group, kernels] = np.maximum(found, 0.0)
    # Each edge stands in the sums at both of its own ends, as √(w/w) = 1 each.
    return np.asarray(4.0 - np.sqrt(np.abs(connection.weight)) * most)


def _inverse_roots(connection: Connection) -> np.ndarray:
    size = np.abs(connection.weight)
    return np.divide(1.0, np.sqrt(size), out=np.zeros_like(size), where=size > 0)
