"""The one check of images and labels in memory: type, shape, and labels within the classes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np


class Fault(Enum):
    """What of images and labels does not fit the data set that they are said to be."""

    IMAGES = "images"
    LABELS = "labels"
    CLASSES = "classes"


def find_fault(
    images: np.ndarray,
    labels: np.ndarray | None,
    input_shape: Sequence[int],
    classes: int,
    types: Sequence[type] = (np.uint8,),
) -> Fault | None:
    """Return the first thing that does not fit, None if all does.

    Args:
        images: At least one, [n, C, H, W].
        labels: One whole number for each of them, [n]; None where nobody knows them.
        input_shape: (C, H, W).
        classes: How many there are; labels run from 0 on.
        types: What the pixels may be.
    """
    if images.dtype not in types or images.shape[1:] != tuple(input_shape) or not len(images):
        return Fault.IMAGES
    if labels is None:
        return None
    if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
        return Fault.LABELS
    return Fault.CLASSES if labels.min() < 0 or labels.max() >= classes else None
