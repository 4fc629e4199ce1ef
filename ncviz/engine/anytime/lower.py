"""Lower bounds on κ of all weights: all mass through the edge, the largest such cost over positions and images.

    κ(i, j) ≥ 2 − (p·D2[:, j] + q·D2[i, :]) / d

Paths of three steps are not asked for.
"""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.engine.edges.paid import LIVE_SOURCE, OFF, pay_edges, room_for
from ncviz.engine.edges.sides import Side, list_own, side_of
from ncviz.engine.kernels import CLOSED, LIVE, NEGLIGIBLE
from ncviz.engine.layers import Layers
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
    paid = room_for(plan, sides, part)
    reach = paid.reach
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
            slots_in = list_own(before, plan.to_target, pair, plan.pairs.source[pair], paid.own_in)
            slots_out = list_own(after, plan.from_source, pair, plan.pairs.target[pair], paid.own_out)
            for s in range(samples):
                number = s * pairs + pair - pair_begin
                edges = (pair, s, row_begin, row_end, slots_in, slots_out)
                live_j, closed_j = pay_edges(plan, ends, sides, x1, x2, edges, paid)
                for row in range(rows):
                    if paid.source[row] == OFF:
                        continue
                    i, sums, count = row_begin + row, paid.sums[row], live_j
                    if missing > 0:
                        count = 0
                        for j in range(m):
                            is_live = reach[0, j] == 0.0 or reach[1, j] == 0.0
                            count += is_live and length[i, j] < np.inf
                    best.counts[LIVE] += count
                    if paid.source[row] == LIVE_SOURCE:
                        if closed_j < live_j:
                            _rise(most[0], at[0], row, reach[0], sums, number)
                        if closed_j > 0:
                            best.counts[CLOSED] += _rise_closed(
                                most[1], at[1], row, reach[1], sums, number, length[i]
                            )
                        continue
                    best.counts[CLOSED] += count
                    if closed_j < live_j:
                        _rise(most[1], at[1], row, reach[0], sums, number)
                    if closed_j > 0:
                        _note_nothing(
                            plan, best, length[i], reach[1], plan.slot[tap, i], pair, first_sample + s
                        )
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
