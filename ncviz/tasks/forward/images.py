"""An image that flows through a network: of its calibration, drawn by hand, or out of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.data.datasets import DATASETS, PIXEL_MAX
from ncviz.data.image_settings import settings_for
from ncviz.data.user_data.registry import find_user_data, is_user_data
from ncviz.limits import LIMITS
from ncviz.models.network import Network
from ncviz.reading.doors import read_image
from ncviz.tasks.task import Context

if TYPE_CHECKING:
    from torch import Tensor

_WHITE = 255
# Whose ink is white on black; a photograph of paper is the other way round.
_LIGHT_INK = frozenset({"digits", "mnist"})
_INVERTED = "Inverted: these images are white on black."


def has_exact_pixels(network: Network) -> bool:
    """Whether what a network sees of its images follows from their bytes alone, by ``white_level``."""
    return network.dataset in DATASETS and network.image_shape == network.dataset_spec.input_shape


def white_level(dataset: str) -> int:
    """Return how many levels above black a data set's pixels have: 16 for digits, 255 for all others.

    A network sees round(byte / 255 · level) / level of each pixel, before any normalisation.
    """
    return PIXEL_MAX.get(dataset, _WHITE)


def read_picture(
    content: bytes, name: str, network: Network, visitor: str | None = None
) -> tuple[np.ndarray, str]:
    """Return a picture out of a file as a network's images are, and what was done to it besides, or nothing.

    For the published data sets it is read as people view it, for a user's own as their images are read.

    Args:
        content: The file: PNG, JPEG, BMP, WebP, GIF or TIFF.
        name: Its name, for messages.
        network: The network that it is for.
        visitor: Whose it is: each visitor's files are read one at a time.

    Returns:
        uint8 [C, H, W], and a sentence.

    Raises:
        DataError: If it cannot be read.
    """
    dataset = network.dataset
    if is_user_data(dataset):
        return read_image(content, name, find_user_data(dataset).settings, visitor=visitor), ""
    pixels = read_image(content, name, settings_for(network.image_shape), is_as_viewed=True, visitor=visitor)
    edge = np.concatenate([pixels[:, [0, -1]].reshape(-1), pixels[:, :, [0, -1]].reshape(-1)])
    if dataset in _LIGHT_INK and edge.mean() > _WHITE / 2:
        return _WHITE - pixels, _INVERTED
    return pixels, ""


def picture_reading(network: Network) -> dict[str, Any]:
    """Return what a browser needs to do what ``read_picture`` does for a network of exact pixels, as plain JSON."""
    channels, rows, columns = network.image_shape
    return {
        "rows": rows,
        "columns": columns,
        "channels": channels,
        "most_pixels": LIMITS.image_pixels,
        # What is said where dark ink was made light; nothing where it is not.
        "inverted": _INVERTED if network.dataset in _LIGHT_INK else "",
    }


def input_of(network: Network, context: Context, pixels: np.ndarray) -> Tensor:
    """Return what a network sees of an image.

    Args:
        network: The network.
        context: Where its images are.
        pixels: uint8 [C, H, W] of the size of its images.
    """
    import torch

    white = white_level(network.dataset)
    levels = np.floor(pixels * (white / _WHITE) + 0.5) / white
    found: Tensor = context.images(network, "test").normalised(torch.from_numpy(levels).float()[None])[0]
    return found


def calibration_inputs(network: Network, context: Context, indices: Sequence[int]) -> Tensor:
    """Return what a network sees of some images of its calibration, by their indices in the split, [n, …]."""
    found: Tensor = context.images(network, "train").inputs[list(indices)]
    return found
