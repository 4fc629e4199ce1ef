"""Lower bounds on κ of all weights: all mass through the edge, the largest such cost over positions and images.

    κ(i, j) ≥ 2 − (p·D2[:, j] + q·D2[i, :]) / d

Paths of three steps are not asked for. What the neighbours that all channels share pay is one sum for each channel at
the other end; to it comes what a channel's own neighbours pay, edge by edge, a few operations each.
"""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.engine.anytime.sides import Side, list_own, pay, side_of
from ncviz.engine.kernels import CLOSED, LIVE, NEGLIGIBLE
from ncviz.engine.layers import Layers
from ncviz.engine.measures import UNIFORM_BELOW
from ncviz.engine.minima import Least
from ncviz.engine.plan import Part, Plan

Sides = tuple[Side, Side]


def sides_of(plan: Plan, layers: Layers) -> Sides | None:
    """Return who has mass on either side of a connection; None if its channels share too few neighbours."""
    x0, e0, _, _, _, _, x3, e3 = layers
    negligible = NEGLIGIBLE / plan.spread
    before = side_of(plan.into, plan.length.shape[1], x0, e0, negligible)
    after = side_of(plan.out_of, plan.length.shape[2], x3, e3, negligible)
    return None if before is None or after is None else (before, after)


def bound_below(
    plan: Plan,
    layers: Layers,
    ends: tuple[bool, bool],
    sides: Sides,
    part: Part,
    first_sample: int,
    found: tuple[Least, Least],
    stop: np.ndarray,
) -> None:
    """Bound κ of the weights of some blocks from below, on all samples.

    Args:
        plan: The connection's plan; it needs no ways across.
        layers: Activity and mass of the four layers around it, float64 [samples, positions, channels].
        ends: Whether its sources are the input, and whether its targets are the logits.
        sides: Who has mass, see ``sides_of``.
        part: First pair, end of the pairs, first source channel, end of the source channels.
        first_sample: Number of the first sample.
        found: The least κ where a closed form gives it, and the least lower bound elsewhere; both are lowered.
        stop: bool [1], set from outside to end early.
    """
    best, low = found
    bound_pairs(plan, ends, part, first_sample, layers[2], layers[4], sides, best, low, stop)


