"""Activations as the blocks read them: for each position the channels' activity and unnormalised mass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ncviz.graph.positions import layer_grid

Layers = tuple[np.ndarray, ...]


def position_major(activity: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return one layer's activity and exp(-1/a²), both float64 [samples, positions, channels].

    Args:
        activity: float64 [samples, units], normalised to [0, 1].
        shape: Shape of the layer.
    """
    channels, positions = layer_grid(shape)
    own = np.ascontiguousarray(activity.reshape(len(activity), channels, positions).transpose(0, 2, 1))
    mass = np.zeros_like(own)
    with np.errstate(over="ignore", divide="ignore"):
        np.exp(-1.0 / np.square(own), out=mass, where=own > 0)
    return own, mass


def around(layers: Sequence[tuple[np.ndarray, np.ndarray]], connection: int) -> Layers:
    """Return activity and mass of the layers l - 1, l, l + 1 and l + 2; empty ones beyond the input and the logits."""
    nothing = np.zeros((len(layers[0][0]), 1, 1))
    return tuple(
        part
        for level in range(connection - 1, connection + 3)
        for part in (layers[level] if 0 <= level < len(layers) else (nothing, nothing))
    )
