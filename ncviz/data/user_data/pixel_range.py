"""What the numbers of an array are as pixels: what a white one counts, found out where nobody says, and told."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ncviz.data.image_settings import ImageSettings
from ncviz.errors import DataError

# What rounding may do to pixels that were normalised and come back.
_SLACK = 0.01
# Fractions up to here are no bytes: normalised inputs reach 3 or so, and bytes all below 33 are black.
_LEAST_OF_BYTES = 32
# Whole numbers up to here are far from filling a byte.
_LEAST_OF_FULL_BYTES = 128
# White of images with few levels of grey: black and white, two bits, three, four, and the sixteenths of the digits.
_FEW_LEVELS = (1, 3, 7, 15, 16)
_BYTE, _CHUNK = 255.0, 2**20


def check_white(white: float | None, *, is_normalised: bool) -> None:
    """Raise a DataError unless this can be what a white pixel counts, None for found out."""
    if white is None:
        return
    if not (isinstance(white, (int, float)) and math.isfinite(white) and white > 0):
        raise DataError(f"A white pixel must count more than 0, got {white!r:.40}.")
    if is_normalised:
        raise DataError(
            f"Images that are normalised already have no white pixel of {white:g}: mean and std say what white is; "
            "leave one of the two out."
        )


def find_white(arrays: Iterable[np.ndarray], title: str) -> tuple[float, str]:
    """Return what a white pixel counts, by the numbers of all splits together, and what to tell of it.

    Args:
        arrays: Images of each split, of any shape.
        title: What to call them.

    Returns:
        1 for fractions, 255 for bytes, or less for whole numbers of few levels; and one sentence where that is a
        guess, "" where it is not.
    """
    given = list(arrays)
    high = max(float(images.max()) for images in given)
    low = min(float(images.min()) for images in given)
    if low < 0 or not math.isfinite(high) or high == 0 or high > _BYTE:
        # Whoever scales them says what is wrong with them.
        return (_BYTE if all(images.dtype.kind in "ui" for images in given) else 1.0), ""
    if all(images.dtype.kind == "b" for images in given):
        return 1.0, ""
    are_whole = all(_are_whole(images) for images in given)
    if all(images.dtype.kind == "f" for images in given) and (high <= 1 or not are_whole):
        return (_BYTE if high > _LEAST_OF_BYTES else 1.0), ""
    if high >= _LEAST_OF_FULL_BYTES or not are_whole:
        return _BYTE, ""
    few = next((white for white in _FEW_LEVELS if white >= high), None)
    white = _BYTE if few is None else float(few)
    return white, (
        f"The pixels of {title} run from {low:g} to {high:g}; {white:g} was taken for white. If that is wrong, say "
        "what a white pixel counts."
    )


def as_shares(images: np.ndarray, settings: ImageSettings, title: str, white: float | None) -> np.ndarray:
    """Return pixels as float32 in [0, 1].

    Args:
        images: [n, C, H, W], of any numbers.
        settings: Mean and std, which are taken out of the images where ``white`` is None.
        title: What to call the images in messages.
        white: What a white pixel counts, None for images that are normalised already.

    Raises:
        DataError: If they hold other than numbers from black to white.
    """
    # One copy, in the order of its axes, and from then on in place.
    values = np.array(images, dtype=np.float32, order="C")
    if not (math.isfinite(values.min()) and math.isfinite(values.max())):
        raise DataError(f"The images in {title} hold infinite or undefined numbers; leave those images out.")
    if white is not None:
        values /= np.float32(white)
    elif images.shape[1] != settings.channels:
        raise DataError(
            f"The images in {title} have {images.shape[1]} channels and are said to be normalised for "
            f"{settings.channels}; choose as many."
        )
    else:
        how = settings.pixel_mean, settings.pixel_std
        mean, std = (np.array(part, dtype=np.float32)[:, None, None] for part in how)
        values = (
            np.multiply(values, std, out=values) if values.shape[1] == len(std) else values * std
        ) + mean
    low, high = float(values.min()), float(values.max())
    slack = _SLACK if white is None else 1e-6
    if low < -slack or high > 1 + slack:
        raise DataError(
            f"The pixels in {title} run from {low:.4g} to {high:.4g} where 0 is black and 1 is white; say what a white "
            "pixel counts, or that the images are normalised already."
        )
    return values.clip(0.0, 1.0, out=values)


def _are_whole(images: np.ndarray) -> bool:
    """Whether all numbers are whole ones; in parts, and no further than it takes."""
    if images.dtype.kind != "f":
        return True
    flat = images.reshape(-1) if images.flags.c_contiguous else images.reshape(-1, order="A")
    return all(
        bool((np.mod(flat[first : first + _CHUNK], 1) == 0).all()) for first in range(0, flat.size, _CHUNK)
    )
