"""A dual simplex on an optimal tree: arcs are exchanged until none of the given masses runs backwards.

A tree is found for masses in whole quanta. For those that were given it costs least too, as long as all its flows run
forwards; where some would not, though by less than the quanta, the tree is mended here, its potentials being feasible.

Source: Lemke, *The dual method of solving the linear programming problem*, Naval Res. Logist. Quart. 1 (1954).
"""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.transport.many.certificate import from_hub_left, reduced, reduced_between, set_potentials_twofold
from ncviz.transport.many.given import set_flows
from ncviz.transport.tree import list_nodes

# Exchanges at most, for each node of a tree and in any case: few are ever needed.
_EXCHANGES_A_NODE, _EXCHANGES = 2, 50


@compiled
def turn_forwards(masses, C, hub, basis, potentials, flows, seen, stack, stop):
    """Exchange arcs until nothing runs backwards.

    Args:
        masses: Two float64 arrays [N] as ``balanced`` writes them.
        C: float64 [P, Q].
        hub: The ``Hub``.
        basis: A ``Basis``; its parents and its order are changed.
        potentials: Two float64 arrays [N], high and low parts of the tree's potentials; changed.
        flows: Three float64 arrays [N] as ``set_flows`` writes them; changed.
        seen: bool [N], for its own use.
        stack: uint32 [N], likewise.
        stop: bool [1], set from outside to end early.

    Returns:
        How much runs backwards in the end, how much more might, and the number of exchanges.
    """
    parent, order = basis.parent, basis.order
    high, low = potentials
    moved, moved_low, below = flows
    N, P = len(parent), len(C)
    inside = np.empty(N, np.bool_)
    exchanges, backwards, doubt = 0, np.inf, 0.0
    for _ in range(_EXCHANGES + _EXCHANGES_A_NODE * N):
        leave, least = 0, 0.0
        for y in range(1, N):
            if moved[y] < least and (parent[y] > 0 or hub.is_there):
                leave, least = y, moved[y]
        if leave == 0 or stop[0]:
            break
        inside[:] = False
        inside[leave] = True
        for x in range(len(order)):
            if inside[parent[order[x]]]:
                inside[order[x]] = True
        inner, outer = _entering(C, hub, (high, low), inside, leave <= P)
        if inner == 0:
            break
        # Below the leaving arc the way up from the entering one turns round.
        node, above = np.uint32(inner), np.uint32(outer)
        while True:
            up = parent[node]
            parent[node] = above
            if node == leave:
                break
            above, node = node, up
        list_nodes(parent, order, seen, stack)
        set_potentials_twofold(C, hub, order, parent, (high, low))
        backwards, doubt = set_flows(masses, basis, hub.is_there, moved, moved_low, below)
        exchanges += 1
    return backwards, doubt, exchanges


@compiled
def _entering(C, hub, potentials, inside, has_too_little):
    """Find the arc of least reduced cost that leads into a set of nodes, or out of one that has too much.

    Returns:
        Its end inside and its end outside; 0 and 0 if there is none.
    """
    high, low = potentials
    P, Q = C.shape
    least, inner, outer = np.inf, 0, 0
    for u in range(1, 1 + P):
        if inside[u] == has_too_little:
            continue
        for v in range(1 + P, 1 + P + Q):
            if inside[v] != has_too_little:
                continue
            own = reduced_between(C[u - 1, v - 1 - P], high[u], low[u], high[v], low[v])
            if own < least:
                least, inner, outer = own, v if has_too_little else u, u if has_too_little else v
        if hub.is_there and not has_too_little:
            own = reduced(hub.A[u - 1], high[u], low[u])
            if own < least:
                least, inner, outer = own, u, 0
    if hub.is_there and has_too_little:
        for v in range(Q):
            if inside[1 + P + v]:
                own = from_hub_left(hub, v, high[1 + P + v], low[1 + P + v])
                if own < least:
                    least, inner, outer = own, 1 + P + v, 0
    return inner, outer
