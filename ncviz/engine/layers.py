"""Activations as the blocks read them: for each position the channels' activity and unnormalised mass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.positions import layer_grid

Layers = tuple[np.ndarray, ...]


def position_major(
    activity: np.ndarray, shape: tuple[int, ...], kept: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return one layer's activity and exp(-1/a²), both float64 [samples, positions, channels].

    Args:
        activity: float64 [samples, units], normalised to [0, 1].
        shape: Shape of the layer.
        kept: Channels that take part, int64; None for all.
    """
    channels, positions = layer_grid(shape)
    by_channel = activity.reshape(len(activity), channels, positions)
    own = np.ascontiguousarray((by_channel if kept is None else by_channel[:, kept]).transpose(0, 2, 1))
    mass = np.zeros_like(own)
    with np.errstate(over="ignore", divide="ignore"):
        np.exp(-1.0 / np.square(own), out=mass, where=own > 0)
    return own, mass


def around(layers: Sequence[tuple[np.ndarray, np.ndarray]], graph: NeuralGraph, index: int) -> Layers:
    """Return activity and mass around a connection: of what its sources read, its ends, and what reads its targets.

    Each float64 [samples, positions, channels]; several layers are one, their positions one after the other and their
    channels filled up with inactive ones; empty ones stand beyond the input and the logits.
    """
    own = graph.connections[index]
    before = sorted({each.source for each in graph.into(own.source)})
    after = sorted({each.target for each in graph.out_of(own.target)})
    found = [_together([layers[level] for level in some]) for some in (before, after)]
    nothing = np.zeros((len(layers[0][0]), 1, 1))
    first, last = (each or (nothing, nothing) for each in found)
    return (*first, *layers[own.source], *layers[own.target], *last)


def ends_of(graph: NeuralGraph, index: int) -> tuple[bool, bool]:
    """Return whether a connection's sources are the input, which reads nothing, and its targets the logits."""
    own = graph.connections[index]
    return not graph.into(own.source), not graph.out_of(own.target)


def _together(layers: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray] | None:
    if len(layers) < 2:
        return layers[0] if layers else None
    channels = max(activity.shape[2] for activity, _ in layers)
    parts = [
        [np.pad(own, ((0, 0), (0, 0), (0, channels - own.shape[2]))) for own in layer] for layer in layers
    ]
    activity, mass = (np.concatenate([part[at] for part in parts], axis=1) for at in (0, 1))
    return activity, mass
