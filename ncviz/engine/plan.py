"""What a connection's blocks of edges need of the weights, as flat arrays that compiled code reads.

A block is a pair of positions that a tap joins: all channels at the one times all channels at the other. Its edges
share the neighbours of both ends wherever no weight is zero; where some are, channels fall into classes with the
same neighbours, and a block into one part for each pair of classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ncviz.engine.layers import AdjacentLayers, adjacent_layers, padded, starts_of
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import Distances
from ncviz.graph.positions import PathTable, Taps
from ncviz.graph.products import distinct_columns


class Readings(NamedTuple):
    """Which positions adjoin each position of a layer, and who their neighbours are.

    Attributes:
        start: int64 [positions + 1], where each position's part begins.
        position: int32, the adjoining positions; those of several layers are counted through.
        tap: int32, through which tap each adjoins.
        mask: bool [classes, taps, channels], which channels are neighbours of a class of channels.
    """

    start: np.ndarray
    position: np.ndarray
    tap: np.ndarray
    mask: np.ndarray


class Neighbours(NamedTuple):
    """One side of a connection's edges.

    Attributes:
        readings: Which positions adjoin each position at the edges' end, and who the neighbours are.
        class_start: int64 [classes + 1], where each class of channels at the edges' end begins.
        channel: int32, these channels by class.
    """

    readings: Readings
    class_start: np.ndarray
    channel: np.ndarray


class Ways(NamedTuple):
    """Path lengths around the edges of each pair of positions.

    Attributes:
        start: int64 [pairs + 1], where each pair's part of ``kind`` begins.
        kind: int32, for each adjoining position, or for each two: the kind of path, in ``length``.
        length: float64 [kinds, channels, channels].
    """

    start: np.ndarray
    kind: np.ndarray
    length: np.ndarray


class Pairs(NamedTuple):
    """Pairs of positions that a tap joins; int32 [pairs] each.

    Attributes:
        source: Position of the edges' sources.
        target: Position of their targets.
        tap: Which of the plan's ``length`` and ``slot`` is theirs.
        pixel: Which kernel pixel joins them; pairs of an inner connection are sorted by it. Where no other way leads
            past an edge, a tap is a pixel.
    """

    source: np.ndarray
    target: np.ndarray
    tap: np.ndarray
    pixel: np.ndarray


class Plan(NamedTuple):
    """One connection's blocks.

    Attributes:
        pairs: The pairs of positions.
        length: float64 [taps, channels, channels], the distance of an edge's ends, 1/|w| unless there is a shorter way;
            inf where there is no edge.
        slot: int32 [taps, channels], kernel slot of its group that a channel reads through a tap; -1 if none.
        slots: Kernel slots of a group.
        into: The in-neighbours.
        out_of: The out-neighbours.
        to_target: Ways from each in-position to the target position: from in-neighbours to targets.
        from_source: Ways from the source position to each out-position: from sources to out-neighbours.
        across: Ways from each in-position to each out-position: from in-neighbours to out-neighbours.
        to_source: The lengths of ``from_source`` with sources last, so that one out-neighbour's lie side by side.
        spread: Largest difference of transport costs over an edge's length, or a bound on it.
    """

    pairs: Pairs
    length: np.ndarray
    slot: np.ndarray
    slots: int
    into: Neighbours
    out_of: Neighbours
    to_target: Ways
    from_source: Ways
    across: Ways
    to_source: np.ndarray
    spread: float

    @property
    def weights(self) -> int:
        """How many weights a connection has: kernel slots times target channels."""
        return self.length.shape[2] * self.slots

    def arrays(self) -> Iterator[np.ndarray]:
        """Go through everything that takes memory."""
        yield from (*self.pairs, self.length, self.slot, self.to_source)
        for side in (self.into, self.out_of):
            yield from (*side.readings, side.class_start, side.channel)
        for ways in (self.to_target, self.from_source, self.across):
            yield from ways


_NOTHING = np.empty(0, dtype=np.int32)


def make_plan(paths: Distances, graph: NeuralGraph, index: int) -> Plan:
    """Return the plan of one connection."""
    own, connection = paths.one[index], graph.connections[index]
    source_layer, target_layer = connection.source, connection.target
    into = adjacent_layers(paths, paths.before(source_layer), source_layer, is_before=True)
    out_of = adjacent_layers(paths, paths.after(target_layer), target_layer, is_before=False)
    has_in, has_out = into.table is not None, out_of.table is not None
    # Pieces of inner connections are cut by tap. The outer ones are quick and measure each position once.
    parts = own.table.source, own.table.target, own.table.kind
    keys = (
        (parts[1], parts[0], parts[2])
        if has_in and has_out
        else (parts[2], parts[1] if not has_in else parts[0])
    )
    order = np.lexsort(keys)
    source, target, pixel = (part[order] for part in parts)
    tap, length, slot = _direct(own, paths.tables[source_layer, target_layer], source, target, pixel)
    before, after = own.table.positions
    heard_by = _readings(into.table, before, by_target=True)
    spoken_to = _readings(out_of.table, after, by_target=False)
    fan_in, fan_out = np.diff(heard_by[0])[source], np.diff(spoken_to[0])[target]
    heard, pair_in = _expand(heard_by[0], heard_by[1], source)
    spoken, pair_out = _expand(spoken_to[0], spoken_to[1], target)
    in_tables = [paths.tables[layer, target_layer] for layer in into.layers]
    out_tables = [paths.tables[source_layer, layer] for layer in out_of.layers]
    to_target = _kinds(in_tables, into, heard, target[pair_in], from_side=True)
    from_source = _kinds(out_tables, out_of, spoken, source[pair_out], from_side=False)
    across = _crossings(paths, (into, out_of), (heard, spoken), (fan_in, fan_out))
    in_start, in_channel, in_mask = _classes(into.table, own.table.lengths.shape[1], by_target=True)
    out_start, out_channel, out_mask = _classes(out_of.table, own.table.lengths.shape[2], by_target=False)
    return Plan(
        Pairs(source, target, tap, pixel),
        length,
        slot,
        own.slots,
        Neighbours(Readings(*heard_by, in_mask), in_start, in_channel),
        Neighbours(Readings(*spoken_to, out_mask), out_start, out_channel),
        Ways(starts_of(fan_in), *to_target),
        Ways(starts_of(fan_out), *from_source),
        Ways(starts_of(fan_in * fan_out), *across),
        np.ascontiguousarray(from_source[1].transpose(0, 2, 1)),
        _spread(length, to_target[1], from_source[1], across[1]),
    )


def _direct(
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


def _kinds(
    tables: list[PathTable], side: AdjacentLayers, near: np.ndarray, far: np.ndarray, from_side: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the kind of path between positions of a side and of the layer beyond the edge, and the kinds' lengths."""
    if not tables:
        return _NOTHING, np.empty((0, 1, 1))
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
    axis = 1 if from_side else 2
    return found, np.concatenate([padded(table.lengths, axis, side.channels) for table in tables])


