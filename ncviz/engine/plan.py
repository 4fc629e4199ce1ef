"""What a connection's blocks of edges need of the weights, as flat arrays that compiled code reads.

A block is a pair of positions that a tap joins: all channels at the one times all channels at the other. Its edges
share the neighbours of both ends wherever no weight is zero; where some are, channels fall into classes with the
same neighbours, and a block into one part for each pair of classes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.graph.paths import Distances
from ncviz.graph.positions import PathTable


class Plan(NamedTuple):
    """One connection's blocks; all index arrays are int32 unless said otherwise.

    Attributes:
        source: Position of the edges' sources, for each pair [pairs].
        target: Position of their targets [pairs].
        tap: Which kernel pixel joins them [pairs]; pairs of an inner connection are sorted by it.
        length: float64 [taps, channels, channels], 1/|w|, inf where there is no edge.
        slot: Kernel slot of its group that a channel reads through a tap [taps, channels]; -1 if none.
        slots: int64 [1], kernel slots of a group.
        in_start: int64 [positions + 1], where each source position's readings begin.
        in_position: Position that is read.
        in_tap: Through which tap of the connection before.
        out_start: int64 [positions + 1], where each target position's readers begin.
        out_position: Position that reads.
        out_tap: Through which tap of the connection after.
        a_start: int64 [pairs + 1], where each pair's part of ``a_kind`` begins.
        a_kind: For each in-position: its kind of path to the target position, in ``two_in``.
        b_start: int64 [pairs + 1].
        b_kind: For each out-position: the source position's kind of path to it, in ``two_out``.
        c_start: int64 [pairs + 1].
        c_kind: For each in-position and out-position: their kind of path, in ``three``.
        two_in: float64 [kinds, channels, channels], lengths from in-neighbours to targets.
        two_out: float64, lengths from sources to out-neighbours.
        three: float64, lengths from in-neighbours to out-neighbours.
        in_class_start: int64 [classes + 1], where each class of source channels begins.
        in_class: Source channels by class.
        in_mask: bool [classes, taps, channels], which channels are in-neighbours.
        out_class_start: int64 [classes + 1].
        out_class: Target channels by class.
        out_mask: bool [classes, taps, channels], which channels are out-neighbours.
        two_back: float64, ``two_out`` with sources last, so that one out-neighbour's lengths lie side by side.
        spread: float64 [1], largest difference of transport costs over an edge's length, or a bound on it.
    """

    source: np.ndarray
    target: np.ndarray
    tap: np.ndarray
    length: np.ndarray
    slot: np.ndarray
    slots: np.ndarray
    in_start: np.ndarray
    in_position: np.ndarray
    in_tap: np.ndarray
    out_start: np.ndarray
    out_position: np.ndarray
    out_tap: np.ndarray
    a_start: np.ndarray
    a_kind: np.ndarray
    b_start: np.ndarray
    b_kind: np.ndarray
    c_start: np.ndarray
    c_kind: np.ndarray
    two_in: np.ndarray
    two_out: np.ndarray
    three: np.ndarray
    in_class_start: np.ndarray
    in_class: np.ndarray
    in_mask: np.ndarray
    out_class_start: np.ndarray
    out_class: np.ndarray
    out_mask: np.ndarray
    two_back: np.ndarray
    spread: np.ndarray


_NOTHING = np.empty(0, dtype=np.int32)


def make_plan(paths: Distances, index: int) -> Plan:
    """Return the plan of one connection."""
    own = paths.one[index]
    has_in, has_out = index > 0, index + 1 < len(paths.one)
    # Pieces of inner connections are cut by tap. The outer ones are quick and measure each position once.
    parts = own.table.source, own.table.target, own.table.kind
    keys = (
        (parts[1], parts[0], parts[2])
        if has_in and has_out
        else (parts[2], parts[1] if not has_in else parts[0])
    )
    order = np.lexsort(keys)
    source, target, tap = (part[order] for part in parts)
    before, after = own.table.positions
    before_table = paths.one[index - 1].table if has_in else None
    after_table = paths.one[index + 1].table if has_out else None
    in_start, in_position, in_tap = _readings(before_table, before, by_target=True)
    out_start, out_position, out_tap = _readings(after_table, after, by_target=False)
    fan_in, fan_out = np.diff(in_start)[source], np.diff(out_start)[target]
    heard, pair_in = _expand(in_start, in_position, source)
    spoken, pair_out = _expand(out_start, out_position, target)
    none = np.empty((0, 1, 1))
    two_in, two_out = paths.two[index - 1] if has_in else None, paths.two[index] if has_out else None
    three = paths.three[index - 1] if has_in and has_out else None
    a_kind = two_in.find(heard, target[pair_in]) if two_in else _NOTHING
    b_kind = two_out.find(source[pair_out], spoken) if two_out else _NOTHING
    c_kind = _crossings(three, heard, spoken, fan_in, fan_out) if three else _NOTHING
    in_class_start, in_class, in_mask = _classes(before_table, own.table.lengths.shape[1], by_target=True)
    out_class_start, out_class, out_mask = _classes(after_table, own.table.lengths.shape[2], by_target=False)
    return Plan(
        source, target, tap, own.table.lengths, own.slot, np.array([own.slots]),
        in_start, in_position, in_tap, out_start, out_position, out_tap,
        _starts(fan_in), a_kind, _starts(fan_out), b_kind, _starts(fan_in * fan_out), c_kind,
        two_in.lengths if two_in else none, two_out.lengths if two_out else none,
        three.lengths if three else none,
        in_class_start, in_class, in_mask, out_class_start, out_class, out_mask,
        np.ascontiguousarray(two_out.lengths.transpose(0, 2, 1)) if two_out else none,
        np.array([_spread(own.table, two_in, two_out, three)]),
    )  # fmt: skip


def _readings(
    table: PathTable | None, positions: int, by_target: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List, for each position of a layer, which positions the adjoining connection joins to it, and by which tap."""
    if table is None:
        return np.zeros(positions + 1, dtype=np.int64), _NOTHING, _NOTHING
    own, other = (table.target, table.source) if by_target else (table.source, table.target)
    order = np.lexsort((table.kind, own))
    return _starts(np.bincount(own, minlength=positions)), other[order], table.kind[order]


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _expand(start: np.ndarray, listed: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what is listed for each of ``at``, one after the other, and which of ``at`` it belongs to."""
    fan = np.diff(start)[at]
    which = np.repeat(np.arange(len(at)), fan)
    offset = np.arange(fan.sum()) - np.repeat(np.cumsum(fan) - fan, fan)
    return listed[start[at[which]] + offset] if len(which) else _NOTHING, which


def _crossings(
    three: PathTable, heard: np.ndarray, spoken: np.ndarray, fan_in: np.ndarray, fan_out: np.ndarray
) -> np.ndarray:
    """Return the kind of path from each in-position to each out-position of every pair."""
    first_in, first_out = np.cumsum(fan_in) - fan_in, np.cumsum(fan_out) - fan_out
    each = fan_in * fan_out
    pair = np.repeat(np.arange(len(each)), each)
    offset = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
    u = first_in[pair] + offset // fan_out[pair]
    v = first_out[pair] + offset % fan_out[pair]
    return three.find(heard[u], spoken[v])


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
    starts = _starts(np.bincount(label, minlength=len(distinct)))
    return starts, order, np.ascontiguousarray(distinct.reshape(len(distinct), *mask.shape[1:]))


def _spread(
    own: PathTable, two_in: PathTable | None, two_out: PathTable | None, three: PathTable | None
) -> float:
    """Bound how much κ can change when a unit of mass is placed elsewhere."""
    longest = sum(_longest(table.lengths) for table in (two_in, two_out, three) if table is not None)
    shortest = own.lengths.min(initial=np.inf)
    return float(longest / shortest + 1)


def _longest(lengths: np.ndarray) -> float:
    return float(np.max(lengths, initial=0.0, where=np.isfinite(lengths)))
