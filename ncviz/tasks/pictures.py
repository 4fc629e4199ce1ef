"""From calibration images to what is drawn of them: the images themselves, and how active each unit is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ncviz.records import Pictures, kept_samples

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ncviz.graph.neural_graph import NeuralGraph

# Images whose activations are held at once.
_CHUNK = 32


def take_pictures(
    net: nn.Module, graph: NeuralGraph, inputs: Tensor, device: str = "cpu", pixels: Tensor | None = None
) -> Pictures:
    """Return the images and each unit's normalised activity on them.

    Args:
        net: The network.
        graph: Its neural graph.
        inputs: [n, C, H, W], or [n, features].
        device: Where to run the network.
        pixels: The images as people look at them, of the inputs' shape, in [0, 1]; by default the inputs themselves.

    Raises:
        ModelError: If an activation is not finite.
    """
    from ncviz.graph.activations import layer_activations, normalise

    kept = kept_samples(len(inputs), sum(graph.layer_sizes))
    total = [np.zeros(size) for size in graph.layer_sizes]
    single: list[list[np.ndarray]] = [[] for _ in graph.layer_sizes]
    for first in range(0, len(inputs), _CHUNK):
        part = inputs[first : first + _CHUNK]
        for index, layer in enumerate(layer_activations(net, graph, part, device)):
            activity = normalise(layer)
            total[index] += activity.sum(axis=0)
            single[index].append(_bytes(activity[: max(0, kept - first)]))
    return Pictures(
        images=_bytes((inputs if pixels is None else pixels)[:kept].clamp(0, 1).numpy()),
        activity=tuple(np.concatenate(parts) for parts in single),
        mean=tuple(_bytes(layer / len(inputs)) for layer in total),
    )


def _bytes(shares: np.ndarray) -> np.ndarray:
    return np.rint(255 * shares).astype(np.uint8)
