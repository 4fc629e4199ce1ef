"""Network simplex for transport with a hub: one fixed cost, tolls that change from edge to edge, warm starts.

Mass p on sources u goes to sinks v with mass q, each bit either directly at cost C_uv or through the hub at
A_u + B_v. With the edge itself as the hub this is the curvature's transport problem from idleness 1/2 on: only the
tolls A, B differ between the edges of a block, so the final tree of one edge is a feasible start for every other one.

The spanning tree is kept strongly feasible (Cunningham 1976), so that the pivots end in spite of ties; flows are
whole multiples of 2⁻⁵⁰, so that ties are exact. All functions are compiled by numba and release the GIL.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import intrinsic

from ncviz.compiled import compiled, summing

QUANTUM = 2.0**-50
PRICED_ROWS = 4
CHUNK = 16
LEVELS = (0.1, 0.0)
# Reduced costs this small beside the costs of their own arcs are rounding.
ROUNDING = 8.0 * 2.0**-52
# Potentials may gather this much rounding, beside the edge's length, before a solution counts as unproved.
DRIFT = 64.0 * ROUNDING
ATTEMPTS = 12
# Nodes that the pool can number.
MOST_NODES = 2**16


@compiled
def quantise(masses: np.ndarray) -> np.ndarray:
    """Return positive masses as whole multiples of 2⁻⁵⁰, at least one each, summing to exactly 1."""
    out = np.empty(len(masses))
    total = 0.0
    largest = 0
    for k in range(len(masses)):
        out[k] = max(QUANTUM, np.rint(masses[k] / QUANTUM) * QUANTUM)
        total += out[k]
        if out[k] > out[largest]:
            largest = k
    out[largest] += 1.0 - total
    return out


@intrinsic
def _lowest_bit(typing_context, word):
    """Index of the lowest set bit of a uint64 that is not 0."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

    return types.uint64(types.uint64), generate


@summing
def _excess(cost, potential, other):
    """Sum of the violations of some arcs that share an end; a sum vectorises where a minimum does not."""
    total = 0.0
    for k in range(len(cost)):
        total += min(0.0, cost[k] - potential[k] - other)
    return total


@compiled
def _worst(cost, potential, other, reduced):
    """Find the most violated of some arcs that share an end, if one is below ``reduced``.

    Returns:
        Its index, -1 if there is none, and its reduced cost.
    """
    at = -1
    for begin in range(0, len(cost), CHUNK):
        part, own = cost[begin : begin + CHUNK], potential[begin : begin + CHUNK]
        if _excess(part, own, other + reduced) < 0.0:
            for k in range(len(part)):
                r = part[k] - own[k] - other
                if r < reduced:
                    reduced, at = r, begin + k
    return at, reduced


