"""What a network sees and says on its calibration images, small enough to be drawn at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# Bytes that the activity of single images may take; of more images than fit, the first are kept.
MAX_ACTIVITY = 20_000_000


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
