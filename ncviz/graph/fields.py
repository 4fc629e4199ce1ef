"""Receptive fields: which source unit each kernel slot reads at each output position."""

from __future__ import annotations

import numpy as np
from torch import nn


def linear_fields(layer: nn.Linear) -> np.ndarray:
    """Return int64 [1, 1, K]: a linear layer is one position that reads every unit."""
    return np.arange(layer.in_features, dtype=np.int64)[None, None, :]


def conv2d_fields(layer: nn.Conv2d, input_shape: tuple[int, ...]) -> np.ndarray:
    """Return the source unit of every kernel slot of a 2-d convolution.

    Args:
        layer: Any zero-padded convolution, with stride, padding, dilation and groups.
        input_shape: (C, H, W) of what it reads.

    Returns:
        int64 [G, P, K] with P = H_out·W_out and K = C/G·kh·kw, -1 where the slot falls on padding.
    """
    channels, height, width = input_shape
    rows = _axis_positions(layer, 0, height)  # [H_out, kh]
    columns = _axis_positions(layer, 1, width)  # [W_out, kw]
    inside = (rows >= 0)[:, None, :, None] & (columns >= 0)[None, :, None, :]
    plane = np.where(inside, rows[:, None, :, None] * width + columns[None, :, None, :], -1)
    plane = plane.reshape(len(rows) * len(columns), 1, -1)  # [P, 1, kh·kw]
    per_group = channels // layer.groups
    offset = np.arange(channels, dtype=np.int64).reshape(layer.groups, 1, per_group, 1) * height * width
    fields = np.where(plane[None] >= 0, plane[None] + offset, -1)  # [G, P, C/G, kh·kw]
    return fields.reshape(layer.groups, plane.shape[0], -1)


def _axis_positions(layer: nn.Conv2d, axis: int, size: int) -> np.ndarray:
    """Return int64 [outputs, kernel] of input coordinates along one axis, -1 outside."""
    kernel, stride, dilation = layer.kernel_size[axis], layer.stride[axis], layer.dilation[axis]
    span = dilation * (kernel - 1)
    if layer.padding == "same":
        before, total = span // 2, span
    elif isinstance(layer.padding, str):
        before, total = 0, 0
    else:
        before, total = layer.padding[axis], 2 * layer.padding[axis]
    outputs = (size + total - span - 1) // stride + 1
    at = np.arange(outputs)[:, None] * stride + np.arange(kernel)[None, :] * dilation - before
    return np.where((at >= 0) & (at < size), at, -1).astype(np.int64)
