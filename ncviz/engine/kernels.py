"""Compiled loops over a connection's blocks: who is live, what the tolls are, and what κ becomes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.compiled import compiled
from ncviz.engine.edges.alone import solve_alone
from ncviz.engine.edges.block import Block, fill_direct, toll_from, toll_to
from ncviz.engine.edges.undercut import reject
from ncviz.engine.measures import Measure, fill_measure, first_points
from ncviz.transport.simplex import solve_block

# Mass of this much over the spread of costs moves κ by less than rounding does, and is left out.
NEGLIGIBLE = 1e-12
# Nodes of all the trees that a block may keep for its other edges: 12 bytes each.
POOL = 2**22

BOUND, ALL, CHOSEN, BETTER = -1, 0, 1, 2
CERTIFIED, SKIPPED, SOLVED, PIVOTS, CLOSED, LIVE, FAILED, STOPPED = range(8)

# Stands for κ of an edge that could not be proved.
UNPROVED = -np.inf


class Space(NamedTuple):
    """Room that all blocks use one after the other.

    Attributes:
        through_i: float64 [channels before], what the mass of the out-neighbours pays from each source.
        through_j: float64 [channels after], what the mass of the in-neighbours pays to each target.
        trees: Two uint16 and one float64 array of one length, for the simplex.
    """

    through_i: np.ndarray
    through_j: np.ndarray
    trees: tuple


@compiled
def scan(plan, layers, ends, part, sample, mode, best, low, chosen, grid, stop):
    """Go through some blocks of a connection on one sample.

    Args:
        plan: A ``Plan``.
        layers: For the layers l - 1, l, l + 1, l + 2: activity and unnormalised mass, float64 [positions, channels].
        ends: Whether the sources are the input, and whether the targets are the logits.
        part: First pair, end of the pairs, first source channel, end of the source channels.
        sample: Number of the sample.
        mode: BOUND only bounds them from below; ALL solves every live edge; CHOSEN the edge that ``low`` names for
            each weight; BETTER those that could lie below ``best``.
        best: The least κ so far, a ``Least``; lowered, and its counts are added to.
        low: The least lower bound of κ, likewise; lowered in mode BOUND.
        chosen: bool [pairs], which of the part's pairs to go through; of no length for all.
        grid: float64 [channels after, positions after, slots], κ of each edge, or empty; mode ALL fills in what is
            NaN and leaves what is not.
        stop: bool [1], set from outside to end early.
    """
    (x0, e0, x1, _, x2, _, x3, e3) = layers
    is_first, is_last = ends
    pair_begin, pair_end, row_begin, row_end = part
    into, out_of, pairs = plan.into, plan.out_of, plan.pairs
    classes_out = len(out_of.class_start) - 1
    hears, speaks = _room(into.readings, x0, 1), _room(out_of.readings, x3, classes_out)
    through_j, through_i = np.empty(plan.length.shape[2]), np.empty((classes_out, plan.length.shape[1]))
    live_i = np.empty(plan.length.shape[1], dtype=np.int32)
    live_j = np.empty(plan.length.shape[2], dtype=np.int32)
    negligible = NEGLIGIBLE / plan.spread
    trees = room_for_trees()
    # What was measured last serves the next pair too, where pairs of one position follow each other. All classes of
    # targets are kept, since each class of sources meets them again.
    P, p_of = 0, (-1, -1)
    Q, q_of, paid_of = np.zeros(classes_out, np.int64), np.full(classes_out, -1), np.full(classes_out, -1)
    for pair in range(pair_begin, pair_end):
        if stop[0]:
            return
        if len(chosen) > 0 and not chosen[pair - pair_begin]:
            continue
        at_i, at_j, tap = pairs.source[pair], pairs.target[pair], pairs.tap[pair]
        for class_in in range(len(into.class_start) - 1):
            n = 0
            for k in range(into.class_start[class_in], into.class_start[class_in + 1]):
                c = into.channel[k]
                if row_begin <= c < row_end and (is_first or x1[at_i, c] > 0.0) and plan.slot[tap, c] >= 0:
                    live_i[n] = c
                    n += 1
            if n == 0:
                continue
            if not is_first and p_of != (at_i, class_in):
                p_of = (at_i, class_in)
                P = fill_measure(into.readings, x0, e0, at_i, class_in, negligible, _of_class(hears, 0))
            p = first_points(_of_class(hears, 0), P)
            is_paid = False
            for class_out in range(classes_out):
                m = 0
                for k in range(out_of.class_start[class_out], out_of.class_start[class_out + 1]):
                    c = out_of.channel[k]
                    if is_last or x2[at_j, c] > 0.0:
                        live_j[m] = c
                        m += 1
                if m == 0:
                    continue
                room = _of_class(speaks, class_out)
                if not is_last and q_of[class_out] != at_j:
                    q_of[class_out] = at_j
                    Q[class_out] = fill_measure(out_of.readings, x3, e3, at_j, class_out, negligible, room)
                q = first_points(room, Q[class_out])
                if not is_paid:
                    is_paid = True
                    _pay_to_targets(plan, pair, p, through_j)
                if paid_of[class_out] != pair:
                    paid_of[class_out] = pair
                    _pay_from_sources(plan, pair, q, through_i[class_out])
                space = Space(through_i[class_out], through_j, trees)
                block = Block(pair, tap, at_j, sample, live_i[:n], live_j[:m])
                _settle(plan, block, p, q, mode, best, low, grid, space, stop)


@compiled
def room_for_trees():
    """Return room for the trees of one block, as the simplex wants it."""
    return np.empty(POOL, dtype=np.uint16), np.empty(POOL, dtype=np.uint16), np.empty(POOL)


@compiled
def _room(readings, activity, classes):
    """Return room for the neighbours of any position, for each class of channels."""
    widest = 0
    for at in range(len(readings.start) - 1):
        widest = max(widest, readings.start[at + 1] - readings.start[at])
    size = (classes, max(1, widest * activity.shape[1]))
    return Measure(np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32), np.empty(size))


@compiled
def _of_class(room, which):
    return Measure(room.field[which], room.channel[which], room.mass[which])


@compiled
def _pay_to_targets(plan, pair, p, through_j):
    """Write what the mass of the in-neighbours pays to each target."""
    through_j[:] = 0.0
    first = plan.to_target.start[pair]
    for u in range(len(p.mass)):
        kind, c, own = plan.to_target.kind[first + p.field[u]], p.channel[u], p.mass[u]
        for j in range(len(through_j)):
            through_j[j] += own * plan.to_target.length[kind, c, j]


@compiled
def _pay_from_sources(plan, pair, q, through_i):
    """Write what the mass of the out-neighbours pays from each source."""
    through_i[:] = 0.0
    first = plan.from_source.start[pair]
    for v in range(len(q.mass)):
        kind, c, own = plan.from_source.kind[first + q.field[v]], q.channel[v], q.mass[v]
        for i in range(len(through_i)):
            through_i[i] += own * plan.to_source[kind, c, i]


@compiled
def _settle(plan, block, p, q, mode, best, low, grid, space, stop):
    """Do with a block's edges what the mode asks for."""
    has_in, has_out = len(p.mass) > 0, len(q.mass) > 0
    if not (has_in and has_out):
        if mode in (BOUND, ALL):
            _close(plan, block, 1.0 if has_in or has_out else 0.0, best, grid, space)
    elif mode == BOUND:
        _bound(plan, block, best.counts, low, space)
    else:
        floor, is_wanted = _floors(plan, block, mode, best, low, grid, space)
        if is_wanted and mode == BETTER:
            rejected, left = reject(plan, block, p, q, space.through_i, space.through_j, floor)
            best.counts[SKIPPED] += rejected
            is_wanted = left > 0
        if is_wanted:
            solve(plan, block, p, q, floor, best, grid, space.trees, stop)


