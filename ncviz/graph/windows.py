"""Receptive fields: which place of the plane before each kernel slot reads at each place of the plane after."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np


def window_axis(
    size: int, kernel: int, stride: int, padding: int, dilation: int, *, padding_after: int | None = None,
    outputs: int | None = None,
) -> np.ndarray:  # fmt: skip
    """Return int64 [outputs, kernel] of coordinates along one axis of ``size``, -1 outside.

    Args:
        size: Places before.
        kernel: Slots.
        stride: Step from one output to the next.
        padding: Places that are added in front, and behind unless ``padding_after`` says otherwise.
        dilation: Step from one slot to the next.
        padding_after: Places that are added behind.
        outputs: Number of outputs, by default as many as fit.
    """
    after = padding if padding_after is None else padding_after
    if outputs is None:
        outputs = (size + padding + after - dilation * (kernel - 1) - 1) // stride + 1
    at = np.arange(outputs)[:, None] * stride + np.arange(kernel)[None, :] * dilation - padding
    return np.where((at >= 0) & (at < size), at, -1).astype(np.int64)


def transposed_axis(
    size: int, kernel: int, stride: int, padding: int, dilation: int, outputs: int
) -> np.ndarray:
    """Return the same for a transposed convolution: slot k of o reads i where i·stride − padding + k·dilation = o."""
    at = np.arange(outputs)[:, None] + padding - np.arange(kernel)[None, :] * dilation
    place, rest = np.divmod(at, stride)
    return np.where((rest == 0) & (place >= 0) & (place < size), place, -1).astype(np.int64)


def adaptive_axis(size: int, outputs: int) -> np.ndarray:
    """Return the same for adaptive pooling, whose windows run from ⌊o·size/outputs⌋ to ⌈(o+1)·size/outputs⌉."""
    first = np.arange(outputs) * size // outputs
    end = -(-(np.arange(outputs) + 1) * size // outputs)
    at = first[:, None] + np.arange(int((end - first).max()))[None, :]
    return np.where(at < end[:, None], at, -1).astype(np.int64)


def plane(axes: Sequence[np.ndarray], sizes: Sequence[int]) -> np.ndarray:
    """Join the axes' coordinates: int64 [places after, kernel slots] of flat places before, -1 outside.

    Args:
        axes: For each axis int64 [outputs, kernel].
        sizes: Places before along each axis.
    """
    count = len(axes)
    found, inside = np.zeros((1,) * (2 * count), dtype=np.int64), np.ones((1,) * (2 * count), dtype=np.bool_)
    for axis, (own, size) in enumerate(zip(axes, sizes, strict=True)):
        shape = [1] * (2 * count)
        shape[axis], shape[count + axis] = own.shape
        found = found * size + np.maximum(own, 0).reshape(shape)
        inside = inside & (own >= 0).reshape(shape)
    outputs, slots = prod(own.shape[0] for own in axes), prod(own.shape[1] for own in axes)
    return np.where(inside, found, -1).reshape(outputs, slots)
