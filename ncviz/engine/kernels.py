"""Compiled loops over a connection's blocks: who is live, what the tolls are, and what κ becomes."""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.engine.measures import fill_measure
from ncviz.transport.simplex import solve_block

# Mass of this much over the spread of costs moves κ by less than rounding does, and is left out.
NEGLIGIBLE = 1e-12
# Nodes of all the trees that a block may keep for its other edges: 12 bytes each.
POOL = 2**22

BOUND, ALL, CHOSEN, BETTER = -1, 0, 1, 2
CERTIFIED, SKIPPED, SOLVED, PIVOTS, CLOSED, LIVE, FAILED, STOPPED = range(8)


@compiled
def scan(
    plan,
    layers,
    is_first,
    is_last,
    pair_begin,
    pair_end,
    row_begin,
    row_end,
    sample,
    mode,
    best,
    best_pair,
    best_sample,
    low,
    low_pair,
    low_sample,
    chosen,
    grid,
    stop,
    counts,
):
    """Go through some blocks of a connection on one sample.

    Args:
        plan: A ``Plan``.
        layers: For the layers l - 1, l, l + 1, l + 2: activity and unnormalised mass, float64 [positions, channels].
        is_first: Whether the sources are the input.
        is_last: Whether the targets are the logits.
        pair_begin: First pair.
        pair_end: End of the pairs.
        row_begin: First source channel.
        row_end: End of the source channels.
        sample: Number of the sample.
        mode: BOUND only bounds them from below; ALL solves every live edge; CHOSEN the edge that ``low`` names for
            each weight; BETTER those that could lie below ``best``.
        best: float64 [weights], least κ so far; lowered.
        best_pair: int32 [weights], where it is.
        best_sample: int32 [weights].
        low: float64 [weights], least lower bound of κ; lowered in mode BOUND.
        low_pair: int32 [weights].
        low_sample: int32 [weights].
        chosen: bool [pairs], which pairs ``low`` names, in mode CHOSEN.
        grid: float64 [channels after, positions after, slots], κ of each edge, or empty; mode ALL fills in what is
            NaN and leaves what is not.
        stop: bool [1], set from outside to end early.
        counts: int64 [8], added to.
    """
    (x0, e0, x1, _, x2, _, x3, e3) = layers
    slots = plan.slots[0]
    keep = grid.size > 0
    widest_in, widest_out = 0, 0
    for at in range(len(plan.in_start) - 1):
        widest_in = max(widest_in, plan.in_start[at + 1] - plan.in_start[at])
    for at in range(len(plan.out_start) - 1):
        widest_out = max(widest_out, plan.out_start[at + 1] - plan.out_start[at])
    size_in, size_out = max(1, widest_in * x0.shape[1]), max(1, widest_out * x3.shape[1])
    p_field = np.empty(size_in, dtype=np.int32)
    p_channel = np.empty(size_in, dtype=np.int32)
    p_mass = np.empty(size_in)
    q_field = np.empty(size_out, dtype=np.int32)
    q_channel = np.empty(size_out, dtype=np.int32)
    q_mass = np.empty(size_out)
    live_i = np.empty(plan.length.shape[1], dtype=np.int32)
    live_j = np.empty(plan.length.shape[2], dtype=np.int32)
    negligible = NEGLIGIBLE / plan.spread[0]
    pool = (np.empty(POOL, dtype=np.uint16), np.empty(POOL, dtype=np.uint16), np.empty(POOL))
    work = (np.empty(plan.length.shape[1]), np.empty(plan.length.shape[2]))
    # What was measured last serves the next pair too, where pairs of one position follow each other.
    P, Q = 0, 0
    p_of, q_of = (-1, -1), (-1, -1)
    for pair in range(pair_begin, pair_end):
        if stop[0]:
            return
        if mode == CHOSEN and not chosen[pair - pair_begin]:
            continue
        at_i, at_j, tap = plan.source[pair], plan.target[pair], plan.tap[pair]
        for class_in in range(len(plan.in_class_start) - 1):
            n = 0
            for k in range(plan.in_class_start[class_in], plan.in_class_start[class_in + 1]):
                c = plan.in_class[k]
                if row_begin <= c < row_end and (is_first or x1[at_i, c] > 0.0) and plan.slot[tap, c] >= 0:
                    live_i[n] = c
                    n += 1
            if n == 0:
                continue
            if not is_first and p_of != (at_i, class_in):
                p_of = (at_i, class_in)
                P = fill_measure(
                    plan.in_start, plan.in_position, plan.in_tap, plan.in_mask, x0, e0, at_i, class_in, negligible,
                    p_field, p_channel, p_mass,
                )  # fmt: skip
            for class_out in range(len(plan.out_class_start) - 1):
                m = 0
                for k in range(plan.out_class_start[class_out], plan.out_class_start[class_out + 1]):
                    c = plan.out_class[k]
                    if is_last or x2[at_j, c] > 0.0:
                        live_j[m] = c
                        m += 1
                if m == 0:
                    continue
                if not is_last and q_of != (at_j, class_out):
                    q_of = (at_j, class_out)
                    Q = fill_measure(
                        plan.out_start, plan.out_position, plan.out_tap, plan.out_mask, x3, e3, at_j, class_out,
                        negligible, q_field, q_channel, q_mass,
                    )  # fmt: skip
                _block(
                    plan, pair, tap, at_j, slots, live_i[:n], live_j[:m], p_field[:P], p_channel[:P], p_mass[:P],
                    q_field[:Q], q_channel[:Q], q_mass[:Q], sample, mode, best, best_pair, best_sample,
                    low, low_pair, low_sample, grid, keep, work, pool, stop, counts,
                )  # fmt: skip


