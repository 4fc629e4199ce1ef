"""The neighbours that edges of one pair of positions share, and room for plans between them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.compiled import compiled

# Shared neighbours on a side that a plan may use, the heaviest; those of less mass than this over their number may not.
MOST_POINTS = 1024
LIGHT = 1e-5
# Plans that are tried before an edge gets one of its own.
PLANS = 2


class Shared(NamedTuple):
    """The shared neighbours on one side, and after them room for those of one edge alone.

    Attributes:
        field: int64 [points], which of the position's readings each belongs to.
        kind: int64 [points], its kind of way to the other end.
        channel: int64 [points], its channel.
        mass: float64 [points], unnormalised.
        rest: float64 [points], for one edge: its share of the mass that no arc has taken yet.
        toll: float64 [channels at the other end, points], the lengths to or from the other end.
        has_toll: bool [channels at the other end], for whom these have been read.
    """

    field: np.ndarray
    kind: np.ndarray
    channel: np.ndarray
    mass: np.ndarray
    rest: np.ndarray
    toll: np.ndarray
    has_toll: np.ndarray


class Plans(NamedTuple):
    """Plans between shared neighbours.

    Attributes:
        u: int32 [plans, arcs], where each arc begins.
        v: int32 [plans, arcs], where it leads.
        mass: float64 [plans, arcs], how much takes it.
        arcs: int64 [plans], how many arcs there are.
        fits: float64 [plans, 2], the shares of the masses that it was made for.
        oldest: int64 [1], which of them makes room for the next.
    """

    u: np.ndarray
    v: np.ndarray
    mass: np.ndarray
    arcs: np.ndarray
    fits: np.ndarray
    oldest: np.ndarray


class Rejecting(NamedTuple):
    """Room for the edges of any pair of a part.

    Attributes:
        before: Shared neighbours of the sources.
        after: Those of the targets.
        direct: float64 [points before, points after], lengths of the direct ways.
        is_read: bool [points before], from which these have been read.
        gain: float64 [points after], what going directly saves.
        weight: float64 [points before], what may be saved there.
        plans: Plans that have been made.
    """

    before: Shared
    after: Shared
    direct: np.ndarray
    is_read: np.ndarray
    gain: np.ndarray
    weight: np.ndarray
    plans: Plans


@compiled
def room_to_reject(plan, sides, paid):
    """Return room for the edges of any pair, ``Rejecting``."""
    before = _shared(sides[0], paid.own_in.shape[1], plan.length.shape[2])
    after = _shared(sides[1], paid.own_out.shape[1], plan.length.shape[1])
    P, Q = len(before.rest), len(after.rest)
    plans = Plans(
        np.empty((PLANS, P + Q), np.int32),
        np.empty((PLANS, P + Q), np.int32),
        np.empty((PLANS, P + Q)),
        np.zeros(PLANS, np.int64),
        np.empty((PLANS, 2)),
        np.zeros(1, np.int64),
    )
    return Rejecting(before, after, np.empty((P, Q)), np.empty(P, np.bool_), np.empty(Q), np.empty(P), plans)


@compiled
def _shared(side, slots, ends):
    widest = 0
    for at in range(len(side.readings.start) - 1):
        widest = max(widest, side.readings.start[at + 1] - side.readings.start[at])
    listed = max(1, widest * side.common.shape[1])
    points = min(MOST_POINTS, listed) + slots
    return Shared(
        np.empty(listed, np.int64),
        np.empty(listed, np.int64),
        np.empty(listed, np.int64),
        np.empty(listed),
        np.empty(points),
        np.empty((ends, points)),
        np.empty(ends, np.bool_),
    )


@compiled
def list_shared(side, ways, pair, at, s, is_even, out):
    """List a position's shared neighbours that have mass; return their number."""
    start, position, tap, _ = side.readings
    least = 0.0 if is_even else LIGHT * side.total[s, at] / max(1, side.active[s, at])
    n = 0
    for f in range(start[at], start[at + 1]):
        kind, near, own = ways.kind[ways.start[pair] + f - start[at]], position[f], tap[f]
        for k in range(side.common.shape[1] if is_even else side.listed_end[s, near]):
            c = k if is_even else side.listed[s, near, k]
            out.field[n], out.kind[n], out.channel[n] = f - start[at], kind, c
            out.mass[n] = 1.0 if is_even else side.mass[s, near, c]
            is_active = side.common[own, c] and side.activity[s, near, c] > 0.0
            n += is_active and out.mass[n] > least
    out.has_toll[:] = False
    if n > MOST_POINTS:
        heavy = np.argsort(-out.mass[:n])[:MOST_POINTS]
        n = MOST_POINTS
        out.field[:n], out.kind[:n] = out.field[heavy], out.kind[heavy]
        out.channel[:n], out.mass[:n] = out.channel[heavy], out.mass[heavy]
    return n
