"""Lower bounds on κ of all weights: all mass through the edge, the largest such cost over positions and images.

    κ(i, j) ≥ 2 − (p·D2[:, j] + q·D2[i, :]) / d

What the masses pay is a product of matrices for all pairs of positions that the same kinds of ways join, and the
largest sum of the two over pairs a product in the algebra of maximum and sum; no edge is looked at by itself.
"""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.engine.kernels import CLOSED, LIVE, NEGLIGIBLE
from ncviz.engine.layers import Layers
from ncviz.engine.local import Part
from ncviz.engine.measures import Measure, fill_measure
from ncviz.engine.minima import Least
from ncviz.engine.plan import Neighbours, Plan, Ways

# Masses that are held at a time.
_BYTES = 2**25
# Stands for a way that there is none of: no mass goes there, and no mass times infinity is no number.
_FAR = 1e300


def has_one_class(plan: Plan) -> bool:
    """Whether all edges of each pair of positions share their neighbours, as this module wants it."""
    return len(plan.into.class_start) == 2 and len(plan.out_of.class_start) == 2


def bound_below(
    plan: Plan, layers: Layers, part: Part, first_sample: int, found: tuple[Least, Least]
) -> None:
    """Bound κ of the weights of some blocks from below, on all samples; the blocks have one class of channels.

    Args:
        plan: An inner connection's plan.
        layers: Activity and mass of the four layers around it, float64 [samples, positions, channels].
        part: First pair, end of the pairs, first source channel, end of the source channels.
        first_sample: Number of the first sample.
        found: The least κ where a closed form gives it, and the least lower bound elsewhere; both are lowered.
    """
    x0, e0, x1, _, x2, _, x3, e3 = layers
    best, low = found
    begin, end, row_begin, row_end = part
    negligible = NEGLIGIBLE / plan.spread
    through_j, has_in = _through(
        plan.into, (x0, e0), plan.pairs.source[begin:end], plan.to_target, plan.to_target.length, begin, negligible
    )  # fmt: skip
    through_i, has_out = _through(
        plan.out_of, (x3, e3), plan.pairs.target[begin:end], plan.from_source, plan.to_source, begin, negligible
    )  # fmt: skip
    bound_pairs(
        plan, part, first_sample, x1[:, :, row_begin:row_end], x2, through_j, through_i[:, :, row_begin:row_end],
        has_in, has_out, best, low,
    )  # fmt: skip


