"""What a connection's blocks of edges need of the weights, as flat arrays that compiled code reads.

A block is a pair of positions that a tap joins: all channels at the one times all channels at the other. Its edges
share the neighbours of both ends wherever no weight is zero; where some are, channels fall into classes with the
same neighbours, and a block into one part for each pair of classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ncviz.engine.layers import AdjacentLayers, adjacent_layers
from ncviz.engine.wiring import NOTHING, classes, crossings, direct, expand, kinds, readings
from ncviz.graph.images.room import Room, empty
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import Distances
from ncviz.graph.positions import starts_of

# First pair, end of the pairs, first source channel, end of the source channels.
Part = tuple[int, int, int, int]


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
        across: Ways from each in-position to each out-position: from in-neighbours to out-neighbours; no lengths where
            one side has none, and in a near plan.
        to_source: The lengths of ``from_source`` with sources last, so that one out-neighbour's lie side by side.
        spread: Largest difference of transport costs over an edge's length, or a bound on it.
        first_step: float64 [channels of the in-neighbours], the least length of a step from each.
        last_step: float64 [channels of the out-neighbours], the least length of another step, to each; 0 where one step
            may lead all the way.
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
    first_step: np.ndarray
    last_step: np.ndarray

    @property
    def weights(self) -> int:
        """How many weights a connection has: kernel slots times target channels."""
        return self.length.shape[2] * self.slots

    def arrays(self) -> Iterator[np.ndarray]:
        """Go through everything that takes memory."""
        yield from (*self.pairs, self.length, self.slot, self.to_source, self.first_step, self.last_step)
        for side in (self.into, self.out_of):
            yield from (*side.readings, side.class_start, side.channel)
        for ways in (self.to_target, self.from_source, self.across):
            yield from ways


def near_plan(paths: Distances, graph: NeuralGraph, index: int, room: Room | None = None) -> Plan:
    """Return the plan of one connection without the ways across it, which are most of the path lengths.

    What all mass through the edge costs, a bound on κ from below, needs no others.
    """
    own, connection = paths.one[index], graph.connections[index]
    source_layer, target_layer = connection.source, connection.target
    into, out_of = _sides(paths, graph, index)
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
    tap, length, slot = direct(own, paths.tables[source_layer, target_layer], source, target, pixel)
    before, after = own.table.positions
    heard_by = readings(into.table, before, by_target=True)
    spoken_to = readings(out_of.table, after, by_target=False)
    fan_in, fan_out = np.diff(heard_by[0])[source], np.diff(spoken_to[0])[target]
    heard, pair_in = expand(heard_by[0], heard_by[1], source)
    spoken, pair_out = expand(spoken_to[0], spoken_to[1], target)
    in_tables = [paths.tables[layer, target_layer] for layer in into.layers]
    out_tables = [paths.tables[source_layer, layer] for layer in out_of.layers]
    to_target = kinds(in_tables, into, heard, target[pair_in], from_side=True, room=room)
    from_source = kinds(out_tables, out_of, spoken, source[pair_out], from_side=False, room=room)
    in_start, in_channel, in_mask = classes(into.table, own.table.lengths.shape[1], by_target=True)
    out_start, out_channel, out_mask = classes(out_of.table, own.table.lengths.shape[2], by_target=False)
    return Plan(
        Pairs(source, target, tap, pixel),
        length,
        slot,
        own.slots,
        Neighbours(Readings(*heard_by, in_mask), in_start, in_channel),
        Neighbours(Readings(*spoken_to, out_mask), out_start, out_channel),
        Ways(starts_of(fan_in), *to_target),
        Ways(starts_of(fan_out), *from_source),
        Ways(starts_of(fan_in * fan_out), NOTHING, np.empty((0, 1, 1))),
        _turned(from_source[1], room),
        _spread(length, to_target[1], from_source[1]),
        *_least_steps(paths, into, out_of),
    )


def with_crossings(
    near: Plan, paths: Distances, graph: NeuralGraph, index: int, room: Room | None = None
) -> Plan:
    """Return a connection's whole plan."""
    sides = _sides(paths, graph, index)
    listed = [
        expand(side.readings.start, side.readings.position, at)[0]
        for side, at in ((near.into, near.pairs.source), (near.out_of, near.pairs.target))
    ]
    fans = np.diff(near.to_target.start), np.diff(near.from_source.start)
    kind, lengths = crossings(paths, sides, (listed[0], listed[1]), fans, room)
    spread = _spread(near.length, near.to_target.length, near.from_source.length, lengths)
    return near._replace(across=Ways(near.across.start, kind, lengths), spread=spread)


def make_plan(paths: Distances, graph: NeuralGraph, index: int, room: Room | None = None) -> Plan:
    """Return the plan of one connection."""
    return with_crossings(near_plan(paths, graph, index, room), paths, graph, index, room)


def _sides(paths: Distances, graph: NeuralGraph, index: int) -> tuple[AdjacentLayers, AdjacentLayers]:
    own = graph.connections[index]
    return (
        adjacent_layers(paths, paths.before(own.source), own.source, is_before=True),
        adjacent_layers(paths, paths.after(own.target), own.target, is_before=False),
    )


def _least_steps(
    paths: Distances, into: AdjacentLayers, out_of: AdjacentLayers
) -> tuple[np.ndarray, np.ndarray]:
    """Return the least lengths of a step from each in-neighbour, and of another one to each out-neighbour."""
    first, last = np.full(into.channels, np.inf), np.full(out_of.channels, np.inf)
    for (source, target), table in paths.hops.items():
        if source in into.layers:
            least = table.lengths.min(axis=(0, 2), initial=np.inf)
            first[: len(least)] = np.minimum(first[: len(least)], least)
        if target in out_of.layers:
            least = table.lengths.min(axis=(0, 1), initial=np.inf)
            last[: len(least)] = np.minimum(last[: len(least)], least)
    is_one_step = any((before, after) in paths.hops for before in into.layers for after in out_of.layers)
    return first, np.zeros_like(last) if is_one_step else last


def _turned(lengths: np.ndarray, room: Room | None) -> np.ndarray:
    turned = lengths.transpose(0, 2, 1)
    out = empty(turned.shape, room)
    out[:] = turned
    return out


def _spread(length: np.ndarray, *tables: np.ndarray) -> float:
    """Bound how much κ can change when a unit of mass is placed elsewhere."""
    from ncviz.graph.minplus import longest

    return sum(longest(each) for each in tables) / length.min(initial=np.inf) + 1.0
