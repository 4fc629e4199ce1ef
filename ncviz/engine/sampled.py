"""Where only some layers or channels are computed: their results among the weights that were left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ncviz.engine.results import ConnectionCurvature, Settings, Work
from ncviz.graph.neural_graph import NeuralGraph

_NOTHING = Work(0, 0, 0, 0, 0)


def completed(
    graph: NeuralGraph, index: int, found: ConnectionCurvature | None, settings: Settings, samples: int
) -> ConnectionCurvature:
    """Return a connection's curvature with all of its weights: NaN for those that were not computed.

    Args:
        graph: The neural graph.
        index: Which connection.
        found: What was computed of it; None if it was not chosen.
        settings: How it was computed.
        samples: Number of samples.
    """
    connection = graph.connections[index]
    weights = connection.weight.size
    if found is None:
        nowhere = np.full(weights, -1, dtype=np.int64)
        each = own = None
        if settings.keep_samples:
            each, own = np.full((samples, weights), np.nan), np.full((samples, weights), -1, dtype=np.int64)
        return ConnectionCurvature(
            np.full(weights, np.nan), nowhere, nowhere.astype(np.int32), each, own, (), _NOTHING
        )
    if not graph.kept:
        return found
    rows = graph.kept_channels(connection.target)
    slots = connection.weight.shape[2]
    # The engine numbers the target channels that take part; the kernel's slots it knows by their own numbers.
    place = np.arange(weights) if rows is None else (rows[:, None] * slots + np.arange(slots)).reshape(-1)
    is_measured = graph.measured(connection)

    def spread(values: np.ndarray, otherwise: float) -> np.ndarray:
        out = np.full((*values.shape[:-1], weights), otherwise, dtype=values.dtype)
        out[..., place] = values
        out[..., ~is_measured] = otherwise
        return out

    return replace(
        found,
        curvature=spread(found.curvature, np.nan),
        position=spread(found.position, -1),
        sample=spread(found.sample, -1),
        samples=None if found.samples is None else spread(found.samples, np.nan),
        sample_position=None if found.sample_position is None else spread(found.sample_position, -1),
        lower=None if found.lower is None else spread(found.lower, np.nan),
        upper=None if found.upper is None else spread(found.upper, np.nan),
        unproved=None if found.unproved is None else spread(found.unproved, False),
    )


def measured_edges(graph: NeuralGraph, found: list[ConnectionCurvature]) -> list[int]:
    """Return how many edges of each connection were looked at in each sample."""
    counts = []
    for connection, own in zip(graph.connections, found, strict=True):
        is_measured = (~np.isnan(own.curvature)).reshape(connection.weight.shape) & (connection.weight != 0)
        counts.append(int((is_measured.sum(axis=1) * (connection.fields >= 0).sum(axis=1)).sum()))
    return counts
