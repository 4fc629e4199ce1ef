"""The kernel: a block of threads solves a stream of edges that share their masses and direct costs, one by one.

Each edge starts from the tree that the one before it ended with. One thread changes the tree, by the CPU's own
functions; all of them price, update the potentials and check the result. What the check does not prove optimal in
float64 by weak duality, or what takes too many pivots, is left to the CPU.
"""

from __future__ import annotations

import numpy as np
from numba import cuda, float64, uint32

from ncviz.transport.cuda.proof import check, refresh
from ncviz.transport.cuda.steps import (
    CHANGE,
    OBJECTIVE,
    START,
    TOLD,
    fill_quantised,
    is_below,
    keep_rows,
    list_rows,
    pivot,
    price,
)

SOLVED, SKIPPED, LEFT, UNTOUCHED = range(4)
# How many arcs each thread looks at before the best of all is taken.
ARCS_PER_THREAD = 8
ATTEMPTS = 4


def room_of(P: int, Q: int, threads: int) -> tuple[int, int]:
    """Return how many float64 and how many uint32 a stream takes, without rows of costs."""
    N = 1 + P + Q
    return 4 * N + 2 * P + 2 * threads + TOLD, N + 2 * P + 2 * threads


# Kept in the folder of ncviz.compiled, which the import of the CPU's functions above has set.
@cuda.jit(cache=True)
def solve_streams(problem, work, room, out, most):
    """Solve streams of edges, a block of threads each.

    Args:
        problem: Of b blocks of edges: p float64 [b, P] and q [b, Q], those that have mass first; direct costs C
            [b, P, Q]; tolls A [b, m, P] and B [b, n, Q]; lengths d [b, n, m]; the largest of each C [b]; and int32
            [b, 2], how many points have mass on each side, at least one.
        work: int32 [s, 3], each stream's block, first edge and end of the edges; int32 [e, 2], i and j of each edge,
            those of one i beside each other; float64 [e], floors: an edge that costs no more need not be known.
        room: float64 and uint32 [s, …], for trees; of width 1 where they fit into shared memory. uint64 [s, N, 1], all
            zero, and so left but for the first. uint64 [1, 1], of any content.
        out: float64 [e], written: the cost, -inf where it is at most the floor; int32 [e]: ``SOLVED``, ``SKIPPED``
            or ``LEFT``; int32 [s]: pivots.
        most: Pivots that an edge may take.
    """
    p, q, C, A, B, d, largest, points = problem
    stream, edge, floor = work
    spare, spare_words, marks, nothing = room
    no_sets, no_words = nothing[:, :0], nothing[0, :0]
    value, state, pivots = out
    lane, lanes, number = cuda.threadIdx.x, cuda.blockDim.x, cuda.blockIdx.x
    block, first, end = stream[number, 0], stream[number, 1], stream[number, 2]
    P, Q = points[block, 0], points[block, 1]
    N = 1 + P + Q
    shared = cuda.shared.array(0, float64)
    shared_words = cuda.shared.array(0, uint32)
    size = 4 * N + 2 * P + 2 * lanes + TOLD
    length_of_words = N + 2 * P + 2 * lanes
    is_shared = spare.shape[1] == 1
    own = shared if is_shared else spare[number]
    words = shared_words[2 * size :] if is_shared else spare_words[number]
    # Rows of costs that an edge had to look at are kept beside the tree while there is room.
    kept = shared[size + (length_of_words + 1) // 2 :] if is_shared else own[:0]
    toll, flow, pi, mass = own[:N], own[N : 2 * N], own[2 * N : 3 * N], own[3 * N : 4 * N]
    F, dual = own[4 * N : 4 * N + P], own[4 * N + P : 4 * N + 2 * P]
    best, told = own[4 * N + 2 * P : size - TOLD], own[size - TOLD : size]
    parent, rows, slot = words[:N], words[N : N + P], words[N + P : N + 2 * P]
    which = words[N + 2 * P : length_of_words]
    own_p, own_q, own_C = p[block, :P], q[block, :Q], C[block, :P, :Q]
    team = lane, lanes, best, which
    own_tree, costs, masses = (parent, flow, pi), (own_C, toll), (own_p, own_q, mass)
    mark = marks[number]
    if lane == 0:
        mass[0] = 0.0
        fill_quantised(own_p, mass[1 : 1 + P])
        fill_quantised(own_q, mass[1 + P :])
        mark[0, 0] = np.uint64(1)
    cuda.syncthreads()
    for y in range(lane, N, lanes):
        parent[y] = 0
        flow[y] = mass[y]
    for u in range(lane, P, lanes):
        slot[u] = P
    of, used, spent_in_all = -1, 0, 0
    for e in range(first, end):
        i, j, limit = edge[e, 0], edge[e, 1], floor[e]
        length = d[block, i, j]
        # A toll so high that the hub is never cheaper could be any higher one, and its rounding would spread.
        dear = largest[block] + length
        cuda.syncthreads()
        for u in range(lane, P, lanes):
            toll[1 + u] = min(A[block, j, u], dear)
        for v in range(lane, Q, lanes):
            toll[1 + P + v] = min(B[block, i, v], dear) - length
        count = list_rows(team, block, F, rows, (own_C, A, B, d), i, j, i != of)
        if i != of and len(kept) >= (used + 1) * Q:
            used = keep_rows(team, own_C, rows, count, slot, kept, told, used)
        of = i
        cost = refresh(team, 0, own_tree, costs)
        if lane == 0:
            told[OBJECTIVE] = cost
        spent, row, clean, attempt, turn = 0, 0, 0, 0, 1
        result, verdict = np.nan, UNTOUCHED
        if cost <= limit:
            result, verdict = -np.inf, SKIPPED
        while verdict == UNTOUCHED:
            group = min(max(1, ARCS_PER_THREAD * lanes // Q), count - clean)
            code = price(team, turn, pi, costs, (rows, count, row, slot, kept), group, length)
            turn = 1 - turn
            if code >= 0:
                clean = 0
                spent += 1
                if spent > most:
                    verdict = LEFT
                elif lane == 0:
                    pivot(own_tree, toll, own_C, code, mark, (no_sets, no_words, no_words), told)
                cuda.syncthreads()
                start, change = int(told[START]), told[CHANGE]
                objective = told[OBJECTIVE]
                if verdict == UNTOUCHED:
                    for y in range(1 + lane, N, lanes):
                        if is_below(y, start, parent):
                            pi[y] += change if y <= P else -change
                cuda.syncthreads()
                if verdict == UNTOUCHED and objective <= limit:
                    cost = refresh(team, turn, own_tree, costs)
                    turn = 1 - turn
                    if cost <= limit:
                        result, verdict = -np.inf, SKIPPED
                    else:
                        # An objective that rounding took below the floor once would do so again.
                        limit = -np.inf
            else:
                clean += group
                row = (row + group) % max(1, count)
                if clean >= count:
                    cost = refresh(team, turn, own_tree, costs)
                    result, is_proved = check(
                        team, 1 - turn, pi, costs, (rows, count, row, slot, kept), masses, dual, cost, length
                    )
                    clean = 0
                    attempt += 1
                    if is_proved:
                        verdict = SOLVED
                    elif attempt == ATTEMPTS:
                        verdict = LEFT
        spent_in_all += spent
        if lane == 0:
            value[e] = result
            state[e] = verdict
    if lane == 0:
        pivots[number] = spent_in_all
