"""Plans that need not be optimal: what they cost bounds what an edge costs from above, for any edge."""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.transport.tree import most_violated


@compiled
def plan_cost(plan, arcs, C, A, B, t):
    """Cost of a plan whose every arc takes the cheaper way: any plan bounds the optimal cost from above."""
    source, sink, mass = plan
    total = 0.0
    for k in range(arcs):
        hub, direct = A[source[k]] + B[sink[k]] - t, C[source[k], sink[k]]
        total += mass[k] * (hub if hub < direct else direct)
    return total


@compiled
def greedy_plan(p, q, C, plan):
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
            at, _ = most_violated(C[u], least, 0.0, np.inf)
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
def tree_plan(parent, flow, P, plan):
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
def use_elsewhere(number, parent, flow, C, At, Bt, d, open_i, open_j, edges, best, tree_of):
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
