"""Which positions adjoin the blocks of a connection, by which kind of path, and who shares neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ncviz.graph.images.room import Room
from ncviz.graph.paths import Distances
from ncviz.graph.positions import PathTable, Taps, padded_together, starts_of
from ncviz.graph.products import distinct_columns

if TYPE_CHECKING:
    from ncviz.engine.layers import AdjacentLayers

NOTHING = np.empty(0, dtype=np.int32)


def direct(
    own: Taps, shortest: PathTable, source: np.ndarray, target: np.ndarray, pixel: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each pair's tap, and the taps' lengths and slots, with the distance of an edge's ends as its length.

    Beside an edge there may be a shorter way, such as a skip. A tap is then a kernel pixel with one kind of such ways.
    """
    if shortest is own.table:
        return pixel, own.table.lengths, own.slot
    kinds = np.stack([pixel, shortest.find(source, target)])
    first, tap = distinct_columns(kinds)
    distinct = kinds[:, first]
    edges = own.table.lengths[distinct[0]]
    length = np.where(np.isfinite(edges), shortest.lengths[distinct[1]], np.inf)
    return tap.astype(np.int32), length, own.slot[distinct[0]]


def kinds(
    tables: list[PathTable],
    side: AdjacentLayers,
    near: np.ndarray,
    far: np.ndarray,
    from_side: bool,
    room: Room | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the kind of path between positions of a side and of the layer beyond the edge, and the kinds' lengths."""
    if not tables:
        return NOTHING, np.empty((0, 1, 1))
    layer = side.layer_of(near)
    found = np.full(len(near), -1, dtype=np.int32)
    first = starts_of(np.array([len(table.lengths) for table in tables]))
    for number, table in enumerate(tables):
        mine = layer == number
        here, there = near[mine] - side.first[number], far[mine]
        kind = table.find(here, there) if from_side else table.find(there, here)
        found[mine] = np.where(kind >= 0, kind + np.int32(first[number]), -1)
    if len(tables) == 1:
        return found, tables[0].lengths
    shape = tables[0].lengths.shape[1:]
    shape = (side.channels, shape[1]) if from_side else (shape[0], side.channels)
    return found, padded_together([table.lengths for table in tables], shape, room)


def readings(
    table: PathTable | None, positions: int, by_target: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List, for each position of a layer, which positions the adjoining connection joins to it, and by which tap."""
    if table is None:
        return np.zeros(positions + 1, dtype=np.int64), NOTHING, NOTHING
    own, other = (table.target, table.source) if by_target else (table.source, table.target)
    order = np.lexsort((table.kind, own))
    return starts_of(np.bincount(own, minlength=positions)), other[order], table.kind[order]


def expand(start: np.ndarray, listed: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what is listed for each of ``at``, one after the other, and which of ``at`` it belongs to."""
    fan = np.diff(start)[at]
    which = np.repeat(np.arange(len(at)), fan)
    offset = np.arange(fan.sum()) - np.repeat(np.cumsum(fan) - fan, fan)
    return listed[start[at[which]] + offset] if len(which) else NOTHING, which


def crossings(
    paths: Distances,
    sides: tuple[AdjacentLayers, AdjacentLayers],
    positions: tuple[np.ndarray, np.ndarray],
    fans: tuple[np.ndarray, np.ndarray],
    room: Room | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the kind of path from each in-position to each out-position of every pair, and the kinds' lengths.

    Args:
        paths: The path lengths.
        sides: The layers before and after.
        positions: In-positions of all pairs, one after the other, and their out-positions.
        fans: How many of these each pair has [pairs].
        room: Where lengths are put together; None for memory of their own.
    """
    (into, out_of), (heard, spoken), (fan_in, fan_out) = sides, positions, fans
    if not into.layers or not out_of.layers:
        return NOTHING, np.empty((0, 1, 1))
    first_in, first_out = np.cumsum(fan_in) - fan_in, np.cumsum(fan_out) - fan_out
    each = fan_in * fan_out
    pair = np.repeat(np.arange(len(each)), each)
    offset = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
    u = heard[first_in[pair] + offset // fan_out[pair]]
    v = spoken[first_out[pair] + offset % fan_out[pair]]
    ends = [(number, other) for number in range(len(into.layers)) for other in range(len(out_of.layers))]
    tables = [paths.tables[into.layers[number], out_of.layers[other]] for number, other in ends]
    if len(tables) == 1:
        return tables[0].find(u, v), tables[0].lengths
    from_layer, to_layer = into.layer_of(u), out_of.layer_of(v)
    found = np.full(len(u), -1, dtype=np.int32)
    first = starts_of(np.array([len(table.lengths) for table in tables]))
    for at, ((number, other), table) in enumerate(zip(ends, tables, strict=True)):
        mine = (from_layer == number) & (to_layer == other)
        kind = table.find(u[mine] - into.first[number], v[mine] - out_of.first[other])
        found[mine] = np.where(kind >= 0, kind + np.int32(first[at]), -1)
    return found, padded_together([table.lengths for table in tables], (into.channels, out_of.channels), room)


def classes(
    table: PathTable | None, channels: int, by_target: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort a layer's channels into classes with the same neighbours through every tap."""
    if table is None:
        return (
            np.array([0, channels]),
            np.arange(channels, dtype=np.int32),
            np.zeros((1, 0, 0), dtype=np.bool_),
        )
    joined = np.isfinite(table.lengths)  # [taps, before, after]
    mask = joined.transpose(2, 0, 1) if by_target else joined.transpose(1, 0, 2)
    first, label = distinct_rows(mask.reshape(channels, -1))
    order = np.argsort(label, kind="stable").astype(np.int32)
    starts = starts_of(np.bincount(label, minlength=len(first)))
    return starts, order, np.ascontiguousarray(mask[first])


def distinct_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct rows of a table of bools, in lexicographic order.

    Eight of them a byte, compared as memory: NumPy's own way makes a field of each column, slow where there are many.

    Args:
        rows: bool [rows, columns].

    Returns:
        int64 [distinct], where each stands first, and int64 [rows], which one each row is.
    """
    if not rows.shape[1]:
        return np.zeros(min(1, len(rows)), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    packed = np.ascontiguousarray(np.packbits(rows, axis=1))
    whole = packed.view(np.dtype((np.void, packed.shape[1]))).reshape(-1)
    _, first, label = np.unique(whole, return_index=True, return_inverse=True)
    return first, label.reshape(-1)
