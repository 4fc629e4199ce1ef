"""Network simplex for transport with a hub: one fixed cost, tolls that change from edge to edge, warm starts.

Mass p on sources u goes to sinks v with mass q, each bit either directly at cost C_uv or through the hub at
A_u + B_v. With the edge itself as the hub this is the curvature's transport problem from idleness 1/2 on: only the
tolls A, B differ between the edges of a block, so the final tree of one edge is a feasible start for every other one.

The spanning tree is kept strongly feasible (Cunningham 1976), so that the pivots end in spite of ties; flows are
whole multiples of 2⁻⁵⁰, so that ties are exact. All functions are compiled by numba and release the GIL.
"""

from __future__ import annotations

import numpy as np
from numba import njit

QUANTUM = 2.0**-50
PRICED_ROWS = 4
CHUNK = 16
COSTLY = 8.0 * 2.0**-52

UNSOLVED = np.nan


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def _attach(parent, after, before, first, node, above, none):  # noqa: ANN001, ANN202
    """Make ``node`` the first child of ``above``."""
    head = first[above]
    parent[node] = above
    after[node] = head
    before[node] = none
    if head != none:
        before[head] = node
    first[above] = node


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, inline="always")
def _row_excess(cost, row, begin, end, pi, sinks, f):  # noqa: ANN001, ANN202
    """Sum of the violations of part of a row; a sum vectorises where a minimum does not."""
    total = 0.0
    for v in range(begin, end):
        total += min(0.0, cost[row, v] - pi[sinks + v] - f)
    return total


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, inline="always")
def _toll_excess(toll, pi, nodes, begin, end, slack):  # noqa: ANN001, ANN202
    """Sum of the violations of some of the arcs to the hub, or from it."""
    total = 0.0
    for k in range(begin, end):
        total += min(0.0, toll[k] - pi[nodes + k] + slack)
    return total


@njit(nogil=True, cache=True)
def solve_tree(C, A, B, parent, flow, first, after, before, depth, pi, stack, start_value, floor, slack):  # noqa: ANN001, ANN202
    """Pivot from a strongly feasible tree to the optimum.

    Nodes: 0 is the hub, 1 … P the sources, P+1 … P+Q the sinks. ``flow[n]`` runs on the arc between n and its parent.

    Returns:
        Number of pivots; -1 if the objective fell to ``floor`` or below (stopped), -2 if it did not end.
    """
    P, Q = C.shape
    none = np.uint32(1 + P + Q)
    value = start_value
    row = 0
    clean = 0
    pivots = 0
    most = 200 * (P + Q) + 10000
    sinks = 1 + P
    while True:
        # Entering arc: tolls first, then a few rows at a time.
        tail, head, reduced = 0, 0, -slack
        if _toll_excess(A, pi, 1, 0, P, slack) < 0.0:
            for begin in range(0, P, CHUNK):
                end = min(P, begin + CHUNK)
                if _toll_excess(A, pi, 1, begin, end, -reduced) < 0.0:
                    for u in range(begin, end):
                        r = A[u] - pi[1 + u]
                        if r < reduced:
                            reduced, tail, head = r, 1 + u, 0
        if _toll_excess(B, pi, sinks, 0, Q, slack) < 0.0:
            for begin in range(0, Q, CHUNK):
                end = min(Q, begin + CHUNK)
                if _toll_excess(B, pi, sinks, begin, end, -reduced) < 0.0:
                    for v in range(begin, end):
                        r = B[v] - pi[sinks + v]
                        if r < reduced:
                            reduced, tail, head = r, 0, sinks + v
        while reduced == -slack and clean < P:
            worst, at = 0.0, -1
            for _ in range(min(PRICED_ROWS, P - clean)):
                e = _row_excess(C, row, 0, Q, pi, sinks, pi[1 + row] - slack)
                if e < worst:
                    worst, at = e, row
                row = row + 1 if row + 1 < P else 0
                clean += 1
            if at >= 0:
                f = pi[1 + at]
                for begin in range(0, Q, CHUNK):
                    end = min(Q, begin + CHUNK)
                    if _row_excess(C, at, begin, end, pi, sinks, f + reduced) < 0.0:
                        for v in range(begin, end):
                            r = C[at, v] - f - pi[sinks + v]
                            if r < reduced:
                                reduced, tail, head = r, 1 + at, sinks + v
        if reduced == -slack:
            return pivots
        clean = 0
        pivots += 1
        if pivots > most:
            return -2
        # Leaving arc: least flow against the cycle; the last one in the cycle's direction, from its apex on.
        theta, leave, on_tail = np.inf, np.uint32(0), True
        x, y = np.uint32(tail), np.uint32(head)
        deep_x, deep_y = depth[x], depth[y]
        while x != y:
            if deep_x >= deep_y:
                if x <= P and flow[x] < theta:
                    theta, leave, on_tail = flow[x], x, True
                x = parent[x]
                deep_x -= 1
            else:
                if y > P and flow[y] <= theta:
                    theta, leave, on_tail = flow[y], y, False
                y = parent[y]
                deep_y -= 1
        apex = x
        if theta > 0.0:
            x = np.uint32(tail)
            while x != apex:
                flow[x] += -theta if x <= P else theta
                x = parent[x]
            y = np.uint32(head)
            while y != apex:
                flow[y] += theta if y <= P else -theta
                y = parent[y]
            value += theta * reduced
            if value <= floor:
                return -1
        # The subtree below the leaving arc hangs on the entering one now.
        node, above = (np.uint32(tail), np.uint32(head)) if on_tail else (np.uint32(head), np.uint32(tail))
        carried = theta
        root = node
        while True:
            up, was = parent[node], flow[node]
            left, right = before[node], after[node]
            if left != none:
                after[left] = right
            else:
                first[up] = right
            if right != none:
                before[right] = left
            oldest = first[above]
            parent[node] = above
            after[node] = oldest
            before[node] = none
            if oldest != none:
                before[oldest] = node
            first[above] = node
            flow[node] = carried
            if node == leave:
                break
            carried, above, node = was, node, up
        change = reduced if on_tail else -reduced  # for sources; sinks the other way round
        n = root
        while True:
            depth[n] = depth[parent[n]] + 1
            pi[n] += change if n <= P else -change
            if first[n] != none:
                n = first[n]
                continue
            while n != root and after[n] == none:
                n = parent[n]
            if n == root:
                break
            n = after[n]


