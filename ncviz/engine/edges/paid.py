"""What all edges of a pair of positions pay if their mass goes through them, on one sample: p·D2[:, j] + q·D2[i, :].

What the neighbours that all channels share pay is one sum for each channel at the other end; to it comes what a
channel's own neighbours pay, edge by edge, a few operations each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.compiled import compiled
from ncviz.engine.edges.sides import most_slots, pay
from ncviz.engine.measures import UNIFORM_BELOW

# What a source is: not live or not joined; live with no mass before it; with mass before it.
OFF, BARE, LIVE_SOURCE = 0, 1, 2


class Paid(NamedTuple):
    """What the edges of one pair pay on one sample, and how it came about.

    Attributes:
        sums: float64 [rows, m], what each edge pays; of a source without mass before it, of the targets' side alone.
        source: int64 [rows], OFF, BARE or LIVE_SOURCE.
        reach: float64 [2, m], 0 where a target is live and has mass behind it, and where it has none; else -inf.
        share: float64 [2, rows], what the sources' neighbours' own mass has to be multiplied with, and the mass 1 of
            each active one if it is uniform; 0 where it is the other.
        scale: float64 [2, m], the same of the targets.
        given: float64 [slots, m], the share of the mass that lies on each of the targets' own neighbours.
        own_in: int64 [4, slots], the sources' own neighbours, see ``list_own``.
        own_out: The same of the targets.
        to_target: float64 [2, m], what the common neighbours' mass pays to each target.
        from_source: float64 [2, channels before], the same from each source.
    """

    sums: np.ndarray
    source: np.ndarray
    reach: np.ndarray
    share: np.ndarray
    scale: np.ndarray
    given: np.ndarray
    own_in: np.ndarray
    own_out: np.ndarray
    to_target: np.ndarray
    from_source: np.ndarray


@compiled
def room_for(plan, sides, part):
    """Return room for what the edges of any pair of a part pay, a ``Paid``."""
    before, after = sides
    _, _, row_begin, row_end = part
    rows, m = row_end - row_begin, plan.length.shape[2]
    own_in, own_out = np.empty((4, most_slots(before)), np.int64), np.empty((4, most_slots(after)), np.int64)
    return Paid(
        np.empty((rows, m)),
        np.empty(rows, np.int64),
        np.empty((2, m)),
        np.empty((2, rows)),
        np.empty((2, m)),
        np.empty((own_out.shape[1], m)),
        own_in,
        own_out,
        np.empty((2, m)),
        np.empty((2, row_end)),
    )


@compiled
def pay_edges(plan, ends, sides, x1, x2, edges, paid):
    """Write what each edge of a pair pays on one sample.

    Args:
        plan: A ``Plan``; it needs no ways across.
        ends: Whether its sources are the input, and whether its targets are the logits.
        sides: The ``Side`` of the sources, and that of the targets.
        x1: float64 [samples, positions, channels before], activity of the sources.
        x2: The same of the targets.
        edges: The pair, the sample, the first source channel, the end of these, and how many slots the sources' own
            neighbours take, and the targets'; what these are stands in ``paid`` already.
        paid: A ``Paid``, written.

    Returns:
        How many targets are live, and how many of these have no mass behind them.
    """
    before, after = sides
    pair, s, row_begin, row_end, slots_in, slots_out = edges
    sums_of, source_of, _, share_of, scale, given, own_in, own_out, to_target, from_source = paid
    at_i, at_j, tap = plan.pairs.source[pair], plan.pairs.target[pair], plan.pairs.tap[pair]
    m = plan.length.shape[2]
    source_of[:] = OFF
    live_j, closed_j = _weigh(after, ends[1], x2, s, at_j, slots_out, paid)
    if live_j == 0:
        return live_j, closed_j
    total, active = after.total[s, at_j], after.active[s, at_j]
    is_even_out = total <= UNIFORM_BELOW and active > 0
    ways, length = plan.from_source, plan.to_source
    if total > 0.0:
        pay(after, ways, length, pair, at_j, s, False, row_begin, row_end, from_source[0])
    else:
        from_source[0, row_begin:row_end] = 0.0
    if is_even_out:
        pay(after, ways, length, pair, at_j, s, True, row_begin, row_end, from_source[1])
    total, active = before.total[s, at_i], before.active[s, at_i]
    is_even = total <= UNIFORM_BELOW and active > 0
    is_paid = False
    for i in range(row_begin, row_end):
        if plan.slot[tap, i] < 0 or not (ends[0] or x1[s, at_i, i] > 0.0):
            continue
        if not is_paid:
            is_paid = True
            ways, length = plan.to_target, plan.to_target.length
            if total > 0.0:
                pay(before, ways, length, pair, at_i, s, False, 0, m, to_target[0])
            else:
                to_target[0] = 0.0
            if is_even:
                pay(before, ways, length, pair, at_i, s, True, 0, m, to_target[1])
        mass, count = total, active
        for k in range(slots_in):
            c = before.own[own_in[2, k], i]
            if c >= 0 and before.activity[s, own_in[1, k], c] > 0.0:
                mass += before.mass[s, own_in[1, k], c]
                count += 1
        is_uniform = mass <= UNIFORM_BELOW
        row = i - row_begin
        sums = sums_of[row]
        paid_i = from_source[0, i]
        for j in range(m):
            sums[j] = paid_i * scale[0, j]
        if is_even_out:
            paid_i = from_source[1, i]
            for j in range(m):
                sums[j] += paid_i * scale[1, j]
        for k in range(slots_out):
            kind, own = own_out[0, k], own_out[2, k]
            for j in range(m):
                x = plan.from_source.length[kind, i, max(0, after.own[own, j])]
                sums[j] += given[k, j] * x if given[k, j] > 0.0 else 0.0
        source_of[row] = BARE
        share_of[:, row] = 0.0
        if count == 0:
            continue
        source_of[row] = LIVE_SOURCE
        share = 1.0 / count if is_uniform else 1.0 / mass
        share_of[1 if is_uniform else 0, row] = share
        if not is_uniform:
            for j in range(m):
                sums[j] += to_target[0, j] * share
        elif active > 0:
            for j in range(m):
                sums[j] += to_target[1, j] * share
        for k in range(slots_in):
            c = before.own[own_in[2, k], i]
            if c >= 0 and before.activity[s, own_in[1, k], c] > 0.0:
                own_share = share * (1.0 if is_uniform else before.mass[s, own_in[1, k], c])
                if own_share > 0.0:
                    for j in range(m):
                        sums[j] += own_share * plan.to_target.length[own_in[0, k], c, j]
    return live_j, closed_j


@compiled
def _weigh(side, is_last, x2, s, at_j, slots, paid):
    """Write how the mass of each target's neighbours is spread: ``reach``, ``scale`` and ``given`` of a ``Paid``.

    Returns:
        How many targets are live, and how many of these have no mass behind them.
    """
    _, _, reach, _, scale, given, _, room, _, _ = paid
    total, active = side.total[s, at_j], side.active[s, at_j]
    live = closed = 0
    for j in range(x2.shape[2]):
        reach[0, j] = reach[1, j] = -np.inf
        scale[0, j] = scale[1, j] = 0.0
        for k in range(slots):
            given[k, j] = 0.0
        if not (is_last or x2[s, at_j, j] > 0.0):
            continue
        live += 1
        mass, count = total, active
        for k in range(slots):
            c = side.own[room[2, k], j]
            if c >= 0 and side.activity[s, room[1, k], c] > 0.0:
                mass += side.mass[s, room[1, k], c]
                count += 1
        if count == 0:
            closed += 1
            reach[1, j] = 0.0
            continue
        reach[0, j] = 0.0
        is_uniform = mass <= UNIFORM_BELOW
        share = 1.0 / count if is_uniform else 1.0 / mass
        scale[1 if is_uniform else 0, j] = share
        for k in range(slots):
            c = side.own[room[2, k], j]
            if c >= 0 and side.activity[s, room[1, k], c] > 0.0:
                given[k, j] = share * (1.0 if is_uniform else side.mass[s, room[1, k], c])
    return live, closed
