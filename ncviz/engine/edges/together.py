"""Rejects edges of one pair of positions together, whatever classes their channels fall into.

An edge is rejected by a plan that saves enough beside the hub's, as in ``undercut``. The edges of a pair share most
neighbours, so that a direct way is read once for all of them, and a plan between shared neighbours serves another
edge, too: made smaller until it fits that edge's masses, and of each arc only what it saves.
"""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled, inlined
from ncviz.engine.edges.shared import PLANS, list_shared
from ncviz.transport.savings import largest, place_of, set_gains

# What is saved has to exceed what is needed by what sums of so many terms may round off, as a share of what is paid.
ROUNDING = 1e-12


@compiled
def reject_together(plan, sides, pair, s, slots, paid, bar, row_begin, rows, targets, found, room):
    """Reject what edges a cheap plan allows to; return how many are left, the first of ``rows`` and ``targets``.

    Args:
        plan: A ``Plan``.
        sides: The ``Side`` of the sources, and that of the targets.
        pair: Number of the pair of positions.
        s: The sample.
        slots: How many slots the sources' own neighbours take, and the targets'.
        paid: What the edges pay, a ``Paid``.
        bar: float64 [rows, m]: an edge that costs, with its own length, at most this much need not be known.
        row_begin: Channel of the first row.
        rows: int64, the edges' rows; changed, as ``targets``.
        targets: int64, their targets.
        found: How many edges there are.
        room: A ``Rejecting``.
    """
    left = 0
    for view in range(4):
        even_in, even_out = view >> 1, view & 1
        points = (-1, -1)
        for e in range(left, found):
            row, j = rows[e], targets[e]
            if (paid.share[even_in, row] == 0.0) or (paid.scale[even_out, j] == 0.0):
                continue
            if points[0] < 0:
                P = list_shared(
                    sides[0], plan.to_target, pair, plan.pairs.source[pair], s, even_in == 1, room.before
                )
                Q = list_shared(
                    sides[1], plan.from_source, pair, plan.pairs.target[pair], s, even_out == 1, room.after
                )
                points = (P, Q)
                room.is_read[:P] = False
                room.plans.arcs[:] = 0
            if not _is_rejected(
                plan, sides, (pair, s, even_in, even_out), slots, paid, bar, (row, j, row_begin), points, room
            ):
                rows[e], targets[e] = rows[left], targets[left]
                rows[left], targets[left] = row, j
                left += 1
    return left


@inlined
def _is_rejected(plan, sides, at, slots, paid, bar, edge, points, room):
    """Whether a plan makes one edge cheap enough."""
    pair, s, even_in, even_out = at
    row, j, row_begin = edge
    P, Q = points
    before, after, i = room.before, room.after, row_begin + row
    a, b = before.toll[j], after.toll[i]
    if not before.has_toll[j]:
        before.has_toll[j] = True
        for u in range(P):
            a[u] = plan.to_target.length[before.kind[u], before.channel[u], j]
    if not after.has_toll[i]:
        after.has_toll[i] = True
        for v in range(Q):
            b[v] = plan.to_source[after.kind[v], after.channel[v], i]
    d = plan.length[plan.pairs.tap[pair], i, j]
    paid_by = paid.sums[row, j]
    need = paid_by - bar[row, j] + ROUNDING * (paid_by + d)
    share, scale = paid.share[even_in, row], paid.scale[even_out, j]
    for k in range(PLANS):
        if _saved_by(room.plans, k, room.direct, a, b, d, share, scale) >= need:
            return True
    # The edge's own neighbours stand after the shared ones.
    for u in range(P):
        before.rest[u] = share * before.mass[u]
        room.weight[u] = before.rest[u] * a[u]
    for k in range(slots[0]):
        side, u = sides[0], P + k
        c, near = side.own[paid.own_in[2, k], i], paid.own_in[1, k]
        before.rest[u] = room.weight[u] = 0.0
        room.is_read[u] = False
        if c >= 0 and side.activity[s, near, c] > 0.0:
            before.rest[u] = share * (1.0 if even_in == 1 else side.mass[s, near, c])
            a[u] = plan.to_target.length[paid.own_in[0, k], c, j]
            room.weight[u] = before.rest[u] * a[u]
    for v in range(Q):
        after.rest[v] = scale * after.mass[v]
    for k in range(slots[1]):
        c, v = sides[1].own[paid.own_out[2, k], j], Q + k
        after.rest[v] = paid.given[k, j] if c >= 0 else 0.0
        b[v] = plan.to_source[paid.own_out[0, k], max(0, c), i]
    return _greedy(plan, sides, pair, slots, paid, i, j, d, need, (share, scale), points, room)


@inlined
def _saved_by(plans, k, direct, a, b, d, share, scale):
    """Return what a plan that was made for another edge saves for this one."""
    total = 0.0
    for x in range(plans.arcs[k]):
        u, v = plans.u[k, x], plans.v[k, x]
        each = a[u] + b[v] - d - direct[u, v]
        total += plans.mass[k, x] * each if each > 0.0 else 0.0
    return total * min(1.0, share / plans.fits[k, 0], scale / plans.fits[k, 1]) if total > 0.0 else 0.0


@inlined
def _greedy(plan, sides, pair, slots, paid, i, j, d, need, fits, points, room):
    """Whether a greedy plan saves enough; it is kept for other edges."""
    P, Q = points
    before, after, direct, is_read, gain, weight, plans = room
    a, b = before.toll[j][: P + slots[0]], after.toll[i][: Q + slots[1]]
    rest_p, rest_q = before.rest, after.rest[: len(b)]
    weight, gain = weight[: len(a)], gain[: len(b)]
    new = plans.oldest[0]
    plans.oldest[0] = (new + 1) % PLANS
    fan_out = plan.from_source.start[pair + 1] - plan.from_source.start[pair]
    arcs, steps, saved = 0, 0, 0.0
    is_enough = False
    while not is_enough:
        top = largest(weight)
        if top <= 0.0:
            break
        u = place_of(weight, top)
        weight[u] = 0.0
        own = u - P
        field = paid.own_in[3, own] if own >= 0 else before.field[u]
        c = sides[0].own[paid.own_in[2, own], i] if own >= 0 else before.channel[u]
        first = plan.across.start[pair] + field * fan_out
        line = direct[u]
        if not is_read[u]:
            is_read[u] = True
            for v in range(Q):
                line[v] = plan.across.length[plan.across.kind[first + after.field[v]], c, after.channel[v]]
        for k in range(slots[1]):
            to = sides[1].own[paid.own_out[2, k], j]
            if to >= 0:
                line[Q + k] = plan.across.length[plan.across.kind[first + paid.own_out[3, k]], c, to]
        set_gains(gain, b, line, rest_q)
        while rest_p[u] > 0.0 and steps < 2 * (len(a) + len(b)):
            steps += 1
            top = largest(gain)
            each = a[u] - d + top
            if not each > 0.0:
                break
            v = place_of(gain, top)
            x = min(rest_p[u], rest_q[v])
            if own < 0 and v < Q and arcs < plans.u.shape[1]:
                plans.u[new, arcs], plans.v[new, arcs], plans.mass[new, arcs] = u, v, x
                arcs += 1
            rest_p[u] -= x
            rest_q[v] -= x
            gain[v] = -np.inf
            saved += x * each
        is_enough = saved >= need
    plans.arcs[new], plans.fits[new, 0], plans.fits[new, 1] = arcs, fits[0], fits[1]
    return is_enough