@njit(nogil=True, cache=True)
def solve_block(p, q, C, At, Bt, d, floor, value, pool_bytes, counts):  # noqa: ANN001, ANN202
    """Solve every edge of a block that could matter.

    Args:
        p: float64 [P], masses of the sources' in-neighbours.
        q: float64 [Q], masses of the targets' out-neighbours.
        C: float64 [P, Q].
        At: float64 [P, m], distance from u to each target j.
        Bt: float64 [Q, n], distance from each source i to v.
        d: float64 [n, m], length of the edge, inf where there is none.
        floor: float64 [n, m]: an edge whose cost is at most this need not be known exactly.
        value: float64 [n, m], written: the optimal cost; -inf where it is at most ``floor``, NaN where d is inf or
            the simplex did not end.
        pool_bytes: Memory for trees.
        counts: int64 [4], added to: edges certified, skipped, solved, pivots.
    """
    P, Q = C.shape
    n, m = d.shape
    value[:] = np.nan
    through_j = np.zeros(m)
    for u in range(P):
        for j in range(m):
            through_j[j] += p[u] * At[u, j]
    through_i = np.zeros(n)
    for v in range(Q):
        for i in range(n):
            through_i[i] += q[v] * Bt[v, i]
    star = np.empty((n, m))
    wanted = 0
    for i in range(n):
        for j in range(m):
            star[i, j] = through_j[j] + through_i[i] - d[i, j]
            if d[i, j] < np.inf:
                if star[i, j] <= floor[i, j]:
                    value[i, j] = -np.inf
                    counts[1] += 1
                else:
                    wanted += 1
    if wanted == 0:
        return
    largest = 0.0
    F = np.full((P, n), -np.inf)
    for u in range(P):
        for v in range(Q):
            c = C[u, v]
            largest = max(largest, c)
            for i in range(n):
                x = Bt[v, i] - c
                if x > F[u, i]:
                    F[u, i] = x
    slack = COSTLY * largest
    open_i = np.empty(wanted, dtype=np.int32)
    open_j = np.empty(wanted, dtype=np.int32)
    excess = np.empty(m)
    left = 0
    for i in range(n):
        excess[:] = -np.inf
        for u in range(P):
            f = F[u, i]
            for j in range(m):
                x = At[u, j] + f
                if x > excess[j]:
                    excess[j] = x
        for j in range(m):
            if d[i, j] < np.inf and star[i, j] > floor[i, j]:
                if excess[j] <= d[i, j] + slack:
                    value[i, j] = star[i, j]
                    counts[0] += 1
                else:
                    open_i[left] = i
                    open_j[left] = j
                    left += 1
    if left == 0:
        return
    _solve_open(p, q, C, At, Bt, d, floor, value, star, open_i[:left], open_j[:left], slack, pool_bytes, counts)


