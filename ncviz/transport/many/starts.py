"""Costs made small, and a first tree from them, for a problem of which no solution is near."""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled


@compiled
def reduce_costs(C, A, B, has_hub, F, G, out, out_A, out_B):
    """Take feasible potentials from all costs, so that the least on each line is 0 and no large ones cancel later.

    The optimal plans stay the same.

    Args:
        C: float64 [P, Q].
        A: float64 [P], to the hub.
        B: float64 [Q], from the hub.
        has_hub: Whether there is one.
        F: float64 [P], what to begin with, 0 for all or potentials of a problem with the same C; changed.
        G: float64 [Q], written.
        out: float64 [P, Q], written: C − F − G, nowhere below 0.
        out_A: float64 [P], written: A − F.
        out_B: float64 [Q], written: B − G.
    """
    P = len(C)
    if has_hub:
        for u in range(P):
            F[u] = min(F[u], A[u])
        G[:] = B
    else:
        G[:] = np.inf
    for u in range(P):
        lower(C[u], F[u], G)
    for u in range(P):
        F[u] = least_left(C[u], G, out[u])
        if has_hub:
            F[u] = min(F[u], A[u])
    for u in range(P):
        less(out[u], F[u])
    if has_hub:
        out_A[:] = A - F
        out_B[:] = B - G


@compiled
def lower(row, own, least):
    """Lower each of ``least`` to what is left of a row's costs."""
    for v in range(len(row)):
        left = row[v] - own
        least[v] = left if left < least[v] else least[v]


@compiled
def least_left(row, taken, out):
    """Write what is left of a row's costs, and return the least of it."""
    least = np.inf
    for v in range(len(row)):
        out[v] = row[v] - taken[v]
        least = min(least, out[v])
    return least


@compiled
def less(row, own):
    """Take a number from a row's costs."""
    for v in range(len(row)):
        row[v] = max(0.0, row[v] - own)


@compiled
def greedy_tree(supply, demand, C, rest, parent, flow):
    """Make a spanning tree without the hub: one source after the other sends to the cheapest sink that has room.

    Whoever is done first hangs below the other one; when both are at once, the sink, so that every arc without flow
    leads from a source up to a sink and the tree is strongly feasible. The last sink is the root, below the hub.

    Args:
        supply: float64 [P], whole multiples of one quantum.
        demand: float64 [Q], of the same sum.
        C: float64 [P, Q], what is cheap.
        rest: float64 [Q], for its own use.
        parent: uint32 [1 + P + Q], written.
        flow: float64 [1 + P + Q], written.
    """
    P, Q = C.shape
    sinks = 1 + P
    rest[:] = demand
    left = Q
    parent[:] = 0
    flow[:] = 0.0
    # Sinks that are done count as dear as nothing is.
    closed = np.zeros(Q)
    for u in range(P):
        own = supply[u]
        while True:
            at = cheapest(C[u], closed)
            if left == 1 or own < rest[at]:
                parent[1 + u] = sinks + at
                flow[1 + u] = own
                rest[at] -= own
                break
            parent[sinks + at] = 1 + u
            flow[sinks + at] = rest[at]
            own -= rest[at]
            closed[at] = np.inf
            left -= 1


@compiled
def cheapest(row, closed):
    """Return which of a row's open sinks is the cheapest, the first of equals."""
    at, least = -1, np.inf
    for v in range(len(row)):
        cost = row[v] + closed[v]
        if cost < least:
            least, at = cost, v
    return at


@compiled
def star(supply, demand, parent, flow):
    """Make the tree that sends everything through the hub."""
    P = len(supply)
    parent[:] = 0
    flow[0] = 0.0
    flow[1 : 1 + P] = supply
    flow[1 + P :] = demand
