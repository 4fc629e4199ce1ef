"""The graph by positions: what a convolution repeats is kept once, so that its tables stay as small as its kernel.

A layer's unit is a channel at a position, unit = channel · positions + position. A connection joins two positions by
a tap (the pixel of a kernel, or for a linear layer the one position that it reads), and everything that joins the
same positions by the same taps has the same lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ncviz.graph.connection import Connection
from ncviz.graph.images.room import Room, empty
from ncviz.graph.neural_graph import NeuralGraph

# Each part has tables of its own.
MAX_PARTS = 16


@dataclass(frozen=True, eq=False)
class PathTable:
    """Lengths of the shortest paths between the units of two layers, once for each way that positions are joined.

    Attributes:
        source: int32 [E], position in the earlier layer; the pairs are sorted by source, then target.
        target: int32 [E], position in the later layer.
        kind: int32 [E], which of ``lengths`` joins the two positions.
        lengths: float64 [kinds, channels before, channels after], inf where there is no path.
        positions: Number of positions of the earlier and of the later layer.
    """

    source: np.ndarray
    target: np.ndarray
    kind: np.ndarray
    lengths: np.ndarray
    positions: tuple[int, int]

    def find(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return int32, the kind of each pair of positions; -1 where no path joins them."""
        wanted = np.asarray(source, dtype=np.int64) * self.positions[1] + target
        known = self.source.astype(np.int64) * self.positions[1] + self.target
        if not len(known):
            return np.full(wanted.shape, -1, dtype=np.int32)
        at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.where(known[at] == wanted, self.kind[at], -1).astype(np.int32)

    def between(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return the lengths from some units to others, float64 [len(source), len(target)].

        Args:
            source: int64, units of the earlier layer.
            target: int64, units of the later layer.
        """
        (channel_in, place_in), (channel_out, place_out) = (
            np.divmod(units, count) for units, count in zip((source, target), self.positions, strict=True)
        )
        (rows, row), (columns, column) = (
            np.unique(place, return_inverse=True) for place in (place_in, place_out)
        )
        kind = self.find(rows[:, None], columns[None, :])[row[:, None], column[None, :]]
        return np.where(kind >= 0, self.lengths[kind, channel_in[:, None], channel_out[None, :]], np.inf)

    def dense(self) -> np.ndarray:
        """Return the whole table, float64 [units before, units after]; for small networks and for tests."""
        _, before, after = self.lengths.shape
        out = np.full((before, self.positions[0], after, self.positions[1]), np.inf)
        out[:, self.source, :, self.target] = self.lengths[self.kind]
        return out.reshape(before * self.positions[0], after * self.positions[1])


@dataclass(frozen=True, eq=False)
class Taps:
    """One connection by positions.

    Attributes:
        table: The connection's edges as a table of lengths; a kind is a tap.
        slot: int32 [taps, channels before], which kernel slot of its group a channel reads through a tap; -1 if none.
        slots: Kernel slots of one group, K.
    """

    table: PathTable
    slot: np.ndarray
    slots: int


def padded(lengths: np.ndarray, axis: int, channels: int) -> np.ndarray:
    """Return lengths with channels added along an axis that nothing joins."""
    missing = [(0, channels - lengths.shape[axis] if each == axis else 0) for each in range(3)]
    return np.pad(lengths, missing, constant_values=np.inf) if any(map(any, missing)) else lengths


def padded_together(
    lengths: Sequence[np.ndarray], channels: tuple[int, int], room: Room | None = None
) -> np.ndarray:
    """Return lengths one after the other, float64 [kinds, *channels], where some have fewer channels."""
    out = empty((sum(map(len, lengths)), *channels), room)
    first = 0
    for own in lengths:
        _, before, after = own.shape
        part = out[first : first + len(own)]
        part[:, :before, :after] = own
        part[:, before:] = np.inf
        part[:, :before, after:] = np.inf
        first += len(own)
    return out


def starts_of(counts: np.ndarray) -> np.ndarray:
    """Return where each part begins if parts of these sizes stand one after the other, int64 [n + 1]."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def layer_grid(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return channels and positions of a layer's shape."""
    return shape[0], prod(shape[1:])


def by_places(fields: np.ndarray, places: int) -> list[np.ndarray] | None:
    """Divide a wiring into parts that can each be kept by positions.

    What is kept once for each tap stands for one edge between two units. A unit that is read twice, as after a
    concatenation with itself, has an edge in each of two parts; so has a slot that reads other channels at other
    places, as after a pixel shuffle.

    Args:
        fields: int64 [G, P, K], as in ``Connection``.
        places: Positions of the layer that is read.

    Returns:
        Fields of the same shape, -1 where another part reads; those that were given if they can be kept as they are;
        None if more than ``MAX_PARTS`` were needed.
    """
    if _is_by_places(fields, places):
        return [fields]
    groups, targets, slots = fields.shape
    columns = fields.transpose(0, 2, 1).reshape(groups * slots, targets)
    channel = np.where(columns >= 0, columns // places, -1)
    pieces: list[tuple[int, int]] = []
    for at, row in enumerate(channel):
        read = np.unique(row[row >= 0])
        if len(read) > MAX_PARTS:
            return None
        pieces += [(at, own) for own in read.tolist()]
    place = np.stack([np.where(channel[at] == own, columns[at] % places, -1) for at, own in pieces])
    patterns, tap = np.unique(place, axis=0, return_inverse=True)
    apart = _apart(patterns)
    seen: dict[tuple[int, int], dict[int, int]] = {}
    ranks: dict[int, int] = {}
    part_of: dict[tuple[int, int, int], int] = {}
    found: list[np.ndarray] = []
    for (at, own), kind in zip(pieces, tap.reshape(-1).tolist(), strict=True):
        of_column = ranks.get(at, 0)
        ranks[at] = of_column + 1
        of_slot = seen.setdefault((kind, own), {})
        slot = of_slot.setdefault(at % slots, len(of_slot))
        part = part_of.setdefault((of_column, apart[kind], slot), len(part_of))
        if part >= MAX_PARTS:
            return None
        if part == len(found):
            found.append(np.full_like(columns, -1))
        found[part][at] = np.where(channel[at] == own, columns[at], -1)
    return [np.ascontiguousarray(each.reshape(groups, slots, targets).transpose(0, 2, 1)) for each in found]


def _apart(patterns: np.ndarray) -> list[int]:
    """Number patterns of positions so that no two of a number join the same two positions."""
    taken: list[set[tuple[int, int]]] = []
    numbers = []
    for pattern in patterns:
        targets = np.flatnonzero(pattern >= 0)
        pairs = set(zip(pattern[targets].tolist(), targets.tolist(), strict=True))
        number = next((at for at, own in enumerate(taken) if own.isdisjoint(pairs)), len(taken))
        if number == len(taken):
            taken.append(set())
        taken[number] |= pairs
        numbers.append(number)
    return numbers


def _is_by_places(fields: np.ndarray, places: int) -> bool:
    """Whether each slot reads one channel, and no unit is read twice."""
    groups, targets, slots = fields.shape
    columns = fields.transpose(0, 2, 1).reshape(groups * slots, targets)
    inside = columns >= 0
    channel = np.where(inside, columns // places, -1)
    highest = channel.max(axis=1)
    if (channel != np.where(inside, highest[:, None], -1)).any():
        return False
    used = np.flatnonzero(highest >= 0)
    patterns, tap = np.unique(np.where(inside, columns % places, -1)[used], axis=0, return_inverse=True)
    kind, target = np.nonzero(patterns >= 0)
    pairs = patterns[kind, target] * targets + target
    read = tap.reshape(-1).astype(np.int64) * (int(highest.max(initial=0)) + 1) + highest[used]
    own = read * groups + used // slots
    slot_of = np.unique(np.stack([read, used % slots]), axis=1)
    is_single = len(np.unique(pairs)) == len(pairs) and len(np.unique(own)) == len(own)
    return is_single and len(np.unique(slot_of[0])) == slot_of.shape[1]


def connection_taps(graph: NeuralGraph, connection: Connection) -> Taps:
    """Return one connection, or link, of a graph by positions."""
    channels, positions = layer_grid(graph.layer_shapes[connection.source])
    groups, targets, slots = connection.fields.shape
    columns = connection.fields.transpose(0, 2, 1).reshape(groups * slots, targets)  # [G·K, P]
    inside = columns >= 0
    place = np.where(inside, columns % positions, -1)
    channel = np.where(inside, columns // positions, -1).max(axis=1)
    used = np.flatnonzero(channel >= 0)
    _, first, tap = np.unique(place[used], axis=0, return_index=True, return_inverse=True)
    tap = tap.reshape(-1)
    # Numbered in the order of the kernel's slots.
    order = np.argsort(np.argsort(first))
    tap = order[tap]
    pattern = place[used][np.sort(first)]  # [taps, P]
    lengths, slot = _lengths(connection, used, channel[used], tap, (len(first), channels))
    kind, target = np.nonzero(pattern >= 0)
    source = pattern[kind, target]
    by = np.lexsort((target, source))
    table = PathTable(
        source[by].astype(np.int32), target[by].astype(np.int32), kind[by].astype(np.int32), lengths,
        (positions, targets),
    )  # fmt: skip
    before, after = graph.kept_channels(connection.source), graph.kept_channels(connection.target)
    if before is not None:
        slot = np.ascontiguousarray(slot[:, before])
    return Taps(between_channels(table, before, after), slot, slots)


def between_channels(table: PathTable, before: np.ndarray | None, after: np.ndarray | None) -> PathTable:
    """Return a table between some channels of its layers, int64; None for all."""
    lengths = table.lengths if before is None else table.lengths[:, before]
    if after is not None:
        lengths = lengths[:, :, after]
    # Compiled code is made for arrays in C order, and anew for any other.
    return replace(table, lengths=np.ascontiguousarray(lengths))


def _lengths(
    connection: Connection, used: np.ndarray, channel: np.ndarray, tap: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lengths [taps, channels before, channels after] and the slots [taps, channels before]."""
    groups, per_group, slots = connection.weight.shape
    lengths = np.full((*shape, groups * per_group), np.inf)
    slot = np.full(shape, -1, dtype=np.int32)
    with np.errstate(divide="ignore"):
        own = 1.0 / np.abs(connection.weight)  # [G, C, K]; a zero weight is no edge
    group, at = used // slots, used % slots
    out = group[:, None] * per_group + np.arange(per_group)
    lengths[tap[:, None], channel[:, None], out] = own[group, :, at]
    slot[tap, channel] = at
    return lengths, slot