@compiled
def _block(
    plan,
    pair,
    tap,
    at_j,
    slots,
    live_i,
    live_j,
    p_field,
    p_channel,
    p,
    q_field,
    q_channel,
    q,
    sample,
    mode,
    best,
    best_pair,
    best_sample,
    low,
    low_pair,
    low_sample,
    grid,
    keep,
    work,
    pool,
    stop,
    counts,
):
    n, m, P, Q = len(live_i), len(live_j), len(p), len(q)
    through_i, through_j = work
    through_j[:] = 0.0
    for u in range(P):
        row = plan.two_in[plan.a_kind[plan.a_start[pair] + p_field[u]], p_channel[u]]
        for j in range(len(through_j)):
            through_j[j] += p[u] * row[j]
    through_i[:] = 0.0
    for v in range(Q):
        row = plan.two_back[plan.b_kind[plan.b_start[pair] + q_field[v]], q_channel[v]]
        for i in range(len(through_i)):
            through_i[i] += q[v] * row[i]
    if P == 0 or Q == 0:
        if mode in (BOUND, ALL):
            base = 0.0 if P == 0 and Q == 0 else 1.0
            for i in range(n):
                slot = plan.slot[tap, live_i[i]]
                toll = through_i[live_i[i]]
                for j in range(m):
                    length = plan.length[tap, live_i[i], live_j[j]]
                    if length == np.inf:
                        continue
                    kappa = base - (through_j[live_j[j]] + toll) / length
                    counts[LIVE] += 1
                    if keep and not np.isnan(grid[live_j[j], at_j, slot]):
                        continue
                    counts[CLOSED] += 1
                    w = live_j[j] * slots + slot
                    if kappa < best[w]:
                        best[w], best_pair[w], best_sample[w] = kappa, pair, sample
                    if keep:
                        grid[live_j[j], at_j, slot] = kappa
        return
    if mode == BOUND:
        for i in range(n):
            slot = plan.slot[tap, live_i[i]]
            toll = through_i[live_i[i]]
            for j in range(m):
                length = plan.length[tap, live_i[i], live_j[j]]
                if length == np.inf:
                    continue
                counts[LIVE] += 1
                bound = 2.0 - (through_j[live_j[j]] + toll) / length
                w = live_j[j] * slots + slot
                if bound < low[w]:
                    low[w], low_pair[w], low_sample[w] = bound, pair, sample
        return
    floor = np.empty((n, m))
    row_of, column_of = np.zeros(n, dtype=np.bool_), np.zeros(m, dtype=np.bool_)
    wanted = False
    for i in range(n):
        slot = plan.slot[tap, live_i[i]]
        toll = through_i[live_i[i]]
        for j in range(m):
            length = plan.length[tap, live_i[i], live_j[j]]
            least = np.inf
            if length < np.inf:
                w = live_j[j] * slots + slot
                if mode == ALL:
                    counts[LIVE] += 1
                    if not keep or np.isnan(grid[live_j[j], at_j, slot]):
                        least = -np.inf
                elif mode == CHOSEN:
                    if low_pair[w] == pair and low_sample[w] == sample and low[w] < best[w]:
                        least = -np.inf
                else:
                    bound = 2.0 - (through_j[live_j[j]] + toll) / length
                    if bound < best[w] and not (best_pair[w] == pair and best_sample[w] == sample):
                        least = (1.0 - best[w]) * length
            floor[i, j] = least
            if least < np.inf:
                wanted = True
                row_of[i] = True
                column_of[j] = True
    if not wanted:
        return
    rows, columns = np.flatnonzero(row_of), np.flatnonzero(column_of)
    live_i, live_j = live_i[rows], live_j[columns]
    n, m = len(rows), len(columns)
    d = np.empty((n, m))
    least_of = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            least_of[i, j] = floor[rows[i], columns[j]]
            d[i, j] = plan.length[tap, live_i[i], live_j[j]] if least_of[i, j] < np.inf else np.inf
    # The solver wants the heaviest points first.
    order = np.argsort(-p)
    p_field, p_channel, p = p_field[order], p_channel[order], p[order]
    order = np.argsort(-q)
    q_field, q_channel, q = q_field[order], q_channel[order], q[order]
    C = np.empty((P, Q))
    fan_out = plan.b_start[pair + 1] - plan.b_start[pair]
    for u in range(P):
        first = plan.c_start[pair] + p_field[u] * fan_out
        for v in range(Q):
            C[u, v] = plan.three[plan.c_kind[first + q_field[v]], p_channel[u], q_channel[v]]
    At = np.empty((P, m))
    for u in range(P):
        row = plan.two_in[plan.a_kind[plan.a_start[pair] + p_field[u]], p_channel[u]]
        for j in range(m):
            At[u, j] = row[live_j[j]]
    Bt = np.empty((Q, n))
    for v in range(Q):
        row = plan.two_back[plan.b_kind[plan.b_start[pair] + q_field[v]], q_channel[v]]
        for i in range(n):
            Bt[v, i] = row[live_i[i]]
    value = np.empty((n, m))
    solve_block(p, q, C, At, Bt, d, least_of, value, pool, stop, counts)
    for i in range(n):
        slot = plan.slot[tap, live_i[i]]
        for j in range(m):
            if d[i, j] == np.inf or value[i, j] == -np.inf:
                continue
            kappa = 1.0 - value[i, j] / d[i, j]
            if np.isnan(kappa):
                counts[FAILED] += 1
            w = live_j[j] * slots + slot
            if kappa < best[w]:
                best[w], best_pair[w], best_sample[w] = kappa, pair, sample
            if keep:
                grid[live_j[j], at_j, slot] = kappa