@njit(nogil=True, cache=True)
def _solve_open(p, q, C, At, Bt, d, floor, value, star, open_i, open_j, slack, pool_bytes, counts):  # noqa: ANN001, ANN202
    P, Q = C.shape
    n, m = d.shape
    N = 1 + P + Q
    A = np.ascontiguousarray(At.T)
    B = np.ascontiguousarray(Bt.T)
    ph = quantise(p)
    qh = quantise(q)
    left = len(open_i)
    capacity = max(1, min(left, int(pool_bytes // (N * 12))))
    none = np.uint32(N)
    pool_parent = np.empty((capacity, N), dtype=np.uint16)
    pool_order = np.empty((capacity, N), dtype=np.uint16)
    pool_flow = np.empty((capacity, N))
    trees = 0
    best = np.empty(left)
    tree_of = np.full(left, -1, dtype=np.int32)
    for e in range(left):
        best[e] = star[open_i[e], open_j[e]]
    # A stride through the list that is coprime to its length: neighbours in the list are alike, and so are their trees.
    parent = np.zeros(N, dtype=np.uint32)
    flow = np.zeros(N)
    first = np.empty(N, dtype=np.uint32)
    after = np.empty(N, dtype=np.uint32)
    before = np.empty(N, dtype=np.uint32)
    depth = np.zeros(N, dtype=np.int32)
    pi = np.zeros(N)
    stack = np.empty(N, dtype=np.int32)
    b = np.empty(Q)
    YA = np.empty(m)
    ZB = np.empty(n)
    order = np.arange(left)
    np.random.seed(left)
    np.random.shuffle(order)
    for at in range(left):
        e = order[at]
        i, j = open_i[e], open_j[e]
        t = d[i, j]
        a = A[j]
        for v in range(Q):
            b[v] = B[i, v] - t
        if best[e] <= floor[i, j]:
            value[i, j] = -np.inf
            counts[1] += 1
            continue
        first[:] = none
        k = tree_of[e]
        if k < 0:
            for x in range(1, N):
                _attach(parent, after, before, first, x, 0, none)
                depth[x] = 1
            for u in range(P):
                pi[1 + u] = a[u]
                flow[1 + u] = ph[u]
            for v in range(Q):
                pi[1 + P + v] = b[v]
                flow[1 + P + v] = qh[v]
        else:
            for x in range(N - 1):
                y = pool_order[k, x]
                above = pool_parent[k, y]
                _attach(parent, after, before, first, y, above, none)
                flow[y] = pool_flow[k, y]
                depth[y] = depth[above] + 1
                if above == 0:
                    pi[y] = a[y - 1] if y <= P else b[y - 1 - P]
                elif y <= P:
                    pi[y] = C[y - 1, above - 1 - P] - pi[above]
                else:
                    pi[y] = C[above - 1, y - 1 - P] - pi[above]
        pivots = solve_tree(
            C, a, b, parent, flow, first, after, before, depth, pi, stack, best[e], floor[i, j], slack
        )
        if pivots == -1:
            value[i, j] = -np.inf
            counts[1] += 1
        elif pivots == -2:
            continue
        else:
            counts[2] += 1
            counts[3] += pivots
        # Preorder, in which potentials can be worked out anew.
        top, seen = 0, 0
        stack[0] = 0
        own = trees if trees < capacity else capacity - 1
        while top >= 0:
            x = stack[top]
            top -= 1
            if x > 0:
                pool_order[own, seen] = x
                pool_parent[own, x] = parent[x]
                pool_flow[own, x] = flow[x]
                seen += 1
            below = first[x]
            while below != none:
                top += 1
                stack[top] = below
                below = after[below]
        pi[0] = 0.0
        for x in range(N - 1):
            y = pool_order[own, x]
            above = parent[y]
            if above == 0:
                pi[y] = a[y - 1] if y <= P else b[y - 1 - P]
            elif y <= P:
                pi[y] = C[y - 1, above - 1 - P] - pi[above]
            else:
                pi[y] = C[above - 1, y - 1 - P] - pi[above]
        if pivots >= 0:
            total = 0.0
            for u in range(P):
                total += p[u] * pi[1 + u]
            for v in range(Q):
                total += q[v] * pi[1 + P + v]
            value[i, j] = total
        if trees < capacity and (pivots > 0 or pivots == -1):
            trees += 1
            direct = 0.0
            hub = 0.0
            YA[:] = 0.0
            ZB[:] = 0.0
            for x in range(1, N):
                if flow[x] <= 0.0:
                    continue
                above = parent[x]
                if above == 0:
                    if x <= P:
                        for jj in range(m):
                            YA[jj] += flow[x] * At[x - 1, jj]
                    else:
                        hub += flow[x]
                        for ii in range(n):
                            ZB[ii] += flow[x] * Bt[x - 1 - P, ii]
                elif x <= P:
                    direct += flow[x] * C[x - 1, above - 1 - P]
                else:
                    direct += flow[x] * C[above - 1, x - 1 - P]
            for rest in range(at + 1, left):
                o = order[rest]
                cost = direct + YA[open_j[o]] + ZB[open_i[o]] - hub * d[open_i[o], open_j[o]]
                if cost < best[o]:
                    best[o] = cost
                    tree_of[o] = own
