"""What the threads of a stream do together: list rows, price, pivot; each function by all threads of a block.

No warp functions: CUDA's simulator lacks them, and a block may have any number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import cuda

from ncviz.transport import tree

# A dearer cost, and what potentials may differ by.
ROUNDING = tree.ROUNDING
# Numbers that all threads read and one writes.
OBJECTIVE, CHANGE, START, SLOTS, TOLD = range(5)

fill_quantised = cuda.jit(device=True)(tree.fill_quantised.py_func)
leaving_arc = cuda.jit(device=True)(tree.leaving_arc.py_func)
exchange = cuda.jit(device=True)(tree.exchange.py_func)


@cuda.jit(device=True)
def is_below(y, start, parent):
    """Whether a node is another one or below it."""
    while y != 0:
        if y == start:
            return True
        y = parent[y]
    return False


@cuda.jit(device=True)
def pivot(own_tree, toll, C, code, mark, sets, told):
    """Let an arc enter the tree; one thread does this.

    Args:
        own_tree: Parents uint32 [N], flows and potentials float64 [N]; these all threads change afterwards, by what
            is told.
        toll: float64 [N], each node's to or from the hub.
        C: float64 [P, Q].
        code: The arc, tail · N + head.
        mark: uint64 [N, 1], all zero but for the hub's, and so left.
        sets: For ``exchange``, of no words.
        told: float64, where the objective, the change and the moved subtree's root are left.
    """
    parent, flow, pi = own_tree
    N, P = len(parent), C.shape[0]
    tail, head = code // N, code % N
    if tail == 0:
        cost = toll[head]
    elif head == 0:
        cost = toll[tail]
    else:
        cost = C[tail - 1, head - 1 - P]
    reduced = cost - pi[tail] - pi[head]
    y = np.uint32(head)
    while y != 0:
        mark[y, 0] = np.uint64(1)
        y = parent[y]
    theta, leave, on_tail, apex = leaving_arc(parent, flow, (mark, 0, np.uint64(1)), P, tail, head)
    y = np.uint32(head)
    while y != 0:
        mark[y, 0] = np.uint64(0)
        y = parent[y]
    if on_tail:
        start, other = np.uint32(tail), np.uint32(head)
    else:
        start, other = np.uint32(head), np.uint32(tail)
    exchange(parent, flow, sets, P, (start, other, apex, leave), theta, on_tail)
    told[OBJECTIVE] += theta * reduced
    told[CHANGE] = reduced if on_tail else -reduced
    told[START] = start


@cuda.jit(device=True)
def list_rows(team, block, F, rows, problem, i, j, is_other):
    """List the sources for which the hub is not always best; return how many there are.

    Each thread looks at some neighbouring sources; ``F`` is how much dearer the hub is than the direct way at worst,
    but for the toll to it.
    """
    lane, lanes, _, which = team
    C, A, B, d = problem
    P, Q = C.shape
    each = (P + lanes - 1) // lanes
    begin, end = min(lane * each, P), min((lane + 1) * each, P)
    if is_other:
        for u in range(begin, end):
            worst = -np.inf
            for v in range(Q):
                worst = max(worst, B[block, i, v] * (1.0 - ROUNDING) - C[u, v] * (1.0 + ROUNDING))
            F[u] = worst
    least = d[block, i, j] * (1.0 + ROUNDING)
    own = 0
    for u in range(begin, end):
        if A[block, j, u] * (1.0 - ROUNDING) + F[u] > least:
            own += 1
    which[lane] = own
    cuda.syncthreads()
    count, at = 0, 0
    for k in range(lanes):
        if k == lane:
            at = count
        count += which[k]
    for u in range(begin, end):
        if A[block, j, u] * (1.0 - ROUNDING) + F[u] > least:
            rows[at] = u
            at += 1
    cuda.syncthreads()
    return count


@cuda.jit(device=True)
def keep_rows(team, C, rows, count, slot, kept, told, used):
    """Copy listed rows of costs into what room there is; return how many rows are there."""
    lane, lanes, _, _ = team
    P, Q = C.shape
    if lane == 0:
        new = used
        for k in range(count):
            if slot[rows[k]] == P and (new + 1) * Q <= len(kept):
                slot[rows[k]] = new
                new += 1
        told[SLOTS] = new
    cuda.syncthreads()
    for k in range(count):
        at = slot[rows[k]]
        if used <= at < P:
            for v in range(lane, Q, lanes):
                kept[at * Q + v] = C[rows[k], v]
    cuda.syncthreads()
    return int(told[SLOTS])


@cuda.jit(device=True)
def price(team, turn, pi, costs, listed, group, length):
    """Find the most violated of all arcs to and from the hub and of those in a few listed rows.

    Returns:
        Its code, tail · N + head; -1 if there is none.
    """
    lane, lanes, best, which = team
    C, toll = costs
    rows, count, row, slot, kept = listed
    P, Q = C.shape
    N = 1 + P + Q
    slack = ROUNDING * length
    reduced, code = 0.0, -1
    for y in range(1 + lane, N, lanes):
        # From the hub the toll has the length taken off, whose rounding it still has.
        whole = toll[y] if y <= P else toll[y] + length
        r = toll[y] + ROUNDING * whole - pi[y] + slack
        if r < reduced:
            reduced, code = r, (y * N if y <= P else y)
    at, v = 0, lane
    while at < group:
        while v >= Q:
            v -= Q
            at += 1
        if at < group:
            u = rows[(row + at) % count]
            cost = kept[slot[u] * Q + v] if slot[u] < P else C[u, v]
            r = cost * (1.0 + ROUNDING) - pi[1 + u] - pi[1 + P + v] + slack
            if r < reduced:
                reduced, code = r, (1 + u) * N + 1 + P + v
            v += lanes
    best[turn * lanes + lane] = reduced
    which[turn * lanes + lane] = np.uint32(code + 1)
    cuda.syncthreads()
    worst, at = 0.0, -1
    for k in range(lanes):
        if best[turn * lanes + k] < worst:
            worst, at = best[turn * lanes + k], k
    return -1 if at < 0 else int(which[turn * lanes + at]) - 1
