"""A tree's flows for masses as they were given, in twice the precision: trees are found for masses in whole quanta."""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.transport.many.certificate import difference

# Flows of this share of all mass below a node are rounding of the twofold precision.
NOISE = 2.0**-98
# Of what repairs a plan at most, so that the rounding of this bound itself does no harm.
REPAIR = 2.0
# Costs are nothing beside others of which they are no more than this share.
NEGLIGIBLE = 1e-12


@compiled
def add(high, low, other, other_low):
    """Return the sum of two sums of two floats."""
    s, error = difference(high, -other)
    error += low + other_low
    out = s + error
    return out, error - (out - s)


@compiled
def product(a, b):
    """Return a · b and its rounding error, exactly (Veltkamp's splitting)."""
    p = a * b
    x, y = 134217729.0 * a, 134217729.0 * b
    a_high, b_high = x - (x - a), y - (y - b)
    a_low, b_low = a - a_high, b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


@compiled
def balanced(p, q, high, low):
    """Write the masses, those of the sinks scaled to the sum of the sources.

    Args:
        p: float64 [P].
        q: float64 [Q].
        high: float64 [1 + P + Q], written: the hub's, the sources' and the sinks'.
        low: float64 [1 + P + Q], written: what ``high`` lacks.
    """
    P = len(p)
    high[0], low[0] = 0.0, 0.0
    first, first_low, second, second_low = 0.0, 0.0, 0.0, 0.0
    for u in range(P):
        high[1 + u], low[1 + u] = p[u], 0.0
        first, first_low = add(first, first_low, p[u], 0.0)
    for v in range(len(q)):
        high[1 + P + v], low[1 + P + v] = q[v], 0.0
        second, second_low = add(second, second_low, q[v], 0.0)
    apart, apart_low = add(first, first_low, -second, -second_low)
    share = (apart + apart_low) / second
    if share == 0.0:
        return
    # What the quotient above lacks.
    x, x_low = product(share, second)
    rest, rest_low = add(apart, apart_low, -x, -(x_low + share * second_low))
    share_low = (rest + rest_low) / second
    for v in range(len(q)):
        x, x_low = product(q[v], share)
        high[1 + P + v], low[1 + P + v] = add(q[v], 0.0, x, x_low + q[v] * share_low)


@compiled
def set_flows(masses, basis, has_hub, flow, flow_low, below):
    """Write what runs between each node and its parent.

    Args:
        masses: Two float64 arrays [N] as ``balanced`` writes them.
        basis: A ``Basis``; its order and parents are read.
        has_hub: Whether there is one.
        flow: float64 [N], written.
        flow_low: float64 [N], written: what ``flow`` lacks.
        below: float64 [N], written: the mass of each node and of all below it, of which flows are known to ``NOISE``.

    Returns:
        How much would have to run backwards, and how much more might have to where it is not known.
    """
    parent, order = basis.parent, basis.order
    flow[:], flow_low[:], below[:] = masses[0], masses[1], masses[0]
    backwards, doubt = 0.0, 0.0
    for x in range(len(order) - 1, -1, -1):
        y = order[x]
        above = parent[y]
        if 0.0 < abs(flow[y]) <= NOISE * below[y]:
            flow[y], flow_low[y] = 0.0, 0.0
            doubt += NOISE * below[y] if above > 0 or has_hub else 0.0
        if above > 0:
            below[above] += below[y]
            flow[above], flow_low[above] = add(flow[above], flow_low[above], -flow[y], -flow_low[y])
        if (above > 0 or has_hub) and flow[y] < 0.0:
            backwards -= flow[y]
    return backwards, doubt


@compiled
def repair_costs(backwards, doubt, error, mass, C, hub, f, g):
    """Return what it costs at most beyond the potentials' value that mass which would run backwards goes elsewhere.

    Each bit of it takes as much away from ways that cost no more than their potentials, and goes from where it is left
    to where it is missing, on a way whose reduced cost is at most the largest.

    Args:
        backwards: How much would run backwards.
        doubt: How much more might.
        error: How far off the plan's cost may be.
        mass: All mass.
        C: float64 [P, Q].
        hub: The ``Hub``.
        f: float64 [P], the potentials of the sources.
        g: float64 [Q], those of the sinks.

    Returns:
        That cost; and how much of it, and of ``error``, is in doubt: 0 if it is nothing beside the least cost there is.
    """
    largest, least = 0.0, np.inf
    for u in range(len(C)):
        for v in range(C.shape[1]):
            cost = C[u, v]
            if hub.is_there:
                cost = min(cost, hub.A[u] + (hub.B[v] - hub.t))
            if cost != 0.0:
                least = min(least, abs(cost))
            left = C[u, v] - f[u]
            if hub.is_there:
                left = min(left, hub.A[u] - f[u] + (hub.B[v] - hub.t))
            largest = max(largest, left - g[v])
    unsure = REPAIR * doubt * largest + error
    return REPAIR * backwards * largest, unsure if unsure > NEGLIGIBLE * least * mass else 0.0