def _readings(
    table: PathTable | None, positions: int, by_target: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List, for each position of a layer, which positions the adjoining connection joins to it, and by which tap."""
    if table is None:
        return np.zeros(positions + 1, dtype=np.int64), _NOTHING, _NOTHING
    own, other = (table.target, table.source) if by_target else (table.source, table.target)
    order = np.lexsort((table.kind, own))
    return starts_of(np.bincount(own, minlength=positions)), other[order], table.kind[order]


def _expand(start: np.ndarray, listed: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what is listed for each of ``at``, one after the other, and which of ``at`` it belongs to."""
    fan = np.diff(start)[at]
    which = np.repeat(np.arange(len(at)), fan)
    offset = np.arange(fan.sum()) - np.repeat(np.cumsum(fan) - fan, fan)
    return listed[start[at[which]] + offset] if len(which) else _NOTHING, which


def _crossings(
    paths: Distances,
    sides: tuple[AdjacentLayers, AdjacentLayers],
    positions: tuple[np.ndarray, np.ndarray],
    fans: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the kind of path from each in-position to each out-position of every pair, and the kinds' lengths.

    Args:
        paths: The path lengths.
        sides: The layers before and after.
        positions: In-positions of all pairs, one after the other, and their out-positions.
        fans: How many of these each pair has [pairs].
    """
    (into, out_of), (heard, spoken), (fan_in, fan_out) = sides, positions, fans
    if not into.layers or not out_of.layers:
        return _NOTHING, np.empty((0, 1, 1))
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
    lengths = [padded(padded(table.lengths, 1, into.channels), 2, out_of.channels) for table in tables]
    return found, np.concatenate(lengths)


def _classes(
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
    distinct, label = np.unique(mask.reshape(channels, -1), axis=0, return_inverse=True)
    label = label.reshape(-1)
    order = np.argsort(label, kind="stable").astype(np.int32)
    starts = starts_of(np.bincount(label, minlength=len(distinct)))
    return starts, order, np.ascontiguousarray(distinct.reshape(len(distinct), *mask.shape[1:]))


def _spread(length: np.ndarray, *tables: np.ndarray) -> float:
    """Bound how much κ can change when a unit of mass is placed elsewhere."""
    longest = sum(float(np.max(each, initial=0.0, where=np.isfinite(each))) for each in tables)
    return float(longest / length.min(initial=np.inf) + 1)
