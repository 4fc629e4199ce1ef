"""What criteria share that look at the edges of the neural graph: the graph, and from edges to weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from ncviz.errors import ModelError
from ncviz.graph.build import build_graph
from ncviz.graph.connection import Connection
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.pruning.criteria.given import ScoreInputs, images_of

# Edges that are looked at together.
_TOGETHER = 2_000_000


def neural_graph_of(given: ScoreInputs, criterion: str) -> NeuralGraph:
    """Return the graph that the curvature of this network is computed on."""
    shape = images_of(given, criterion).shape[1:]
    return build_graph(given.net, tuple(shape), **given.graph.options)


def joined(graph: NeuralGraph) -> tuple[Connection, ...]:
    """Return all that carries edges: weight layers first, then skips, poolings and scalings.

    Raises:
        ModelError: If some edges have other weights on each image, as those of an attention have.
    """
    if graph.depends_on_image:
        raise ModelError(
            "This criterion goes by all edges of the neural graph, but those of an attention have other weights on "
            "each image; choose the curvature or a criterion that goes by weights or gradients."
        )
    return (*graph.connections, *graph.links)


def by_weight(graph: NeuralGraph, values: Iterable[np.ndarray], combine: np.ufunc) -> dict[str, Tensor]:
    """Return one value for each weight from one for each kernel value of each connection.

    Args:
        graph: The neural graph.
        values: For each weight layer's connection, [G, C, K].
        combine: What becomes of several connections with the same weight, such as ``np.add``.
    """
    found: dict[str, np.ndarray] = {}
    for connection, own in zip(graph.connections, values, strict=True):
        each, name = connection.as_parameter(own.reshape(-1)), connection.parameter
        found[name] = combine(found[name], each) if name in found else each
    return {name: torch.from_numpy(np.ascontiguousarray(each)) for name, each in found.items()}


def pieces(connection: Connection) -> Iterator[tuple[int, slice]]:
    """Yield a group of a connection and some of its kernels, as many as make up a moderate number of edges."""
    groups, channels, slots = connection.weight.shape
    step = max(1, _TOGETHER // max(1, connection.fields.shape[1] * slots))
    for group in range(groups):
        for first in range(0, channels, step):
            yield group, slice(first, min(first + step, channels))


def summed_at_sources(connection: Connection, values: np.ndarray, size: int) -> np.ndarray:
    """Return for each unit of the source layer the sum over the kernel slots that read it.

    Args:
        connection: The connection.
        values: Of each slot, [G, K], or of each slot at each position, [G, P, K].
        size: Units of the source layer.

    Returns:
        float64 [size].
    """
    spread = np.broadcast_to(values[:, None, :] if values.ndim == 2 else values, connection.fields.shape)
    inside = connection.fields >= 0
    return np.bincount(connection.fields[inside], spread[inside], size)


def at_fields(connection: Connection, values: np.ndarray) -> np.ndarray:
    """Return what each slot reads of the source layer's values at each position, 0 from padding: [G, P, K]."""
    return np.where(connection.fields >= 0, values[connection.fields], 0.0)
