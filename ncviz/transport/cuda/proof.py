"""What a tree costs, and the proof that no plan costs less; by all threads of a block."""

from __future__ import annotations

from numba import cuda

from ncviz.transport.cuda.steps import ROUNDING

# Proved: the gap between the plan and the potentials, with the rounding of both, beside the edge's length or the cost.
PROVED = 1e-10


@cuda.jit(device=True)
def arc_cost(y, above, P, C, toll):
    """Return what the arc between a node and its parent costs."""
    if above == 0:
        return toll[y]
    return C[y - 1, above - 1 - P] if y <= P else C[above - 1, y - 1 - P]


@cuda.jit(device=True)
def potential(y, parent, P, C, toll):
    """Return a node's potential: the costs of the arcs on its way to the hub, every other one taken away."""
    total, sign = 0.0, 1.0
    while y != 0:
        above = parent[y]
        total += sign * arc_cost(y, above, P, C, toll)
        sign = -sign
        y = above
    return total


@cuda.jit(device=True)
def add_up(team, turn, own):
    """Add up a number of each thread; every thread gets the same sum."""
    lane, lanes, best, _ = team
    best[turn * lanes + lane] = own
    cuda.syncthreads()
    total = 0.0
    for k in range(lanes):
        total += best[turn * lanes + k]
    return total


@cuda.jit(device=True)
def refresh(team, turn, own_tree, costs):
    """Work out all potentials anew; return the cost of the tree's plan."""
    lane, lanes, _, _ = team
    parent, flow, pi = own_tree
    C, toll = costs
    N, P = len(parent), C.shape[0]
    own = 0.0
    for y in range(lane, N, lanes):
        pi[y] = potential(y, parent, P, C, toll)
        if y > 0:
            own += flow[y] * arc_cost(y, parent[y], P, C, toll)
    return add_up(team, turn, own)


@cuda.jit(device=True)
def check(team, turn, pi, costs, listed, masses, dual, cost, length):
    """Prove a plan optimal by potentials that are feasible, but for counted rounding.

    Returns:
        The plan's cost with the masses as they are, and whether the potentials bound it so closely from below.
    """
    lane, lanes, _, _ = team
    C, toll = costs
    rows, count, _, slot, kept = listed
    p, q, mass = masses
    P, Q = C.shape
    lower, noise, rest = 0.0, 0.0, 0.0
    for u in range(lane, P, lanes):
        dual[u] = min(pi[1 + u], toll[1 + u])
        lower += p[u] * dual[u]
        noise += p[u] * abs(dual[u])
        rest += (p[u] - mass[1 + u]) * pi[1 + u]
    cuda.syncthreads()
    for v in range(lane, Q, lanes):
        # Rows that are not listed cannot bound it: there the hub is no dearer than the direct way.
        own, other = toll[1 + P + v], length
        for k in range(count):
            u = rows[k]
            x = (kept[slot[u] * Q + v] if slot[u] < P else C[u, v]) - dual[u]
            if x < own:
                own, other = x, abs(dual[u])
        lower += q[v] * own
        noise += q[v] * (abs(own) + other)
        rest += (q[v] - mass[1 + P + v]) * pi[1 + P + v]
    value = cost + add_up(team, turn, rest)
    gap = value - add_up(team, 1 - turn, lower)
    noise = add_up(team, turn, noise)
    least = PROVED * max(length, abs(value))
    return value, gap <= least and 2.0 * ROUNDING * noise <= least
