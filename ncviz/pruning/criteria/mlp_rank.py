"""MLP-Rank: weighted PageRank on the layers of the neural graph, from the pixels on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ncviz.graph.activations import ActivationReader
from ncviz.graph.connection import Connection
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.pruning.criteria.edges import at_fields, by_weight, joined, neural_graph_of, summed_at_sources
from ncviz.pruning.criteria.given import ScoreInputs, images_of

# The authors' own: the share of a rank that comes from the units before, the rest from the activation; and the share
# that a unit hands on by its weights, the rest evenly.
DAMPING, BY_WEIGHT = 0.9, 0.5
_CHUNK = 16


def mlp_rank(given: ScoreInputs) -> dict[str, Tensor]:
    """The rank that a weight's edges carry from unit to unit, summed over all positions.

    Hoffmann, Budhathoki, Kleindessner, 2024, arXiv 2410.13299, layer by layer:

        r_j = γ Σ_i s_ij r_i + (1 − γ) a_j / Σ a,   s_ij = θ |w_ij| / Σ_j |w_ij| + (1 − θ) / #{j: w_ij ≠ 0}

    with γ = 0.9, θ = 0.5, a the norm of the activations over the images, each layer divided by its sum, and the pixels'
    r their a. Theirs removes units of low r; the score of a weight is its term of the sum, s_ij r_i. What is ours: a
    convolution is all its edges, and where layers branch, a unit's edges into all layers share its rank, skips and
    poolings among them.
    """
    graph, inputs = neural_graph_of(given, "mlp-rank"), images_of(given, "mlp-rank")
    ranks, strength, degree = _ranks(graph, _norms(given, graph, inputs))

    def carried(each: Connection) -> np.ndarray:
        by_weights, evenly = _handed(each, ranks[each.source], strength[each.source], degree[each.source])
        size = np.abs(each.weight)
        return np.asarray(size * by_weights.sum(axis=1)[:, None] + (size > 0) * evenly.sum(axis=1)[:, None])

    return by_weight(graph, map(carried, graph.connections), np.add)


def _ranks(
    graph: NeuralGraph, norms: list[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Return each layer's ranks, and the sum of |w| and the number of the edges that leave its units."""
    sizes = graph.layer_sizes
    strength, degree = ([np.zeros(size) for size in sizes] for _ in range(2))
    for each in joined(graph):
        size, source = np.abs(each.weight), each.source
        strength[source] += summed_at_sources(each, size.sum(axis=1), sizes[source])
        degree[source] += summed_at_sources(each, (size > 0).sum(axis=1), sizes[source])
    ranks = [_normalised(norms[0])]
    for layer in range(1, len(sizes)):
        found = np.zeros(sizes[layer])
        for each in graph.into(layer):
            by_weights, evenly = _handed(each, ranks[each.source], strength[each.source], degree[each.source])
            size = np.abs(each.weight)
            came = size @ by_weights.transpose(0, 2, 1) + (size > 0) @ evenly.transpose(0, 2, 1)
            found += came.reshape(-1)
        ranks.append(_normalised(DAMPING * found + (1 - DAMPING) * _normalised(norms[layer])))
    return ranks, strength, degree


def _handed(
    connection: Connection, rank: np.ndarray, strength: np.ndarray, degree: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the unit in each slot hands on for each |w|, and for each edge: [G, P, K] both."""
    by_weights = np.divide(BY_WEIGHT * rank, strength, out=np.zeros_like(rank), where=strength > 0)
    evenly = np.divide((1 - BY_WEIGHT) * rank, degree, out=np.zeros_like(rank), where=degree > 0)
    return at_fields(connection, by_weights), at_fields(connection, evenly)


def _norms(given: ScoreInputs, graph: NeuralGraph, inputs: Tensor) -> list[np.ndarray]:
    """Return the norm of each unit's activation over the images, layer by layer; softmax on the last."""
    reader = ActivationReader(given.net, graph, inputs, "cpu", torch.float64)
    squares = [np.zeros(size) for size in graph.layer_sizes]
    for part in inputs.split(_CHUNK):
        for own, layer in zip(squares, reader.read(part), strict=True):
            own += (layer**2).sum(dim=0).numpy()
    return [np.sqrt(own) for own in squares]


def _normalised(values: np.ndarray) -> np.ndarray:
    """Return values over their sum; all equal where all are 0."""
    total = values.sum()
    return values / total if total > 0 else np.full(len(values), 1 / len(values))
