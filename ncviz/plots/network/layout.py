"""Where each unit of a layered network is drawn: plain arrays, no figure.

Layers run along one axis (left to right, or top to bottom on a narrow screen) and spread over the other. A
flat layer is a line of dots, folded into a zigzag when it is long; an image layer keeps its pixels in place, as
one small slanted grid per channel. The slant gives every pixel a height of its own, so that edges that leave one
row do not lie on one another. Where a feature map is one node, a layer is a column of upright tiles.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

PORTRAIT_BELOW = 600  # pixels; narrower screens get layers as rows
_DEPTH = 0.5  # how far one step into an image moves along the layer axis, in cells
_SLANT = 0.28  # and how far it moves across it
_MIN_PITCH = 5.0  # dots closer than this are folded into more lanes
_MIN_CELL = 3.0  # pixels of a feature map closer than this put the channels in more lanes
_MAX_LANES = 8
_MAX_RADIUS = 6.5
_MIN_TILE = 13.0  # tiles smaller than this are put in more lanes
_FILLED = 0.45  # of the length, what layers may take
_TILE = 0.84  # of the room that a tile has, what it fills
_SINGLE_TILE = 0.4  # of the extent, for an image alone
_LARGEST_TILE = 0.19  # and for one of several


@dataclass(frozen=True)
class Layout:
    """Coordinates of all nodes, layer after layer, channel-major within an image layer."""

    x: FloatArray  # [N]
    y: FloatArray  # [N]
    radius: tuple[float, ...]  # of the dots, per layer; half a side of the tiles
    layer_offsets: tuple[int, ...]  # [L + 1]; the nodes of layer l are offsets[l] … offsets[l + 1]
    labels: tuple[tuple[float, float], ...]  # per layer: top of its column, or start of its row
    width: float
    height: float
    is_portrait: bool


@dataclass(frozen=True)
class _Block:
    """One layer around the origin: `along` the layer axis, `across` it, and the room that a dot has."""

    along: FloatArray
    across: FloatArray
    pitch: float
    tile: float = 0.0  # half a side, if these are tiles


def layout(
    layer_shapes: Sequence[tuple[int, ...]],
    width: float,
    height: float,
    *,
    grouped: Sequence[bool] = (),
    is_portrait: bool | None = None,
    least_tile: float = _MIN_TILE,
    filled: float = _FILLED,
) -> Layout:
    """Place the nodes of `layer_shapes` in a box of `width` × `height`.

    Args:
        layer_shapes: per layer `(units,)` or `(channels, rows, columns)`, the input first.
        width: of the box that the dots may use; labels and legend lie outside it.
        height: of the same box.
        grouped: per layer whether each feature map is one node; () for none.
        is_portrait: layers as rows; by default if the box is narrower than `PORTRAIT_BELOW`.
        least_tile: tiles smaller than this, in pixels, are put in more lanes.
        filled: how much of the box's length the layers may take, the rest being between them.

    Returns:
        The coordinates, all within the box.
    """
    if not layer_shapes:
        raise ValueError("layout needs at least one layer, got none")
    portrait = width < PORTRAIT_BELOW if is_portrait is None else is_portrait
    length, extent = (height, width) if portrait else (width, height)
    blocks = [
        _tiles(units(shape[:-2]), extent, least_tile)
        if layer < len(grouped) and grouped[layer]
        else _block(tuple(shape), extent, portrait)
        for layer, shape in enumerate(layer_shapes)
    ]
    centres, squeeze = _spread(blocks, length, filled)
    along = np.concatenate([b.along * squeeze + c for b, c in zip(blocks, centres, strict=True)])
    across = np.concatenate([b.across for b in blocks]) + extent / 2
    radius = tuple(_radius(b, squeeze) for b in blocks)
    offsets = np.concatenate([[0], np.cumsum([b.along.size for b in blocks])])
    labels = [
        (
            c + ((float(b.along.min()) - b.tile) * squeeze if portrait else 0.0),
            extent / 2 + float(b.across.min()) - b.tile,
        )
        for b, c in zip(blocks, centres, strict=True)
    ]
    x, y = (across, along) if portrait else (along, across)
    return Layout(
        x=np.clip(x, 0, width).astype(np.float32),
        y=np.clip(y, 0, height).astype(np.float32),
        radius=radius,
        layer_offsets=tuple(int(o) for o in offsets),
        labels=tuple((b, a) if portrait else (a, b) for a, b in labels),
        width=float(width),
        height=float(height),
        is_portrait=portrait,
    )


def units(shape: Sequence[int]) -> int:
    """How many units a layer of this shape has."""
    return math.prod(shape)


def _block(shape: tuple[int, ...], extent: float, portrait: bool) -> _Block:
    """One layer around the origin, at most `extent` across."""
    channels, rows, columns = ((1,) * (3 - len(shape)) + shape)[-3:]
    if len(shape) < 2 or rows * columns == 1:
        return _line(units(shape), extent)
    # In rows the image lies down: its columns spread across, its rows lead into the depth.
    lines, depth = (columns, rows) if portrait else (rows, columns)
    block = _grids(channels * units(shape[:-3]), lines, depth, extent)
    if portrait:  # the loop above counts (channel, line, step); units count (channel, row, column)
        order = np.arange(block.along.size).reshape(-1, lines, depth).transpose(0, 2, 1).ravel()
        return _Block(block.along[order], block.across[order], block.pitch)
    return block


def _radius(block: _Block, squeeze: float) -> float:
    """Size of a block's nodes; tiles shrink as the layers are pushed together."""
    if block.tile:
        return block.tile * squeeze
    return min(_MAX_RADIUS, 0.42 * block.pitch)