@compiled
def solve_tree(
    C, A, B, dear_C, dear_A, dear_B, heavy_p, heavy_q, parent, flow, below, pi, value, floor, slack
):
    """Pivot from a strongly feasible tree to the optimum.

    Nodes: 0 is the hub, 1 … P the sources, P+1 … P+Q the sinks. ``flow[n]`` runs on the arc between n and its parent,
    and ``below[n]`` has a bit for each node of the subtree of n: sets of bits are moved about faster than lists.

    Returns:
        Number of pivots, -1 if the objective fell to ``floor`` or below (stopped), -2 if it did not end; and the
        objective. Like ``pi`` it has gathered the rounding of all pivots.
    """
    P, Q = C.shape
    words = below.shape[1]
    moved = np.empty(words, dtype=np.uint64)
    inner = np.empty(words, dtype=np.uint64)
    row = 0
    clean = 0
    pivots = 0
    reduced = 0.0
    most = 200 * (P + Q) + 10000
    sinks = 1 + P
    wide = min(dear_C.shape[1], (heavy_q + CHUNK - 1) // CHUNK * CHUNK)
    f, g = pi[1:sinks], pi[sinks : sinks + wide]
    while True:
        # Entering arc: tolls first, then a few rows at a time; dearer by what may be rounding.
        tail, head, excess = 0, 0, 0.0
        if _excess(dear_A[:heavy_p], f[:heavy_p], -slack) < 0.0:
            at, excess = _worst(dear_A[:heavy_p], f[:heavy_p], -slack, excess)
            if at >= 0:
                tail, reduced = 1 + at, A[at] - f[at]
        if _excess(dear_B[:heavy_q], g[:heavy_q], -slack) < 0.0:
            at, excess = _worst(dear_B[:heavy_q], g[:heavy_q], -slack, excess)
            if at >= 0:
                tail, head, reduced = 0, sinks + at, B[at] - g[at]
        while excess == 0.0 and clean < heavy_p:
            worst, at = 0.0, 0
            for _ in range(min(PRICED_ROWS, heavy_p - clean)):
                e = _excess(dear_C[row, :wide], g, f[row] - slack)
                if e < worst:
                    worst, at = e, row
                row = row + 1 if row + 1 < heavy_p else 0
                clean += 1
            if worst < 0.0:
                k, excess = _worst(dear_C[at, :wide], g, f[at] - slack, excess)
                if k >= 0:
                    tail, head, reduced = 1 + at, sinks + k, C[at, k] - f[at] - g[k]
        if excess == 0.0:
            return pivots, value
        clean = 0
        pivots += 1
        if pivots > most:
            return -2, value
        # Leaving arc: least flow against the cycle; the last one in the cycle's direction, from its apex on.
        theta, leave, on_tail = np.inf, np.uint32(0), True
        word, bit = head >> 6, np.uint64(1) << np.uint64(head & 63)
        x = np.uint32(tail)
        while below[x, word] & bit == 0:
            if x <= P and flow[x] < theta:
                theta, leave = flow[x], x
            x = parent[x]
        apex = x
        y = np.uint32(head)
        while y != apex:
            if y > P and flow[y] <= theta:
                theta, leave, on_tail = flow[y], y, False
            y = parent[y]
        value += theta * reduced
        for w in range(words):
            moved[w] = below[leave, w]
        # One side of the cycle gains the subtree below the leaving arc; the other loses it above that arc.
        start, other = (np.uint32(tail), np.uint32(head)) if on_tail else (np.uint32(head), np.uint32(tail))
        y = other
        while y != apex:
            flow[y] += theta if (y <= P) == on_tail else -theta
            for w in range(words):
                below[y, w] |= moved[w]
            y = parent[y]
        y = parent[leave]
        while y != apex:
            flow[y] += -theta if (y <= P) == on_tail else theta
            for w in range(words):
                below[y, w] &= ~moved[w]
            y = parent[y]
        # Inside the subtree the way from the entering arc to the leaving one turns round.
        node, above, carried = start, other, theta
        for w in range(words):
            inner[w] = np.uint64(0)
        while True:
            up, was = parent[node], flow[node]
            for w in range(words):
                own = below[node, w]
                below[node, w] = moved[w] & ~inner[w]
                inner[w] = own
            parent[node] = above
            flow[node] = carried
            if node == leave:
                break
            carried = was - theta if (node <= P) == on_tail else was + theta
            above, node = node, up
        change = reduced if on_tail else -reduced  # for sources; sinks the other way round
        for w in range(words):
            rest = moved[w]
            while rest != 0:
                n = (w << 6) + np.int64(_lowest_bit(rest))
                rest &= rest - np.uint64(1)
                pi[n] += change if n <= P else -change
        if value <= floor:
            return -1, value


@compiled
def _set_potentials(order, parent, flow, C, A, B, pi):
    """Work out the potentials of a tree whose nodes are listed with parents before children.

    Returns:
        The largest change of a potential, and the cost of the tree's plan.
    """
    P = C.shape[0]
    pi[0] = 0.0
    drift, total = 0.0, 0.0
    for x in range(len(order)):
        y = order[x]
        above = parent[y]
        if above == 0:
            cost = A[y - 1] if y <= P else B[y - 1 - P]
        elif y <= P:
            cost = C[y - 1, above - 1 - P]
        else:
            cost = C[above - 1, y - 1 - P]
        own = cost - pi[above]
        drift = max(drift, abs(own - pi[y]))
        pi[y] = own
        total += flow[y] * cost
    return drift, total


@compiled
def _set_subtrees(order, parent, below):
    """Work out who is below whom."""
    for x in range(len(parent)):
        below[x] = np.uint64(0)
        below[x, x >> 6] = np.uint64(1) << np.uint64(x & 63)
    for x in range(len(order) - 1, -1, -1):
        y = order[x]
        for w in range(below.shape[1]):
            below[parent[y], w] |= below[y, w]


@compiled
def _list_nodes(parent, order, seen, stack):
    """List all nodes but the hub, parents before children."""
    seen[:] = False
    seen[0] = True
    listed = 0
    for x in range(1, len(parent)):
        top = 0
        y = np.uint32(x)
        while not seen[y]:
            seen[y] = True
            stack[top] = y
            top += 1
            y = parent[y]
        while top > 0:
            top -= 1
            order[listed] = stack[top]
            listed += 1


@compiled
def _use_elsewhere(number, parent, flow, C, At, Bt, d, open_i, open_j, edges, best, tree_of):
    """See for which edges a tree's plan is the cheapest so far: any plan bounds any edge's cost from above."""
    P = C.shape[0]
    direct, hub = 0.0, 0.0
    to_hub = np.zeros(At.shape[1])
    from_hub = np.zeros(Bt.shape[1])
    for x in range(1, len(parent)):
        if flow[x] <= 0.0:
            continue
        above = parent[x]
        if above == 0 and x <= P:
            for j in range(len(to_hub)):
                to_hub[j] += flow[x] * At[x - 1, j]
        elif above == 0:
            hub += flow[x]
            for i in range(len(from_hub)):
                from_hub[i] += flow[x] * Bt[x - 1 - P, i]
        elif x <= P:
            direct += flow[x] * C[x - 1, above - 1 - P]
        else:
            direct += flow[x] * C[above - 1, x - 1 - P]
    for at in range(len(edges)):
        e = edges[at]
        cost = direct + to_hub[open_j[e]] + from_hub[open_i[e]] - hub * d[open_i[e], open_j[e]]
        if cost < best[e]:
            best[e], tree_of[e] = cost, number


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
        arcs = _greedy_plan(p, q, C, plan)
        kept = 0
        for e in range(left):
            i, j = open_i[e], open_j[e]
            if _plan_cost(plan, arcs, C, A[j], B[i], d[i, j]) <= floor[i, j]:
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
        _solve_open(
            p, q, C, A, B, At, Bt, d, floor, taken, value, star[:kept], open_i[:kept], open_j[:kept], is_bounded,
            plan, pool, stop, counts,
        )  # fmt: skip


@compiled
def _plan_cost(plan, arcs, C, A, B, t):
    """Cost of a plan whose every arc takes the cheaper way: any plan bounds the optimal cost from above."""
    source, sink, mass = plan
    total = 0.0
    for k in range(arcs):
        hub, direct = A[source[k]] + B[sink[k]] - t, C[source[k], sink[k]]
        total += mass[k] * (hub if hub < direct else direct)
    return total


@compiled
def _greedy_plan(p, q, C, plan):
    """Write a cheap plan without the hub: the heaviest points choose first; return its number of arcs."""
    source, sink, mass = plan
    P, Q = C.shape
    rest = q.copy()
    least = C[0].copy()
    for u in range(1, P):
        for v in range(Q):
            least[v] = C[u, v] if C[u, v] < least[v] else least[v]
    arcs = 0
    for u in range(P):
        own = p[u]
        while own > 0.0 and arcs < len(mass):
            at, _ = _worst(C[u], least, 0.0, np.inf)
            if at < 0:
                break
            x = min(own, rest[at])
            if x > 0.0:
                source[arcs], sink[arcs], mass[arcs] = u, at, x
                arcs += 1
            own -= x
            rest[at] -= x
            if rest[at] <= 0.0:
                least[at] = -np.inf
    return arcs


@compiled
def _tree_plan(parent, flow, P, plan):
    """Write a tree's plan, what goes through the hub paired as it comes; return its number of arcs."""
    source, sink, mass = plan
    N = len(parent)
    arcs = 0
    for x in range(1, N):
        above = parent[x]
        if above > 0 and flow[x] > 0.0:
            source[arcs] = x - 1 if x <= P else above - 1
            sink[arcs] = above - 1 - P if x <= P else x - 1 - P
            mass[arcs] = flow[x]
            arcs += 1
    u, v = 0, P
    own, need = 0.0, 0.0
    while arcs < len(mass):
        while own <= 0.0 and u < P:
            u += 1
            own = flow[u] if parent[u] == 0 else 0.0
        while need <= 0.0 and v + 1 < N:
            v += 1
            need = flow[v] if parent[v] == 0 else 0.0
        if own <= 0.0 or need <= 0.0:
            break
        x = min(own, need)
        source[arcs], sink[arcs], mass[arcs] = u - 1, v - 1 - P, x
        arcs += 1
        own -= x
        need -= x
    return arcs


@compiled
def _solve_open(
    p, q, C, A, B, At, Bt, d, floor, taken, value, star, open_i, open_j, is_bounded, plan, pool, stop, counts
):
    """Run the simplex for the edges that no closed form settles, each from the best tree of those before it."""
    P, Q = C.shape
    N = 1 + P + Q
    left = len(open_i)
    supply, demand = quantise(p), quantise(q)
    wide = (Q + CHUNK - 1) // CHUNK * CHUNK
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
    pi = np.zeros(1 + P + wide)
    a, b = np.empty(P), np.empty(Q)
    dear_a, dear_b = np.empty(P), np.empty(Q)
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
        drift, cost = _set_potentials(order, parent, flow, C, a, b, pi)
        if is_capped:
            objective = cost
        pivots, slack, limit = 0, ROUNDING * d[i, j], floor[i, j]
        is_low, is_done = False, False
        for attempt in range(ATTEMPTS):
            before = pivots
            _set_subtrees(order, parent, below)
            for phase in range(len(heavy)):
                more, objective = solve_tree(
                    C, a, b, dear_C, dear_a, dear_b, heavy[phase, 0], heavy[phase, 1], parent, flow, below, pi,
                    objective, limit, slack,
                )  # fmt: skip
                if more < 0:
                    break
                pivots += more
            _list_nodes(parent, order, seen, stack)
            drift, cost = _set_potentials(order, parent, flow, C, a, b, pi)
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
            _use_elsewhere(trees, parent, flow, C, At, Bt, d, open_i, open_j, edges[at + 1 :], best, tree_of)
            trees += 1
            if is_bounded and trees & (trees - 1) == 0:
                # Rarer and rarer, because a plan's own cost for all edges takes longer than a solution.
                arcs = _tree_plan(parent, flow, P, plan)
                for rest in range(at + 1, left):
                    e = edges[rest]
                    i, j = open_i[e], open_j[e]
                    if (
                        best[e] > floor[i, j]
                        and _plan_cost(plan, arcs, C, A[j], B[i], d[i, j]) <= floor[i, j]
                    ):
                        best[e] = -np.inf