@compiled
def sweep(
    plan,
    layers,
    is_first,
    is_last,
    pair_begin,
    pair_end,
    row_begin,
    row_end,
    sample_begin,
    sample_end,
    first_mode,
    best,
    best_pair,
    best_sample,
    low,
    low_pair,
    low_sample,
    stop,
    progress,
    counts,
):
    """Find the least κ of each weight that some blocks touch, over samples: bounds first, then best first, then all.

    The arguments are those of ``scan``, but ``layers`` have a leading axis for the samples from ``sample_begin`` to
    ``sample_end``; ``first_mode`` is BOUND, or CHOSEN where ``best`` and ``low`` hold the bounds already; and into
    ``progress``, float64 [1], goes the share of the work that is done.
    """
    (x0, e0, x1, e1, x2, e2, x3, e3) = layers
    grid = np.empty((0, 0, 0))
    samples = sample_end - sample_begin
    chosen = np.zeros((samples, pair_end - pair_begin), dtype=np.bool_)
    for mode in (BOUND, CHOSEN, BETTER):
        if mode < first_mode or (mode != BOUND and (is_first or is_last)):
            continue
        if mode == CHOSEN:
            for w in range(len(best)):
                if low[w] < best[w] and pair_begin <= low_pair[w] < pair_end:
                    chosen[low_sample[w] - sample_begin, low_pair[w] - pair_begin] = True
        for s in range(samples):
            scan(
                plan, (x0[s], e0[s], x1[s], e1[s], x2[s], e2[s], x3[s], e3[s]), is_first, is_last,
                pair_begin, pair_end, row_begin, row_end, sample_begin + s, mode, best, best_pair, best_sample,
                low, low_pair, low_sample, chosen[s], grid, stop, counts,
            )  # fmt: skip
            if stop[0]:
                return
            done = (s + 1) / samples
            if mode == BOUND:
                progress[0] = 0.05 * done
            elif mode == CHOSEN:
                progress[0] = 0.05 + 0.45 * done
            else:
                progress[0] = 0.5 + 0.5 * done
    progress[0] = 1.0