@compiled
def _close(plan, block, base, best, grid, space):
    """Work out κ where all the mass of one side lies on one point, so that there is one plan only."""
    keep = grid.size > 0
    for i in block.live_i:
        slot = plan.slot[block.tap, i]
        for j in block.live_j:
            length = plan.length[block.tap, i, j]
            if length == np.inf:
                continue
            kappa = base - (space.through_j[j] + space.through_i[i]) / length
            best.counts[LIVE] += 1
            if keep and not np.isnan(grid[j, block.at_j, slot]):
                continue
            best.counts[CLOSED] += 1
            _lower(best, j * plan.slots + slot, kappa, block)
            if keep:
                grid[j, block.at_j, slot] = kappa


@compiled
def _bound(plan, block, counts, low, space):
    """Bound κ from below by the plan that moves all mass through the edge."""
    for i in block.live_i:
        slot = plan.slot[block.tap, i]
        for j in block.live_j:
            length = plan.length[block.tap, i, j]
            if length == np.inf:
                continue
            counts[LIVE] += 1
            _lower(
                low, j * plan.slots + slot, 2.0 - (space.through_j[j] + space.through_i[i]) / length, block
            )


@compiled
def _lower(least, w, value, block):
    if value < least.curvature[w]:
        least.curvature[w], least.pair[w], least.sample[w] = value, block.pair, block.sample