@compiled
def bound_pairs(plan, ends, part, first_sample, x1, x2, sides, best, low, stop):
    """Lower ``low`` and ``best`` by what each pair's edges pay; arguments as above."""
    before, after = sides
    pair_begin, pair_end, row_begin, row_end = part
    rows, m = row_end - row_begin, plan.length.shape[2]
    pairs, samples = pair_end - pair_begin, len(x1)
    # Of edges with mass on both sides, and of those with mass on one, whose κ has a closed form.
    most, at = np.empty((2, rows, m)), np.empty((2, rows, m), dtype=np.int64)
    to_target, from_source = np.empty((2, m)), np.empty((2, row_end))
    reach, scale, sums = np.empty((2, m)), np.empty((2, m)), np.empty(m)
    own_in, own_out = len(before.own), len(after.own)
    # At the widest position: as many readings as slots, each once.
    room_in, room_out = np.empty((3, _widest(before)), np.int64), np.empty((3, _widest(after)), np.int64)
    given = np.empty((room_out.shape[1], m))
    is_done = np.zeros(pairs, dtype=np.bool_)
    for head in range(pair_begin, pair_end):
        if is_done[head - pair_begin]:
            continue
        tap = plan.pairs.tap[head]
        most[:] = -np.inf
        at[:] = -1
        length = plan.length[tap]
        missing = 0
        for i in range(row_begin, row_end):
            for j in range(m):
                missing += length[i, j] == np.inf
        for pair in range(head, pair_end):
            if plan.pairs.tap[pair] != tap:
                continue
            if stop[0]:
                return
            is_done[pair - pair_begin] = True
            at_i, at_j = plan.pairs.source[pair], plan.pairs.target[pair]
            slots_in = slots_out = 0
            if own_in > 0:
                slots_in = list_own(before, plan.to_target, pair, at_i, room_in[0], room_in[1], room_in[2])
            if own_out > 0:
                slots_out = list_own(
                    after, plan.from_source, pair, at_j, room_out[0], room_out[1], room_out[2]
                )
            for s in range(samples):
                number = s * pairs + pair - pair_begin
                # Where the targets' mass is, and who of them is live.
                total, active = after.total[s, at_j], after.active[s, at_j]
                live_j, closed_j = _weigh(
                    after, ends[1], x2, s, at_j, slots_out, room_out, given, reach, scale
                )
                if live_j == 0:
                    continue
                if total > 0.0:
                    pay(
                        after,
                        plan.from_source,
                        plan.to_source,
                        pair,
                        at_j,
                        s,
                        False,
                        row_begin,
                        row_end,
                        from_source[0],
                    )
                is_even_out = total <= UNIFORM_BELOW and active > 0
                if is_even_out:
                    pay(
                        after,
                        plan.from_source,
                        plan.to_source,
                        pair,
                        at_j,
                        s,
                        True,
                        row_begin,
                        row_end,
                        from_source[1],
                    )
                if total <= 0.0:
                    from_source[0, row_begin:row_end] = 0.0
                # The same of the sources.
                total, active = before.total[s, at_i], before.active[s, at_i]
                is_even = total <= UNIFORM_BELOW and active > 0
                is_paid = False
                for i in range(row_begin, row_end):
                    slot = plan.slot[tap, i]
                    if slot < 0 or not (ends[0] or x1[s, at_i, i] > 0.0):
                        continue
                    if not is_paid:
                        is_paid = True
                        if total > 0.0:
                            pay(
                                before,
                                plan.to_target,
                                plan.to_target.length,
                                pair,
                                at_i,
                                s,
                                False,
                                0,
                                m,
                                to_target[0],
                            )
                        else:
                            to_target[0] = 0.0
                        if is_even:
                            pay(
                                before,
                                plan.to_target,
                                plan.to_target.length,
                                pair,
                                at_i,
                                s,
                                True,
                                0,
                                m,
                                to_target[1],
                            )
                    mass, count = total, active
                    for k in range(slots_in):
                        c = before.own[room_in[2, k], i]
                        if c >= 0 and before.activity[s, room_in[1, k], c] > 0.0:
                            mass += before.mass[s, room_in[1, k], c]
                            count += 1
                    is_uniform = mass <= UNIFORM_BELOW
                    has_in = count > 0
                    paid_i = from_source[0, i]
                    for j in range(m):
                        sums[j] = paid_i * scale[0, j]
                    if is_even_out:
                        paid_i = from_source[1, i]
                        for j in range(m):
                            sums[j] += paid_i * scale[1, j]
                    for k in range(slots_out):
                        kind, own = room_out[0, k], room_out[2, k]
                        for j in range(m):
                            x = plan.from_source.length[kind, i, max(0, after.own[own, j])]
                            sums[j] += given[k, j] * x if given[k, j] > 0.0 else 0.0
                    if has_in:
                        share = 1.0 / count if is_uniform else 1.0 / mass
                        if not is_uniform:
                            for j in range(m):
                                sums[j] += to_target[0, j] * share
                        elif active > 0:
                            for j in range(m):
                                sums[j] += to_target[1, j] * share
                        for k in range(slots_in):
                            c = before.own[room_in[2, k], i]
                            if c >= 0 and before.activity[s, room_in[1, k], c] > 0.0:
                                own_share = share * (1.0 if is_uniform else before.mass[s, room_in[1, k], c])
                                if own_share > 0.0:
                                    for j in range(m):
                                        sums[j] += own_share * plan.to_target.length[room_in[0, k], c, j]
                    edges = live_j
                    if missing > 0:
                        edges = 0
                        for j in range(m):
                            is_live = reach[0, j] == 0.0 or reach[1, j] == 0.0
                            edges += is_live and length[i, j] < np.inf
                    best.counts[LIVE] += edges
                    if has_in:
                        if closed_j < live_j:
                            _rise(most[0], at[0], i - row_begin, reach[0], sums, number)
                        if closed_j > 0:
                            best.counts[CLOSED] += _rise_closed(
                                most[1], at[1], i - row_begin, reach[1], sums, number, length[i]
                            )
                        continue
                    best.counts[CLOSED] += edges
                    if closed_j < live_j:
                        _rise(most[1], at[1], i - row_begin, reach[0], sums, number)
                    if closed_j > 0:
                        _note_nothing(plan, best, length[i], reach[1], slot, pair, first_sample + s)
        for kind in range(2):
            least = low if kind == 0 else best
            for i in range(rows):
                slot = plan.slot[tap, row_begin + i]
                for j in range(m):
                    d, where = length[row_begin + i, j], at[kind, i, j]
                    if slot < 0 or d == np.inf or where < 0:
                        continue
                    bound, w = 2.0 - kind - most[kind, i, j] / d, j * plan.slots + slot
                    if bound < least.curvature[w]:
                        least.curvature[w] = bound
                        least.pair[w] = pair_begin + where % pairs
                        least.sample[w] = first_sample + where // pairs


@compiled
def _widest(side):
    """Return the most slots that a position's own neighbours take."""
    start, _, tap, _ = side.readings
    most = 1
    for at in range(len(start) - 1):
        n = 0
        for f in range(start[at], start[at + 1]):
            n += side.first[tap[f] + 1] - side.first[tap[f]]
        most = max(most, n)
    return most


@compiled
def _weigh(side, is_last, x2, s, at_j, slots, room, given, reach, scale):
    """Write how the mass of each target's neighbours is spread.

    Args:
        side: The targets' ``Side``.
        is_last: Whether the targets are the logits, which are all live.
        x2: float64 [samples, positions, m], their activity.
        s: The sample.
        at_j: Their position.
        slots: How many slots their own neighbours take.
        room: int64 [3, slots], kinds of ways, positions and slots of these.
        given: float64 [slots, m], written: the share of the mass that lies on each.
        reach: float64 [2, m], written: 0 where a target is live and has mass behind it, and where it has none; else
            -inf.
        scale: float64 [2, m], written: what the common neighbours' unnormalised mass has to be multiplied with.

    Returns:
        How many targets are live, and how many of these have no mass behind them.
    """
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


@compiled
def _rise(most, at, i, reach, sums, number):
    """Raise the largest sums of a row, and note where they are."""
    for j in range(len(sums)):
        x = reach[j] + sums[j]
        is_more = x > most[i, j]
        most[i, j] = x if is_more else most[i, j]
        at[i, j] = number if is_more else at[i, j]


@compiled
def _rise_closed(most, at, i, reach, sums, number, length):
    """Do the same, and return how many edges these are."""
    _rise(most, at, i, reach, sums, number)
    count = 0
    for j in range(len(sums)):
        count += reach[j] == 0.0 and length[j] < np.inf
    return count


@compiled
def _note_nothing(plan, best, length, reach, slot, pair, sample):
    """Lower ``best`` to the κ of edges without any mass beside their own ends, 0."""
    for j in range(len(length)):
        w = j * plan.slots + slot
        if length[j] < np.inf and reach[j] == 0.0 and best.curvature[w] > 0.0:
            best.curvature[w], best.pair[w], best.sample[w] = 0.0, pair, sample
