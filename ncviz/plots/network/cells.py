"""A connection's weights joined into the cells of a matrix: the strongest bottleneck that is kept in each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ncviz.values import NEVER_ACTIVE

MAX_CELLS = 60_000

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Cells:
    """A connection in cells: what it connects, and the strongest bottleneck that is kept in each.

    Attributes:
        kappa: Least κ of the cell's kept weights, float32 [T, S] (target × source); NaN where none is kept or active.
        is_never: bool [T, S], where weights are kept, but none is ever active.
        is_unmeasured: bool [T, S], where there are weights, but the κ of none was measured.
        kept: Number of weights kept, int32 [T, S].
        size: Number of weights whose κ was measured, int32 [T, S].
        place: Where the weight with the least κ stands, int32 [T, S, 2]: row and column in the kernel or the feature
            map; target and source where cells are blocks.
        blocks: How many targets and sources a cell joins.
        shape: Number of targets and sources.
    """

    kappa: FloatArray
    is_never: npt.NDArray[np.bool_]
    is_unmeasured: npt.NDArray[np.bool_]
    kept: npt.NDArray[np.int32]
    size: npt.NDArray[np.int32]
    place: npt.NDArray[np.int32]
    blocks: tuple[int, int]
    shape: tuple[int, int]


def cells(
    curvature: npt.ArrayLike,
    kept: npt.ArrayLike,
    area: tuple[int, int] = (1, 1),
    groups: int = 1,
    columns: npt.NDArray[np.int64] | None = None,
    sources: int | None = None,
    *,
    measured: npt.ArrayLike | None = None,
    present: npt.ArrayLike | None = None,
) -> Cells:
    """Join the weights of each kernel slice into a cell that has the least κ of those that are kept.

    Args:
        curvature: κ of a weight: [T, S, h, w] of a convolution, [T, S·h·w] of a linear layer; NaN or 2 where it is
            never active.
        kept: bool, of the same shape.
        area: Height and width of the feature maps that a linear layer reads; (1, 1) for one cell a unit.
        groups: Of a convolution; weights [T, S / groups, h, w] fill the diagonal.
        columns: int [groups, S of a group], which columns the sources of a group are; by default one group's after
            another's. Negative where a group has fewer.
        sources: How many columns there are; by default as many as the groups have sources.
        measured: bool, of the same shape as ``curvature``: whose κ was measured; by default all.
        present: Likewise: where there is a weight at all; by default everywhere.

    Raises:
        ValueError: If the shapes do not match.
    """
    values, is_kept = np.asarray(curvature, np.float32), np.asarray(kept, np.bool_)
    if values.shape != is_kept.shape:
        raise ValueError(f"expected kept of shape {values.shape}, got {is_kept.shape}")
    is_there = np.ones(values.shape, np.bool_) if present is None else np.asarray(present, np.bool_)
    is_known = is_there if measured is None else np.logical_and(is_there, measured)
    is_kept = np.logical_and(is_kept, is_known)
    height, width = values.shape[2:] if values.ndim == 4 else area
    targets, size = values.shape[0], height * width
    values = values.reshape(targets, -1, size)
    is_kept, is_there, is_known = (part.reshape(targets, -1, size) for part in (is_kept, is_there, is_known))
    own = values.shape[1]
    if columns is None:
        columns = np.arange(own * groups).reshape(groups, own)
    column = columns[np.arange(targets) // (targets // groups)]
    row, number = np.nonzero(column >= 0)
    at = row, column[row, number]
    lowest = np.where(is_kept & (values < NEVER_ACTIVE), values, np.float32(np.inf))
    best = lowest.argmin(axis=2)
    least = np.take_along_axis(lowest, best[..., None], axis=2)[..., 0]
    shape = (targets, own * groups if sources is None else sources)

    def spread(found: npt.NDArray[Any], fill: Any) -> npt.NDArray[Any]:
        out = np.full((*shape, *found.shape[2:]), fill, found.dtype)
        out[at] = found[row, number]
        return out

    kappa = spread(np.where(np.isfinite(least), least, np.float32(np.nan)), np.nan)
    count = spread(is_kept.sum(axis=2, dtype=np.int32), 0)
    return Cells(
        kappa,
        (count > 0) & np.isnan(kappa),
        spread(np.greater(is_there.any(axis=2), is_known.any(axis=2)), False),
        count,
        spread(is_known.sum(axis=2, dtype=np.int32), 0),
        spread(np.stack(np.divmod(best, width), axis=-1).astype(np.int32), 0),
        (1, 1),
        shape,
    )


def reduced(full: Cells, limit: int) -> Cells:
    """Join neighbouring cells into blocks with the least κ of each, so that at most ``limit`` are left."""
    rows, columns = full.shape
    down = across = 1
    while math.ceil(rows / down) * math.ceil(columns / across) > max(limit, 1):
        # The longer side gives way first, so that blocks are as square as the figure's panels.
        if math.ceil(rows / down) >= math.ceil(columns / across):
            down += 1
        else:
            across += 1
    if down == across == 1:
        return full
    high, wide = math.ceil(rows / down), math.ceil(columns / across)
    edge = ((0, high * down - rows), (0, wide * across - columns))

    def blocks(values: npt.NDArray[Any], fill: float) -> npt.NDArray[Any]:
        padded = np.pad(values, edge, constant_values=fill)
        return padded.reshape(high, down, wide, across).swapaxes(1, 2).reshape(high, wide, -1)

    lowest = blocks(np.where(np.isnan(full.kappa), np.inf, full.kappa), np.inf)
    best = lowest.argmin(axis=2)
    least = np.take_along_axis(lowest, best[..., None], axis=2)[..., 0]
    inner = np.divmod(best, across)
    place = np.stack(
        [np.arange(high)[:, None] * down + inner[0], np.arange(wide)[None, :] * across + inner[1]], axis=-1
    )
    kept, size = (blocks(part, 0).sum(axis=2, dtype=np.int32) for part in (full.kept, full.size))
    kappa = np.where(np.isfinite(least), least, np.nan).astype(np.float32)
    return Cells(
        kappa,
        (kept > 0) & np.isnan(kappa),
        blocks(full.is_unmeasured, False).any(axis=2) & (size == 0),
        kept,
        size,
        place.astype(np.int32),
        (down, across),
        full.shape,
    )


def shares(sizes: Sequence[int], limit: int) -> list[int]:
    """Split ``limit`` cells evenly over connections of these sizes; what one does not need goes to the others."""
    found, left = [0] * len(sizes), limit
    for done, at in enumerate(sorted(range(len(sizes)), key=lambda index: sizes[index])):
        found[at] = min(sizes[at], left // (len(sizes) - done))
        left -= found[at]
    return found