@compiled
def _floors(plan, block, mode, best, low, grid, space):
    """Return which costs need not be known exactly, as ``solve_block`` wants them, inf where an edge is not wanted.

    Returns:
        float64 [n, m], and whether any edge is wanted.
    """
    keep = grid.size > 0
    floor = np.full((len(block.live_i), len(block.live_j)), np.inf)
    is_wanted = False
    for at_i, i in enumerate(block.live_i):
        slot = plan.slot[block.tap, i]
        for at_j, j in enumerate(block.live_j):
            length = plan.length[block.tap, i, j]
            if length == np.inf:
                continue
            least = np.inf
            w = j * plan.slots + slot
            if mode == ALL:
                best.counts[LIVE] += 1
                if not keep or np.isnan(grid[j, block.at_j, slot]):
                    least = -np.inf
            elif mode == CHOSEN:
                is_named = low.pair[w] == block.pair and low.sample[w] == block.sample
                if is_named and low.curvature[w] < best.curvature[w]:
                    least = -np.inf
            else:
                bound = 2.0 - (space.through_j[j] + space.through_i[i]) / length
                is_known = best.pair[w] == block.pair and best.sample[w] == block.sample
                if bound < best.curvature[w] and not is_known:
                    least = (1.0 - best.curvature[w]) * length
            floor[at_i, at_j] = least
            is_wanted |= least < np.inf
    return floor, is_wanted


