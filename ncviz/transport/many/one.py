"""One small transport problem, with a hub or without one: the simplex, refined until its potentials prove it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.compiled import compiled
from ncviz.transport.many.certificate import certify, refine_costs
from ncviz.transport.many.exchanges import turn_forwards
from ncviz.transport.many.given import NEGLIGIBLE, NOISE, balanced, repair_costs, set_flows
from ncviz.transport.many.starts import greedy_tree, reduce_costs, star
from ncviz.transport.tree import (
    ROUNDING,
    Costs,
    Tree,
    list_nodes,
    padded,
    quantise,
    set_potentials,
    set_subtrees,
    solve_tree,
)

# A value is exact when its proof falls short of it by no more than this share of its plan's mass times |cost|.
TOLERANCE = 1e-10
# A solution is refined so often at most.
ATTEMPTS = 8


class Hub(NamedTuple):
    """A way through which mass may go instead.

    Attributes:
        is_there: Whether there is one.
        A: float64 [P], to it.
        B: float64 [Q], from it.
        t: What it takes off.
    """

    is_there: bool
    A: np.ndarray
    B: np.ndarray
    t: float


class Basis(NamedTuple):
    """A problem's last tree, which a problem with the same masses can begin from.

    Attributes:
        parent: uint32 [1 + P + Q].
        flow: float64 [1 + P + Q], in whole quanta.
        order: uint32 [P + Q], all nodes but the hub, parents before children.
        f: float64 [P], potentials of the sources.
        g: float64 [Q], potentials of the sinks.
        is_start: bool [1], whether it is one to begin from: not where arcs were exchanged after its last pivot, so that
            ``flow`` is another tree's.
    """

    parent: np.ndarray
    flow: np.ndarray
    order: np.ndarray
    f: np.ndarray
    g: np.ndarray
    is_start: np.ndarray


@compiled
def new_basis(P, Q):
    """Return room for a tree."""
    N = 1 + P + Q
    return Basis(
        np.zeros(N, np.uint32), np.zeros(N), np.empty(N - 1, np.uint32), np.zeros(P), np.zeros(Q),
        np.zeros(1, np.bool_),
    )  # fmt: skip


@compiled
def solve_one(p, q, C, hub, basis, is_warm, stop):
    """Solve one transport problem.

    Args:
        p: float64 [P], positive masses.
        q: float64 [Q], likewise; they count as scaled to the sum of ``p``.
        C: float64 [P, Q], contiguous.
        hub: The ``Hub``.
        basis: A ``Basis``; ``f`` holds what to begin with, 0 or potentials for the same C; all of it is written.
        is_warm: Whether the basis holds a tree for the same masses.
        stop: bool [1], set from outside to end early.

    Returns:
        What the tree's plan costs, by how much the proof falls short of it, what it may take beside it that the plan
        sends no mass backwards, the sum of mass times |cost|, and the pivots. The tree is found for masses in whole
        quanta, and mended where that is none for those given, which all of this is about.
    """
    P, Q = C.shape
    N = 1 + P + Q
    if not hub.is_there and (P == 1 or Q == 1):
        return _solve_line(p, q, C, basis)
    masses = np.empty(N), np.empty(N)
    balanced(p, q, masses[0], masses[1])
    return solve_balanced(quantise(p / p.sum()), quantise(q / q.sum()), masses, C, hub, basis, is_warm, stop)


@compiled
def solve_balanced(supply, demand, masses, C, hub, basis, is_warm, stop):
    """Solve one transport problem whose two sides weigh the same.

    Args:
        supply: float64 [P], the masses in whole quanta.
        demand: float64 [Q], likewise, of the very same sum.
        masses: Two float64 arrays [1 + P + Q] as ``balanced`` writes them.
        C: float64 [P, Q], contiguous.
        hub: The ``Hub``.
        basis: As for ``solve_one``.
        is_warm: Likewise.
        stop: bool [1], set from outside to end early.

    Returns:
        As ``solve_one``.
    """
    parent, flow, order, f, g, is_start = basis
    P, Q = C.shape
    N = 1 + P + Q
    is_warm = is_warm and is_start[0]
    is_start[0] = True
    moved, moved_low, under = np.empty(N), np.empty(N), np.empty(N)
    wide, high = padded(Q), padded(P)
    A, B = np.zeros(P), np.zeros(Q)
    hub_B = hub.B - hub.t if hub.is_there else hub.B
    own = np.empty((P, Q))
    reduce_costs(C, hub.A, hub_B, hub.is_there, f, g, own, A, B)
    dear_C = np.full((P, wide), np.inf)
    dear_A, dear_B = np.full(high, np.inf), np.full(wide, np.inf)
    below = np.empty((N, (N + 63) // 64), dtype=np.uint64)
    seen = np.empty(N, dtype=np.bool_)
    stack = np.empty(N, dtype=np.uint32)
    pi = np.zeros(1 + high + wide)
    high, low, down = np.empty(N), np.empty(N), np.empty(N)
    if not is_warm and hub.is_there:
        star(supply, demand, parent, flow)
    elif not is_warm:
        greedy_tree(supply, demand, own, down[:Q], parent, flow)
    costs, dear, tree = Costs(own, A, B), Costs(dear_C, dear_A, dear_B), Tree(parent, flow, below, pi)
    list_nodes(parent, order, seen, stack)
    total, short, scale, total_mass = np.inf, np.inf, 0.0, masses[0][: 1 + P].sum()
    backwards, doubt, error = 0.0, 0.0, 0.0
    pivots, slack = 0, ROUNDING * own.max()
    for _ in range(ATTEMPTS):
        for u in range(P):
            raise_by_rounding(own[u], dear_C[u])
        if hub.is_there:
            raise_by_rounding(A, dear_A)
            raise_by_rounding(B, dear_B)
        _, objective = set_potentials(order, costs, tree)
        set_subtrees(order, parent, below)
        more, _ = solve_tree(costs, dear, (P, Q), tree, objective, -np.inf, slack, stop)
        pivots += max(0, more)
        if stop[0]:
            break
        list_nodes(parent, order, seen, stack)
        backwards, doubt = set_flows(masses, basis, hub.is_there, moved, moved_low, under)
        total, short, scale, error = certify(
            C, hub, masses[0][1 : 1 + P], masses[0][1 + P :], (order, parent, moved, NOISE * under),
            (high, low), down,
        )  # fmt: skip
        if short <= TOLERANCE * scale and backwards <= 0.0:
            break
        too_high = refine_costs(C, hub, (high, low), own, A, B)
        # Where arcs will be exchanged, what is too high beside little mass may come to lie beside much.
        if short <= TOLERANCE * scale and too_high * total_mass <= TOLERANCE * scale:
            break
        # What is left to gain may be small beside the costs of the arcs that carry it, so it gets its own scale.
        slack = ROUNDING * too_high
    if backwards > 0.0 and not stop[0]:
        backwards, doubt, exchanges = turn_forwards(
            masses, C, hub, basis, (high, low), (moved, moved_low, under), seen, stack, stop
        )
        is_start[0] = False
        pivots += exchanges
        total, short, scale, error = certify(
            C, hub, masses[0][1 : 1 + P], masses[0][1 + P :], (order, parent, moved, NOISE * under),
            (high, low), down,
        )  # fmt: skip
    f[:] = high[1 : 1 + P] + down[1 : 1 + P]
    g[:] = high[1 + P :] + down[1 + P :]
    repaired = 0.0
    if backwards > 0.0 or doubt > 0.0 or error > NEGLIGIBLE * scale:
        repaired, unsure = repair_costs(backwards, doubt, error, total_mass, C, hub, f, g)
        repaired += unsure
        short += unsure
    return total, short, repaired, scale, pivots


@compiled
def raise_by_rounding(cost, out):
    """Write costs dearer by what may be rounding of them."""
    for k in range(len(cost)):
        out[k] = cost[k] + ROUNDING * abs(cost[k])


@compiled
def _solve_line(p, q, C, basis):
    """Solve a problem with one source or one sink, which has one plan only."""
    P, Q = C.shape
    sinks = 1 + P
    total, scale, share = 0.0, 0.0, p.sum() / q.sum()
    basis.parent[:] = sinks if Q == 1 else 1
    basis.parent[1] = sinks
    basis.parent[sinks] = 0
    for u in range(P):
        basis.f[u] = C[u, 0] if Q == 1 else 0.0
        for v in range(Q):
            x = p[u] if Q == 1 else q[v] * share
            total += x * C[u, v]
            scale += x * abs(C[u, v])
    for v in range(Q):
        basis.g[v] = 0.0 if Q == 1 else C[0, v]
    for x in range(P + Q):
        basis.order[x] = sinks if x == 0 else x if x < sinks else 1 + x
    return total, 0.0, 0.0, scale, 0
