"""The search for edges below the least κ so far, where an edge's channels share most of their neighbours.

For each pair of positions and sample: what all its edges pay, at once; of the few that could lie below their weight's
best, those that a cheap plan does not reject; and these are solved, by classes of channels with the same neighbours.
"""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.engine.edges.block import Block, class_of
from ncviz.engine.edges.paid import LIVE_SOURCE, pay_edges, room_for
from ncviz.engine.edges.shared import room_to_reject
from ncviz.engine.edges.sides import list_own
from ncviz.engine.edges.together import reject_together
from ncviz.engine.kernels import NEGLIGIBLE, SKIPPED, room_for_trees, solve
from ncviz.engine.measures import measure


@compiled
def search_promising(plan, layers, ends, sides, part, first_sample, best, stop, progress):
    """Lower ``best`` to the least κ of each weight of a part.

    Args:
        plan: A ``Plan``.
        layers: Activity and mass of the four layers around it, float64 [samples, positions, channels].
        ends: Whether its sources are the input, and whether its targets are the logits.
        sides: The ``Side`` of the sources, and that of the targets.
        part: First pair, end of the pairs, first source channel, end of the source channels.
        first_sample: Number of the first sample.
        best: The least κ so far, a ``Least``, of which closed forms are part already; lowered. No weight's is sought
            above it.
        stop: bool [1], set from outside to end early.
        progress: float64 [1], written: the share that is done.
    """
    _, _, x1, _, x2, _, _, _ = layers
    before, after = sides
    pair_begin, pair_end, row_begin, row_end = part
    rows, m = row_end - row_begin, plan.length.shape[2]
    pairs, samples = pair_end - pair_begin, len(x1)
    paid = room_for(plan, sides, part)
    room = room_to_reject(plan, sides, paid)
    trees = room_for_trees()
    classes = class_of(plan.into, plan.length.shape[1]), class_of(plan.out_of, m)
    bar = np.empty((rows, m))
    found_i, found_j = np.empty(rows * m + 1, np.int64), np.empty(rows * m + 1, np.int64)
    is_done = np.zeros(pairs, dtype=np.bool_)
    seen = 0
    for head in range(pair_begin, pair_end):
        if is_done[head - pair_begin]:
            continue
        tap = plan.pairs.tap[head]
        for row in range(rows):
            for j in range(m):
                bar[row, j] = _bar(plan, tap, row_begin + row, j, best)
        for s in range(samples):
            for pair in range(head, pair_end):
                if plan.pairs.tap[pair] != tap:
                    continue
                if stop[0]:
                    return
                is_done[pair - pair_begin] = True
                slots_in = list_own(before, plan.to_target, pair, plan.pairs.source[pair], paid.own_in)
                slots_out = list_own(after, plan.from_source, pair, plan.pairs.target[pair], paid.own_out)
                seen += 1
                progress[0] = 0.2 + 0.8 * seen / (pairs * samples)
                edges = (pair, s, row_begin, row_end, slots_in, slots_out)
                live_j, closed_j = pay_edges(plan, ends, sides, x1, x2, edges, paid)
                if closed_j == live_j:
                    continue
                found = 0
                for row in range(rows):
                    if paid.source[row] != LIVE_SOURCE:
                        continue
                    for j in range(m):
                        # Written in any case, and written over unless it counts.
                        found_i[found], found_j[found] = row, j
                        found += paid.reach[0, j] + paid.sums[row, j] > bar[row, j]
                found = _without_known(
                    plan, tap, pair, first_sample + s, row_begin, found_i, found_j, found, best
                )
                if found == 0:
                    continue
                left = reject_together(
                    plan, sides, pair, s, (slots_in, slots_out), paid, bar, row_begin, found_i, found_j, found,
                    room,
                )  # fmt: skip
                best.counts[SKIPPED] += found - left
                if left == 0:
                    continue
                solve_edges(
                    plan, layers, (pair, s, first_sample), row_begin, found_i[:left], found_j[:left], classes,
                    best, trees, stop,
                )  # fmt: skip
                for e in range(left):
                    row, j = found_i[e], found_j[e]
                    bar[row, j] = _bar(plan, tap, row_begin + row, j, best)
    progress[0] = 1.0


@compiled
def _bar(plan, tap, i, j, best):
    """Return what an edge has to pay at least, its own length with it, to lie below the least κ so far."""
    d, slot = plan.length[tap, i, j], plan.slot[tap, i]
    if d == np.inf or slot < 0:
        return np.inf
    return (2.0 - best.curvature[j * plan.slots + slot]) * d


@compiled
def _without_known(plan, tap, pair, sample, row_begin, rows, targets, found, best):
    """Leave out the edges whose κ is the least so far; return how many others there are."""
    n = 0
    for e in range(found):
        row, j = rows[e], targets[e]
        w = j * plan.slots + plan.slot[tap, row_begin + row]
        rows[n], targets[n] = row, j
        n += not (best.pair[w] == pair and best.sample[w] == sample)
    return n


@compiled
def solve_edges(plan, layers, at, row_begin, rows, targets, classes, best, trees, stop):
    """Solve some edges of one pair of positions on one sample, by classes of channels.

    Args:
        plan: A ``Plan``.
        layers: As for ``search_promising``.
        at: The pair, the sample, and the number of the first sample.
        row_begin: Channel of the first row.
        rows: int64, the edges' rows.
        targets: int64, their targets.
        classes: The class of each source channel and of each target channel, int64.
        best: A ``Least``, lowered.
        trees: Room for trees, see ``room_for_trees``.
        stop: bool [1], set from outside to end early.
    """
    x0, e0, _, _, _, _, x3, e3 = layers
    pair, s, first_sample = at
    class_in, class_out = classes
    tap, negligible = plan.pairs.tap[pair], NEGLIGIBLE / plan.spread
    at_i, at_j = plan.pairs.source[pair], plan.pairs.target[pair]
    nothing = np.empty((0, 0, 0))
    key = np.empty(len(rows), np.int64)
    for e in range(len(rows)):
        key[e] = class_in[row_begin + rows[e]] * len(class_out) + class_out[targets[e]]
    order = np.argsort(key)
    live_i, live_j = np.empty(len(rows), np.int32), np.empty(len(rows), np.int32)
    row_of, column_of = np.full(len(class_in), -1, np.int64), np.full(len(class_out), -1, np.int64)
    begin = 0
    while begin < len(order):
        end, n, m = begin, 0, 0
        while end < len(order) and key[order[end]] == key[order[begin]]:
            i, j = row_begin + rows[order[end]], targets[order[end]]
            if row_of[i] < 0:
                row_of[i], live_i[n] = n, i
                n += 1
            if column_of[j] < 0:
                column_of[j], live_j[m] = m, j
                m += 1
            end += 1
        floor = np.full((n, m), np.inf)
        for k in range(begin, end):
            i, j = row_begin + rows[order[k]], targets[order[k]]
            d, w = plan.length[tap, i, j], j * plan.slots + plan.slot[tap, i]
            floor[row_of[i], column_of[j]] = (1.0 - best.curvature[w]) * d
        own_in, own_out = class_in[live_i[0]], class_out[live_j[0]]
        p = measure(plan.into.readings, x0[s], e0[s], at_i, own_in, negligible)
        q = measure(plan.out_of.readings, x3[s], e3[s], at_j, own_out, negligible)
        block = Block(pair, tap, at_j, first_sample + s, live_i[:n], live_j[:m])
        solve(plan, block, p, q, floor, best, nothing, trees, stop)
        row_of[live_i[:n]] = -1
        column_of[live_j[:m]] = -1
        begin = end
