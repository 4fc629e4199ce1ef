"""Whose mass the edges of a pair of positions share: neighbours of all channels, and those of one channel alone.

Where a skip ends beside a convolution, each channel has a neighbour of its own besides those that all have, and is a
class of channels by itself. What the shared ones pay is worked out once for all, and what a channel's own pay is added.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.compiled import compiled
from ncviz.engine.measures import UNIFORM_BELOW
from ncviz.engine.plan import Neighbours, Readings

# A channel with more neighbours of its own than this shares too little.
MOST_OWN = 64


class Side(NamedTuple):
    """One side of a connection's edges on some samples.

    Attributes:
        readings: Which positions adjoin each position at the edges' end.
        common: bool [taps, channels], which channels are neighbours of every channel at the edges' end.
        first: int64 [taps + 1], where each tap's slots begin.
        own: int32 [slots, channels at the edges' end], a neighbour that a channel has besides, through the slot's tap;
            -1 for none.
        activity: float64 [samples, positions, channels], of the layer that adjoins.
        mass: The same of its unnormalised mass.
        listed: int32 [samples, positions, channels], the channels whose mass counts.
        listed_end: int32 [samples, positions], how many these are.
        total: float64 [samples, positions at the edges' end], the mass of the common neighbours.
        active: int64 [samples, positions at the edges' end], how many of them are active.
    """

    readings: Readings
    common: np.ndarray
    first: np.ndarray
    own: np.ndarray
    activity: np.ndarray
    mass: np.ndarray
    listed: np.ndarray
    listed_end: np.ndarray
    total: np.ndarray
    active: np.ndarray


def side_of(
    side: Neighbours, channels: int, activity: np.ndarray, mass: np.ndarray, negligible: float
) -> Side | None:
    """Return one side of a connection's edges; None if its channels share too little.

    Args:
        side: The neighbours.
        channels: How many channels there are at the edges' end.
        activity: float64 [samples, positions, channels] of the layer that adjoins.
        mass: The same of its unnormalised mass.
        negligible: Mass of so little a share counts for nothing.
    """
    mask = side.readings.mask  # [classes, taps, channels]
    common = np.ascontiguousarray(mask.all(axis=0))
    alone = mask & ~common
    most = alone.sum(axis=2).max(axis=0, initial=0)
    if most.sum() > MOST_OWN:
        return None
    first = np.concatenate([[0], np.cumsum(most)]).astype(np.int64)
    own = np.full((int(first[-1]), channels), -1, dtype=np.int32)
    label = np.empty(channels, dtype=np.int64)
    label[side.channel] = np.repeat(np.arange(len(mask)), np.diff(side.class_start))
    kind, tap, channel = np.nonzero(alone)
    # Numbered within its class and tap, in which they stand one after the other.
    begins = np.flatnonzero(np.diff(kind * alone.shape[1] + tap, prepend=-1))
    place = np.arange(len(kind)) - np.repeat(begins, np.diff(begins, append=len(kind)))
    by_class = np.full((int(first[-1]), len(mask)), -1, dtype=np.int32)
    by_class[first[tap] + place, kind] = channel
    own[:] = by_class[:, label]
    listed, listed_end = list_channels(mass, negligible * UNIFORM_BELOW / max(1, common.size))
    total, active = add_up(side.readings, common, activity, mass)
    return Side(side.readings, common, first, own, activity, mass, listed, listed_end, total, active)


@compiled
def list_channels(mass, least):
    """List for each position the channels of more than so little mass, and count them."""
    samples, positions, channels = mass.shape
    listed = np.empty((samples, positions, channels), dtype=np.int32)
    end = np.zeros((samples, positions), dtype=np.int32)
    for s in range(samples):
        for at in range(positions):
            n = 0
            for c in range(channels):
                listed[s, at, n] = c
                n += mass[s, at, c] > least
            end[s, at] = n
    return listed, end


@compiled
def add_up(readings, common, activity, mass):
    """Return for each position the mass of its common neighbours, and how many of them are active."""
    start, position, tap, _ = readings
    samples = len(activity)
    total = np.zeros((samples, len(start) - 1))
    active = np.zeros((samples, len(start) - 1), dtype=np.int64)
    for s in range(samples):
        for at in range(len(start) - 1):
            sum_of, count = 0.0, 0
            for f in range(start[at], start[at + 1]):
                for c in range(common.shape[1]):
                    is_active = common[tap[f], c] and activity[s, position[f], c] > 0.0
                    sum_of += mass[s, position[f], c] if is_active else 0.0
                    count += is_active
            total[s, at], active[s, at] = sum_of, count
    return total, active


@compiled
def pay(side, ways, length, pair, at, s, is_uniform, begin, end, out):
    """Write what the common neighbours' mass pays: unnormalised, to the channels from ``begin`` to ``end``.

    Args:
        side: A ``Side``.
        ways: The ``Ways`` from or to the other end.
        length: float64 [kinds, channels, channels at the other end], their lengths.
        pair: Number of the pair of positions.
        at: The pair's position at this side.
        s: The sample.
        is_uniform: Whether each active neighbour has the same mass, 1, instead of its own.
        begin: First channel at the other end.
        end: End of these channels.
        out: float64 [channels at the other end], written from ``begin`` to ``end``.
    """
    start, position, tap, _ = side.readings
    out[begin:end] = 0.0
    for f in range(start[at], start[at + 1]):
        kind, near, own = ways.kind[ways.start[pair] + f - start[at]], position[f], tap[f]
        if is_uniform:
            for c in range(side.common.shape[1]):
                if side.common[own, c] and side.activity[s, near, c] > 0.0:
                    for j in range(begin, end):
                        out[j] += length[kind, c, j]
            continue
        for k in range(side.listed_end[s, near]):
            c = side.listed[s, near, k]
            if side.common[own, c]:
                m = side.mass[s, near, c]
                for j in range(begin, end):
                    out[j] += m * length[kind, c, j]


@compiled
def list_own(side, ways, pair, at, out):
    """List the slots of a position's own neighbours; return their number.

    Args:
        side: A ``Side``.
        ways: The ``Ways`` from or to the other end.
        pair: Number of the pair of positions.
        at: The pair's position at this side.
        out: int64 [4, slots], written: kinds of ways, positions, slots, and which of the readings they belong to.
    """
    start, position, tap, _ = side.readings
    n = 0
    for f in range(start[at], start[at + 1]):
        for k in range(side.first[tap[f]], side.first[tap[f] + 1]):
            out[0, n] = ways.kind[ways.start[pair] + f - start[at]]
            out[1, n], out[2, n], out[3, n] = position[f], k, f - start[at]
            n += 1
    return n


@compiled
def most_slots(side):
    """Return how many slots the own neighbours of a position take at most, at least 1."""
    start, _, tap, _ = side.readings
    most = 1
    for at in range(len(start) - 1):
        n = 0
        for f in range(start[at], start[at + 1]):
            n += side.first[tap[f] + 1] - side.first[tap[f]]
        most = max(most, n)
    return most
