"""Upper bounds on κ of weights: on one edge each, what can at most be saved by going past the edge.

    W = p·A + q·B − max {Σ x·s : x ≥ 0, x1 ≤ p, xᵀ1 ≤ q},   s_uv = (A_u + B_v − D3_uv)⁺

By duality Σ p f + Σ q g is at least the largest saving for all f, g ≥ 0 with f_u + g_v ≥ s_uv. Tried are f_u the
largest saving of a row less a threshold, and g_v what is left of the column's; with the threshold 0 that is zero
just where the all-hub certificate holds. Light points, of little mass together, save at most their tolls.
"""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.engine.edges.block import class_of
from ncviz.engine.kernels import NEGLIGIBLE
from ncviz.engine.measures import Measure, measure

# The mass of all points that are only estimated.
LIGHT = 1e-4
# What is paid and what is saved may be almost the same, and far more than their difference: of |κ|'s lower bound, which
# is about what is paid, the share that sums of many thousand terms round off at most.
ROUNDING = 1e-12
# Thresholds, as shares of the largest saving: 0 takes rows alone, 1 columns alone.
THRESHOLDS = (0.0, 0.15, 0.4, 1.0)


@compiled
def dearest(length):
    """Return the largest finite length to each last channel."""
    most = np.zeros(length.shape[2])
    for kind in range(length.shape[0]):
        for k in range(length.shape[1]):
            for c in range(length.shape[2]):
                if most[c] < length[kind, k, c] < np.inf:
                    most[c] = length[kind, k, c]
    return most


@compiled
def bound_above(plan, layers, first_sample, order, low, dear, upper, stop):
    """Bound κ of some weights from above, on the edge that ``low`` names.

    Args:
        plan: The ``Plan``.
        layers: Activity and mass of the four layers around it, float64 [samples, positions, channels].
        first_sample: Number of the first sample.
        order: int64, the weights, those on one sample and pair of positions one after the other.
        low: A ``Least`` of lower bounds.
        dear: The largest lengths to each target and from each source, see ``dearest``.
        upper: float64 [W], lowered.
        stop: bool [1], set from outside to end early.
    """
    x0, e0, _, _, _, _, x3, e3 = layers
    dear_A, dear_B = dear
    negligible = NEGLIGIBLE / plan.spread
    class_in = class_of(plan.into, plan.length.shape[1])
    class_out = class_of(plan.out_of, plan.length.shape[2])
    of, kinds = (-1, -1), (-1, -1)
    nothing = np.empty(0, dtype=np.int32)
    p = q = Measure(nothing, nothing, np.empty(0))
    light_p = light_q = 0.0
    C = np.empty((0, 0))
    for k in range(len(order)):
        if stop[0]:
            return
        w = order[k]
        pair, s = low.pair[w], low.sample[w] - first_sample
        tap = plan.pairs.tap[pair]
        j, slot = w // plan.slots, w % plan.slots
        i = -1
        for c in range(plan.length.shape[1]):
            if plan.slot[tap, c] == slot and plan.length[tap, c, j] < np.inf:
                i = c
        if of != (pair, s) or kinds != (class_in[i], class_out[j]):
            of, kinds = (pair, s), (class_in[i], class_out[j])
            p, light_p = _heavy(
                measure(plan.into.readings, x0[s], e0[s], plan.pairs.source[pair], kinds[0], negligible)
            )
            q, light_q = _heavy(
                measure(plan.out_of.readings, x3[s], e3[s], plan.pairs.target[pair], kinds[1], negligible)
            )
            C = np.empty((len(p.mass), len(q.mass)))
            fan_out = plan.from_source.start[pair + 1] - plan.from_source.start[pair]
            for u in range(len(p.mass)):
                first = plan.across.start[pair] + p.field[u] * fan_out
                for v in range(len(q.mass)):
                    C[u, v] = plan.across.length[
                        plan.across.kind[first + q.field[v]], p.channel[u], q.channel[v]
                    ]
        d = plan.length[tap, i, j]
        A, B = np.empty(len(p.mass)), np.empty(len(q.mass))
        for u in range(len(A)):
            A[u] = plan.to_target.length[
                plan.to_target.kind[plan.to_target.start[pair] + p.field[u]], p.channel[u], j
            ]
        for v in range(len(B)):
            B[v] = plan.to_source[
                plan.from_source.kind[plan.from_source.start[pair] + q.field[v]], q.channel[v], i
            ]
        saving = (light_p + light_q) * max(0.0, dear_A[j] + dear_B[i] - d)
        least = low.curvature[w]
        kappa = least + ROUNDING * abs(least) + (_most_saved(p.mass, q.mass, A, B - d, C) + saving) / d
        upper[w] = min(upper[w], kappa)


@compiled
def _heavy(p):
    """Return the heaviest points, and the mass of the others."""
    order = np.argsort(-p.mass)
    total, count = 0.0, 0
    while count < len(order) and total < 1.0 - LIGHT:
        total += p.mass[order[count]]
        count += 1
    some = order[:count]
    light = 0.0
    for k in order[count:]:
        light += p.mass[k]
    return Measure(p.field[some], p.channel[some], p.mass[some]), light


@compiled
def _most_saved(p, q, A, B, C):
    """Bound the largest saving."""
    P, Q = C.shape
    row, column = np.zeros(P), np.zeros(Q)
    S = np.empty((P, Q))
    largest = 0.0
    for u in range(P):
        a, most = A[u], 0.0
        for v in range(Q):
            x = a + B[v] - C[u, v]
            S[u, v] = x
            most = x if x > most else most
            column[v] = x if x > column[v] else column[v]
        row[u] = most
        largest = max(largest, most)
    by_row, by_column = 0.0, 0.0
    for u in range(P):
        by_row += p[u] * row[u]
    for v in range(Q):
        by_column += q[v] * column[v]
    best = min(by_row, by_column)
    if best == 0.0:
        return 0.0
    for share in THRESHOLDS[1:-1]:
        left = share * largest
        g = np.zeros(Q)
        total = 0.0
        for u in range(P):
            f = max(0.0, row[u] - left)
            total += p[u] * f
            if row[u] > 0.0:
                for v in range(Q):
                    x = S[u, v] - f
                    g[v] = x if x > g[v] else g[v]
        for v in range(Q):
            total += q[v] * g[v]
        best = min(best, total)
    return best