@compiled
def solve(plan, block, p, q, floor, best, grid, trees, stop):
    """Solve the edges of a block whose floor is not inf."""
    row_of, column_of = np.zeros(len(floor), dtype=np.bool_), np.zeros(floor.shape[1], dtype=np.bool_)
    for i in range(len(row_of)):
        for j in range(len(column_of)):
            if floor[i, j] < np.inf:
                row_of[i] = True
                column_of[j] = True
    rows, columns = np.flatnonzero(row_of), np.flatnonzero(column_of)
    live_i, live_j = block.live_i[rows], block.live_j[columns]
    n, m, P, Q = len(rows), len(columns), len(p.mass), len(q.mass)
    d = np.empty((n, m))
    least = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            least[i, j] = floor[rows[i], columns[j]]
            d[i, j] = plan.length[block.tap, live_i[i], live_j[j]] if least[i, j] < np.inf else np.inf
    # The solver wants the heaviest points first.
    p, q = _heaviest_first(p), _heaviest_first(q)
    C = np.empty((P, Q))
    for u in range(P):
        fill_direct(plan, block.pair, p.field[u], p.channel[u], q, C[u])
    At = np.empty((P, m))
    for u in range(P):
        row = toll_to(plan, block.pair, p, u)
        for j in range(m):
            At[u, j] = row[live_j[j]]
    Bt = np.empty((Q, n))
    for v in range(Q):
        row = toll_from(plan, block.pair, q, v)
        for i in range(n):
            Bt[v, i] = row[live_i[i]]
    value = np.empty((n, m))
    solve_block(p.mass, q.mass, C, At, Bt, d, least, value, trees, stop, best.counts)
    for i in range(n):
        slot = plan.slot[block.tap, live_i[i]]
        for j in range(m):
            if d[i, j] == np.inf or value[i, j] == -np.inf:
                continue
            kappa, w, short = 1.0 - value[i, j] / d[i, j], live_j[j] * plan.slots + slot, 0.0
            # What was stopped has not failed.
            if np.isnan(kappa) and not stop[0]:
                cost, gap = solve_alone(p.mass, q.mass, C, At[:, j].copy(), Bt[:, i].copy(), d[i, j], stop)
                if stop[0]:
                    return
                best.counts[SOLVED] += 1
                kappa, short = 1.0 - cost / d[i, j], gap / d[i, j]
                best.counts[FAILED] += short > 0.0
                best.short[w] = max(best.short[w], short)
            _lower(best, w, kappa, block)
            if grid.size > 0:
                grid[live_j[j], block.at_j, slot] = kappa if short == 0.0 else UNPROVED


@compiled
def _heaviest_first(p):
    order = np.argsort(-p.mass)
    return Measure(p.field[order], p.channel[order], p.mass[order])


@compiled
def search(plan, layers, ends, part, first_sample, modes, left, best, low, stop, progress):
    """Find the least κ of each weight that some blocks touch, over samples: bounds first, then best first, then all.

    The arguments are those of ``scan``, but ``layers`` have a leading axis for the samples from ``first_sample`` on;
    ``modes`` are the first and the last: the first is CHOSEN where ``best`` and ``low`` hold the bounds already, the
    last too where ``edges.promising`` does what is left; ``left``, bool [samples,
    pairs], says where an edge may lie that is not known yet, nowhere else if it is not empty; and into ``progress``,
    float64 [1], goes the share of the work that is done.
    """
    (x0, e0, x1, e1, x2, e2, x3, e3) = layers
    is_first, is_last = ends
    pair_begin, pair_end, _, _ = part
    grid = np.empty((0, 0, 0))
    samples = len(x0)
    chosen = np.zeros((samples, pair_end - pair_begin), dtype=np.bool_)
    for mode in (BOUND, CHOSEN, BETTER):
        if not modes[0] <= mode <= modes[1] or (mode != BOUND and (is_first or is_last)):
            continue
        chosen[:] = mode != CHOSEN
        if mode == CHOSEN:
            for w in range(len(best.curvature)):
                # Others may be writing them, one after the other.
                at, s = low.pair[w] - pair_begin, low.sample[w] - first_sample
                if low.curvature[w] < best.curvature[w] and 0 <= at < chosen.shape[1] and 0 <= s < samples:
                    chosen[s, at] = True
        if left.size > 0:
            chosen &= left[:, pair_begin:pair_end]
        for s in range(samples):
            own = (x0[s], e0[s], x1[s], e1[s], x2[s], e2[s], x3[s], e3[s])
            scan(plan, own, ends, part, first_sample + s, mode, best, low, chosen[s], grid, stop)
            if stop[0]:
                return
            done = (s + 1) / samples
            # About what they take, so that the time left can be told from the share that is done.
            if mode == BOUND:
                progress[0] = 0.15 * done
            elif mode == CHOSEN:
                progress[0] = 0.15 + 0.05 * done
            else:
                progress[0] = 0.2 + 0.8 * done
    if modes[1] == BETTER or is_first or is_last:
        progress[0] = 1.0