def _through(
    side: Neighbours,
    layer: tuple[np.ndarray, np.ndarray],
    position: np.ndarray,
    ways: Ways,
    length: np.ndarray,
    begin: int,
    negligible: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the mass of each pair's neighbours pays to the other end, and whether there is any.

    Returns:
        float64 [samples, pairs, channels at the other end] and bool [samples, pairs].
    """
    activity, mass = layer
    samples, _, channels = activity.shape
    pairs = len(position)
    paid = np.zeros((samples, pairs, length.shape[2]))
    has_mass = np.zeros((samples, pairs), dtype=np.bool_)
    start = ways.start[begin : begin + pairs + 1]
    fan = np.diff(start)
    for size in np.unique(fan):
        if size == 0:
            continue
        alike = np.flatnonzero(fan == size)
        kinds = ways.kind[start[alike][:, None] + np.arange(size)]
        for kind, group in _groups(np.ascontiguousarray(kinds)):
            matrix = length[kind].reshape(size * channels, -1)
            matrix = np.where(np.isinf(matrix), _FAR, matrix)
            members = alike[group]
            step = max(1, _BYTES // (8 * size * channels * samples))
            for first in range(0, len(members), step):
                some = members[first : first + step]
                dense = np.zeros((samples, len(some), size * channels))
                has_mass[:, some] = spread_masses(
                    side.readings, activity, mass, position[some], negligible, dense
                )
                paid[:, some] = (dense.reshape(samples * len(some), -1) @ matrix).reshape(
                    samples, len(some), -1
                )
    return paid, has_mass


def _groups(kinds: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the distinct rows, and which rows are like each."""
    whole = kinds.view(np.dtype((np.void, kinds.dtype.itemsize * kinds.shape[1]))).reshape(-1)
    _, first, label = np.unique(whole, return_index=True, return_inverse=True)
    order = np.argsort(label, kind="stable")
    cuts = np.cumsum(np.bincount(label))[:-1]
    return [(kinds[at], rows) for at, rows in zip(first, np.split(order, cuts), strict=True)]


@compiled
def spread_masses(readings, activity, mass, position, negligible, dense):
    """Write the measures of some positions as rows [samples, positions, fan · channels]; return which have mass."""
    samples, wanted, width = dense.shape
    channels = activity.shape[2]
    has_mass = np.zeros((samples, wanted), dtype=np.bool_)
    room = Measure(np.empty(width, dtype=np.int32), np.empty(width, dtype=np.int32), np.empty(width))
    for s in range(samples):
        for k in range(wanted):
            count = fill_measure(readings, activity[s], mass[s], position[k], 0, negligible, room)
            has_mass[s, k] = count > 0
            for u in range(count):
                dense[s, k, room.field[u] * channels + room.channel[u]] = room.mass[u]
    return has_mass


@compiled
def bound_pairs(plan, part, first_sample, x1, x2, through_j, through_i, has_in, has_out, best, low):
    """Lower ``low`` and ``best`` by what each pair's edges pay.

    Args:
        plan: The ``Plan``.
        part: First pair, end of the pairs, first source channel, end of the source channels.
        first_sample: Number of the first sample.
        x1: float64 [samples, positions, rows], activity of the part's source channels.
        x2: float64 [samples, positions, m], of the targets.
        through_j: float64 [samples, pairs, m], what the in-neighbours' mass pays to each target.
        through_i: float64 [samples, pairs, rows], what the out-neighbours' pays from each source.
        has_in: bool [samples, pairs], whether there is such mass.
        has_out: bool [samples, pairs].
        best: A ``Least`` of exact values.
        low: A ``Least`` of lower bounds.
    """
    pair_begin, pair_end, row_begin, row_end = part
    rows, m = row_end - row_begin, plan.length.shape[2]
    samples = len(x1)
    most, at = np.empty((rows, m)), np.empty((rows, m), dtype=np.int64)
    reach = np.empty(m)
    is_done = np.zeros(pair_end - pair_begin, dtype=np.bool_)
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
            k = pair - pair_begin
            is_done[k] = True
            at_i, at_j = plan.pairs.source[pair], plan.pairs.target[pair]
            for s in range(samples):
                number = s * (pair_end - pair_begin) + k
                live_j = 0
                for j in range(m):
                    is_live = x2[s, at_j, j] > 0.0
                    live_j += is_live
                    reach[j] = through_j[s, k, j] if is_live else -np.inf
                is_mixed = has_in[s, k] and has_out[s, k]
                base = 1.0 if has_in[s, k] or has_out[s, k] else 0.0
                for i in range(rows):
                    slot = plan.slot[tap, row_begin + i]
                    if x1[s, at_i, i] <= 0.0 or slot < 0:
                        continue
                    toll = through_i[s, k, i]
                    edges = live_j
                    if missing > 0:
                        edges = 0
                        for j in range(m):
                            edges += length[row_begin + i, j] < np.inf and reach[j] > -np.inf
                    best.counts[LIVE] += edges
                    if is_mixed:
                        _rise(most[i], at[i], reach, toll, number)
                        continue
                    best.counts[CLOSED] += edges
                    for j in range(m):
                        d = length[row_begin + i, j]
                        if d < np.inf and reach[j] > -np.inf:
                            kappa = base - (reach[j] + toll) / d
                            w = j * plan.slots + slot
                            if kappa < best.curvature[w]:
                                best.curvature[w] = kappa
                                best.pair[w], best.sample[w] = pair, first_sample + s
        for i in range(rows):
            slot = plan.slot[tap, row_begin + i]
            for j in range(m):
                d = length[row_begin + i, j]
                if slot < 0 or d == np.inf or at[i, j] < 0:
                    continue
                bound, w = 2.0 - most[i, j] / d, j * plan.slots + slot
                if bound < low.curvature[w]:
                    low.curvature[w] = bound
                    low.pair[w] = pair_begin + at[i, j] % (pair_end - pair_begin)
                    low.sample[w] = first_sample + at[i, j] // (pair_end - pair_begin)


@compiled
def _rise(most, at, reach, toll, number):
    """Raise the largest sums, and note where they are."""
    for j in range(len(most)):
        x = reach[j] + toll
        is_more = x > most[j]
        most[j] = x if is_more else most[j]
        at[j] = number if is_more else at[j]