def _tiles(count: int, extent: float, least: float) -> _Block:
    """Upright tiles, one per feature map, in as many lanes as their least size asks for."""
    lanes = 1
    while lanes < _MAX_LANES and extent / math.ceil(count / lanes) < least:
        lanes += 1
    per_lane = math.ceil(count / lanes)
    largest = extent * (_SINGLE_TILE if count == 1 else _LARGEST_TILE)
    pitch = min(extent / per_lane, largest / _TILE * 1.35)
    half = min(pitch * _TILE, largest) / 2
    index = np.arange(count)
    return _Block(
        along=((index // per_lane - (lanes - 1) / 2) * pitch).astype(np.float32),
        across=((index % per_lane - (min(per_lane, count) - 1) / 2) * pitch).astype(np.float32),
        pitch=pitch,
        tile=half,
    )


def _line(count: int, extent: float) -> _Block:
    """A line of dots; a long one zigzags over several lanes."""
    lanes = min(_MAX_LANES, max(1, math.ceil(count * _MIN_PITCH / extent)))
    step = min(extent / max(count, 1), extent / 13)
    index = np.arange(count, dtype=np.float32)
    pitch = min(step * lanes, _MIN_PITCH) if lanes > 1 else step
    return _Block(
        along=((index % lanes) - (lanes - 1) / 2) * np.float32(max(pitch, 3.0)),
        across=(index - (count - 1) / 2) * np.float32(step),
        pitch=pitch,
    )


def _grids(channels: int, lines: int, depth: int, extent: float) -> _Block:
    """One slanted grid per channel, stacked across the layer axis, in more lanes if they would be too small."""
    span = max(lines - 1 + _SLANT * (depth - 1), 1.0)  # of one grid, in cells
    fill = 0.94 if channels == 1 else 0.8
    lanes = 1
    while (
        lanes < min(channels, _MAX_LANES) and extent / math.ceil(channels / lanes) * fill / span < _MIN_CELL
    ):
        lanes += 1
    per_lane = math.ceil(channels / lanes)
    pitch = extent / per_lane
    cell = min(pitch * fill / span, extent / 9)
    channel, line, step = np.meshgrid(*(np.arange(n) for n in (channels, lines, depth)), indexing="ij")
    lane_width = _DEPTH * cell * max(depth - 1, 1) * 1.25
    in_lane = channel % per_lane
    along = (channel // per_lane - (lanes - 1) / 2) * lane_width + _DEPTH * cell * (step - (depth - 1) / 2)
    across = (in_lane - (per_lane - 1) / 2) * pitch + cell * (line - (lines - 1) / 2)
    across = across - _SLANT * cell * (step - (depth - 1) / 2)
    room = cell * math.hypot(_DEPTH, _SLANT)
    return _Block(along.ravel().astype(np.float32), across.ravel().astype(np.float32), room)


def _spread(blocks: Sequence[_Block], length: float, filled: float) -> tuple[list[float], float]:
    """Centres along the layer axis with equal gaps between blocks, and the factor that squeezes wide blocks."""
    widths = [(float(np.ptp(b.along)) if b.along.size else 0.0) + 2 * b.tile for b in blocks]
    total = sum(widths)
    squeeze = min(1.0, filled * length / total) if total > 0 else 1.0
    if len(blocks) == 1:
        return [length / 2], squeeze
    gap = (length - total * squeeze) / (len(blocks) - 1)
    centres, edge = [], 0.0
    for width in widths:
        centres.append(edge + width * squeeze / 2)
        edge += width * squeeze + gap
    return centres, squeeze
