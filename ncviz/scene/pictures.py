"""Images as pictures for a page: bytes, enlarged so that each pixel is a square."""

from __future__ import annotations

import numpy as np

from ncviz.errors import DataError

ENLARGED = 4
# Side of a thumbnail, and between the two of a pair, in pixels of the page.
THUMBNAIL_SIDE, PAIR_SIDE, GAP = 76, 72, 4


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Return an image [C, H, W] in [0, 1] as bytes [rows, columns, 3], small ones enlarged without smoothing.

    Raises:
        DataError: If it has neither one channel nor three.
    """
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise DataError(
            f"An image has 1 or 3 channels, got the shape {list(image.shape)}; bring other images."
        )
    pixels = (image.transpose(1, 2, 0) * 255).round().clip(0, 255).astype(np.uint8)
    times = max(1, THUMBNAIL_SIDE // max(pixels.shape[:2]))
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).repeat(times, axis=0).repeat(times, axis=1)


def picture_strip(images: np.ndarray) -> np.ndarray:
    """Return images side by side and enlarged: uint8 [rows, columns] or [rows, columns, 3].

    Args:
        images: [n, H, W] grey or [n, 3, H, W] coloured, from 0 to 16 or to 255.
    """
    scale = 255 // max(1, int(images.max()))
    coloured = images.ndim == 4
    frame = ((1, 1), (1, 1), (0, 0)) if coloured else ((1, 1), (1, 1))
    pixels = images.transpose(0, 2, 3, 1) if coloured else images
    strip = np.concatenate([np.pad(image.astype(np.uint8) * scale, frame) for image in pixels], axis=1)
    return strip.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)


def pair(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return two pictures with a grey bar between them, uint8."""
    bar = np.full_like(before[:, : max(1, GAP * before.shape[1] // PAIR_SIDE)], 128)
    return np.concatenate([before, bar, after], axis=1)


def enlarged(images: np.ndarray) -> np.ndarray:
    """Return images [n, C, H, W] in [0, 1] enlarged, uint8 [n, H', W'] or [n, H', W', 3], each pixel a square."""
    bytes_ = np.rint(255 * images).astype(np.uint8).transpose(0, 2, 3, 1)
    times = max(1, 2 * PAIR_SIDE // images.shape[-1])
    large = bytes_.repeat(times, axis=1).repeat(times, axis=2)
    return large[..., 0] if large.shape[-1] == 1 else large
