"""What flows through a network on one image: each unit's activity on the scale of the whole network, and the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ncviz.devices import guard, resolve_device
from ncviz.models.network import Network
from ncviz.tasks.task import Context

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class FlowState:
    """What a network says of one image, or of several in the mean.

    Attributes:
        activity: uint8 [units], all layers one after the other: |activation|, 0 at the least and 255 at the largest of
            its layer in the whole network.
        scores: float32 [classes], probabilities.
        said: int64 [images], the class that is most probable of each.
    """

    activity: np.ndarray
    scores: np.ndarray
    said: np.ndarray


def state_of(layers: Sequence[np.ndarray], ranges: np.ndarray) -> FlowState:
    """Return what a network says of one image.

    Args:
        layers: Activations, [units] each, softmax on the last.
        ranges: float64 [layers, 2], from ``ranges_of`` of the whole network on the same image.
    """
    scores = layers[-1].astype(np.float32)
    return FlowState(scaled_activity(layers, ranges), scores, np.array([scores.argmax()]))


def mean_state(states: Sequence[FlowState]) -> FlowState:
    """Return the mean over images, each on its own scale, as ``Pictures.of`` has it of the whole network."""
    if len(states) == 1:
        return states[0]
    activity = np.stack([state.activity for state in states]).mean(axis=0)
    scores = np.stack([state.scores for state in states]).mean(axis=0)
    said = np.concatenate([state.said for state in states])
    return FlowState(np.rint(activity).astype(np.uint8), scores, said)


def ranges_of(layers: Sequence[np.ndarray]) -> np.ndarray:
    """Return the least and the largest |activation| of each layer, float64 [layers, 2]."""
    return np.array([[np.abs(layer).min(), np.abs(layer).max()] for layer in layers])


def scaled_activity(layers: Sequence[np.ndarray], ranges: np.ndarray) -> np.ndarray:
    """Return each unit's |activation| as uint8 within the ranges of the whole network; what fades gets less.

    Args:
        layers: [units] each.
        ranges: [layers, 2], from ``ranges_of`` of the whole network.
    """
    parts = []
    for layer, (low, high) in zip(layers, ranges, strict=True):
        size = np.abs(layer)
        # Where the whole network's units all say the same, none of them matters more: all are full, or gone.
        share = (size - low) / (high - low) if high > low else (size >= low).astype(np.float64)
        parts.append(np.floor(255 * share.clip(0, 1) + 0.5).astype(np.uint8))
    return np.concatenate(parts)


class ForwardPass:
    """A network that stays ready to show one image's way through it, whole or pruned; for one thread at a time.

    Args:
        network: The network.
        context: Where to run.

    Raises:
        NcvizError: If it cannot be read.
    """

    def __init__(self, network: Network, context: Context) -> None:
        import torch

        from ncviz.graph.activations import ActivationReader
        from ncviz.graph.build import build_graph

        self._device = resolve_device(context.device)
        net, shape = network.module(), network.image_shape
        graph = build_graph(net, shape)
        with guard(self._device):
            self._reader = ActivationReader(net, graph, torch.zeros(1, *shape), self._device, torch.float32)

    def layers(self, image: Tensor, masks: Mapping[str, Tensor] | None = None) -> list[np.ndarray]:
        """Return each layer's activations, softmax on the last.

        Args:
            image: One input, as the network sees it.
            masks: What is kept of each weight; None for the whole network.

        Raises:
            NcvizError: If an activation is not finite, or the device is out of memory.
        """
        return self.layers_of_each(image[None], masks)[0]

    def layers_of_each(
        self, images: Tensor, masks: Mapping[str, Tensor] | None = None
    ) -> list[list[np.ndarray]]:
        """Return the same as ``layers`` of each of several images, [n, …]."""
        with guard(self._device):
            found = [layer.numpy() for layer in self._reader.read(images, masks)]
        return [[layer[at] for layer in found] for at in range(len(images))]
