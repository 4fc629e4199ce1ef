"""Edges that need no solution because a cheap plan of their own already costs too little.

κ can lie below a weight's best only where moving the mass costs more than a certain sum, the floor. Most edges that the
plan through the hub leaves open fall to a greedy one: each unit of mass that saves something by going directly takes
the way that saves the most. Only the lengths that this plan asks about are read, and it ends once it has saved
enough, so that a rejection takes a fraction of the time that a look at all direct ways would.
"""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled, summing
from ncviz.engine.edges.block import fill_direct, toll_from, toll_to
from ncviz.transport.savings import largest, place_of, set_gains


@compiled
def reject(plan, block, p, q, through_i, through_j, floor):
    """Set the floor to inf wherever a greedy plan costs at most that much; return how many edges that settles.

    Args:
        plan: A ``Plan``.
        block: A ``Block``.
        p: The ``Measure`` on the in-neighbours.
        q: The same of the out-neighbours.
        through_i: float64 [channels before], what the mass of the out-neighbours pays from each source.
        through_j: float64 [channels after], what the mass of the in-neighbours pays to each target.
        floor: float64 [n, m], the cost at which an edge need not be known, inf where it is not wanted; changed.

    Returns:
        How many edges were rejected, and how many are left.
    """
    P, Q = len(p.mass), len(q.mass)
    n, m = floor.shape
    C = np.empty((P, Q))
    is_read, has_toll = np.zeros(P, dtype=np.bool_), np.zeros(m, dtype=np.bool_)
    A, b = np.empty((m, P)), np.empty(Q)
    rest_p, rest_q, weight, gain = np.empty(P), np.empty(Q), np.empty(P), np.empty(Q)
    arcs_u, arcs_v = np.empty(P + Q, dtype=np.int32), np.empty(P + Q, dtype=np.int32)
    mass = np.empty(P + Q)
    arcs, rejected, left = 0, 0, 0
    for at_i in range(n):
        is_read_b = False
        i = block.live_i[at_i]
        for at_j in range(m):
            if floor[at_i, at_j] == np.inf:
                continue
            j = block.live_j[at_j]
            if not is_read_b:
                for v in range(Q):
                    b[v] = toll_from(plan, block.pair, q, v)[i]
                is_read_b = True
            a = A[at_j]
            if not has_toll[at_j]:
                has_toll[at_j] = True
                for u in range(P):
                    a[u] = toll_to(plan, block.pair, p, u)[j]
            d = plan.length[block.tap, i, j]
            limit = floor[at_i, at_j]
            # The last edge's plan first: those of a block are alike.
            if (
                arcs > 0
                and _cost(C, a, b, d, rest_p, rest_q, arcs_u[:arcs], arcs_v[:arcs], mass[:arcs]) <= limit
            ):
                floor[at_i, at_j] = np.inf
                rejected += 1
                continue
            rest_p[:] = p.mass
            rest_q[:] = q.mass
            for u in range(P):
                weight[u] = p.mass[u] * a[u]
            arcs = 0
            need = through_i[i] + through_j[j] - d - limit
            saved = 0.0
            is_rejected = False
            for _ in range(P):
                top = largest(weight)
                if top <= 0.0:
                    break
                u = place_of(weight, top)
                weight[u] = 0.0
                if not is_read[u]:
                    is_read[u] = True
                    fill_direct(plan, block.pair, p.field[u], p.channel[u], q, C[u])
                set_gains(gain, b, C[u], rest_q)
                while rest_p[u] > 0.0 and arcs < P + Q:
                    top = largest(gain)
                    each = a[u] - d + top
                    if not each > 0.0:
                        break
                    v = place_of(gain, top)
                    x = min(rest_p[u], rest_q[v])
                    arcs_u[arcs], arcs_v[arcs], mass[arcs] = u, v, x
                    arcs += 1
                    rest_p[u] -= x
                    rest_q[v] -= x
                    gain[v] = -np.inf
                    saved += x * each
                if saved >= need:
                    # A sum of differences, whose rounding can exceed a small cost; that of the plan itself decides.
                    cost = _cost(C, a, b, d, rest_p, rest_q, arcs_u[:arcs], arcs_v[:arcs], mass[:arcs])
                    if cost <= limit:
                        is_rejected = True
                        break
            if is_rejected:
                floor[at_i, at_j] = np.inf
                rejected += 1
            else:
                left += 1
    return rejected, left


@compiled
def _cost(C, a, b, d, rest_p, rest_q, arcs_u, arcs_v, mass):
    """Cost of a plan whose arcs take the cheaper way and whose rest goes through the hub."""
    hub = total(rest_p)
    cost = product(rest_p, a) + product(rest_q, b) - hub * d
    for k in range(len(mass)):
        u, v = arcs_u[k], arcs_v[k]
        direct, through = C[u, v], a[u] + b[v] - d
        cost += mass[k] * (direct if direct < through else through)
    return cost


@summing
def total(values):
    """Sum of some numbers."""
    found = 0.0
    for k in range(len(values)):
        found += values[k]
    return found


@summing
def product(one, other):
    """Sum of products."""
    found = 0.0
    for k in range(len(one)):
        found += one[k] * other[k]
    return found
