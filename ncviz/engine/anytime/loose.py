"""Loose upper bounds on κ of weights, on one edge each, before the paths of three steps are known.

A path from u to v takes at least the shortest step from u and the shortest one to v, l_u + r_v ≤ D3_uv, so that what
can be saved by going past the edge is at most Σ p (A − l − c)⁺ + Σ q (B − r + c)⁺, whatever c is: a dual solution of

    max {Σ x·s : x ≥ 0, x1 ≤ p, xᵀ1 ≤ q},   s_uv = (A_u + B_v − D3_uv)⁺.
"""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.engine.anytime.upper import ROUNDING
from ncviz.engine.edges.block import class_of
from ncviz.engine.kernels import NEGLIGIBLE
from ncviz.engine.measures import Measure, measure

# Points of less mass than this over their number are only estimated.
_LIGHT = 1e-5
# The least of a convex function is sought in so many steps, each of which leaves 0.62 of the range.
_STEPS = 7
_GOLDEN = 0.6180339887498949


@compiled
def bound_loosely(plan, layers, first_sample, order, low, dear, upper, stop):
    """Bound κ of some weights from above, on the edge that ``low`` names; arguments as for ``upper.bound_above``."""
    x0, e0, _, _, _, _, x3, e3 = layers
    dear_A, dear_B = dear
    negligible = NEGLIGIBLE / plan.spread
    class_in = class_of(plan.into, plan.length.shape[1])
    class_out = class_of(plan.out_of, plan.length.shape[2])
    of_in = of_out = (-1, -1, -1)
    nothing = np.empty(0, dtype=np.int32)
    p = q = Measure(nothing, nothing, np.empty(0))
    light_p = light_q = 0.0
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
        at_i, at_j = plan.pairs.source[pair], plan.pairs.target[pair]
        if of_in != (at_i, s, class_in[i]):
            of_in = (at_i, s, class_in[i])
            p, light_p = _heavier(measure(plan.into.readings, x0[s], e0[s], at_i, class_in[i], negligible))
        if of_out != (at_j, s, class_out[j]):
            of_out = (at_j, s, class_out[j])
            q, light_q = _heavier(measure(plan.out_of.readings, x3[s], e3[s], at_j, class_out[j], negligible))
        d = plan.length[tap, i, j]
        a, b = np.empty(len(p.mass)), np.empty(len(q.mass))
        for u in range(len(a)):
            way = plan.to_target.kind[plan.to_target.start[pair] + p.field[u]]
            a[u] = plan.to_target.length[way, p.channel[u], j] - plan.first_step[p.channel[u]]
        for v in range(len(b)):
            way = plan.from_source.kind[plan.from_source.start[pair] + q.field[v]]
            b[v] = plan.to_source[way, q.channel[v], i] - d - plan.last_step[q.channel[v]]
        saving = (light_p + light_q) * max(0.0, dear_A[j] + dear_B[i] - d)
        least = low.curvature[w]
        kappa = least + ROUNDING * abs(least) + (_saved(p.mass, q.mass, a, b) + saving) / d
        upper[w] = min(upper[w], kappa)


@compiled
def _heavier(p):
    """Return the points that are not light, and the mass of the others."""
    count, light = 0, 0.0
    for k in range(len(p.mass)):
        if p.mass[k] * len(p.mass) > _LIGHT:
            p.field[count], p.channel[count], p.mass[count] = p.field[k], p.channel[k], p.mass[k]
            count += 1
        else:
            light += p.mass[k]
    return Measure(p.field[:count], p.channel[:count], p.mass[:count]), light


@compiled
def _saved(p, q, a, b):
    """Bound the largest saving: about the least over c of Σ p (a − c)⁺ + Σ q (b + c)⁺."""
    low, high = -b.max(), a.max()
    if high <= low:
        return 0.0
    # All of a, or all of b, is as good a choice of c as any.
    best = min(_at(p, q, a, b, low), _at(p, q, a, b, high))
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = _at(p, q, a, b, left), _at(p, q, a, b, right)
    for _ in range(_STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = _at(p, q, a, b, left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = _at(p, q, a, b, right)
    return min(best, at_left, at_right)


@compiled
def _at(p, q, a, b, c):
    total = 0.0
    for u in range(len(p)):
        total += p[u] * max(0.0, a[u] - c)
    for v in range(len(q)):
        total += q[v] * max(0.0, b[v] + c)
    return total
