"""What a tree's own potentials prove: a bound from below on the transport cost, beside what its plan costs.

Potentials are sums of costs along the tree. They are kept as sums of two floats (Dekker, *A floating-point technique
for extending the available precision*, Numer. Math. 18, 1971), so that a proof holds for costs from 1e-8 to 1e8 too.
"""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled


@compiled
def certify(C, hub, supply, demand, tree, potentials, down):
    """Say what a tree's plan costs, and what its potentials prove any plan to cost.

    Args:
        C: float64 [P, Q].
        hub: The ``Hub``.
        supply: float64 [P], masses.
        demand: float64 [Q].
        tree: Order, parents, the flows that move these masses, and how far off each flow may be.
        potentials: Two float64 arrays [N], high and low parts; written.
        down: float64 [N], written: by how much each potential is too high to be feasible.

    Returns:
        The plan's cost, by how much the proof falls short of it, the sum of mass times |cost|, and how far off the
        plan's cost may be.
    """
    order, parent, flow, off = tree
    high, low = potentials
    P, Q = C.shape
    sinks = 1 + P
    set_potentials_twofold(C, hub, order, parent, potentials)
    total, scale, error = 0.0, 0.0, 0.0
    for x in range(len(order)):
        y = order[x]
        cost, _ = _arc_cost(C, hub, y, parent[y])
        total += flow[y] * cost
        scale += abs(flow[y] * cost)
        error += off[y] * abs(cost)
    short = 0.0
    least = down[sinks:]
    for v in range(Q):
        least[v] = np.inf
        if hub.is_there:
            least[v] = from_hub_left(hub, v, high[sinks + v], low[sinks + v])
    for u in range(P):
        down[1 + u] = 0.0
        if hub.is_there:
            down[1 + u] = min(0.0, reduced(hub.A[u], high[1 + u], low[1 + u]))
            short -= supply[u] * down[1 + u]
        note_least(C[u], high[1 + u], low[1 + u] + down[1 + u], high[sinks:], low[sinks:], least)
    for v in range(Q):
        least[v] = min(0.0, least[v])
        short -= demand[v] * least[v]
    return total, short, scale, error


@compiled
def set_potentials_twofold(C, hub, order, parent, potentials):
    """Write the potentials of a tree whose nodes are listed with parents before children, high and low parts."""
    high, low = potentials
    high[0], low[0] = 0.0, 0.0
    for x in range(len(order)):
        y = order[x]
        above = parent[y]
        cost, rest = _arc_cost(C, hub, y, above)
        own, error = difference(cost, high[above])
        error += rest - low[above]
        high[y] = own + error
        low[y] = error - (high[y] - own)


@compiled
def _arc_cost(C, hub, y, above):
    """Return what the arc between a node and its parent costs, and what that lacks."""
    P = len(C)
    if above > 0:
        return (C[y - 1, above - 1 - P] if y <= P else C[above - 1, y - 1 - P]), 0.0
    if not hub.is_there:
        return 0.0, 0.0
    return (hub.A[y - 1], 0.0) if y <= P else difference(hub.B[y - 1 - P], hub.t)


@compiled
def refine_costs(C, hub, potentials, out, out_A, out_B):
    """Take potentials from all costs in twice the precision; returns by how much they are too high at most."""
    high, low = potentials
    P, Q = C.shape
    sinks = 1 + P
    least = 0.0
    for u in range(P):
        for v in range(Q):
            out[u, v] = reduced_between(C[u, v], high[1 + u], low[1 + u], high[sinks + v], low[sinks + v])
            least = min(least, out[u, v])
        if hub.is_there:
            out_A[u] = reduced(hub.A[u], high[1 + u], low[1 + u])
            least = min(least, out_A[u])
    if hub.is_there:
        for v in range(Q):
            out_B[v] = from_hub_left(hub, v, high[sinks + v], low[sinks + v])
            least = min(least, out_B[v])
    return -least


@compiled
def difference(a, b):
    """Return a − b and its rounding error, exactly (Knuth's two-sum)."""
    s = a - b
    back = s - a
    return s, (a - (s - back)) - (b + back)


@compiled
def reduced_between(cost, f, f_low, g, g_low):
    """Return a cost less the potentials of a source and a sink."""
    s, error = difference(cost, f)
    r, second = difference(s, g)
    return r + (error + second - (f_low + g_low))


@compiled
def reduced(cost, high, low):
    """Return a cost less a potential."""
    own, error = difference(cost, high)
    return own + (error - low)


@compiled
def from_hub_left(hub, v, high, low):
    """Return what the way from the hub costs less a sink's potential."""
    own, error = difference(hub.B[v], hub.t)
    left, second = difference(own, high)
    return left + (error + second - low)


@compiled
def note_least(row, f, f_low, g, g_low, least):
    """Note for each sink the least reduced cost so far; written out, so that it vectorises."""
    for v in range(len(row)):
        s = row[v] - f
        back = s - row[v]
        error = (row[v] - (s - back)) - (f + back)
        r = s - g[v]
        back = r - s
        error += (s - (r - back)) - (g[v] + back)
        r += error - (f_low + g_low[v])
        least[v] = r if r < least[v] else least[v]
