"""What a network sees and says on its calibration images, small enough to be drawn at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ncviz.graph.neural_graph import NeuralGraph

# Bytes that the activity of single images may take; of more images than fit, the first are kept.
MAX_ACTIVITY = 20_000_000
# Images whose activations are held at once.
_CHUNK = 32


@dataclass(frozen=True, eq=False)
class Pictures:
    """The calibration images and how active each unit is on them.

    Attributes:
        images: uint8 [m, C, H, W], the first m calibration images as they are, not normalised.
        activity: For each layer uint8 [m, units], |activation| on each of them, min-max normalised within the layer
            (equation in ``ncviz.graph.activations.normalise``) and times 255.
        mean: For each layer uint8 [units], the mean of that over all calibration images.
    """

    images: np.ndarray
    activity: tuple[np.ndarray, ...]
    mean: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.images)

    def of(self, samples: Sequence[int] | None) -> tuple[np.ndarray, ...]:
        """Return each layer's mean activity over some samples, uint8 [units]; over all if None.

        Samples beyond those that are kept are left out; if none is kept, the mean over all stands for them.
        """
        own = [sample for sample in samples or () if sample < len(self)]
        if not own:
            return self.mean
        return tuple(np.rint(layer[own].mean(axis=0)).astype(np.uint8) for layer in self.activity)

    def cut(self, samples: Sequence[int]) -> Pictures:
        """Return the pictures of these samples alone, as far as they are kept."""
        own = [sample for sample in samples if sample < len(self)]
        return Pictures(self.images[own], tuple(layer[own] for layer in self.activity), self.of(samples))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return it as named arrays."""
        arrays = {"images": self.images}
        for index, (activity, mean) in enumerate(zip(self.activity, self.mean, strict=True)):
            arrays |= {f"activity/{index}": activity, f"activity-mean/{index}": mean}
        return arrays

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray], layers: int) -> Pictures:
        """Read it back.

        Raises:
            KeyError: If a part is missing.
        """
        return Pictures(
            images=arrays["images"],
            activity=tuple(arrays[f"activity/{index}"] for index in range(layers)),
            mean=tuple(arrays[f"activity-mean/{index}"] for index in range(layers)),
        )


def kept_samples(samples: int, units: int) -> int:
    """Return of how many samples the single activity is kept."""
    return min(samples, max(1, MAX_ACTIVITY // max(1, units)))


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
