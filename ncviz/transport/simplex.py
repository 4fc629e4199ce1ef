"""Transport with a hub, block by block: one fixed cost, tolls that change from edge to edge, warm starts.

With an edge itself as the hub this is the curvature's transport problem from idleness 1/2 on: only the tolls A, B
differ between the edges of a block, so the final tree of one edge is a feasible start for every other one. All
functions are compiled by numba and release the GIL.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.compiled import compiled
from ncviz.transport.plans import greedy_plan, plan_cost, tree_plan, use_elsewhere
from ncviz.transport.tree import (
    ROUNDING,
    Costs,
    Tree,
    list_nodes,
    padded,
    quantise,
    set_potentials,
    set_subtrees,
    solve_tree,
)

# A first phase looks only at points with this share of the heaviest one's mass or more, the last phase at all.
LEVELS = (0.1, 0.0)
# Potentials may gather this much rounding, beside the edge's length, before a solution counts as unproved.
DRIFT = 64.0 * ROUNDING
ATTEMPTS = 12
# Nodes that the pool can number.
MOST_NODES = 2**16


class Tolls(NamedTuple):
    """What the ways to the hub and from it cost each edge.

    Attributes:
        A: float64 [m, P], from the sources, for each target.
        B: float64 [n, Q], to the sinks, for each source of an edge.
        At: float64 [P, m], ``A`` with the sources first.
        Bt: float64 [Q, n].
    """

    A: np.ndarray
    B: np.ndarray
    At: np.ndarray
    Bt: np.ndarray


class Open(NamedTuple):
    """The edges that are left to solve.

    Attributes:
        i: int32 [e], their sources.
        j: int32 [e], their targets.
        star: float64 [e], the cost when all mass goes through the hub.
    """

    i: np.ndarray
    j: np.ndarray
    star: np.ndarray


@compiled
def _reduce(C, At, Bt, d):
    """Take from each source and each sink what all its ways cost at least, and from C what the hub always undercuts.

    The optimal plans stay the same. What is left is of the size of the differences that matter, so that a weight of
    1e-30 somewhere does not drown them in its rounding.

    Returns:
        The reduced C, At and Bt, then what was taken from the sources and from the sinks.
    """
    P, Q = C.shape
    n, m = d.shape
    shortest = np.inf
    for i in range(n):
        for j in range(m):
            shortest = min(shortest, d[i, j])
    r, s = np.full(P, np.inf), np.full(Q, np.inf)
    dear_A, dear_B = np.zeros(P), np.zeros(Q)
    for u in range(P):
        for j in range(m):
            if At[u, j] < np.inf:
                r[u] = min(r[u], At[u, j])
                dear_A[u] = max(dear_A[u], At[u, j])
    for v in range(Q):
        for i in range(n):
            if Bt[v, i] < np.inf:
                s[v] = min(s[v], Bt[v, i])
                dear_B[v] = max(dear_B[v], Bt[v, i])
    out = np.empty((P, Q))
    for u in range(P):
        for v in range(Q):
            out[u, v] = min(C[u, v], dear_A[u] + dear_B[v] - shortest)
            r[u] = min(r[u], out[u, v])
    for u in range(P):
        for v in range(Q):
            out[u, v] -= r[u]
            s[v] = min(s[v], out[u, v])
    for u in range(P):
        for v in range(Q):
            out[u, v] -= s[v]
    return out, At - r.reshape(P, 1), Bt - s.reshape(Q, 1), r, s


@compiled
def solve_block(p, q, C, At, Bt, d, floor, value, pool, stop, counts):
    """Solve every edge of a block that could matter.

    Args:
        p: float64 [P], masses of the sources' in-neighbours.
        q: float64 [Q], masses of the targets' out-neighbours.
        C: float64 [P, Q].
        At: float64 [P, m], distance from u to each target j.
        Bt: float64 [Q, n], distance from each source i to v.
        d: float64 [n, m], length of the edge, inf where there is none.
        floor: float64 [n, m]: an edge whose cost is at most this need not be known exactly; -inf if none is.
        value: float64 [n, m], written: the optimal cost; -inf where it is at most ``floor``, NaN where d is inf or
            the simplex did not end.
        pool: Two uint16 and one float64 array of one length, room for trees.
        stop: bool [1], set from outside to end early.
        counts: int64 [8], added to: edges certified, skipped, solved; pivots of these; at 7, how many of those
            skipped took part of a solution.
    """
    P, Q = C.shape
    n, m = d.shape
    value[:] = np.nan
    C, At, Bt, r, s = _reduce(C, At, Bt, d)
    taken = 0.0
    for u in range(P):
        taken += p[u] * r[u]
    for v in range(Q):
        taken += q[v] * s[v]
    floor = floor - taken
    through_j = np.zeros(m)
    for u in range(P):
        for j in range(m):
            through_j[j] += p[u] * At[u, j]
    through_i = np.zeros(n)
    for v in range(Q):
        for i in range(n):
            through_i[i] += q[v] * Bt[v, i]
    open_i = np.empty(n * m, dtype=np.int32)
    open_j = np.empty(n * m, dtype=np.int32)
    star = np.empty(n * m)
    left = 0
    is_bounded = False
    for i in range(n):
        for j in range(m):
            if d[i, j] == np.inf:
                continue
            cost = through_j[j] + through_i[i] - d[i, j]
            is_bounded |= floor[i, j] > -np.inf
            if cost <= floor[i, j]:
                value[i, j] = -np.inf
                counts[1] += 1
            else:
                open_i[left], open_j[left], star[left] = i, j, cost
                left += 1
    if left == 0:
        return
    A, B = np.ascontiguousarray(At.T), np.ascontiguousarray(Bt.T)
    plan = (np.empty(P + Q, np.int32), np.empty(P + Q, np.int32), np.empty(P + Q))
    if is_bounded:
        arcs = greedy_plan(p, q, C, plan)
        kept = 0
        for e in range(left):
            if stop[0]:
                return
            i, j = open_i[e], open_j[e]
            if plan_cost(plan, arcs, C, A[j], B[i], d[i, j]) <= floor[i, j]:
                value[i, j] = -np.inf
                counts[1] += 1
            else:
                open_i[kept], open_j[kept], star[kept] = i, j, star[e]
                kept += 1
        left = kept
        if left == 0:
            return
    Ct = np.empty((Q, P))
    for u in range(P):
        for v in range(Q):
            Ct[v, u] = C[u, v] * (1.0 + ROUNDING)
    F = np.empty(P)
    kept, of = 0, -1
    for e in range(left):
        if stop[0]:
            return
        i, j = open_i[e], open_j[e]
        if i != of:
            # How much dearer the hub is than the direct way at worst, but for the toll to it.
            F[:] = -np.inf
            for v in range(Q):
                toll = B[i, v] * (1.0 - ROUNDING)
                for u in range(P):
                    x = toll - Ct[v, u]
                    F[u] = x if x > F[u] else F[u]
            of = i
        is_certain = True
        for u in range(P):
            if A[j, u] * (1.0 - ROUNDING) + F[u] > d[i, j] * (1.0 + ROUNDING):
                is_certain = False
                break
        if is_certain:
            value[i, j] = star[e] + taken
            counts[0] += 1
        else:
            open_i[kept], open_j[kept], star[kept] = i, j, star[e]
            kept += 1
    if kept > 0:
        listed = Open(open_i[:kept], open_j[:kept], star[:kept])
        tolls = Tolls(A, B, At, Bt)
        limits = (floor, is_bounded, taken)
        _solve_open(p, q, C, tolls, d, limits, value, listed, plan, pool, stop, counts)


@compiled
def _solve_open(p, q, C, tolls, d, limits, value, listed, plan, pool, stop, counts):
    """Run the simplex for the edges that no closed form settles, each from the best tree of those before it."""
    A, B, At, Bt = tolls
    floor, is_bounded, taken = limits
    open_i, open_j, star = listed
    P, Q = C.shape
    N = 1 + P + Q
    left = len(open_i)
    supply, demand = quantise(p), quantise(q)
    wide, high = padded(Q), padded(P)
    largest = 0.0
    dear_C = np.full((P, wide), np.inf)
    for u in range(P):
        for v in range(Q):
            largest = max(largest, C[u, v])
            dear_C[u, v] = C[u, v] * (1.0 + ROUNDING)
    heavy = np.empty((len(LEVELS), 2), dtype=np.int64)
    for phase, share in enumerate(LEVELS):
        heavy[phase, 0] = np.sum(p >= share * p[0])
        heavy[phase, 1] = np.sum(q >= share * q[0])
    capacity = min(left, len(pool[2]) // N) if N <= MOST_NODES else 0
    parents = pool[0][: capacity * N].reshape(capacity, N)
    orders = pool[1][: capacity * N].reshape(capacity, N)
    flows = pool[2][: capacity * N].reshape(capacity, N)
    trees = 0
    best = star.copy()
    tree_of = np.full(left, -1, dtype=np.int32)
    parent = np.zeros(N, dtype=np.uint32)
    order = np.empty(N - 1, dtype=np.uint32)
    flow = np.zeros(N)
    below = np.zeros((N, (N + 63) // 64), dtype=np.uint64)
    seen = np.zeros(N, dtype=np.bool_)
    stack = np.empty(N, dtype=np.uint32)
    pi = np.zeros(1 + high + wide)
    a, b = np.empty(P), np.empty(Q)
    dear_a, dear_b = np.full(high, np.inf), np.full(wide, np.inf)
    costs, dear, tree = Costs(C, a, b), Costs(dear_C, dear_a, dear_b), Tree(parent, flow, below, pi)
    # Neighbours in the list are alike, so that going through it in order would begin with a pool of little variety.
    np.random.seed(left)
    edges = np.random.permutation(left)
    for at in range(left):
        if stop[0]:
            return
        e = edges[at]
        i, j, objective, k = open_i[e], open_j[e], best[e], tree_of[e]
        if objective <= floor[i, j]:
            value[i, j] = -np.inf
            counts[1] += 1
            continue
        # A toll so high that the hub is never cheaper could be any higher one, and its rounding would spread.
        is_capped = False
        for u in range(P):
            is_capped |= A[j, u] > largest + d[i, j]
            a[u] = min(A[j, u], largest + d[i, j])
            dear_a[u] = a[u] * (1.0 + ROUNDING)
        for v in range(Q):
            is_capped |= B[i, v] > largest + d[i, j]
            b[v] = min(B[i, v], largest + d[i, j]) - d[i, j]
            dear_b[v] = b[v] + ROUNDING * min(B[i, v], largest + d[i, j])
        if k < 0:
            for x in range(1, N):
                parent[x] = 0
                order[x - 1] = x
                flow[x] = supply[x - 1] if x <= P else demand[x - 1 - P]
        else:
            parent[:] = parents[k]
            order[:] = orders[k, : N - 1]
            flow[:] = flows[k]
        drift, cost = set_potentials(order, costs, tree)
        if is_capped:
            objective = cost
        pivots, slack, limit = 0, ROUNDING * d[i, j], floor[i, j]
        is_low, is_done = False, False
        for attempt in range(ATTEMPTS):
            before = pivots
            set_subtrees(order, parent, below)
            for phase in range(len(heavy)):
                more, objective = solve_tree(
                    costs, dear, (heavy[phase, 0], heavy[phase, 1]), tree, objective, limit, slack, stop
                )
                if more < 0:
                    break
                pivots += more
            if stop[0]:
                return
            list_nodes(parent, order, seen, stack)
            drift, cost = set_potentials(order, costs, tree)
            objective = cost
            if more == -1:
                pivots += 1
                is_low = cost <= floor[i, j]
                if is_low:
                    break
                limit = -np.inf  # an objective that rounding took below the floor once would do so again
            elif more >= 0 and (pivots == before or drift <= max(DRIFT * d[i, j], slack)):
                is_done = True
                break
            # Where costs are so unlike that even fresh potentials only round to and fro, what they round to is it.
            if attempt >= 3 or more == -2:
                slack = max(16.0 * slack, 2.0 * drift)
        if is_low:
            value[i, j] = -np.inf
            counts[1] += 1
            counts[7] += 1
        elif is_done:
            counts[2] += 1
            counts[3] += pivots
            # The plan's cost rather than the potentials': flows are exact, and no large costs cancel.
            total = cost
            for u in range(P):
                total += (p[u] - supply[u]) * pi[1 + u]
            for v in range(Q):
                total += (q[v] - demand[v]) * pi[1 + P + v]
            value[i, j] = total + taken
        if trees < capacity and pivots > 0:
            parents[trees] = parent
            orders[trees, : N - 1] = order
            flows[trees] = flow
            use_elsewhere(trees, parent, flow, C, At, Bt, d, open_i, open_j, edges[at + 1 :], best, tree_of)
            trees += 1
            if is_bounded and trees & (trees - 1) == 0:
                # Rarer and rarer, because a plan's own cost for all edges takes longer than a solution.
                arcs = tree_plan(parent, flow, P, plan)
                for rest in range(at + 1, left):
                    if stop[0]:
                        return
                    e = edges[rest]
                    i, j = open_i[e], open_j[e]
                    if best[e] > floor[i, j] and plan_cost(plan, arcs, C, A[j], B[i], d[i, j]) <= floor[i, j]:
                        best[e] = -np.inf
