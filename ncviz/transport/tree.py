"""The spanning tree of the hub network simplex: pivots, potentials, and exact flows.

Mass p on sources u goes to sinks v with mass q, each bit either directly at cost C_uv or through the hub at
A_u + B_v. The tree is kept strongly feasible (Cunningham 1976), so that the pivots end in spite of ties; flows are
whole multiples of 2⁻⁵⁰, so that ties are exact. All functions are compiled by numba and release the GIL.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic

from ncviz.compiled import compiled, inlined, summing
from ncviz.transport.vectors import STEP, least_reduced

QUANTUM = 2.0**-50
# Arcs that are priced at a time, in whole rows.
PRICED_ARCS = 384
# Reduced costs this small beside the costs of their own arcs are rounding.
ROUNDING = 8.0 * 2.0**-52
CHUNK = 16


class Costs(NamedTuple):
    """What a unit of mass pays.

    Attributes:
        C: float64 [P, Q], from a source to a sink directly; may be padded.
        A: float64 [P], from a source to the hub.
        B: float64 [Q], from the hub to a sink.
    """

    C: np.ndarray
    A: np.ndarray
    B: np.ndarray


class Tree(NamedTuple):
    """A spanning tree of N = 1 + P + Q nodes: 0 is the hub, 1 … P the sources, P+1 … P+Q the sinks.

    Attributes:
        parent: uint32 [N].
        flow: float64 [N], what runs on the arc between a node and its parent.
        below: uint64 [N, N / 64], a bit for each node of a node's subtree: sets of bits are moved faster than lists.
        pi: float64 [N, padded], potentials.
    """

    parent: np.ndarray
    flow: np.ndarray
    below: np.ndarray
    pi: np.ndarray


@compiled
def fill_quantised(masses, out):
    """Write positive masses as whole multiples of 2⁻⁵⁰, at least one each, summing to exactly 1."""
    total = 0.0
    largest = 0
    for k in range(len(masses)):
        out[k] = max(QUANTUM, math.floor(masses[k] / QUANTUM + 0.5) * QUANTUM)
        total += out[k]
        if out[k] > out[largest]:
            largest = k
    out[largest] += 1.0 - total


@compiled
def quantise(masses: np.ndarray) -> np.ndarray:
    """Return positive masses as whole multiples of 2⁻⁵⁰, at least one each, summing to exactly 1."""
    out = np.empty(len(masses))
    fill_quantised(masses, out)
    return out


@intrinsic
def _lowest_bit(typing_context, word):
    """Index of the lowest set bit of a uint64 that is not 0."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

    return types.uint64(types.uint64), generate


@summing
def violation(cost, potential, other):
    """Sum of the violations of some arcs that share an end; a sum vectorises where a minimum does not."""
    total = 0.0
    for k in range(len(cost)):
        total += min(0.0, cost[k] - potential[k] - other)
    return total


@compiled
def most_violated(cost, potential, other, reduced):
    """Find the most violated of some arcs that share an end, if one is below ``reduced``.

    Returns:
        Its index, -1 if there is none, and its reduced cost.
    """
    at = -1
    for begin in range(0, len(cost), CHUNK):
        part, own = cost[begin : begin + CHUNK], potential[begin : begin + CHUNK]
        if violation(part, own, other + reduced) < 0.0:
            for k in range(len(part)):
                r = part[k] - own[k] - other
                if r < reduced:
                    reduced, at = r, begin + k
    return at, reduced


@inlined
def leaving_arc(parent, flow, above_head, P, tail, head):
    """Find the arc that leaves for tail → head: least flow against the cycle, the last one from its apex on.

    Args:
        parent: As in ``Tree``.
        flow: As in ``Tree``.
        above_head: uint64 [N, words], and the word and the bit in it that are set for the head and all above it.
        P: Number of sources.
        tail: Where the entering arc comes from.
        head: Where it leads.

    Returns:
        That flow, the node below the arc, whether it is on the tail's side, and the apex.
    """
    sets, word, bit = above_head
    theta, leave, on_tail = np.inf, np.uint32(0), True
    x = np.uint32(tail)
    while sets[x, word] & bit == 0:
        if x <= P and flow[x] < theta:
            theta, leave = flow[x], x
        x = parent[x]
    apex = x
    y = np.uint32(head)
    while y != apex:
        if y > P and flow[y] <= theta:
            theta, leave, on_tail = flow[y], y, False
        y = parent[y]
    return theta, leave, on_tail, apex


@inlined
def exchange(parent, flow, sets, P, nodes, theta, on_tail):
    """Let one arc enter the tree for another.

    Args:
        parent: As in ``Tree``; changed, as ``flow``.
        flow: As in ``Tree``.
        sets: ``below`` of a ``Tree``, changed, and room for two rows of it; of no words if nobody needs to know.
        P: Number of sources.
        nodes: The entering arc's end on the side of the leaving one, its other end, the cycle's apex, and the node
            below the leaving arc.
        theta: Flow that goes round the cycle.
        on_tail: Whether the leaving arc is on the side of the entering one's tail.
    """
    below, moved, inner = sets
    start, other, apex, leave = nodes
    words = below.shape[1]
    for w in range(words):
        moved[w] = below[leave, w]
    # One side of the cycle gains the subtree below the leaving arc; the other loses it above that arc.
    y = other
    while y != apex:
        flow[y] += theta if (y <= P) == on_tail else -theta
        for w in range(words):
            below[y, w] |= moved[w]
        y = parent[y]
    y = parent[leave]
    while y != apex:
        flow[y] += -theta if (y <= P) == on_tail else theta
        for w in range(words):
            below[y, w] &= ~moved[w]
        y = parent[y]
    # Inside the subtree the way from the entering arc to the leaving one turns round.
    node, above, carried = start, other, theta
    for w in range(words):
        inner[w] = np.uint64(0)
    while True:
        up, was = parent[node], flow[node]
        for w in range(words):
            own = below[node, w]
            below[node, w] = moved[w] & ~inner[w]
            inner[w] = own
        parent[node] = above
        flow[node] = carried
        if node == leave:
            break
        carried = was - theta if (node <= P) == on_tail else was + theta
        above, node = node, up


@compiled
def padded(count):
    """Return the next whole multiple of ``STEP``."""
    return (count + STEP - 1) // STEP * STEP


@compiled
def solve_tree(costs, dear, heavy, tree, value, floor, slack, stop):
    """Pivot from a strongly feasible tree to the optimum.

    Args:
        costs: The ``Costs``.
        dear: The same, dearer by what may be rounding; all of it padded with inf.
        heavy: How many of the sources and of the sinks, the first of each, may enter.
        tree: A ``Tree``; changed.
        value: The objective of the tree's plan.
        floor: The objective at which to stop.
        slack: Reduced costs that are rounding.
        stop: bool [1], set from outside to end early.

    Returns:
        Number of pivots, -1 if the objective fell to ``floor`` or below (stopped), -2 if it did not end; and the
        objective. Like ``pi`` it has gathered the rounding of all pivots.
    """
    C, A, B = costs
    dear_C, dear_A, dear_B = dear
    heavy_p, heavy_q = heavy
    parent, flow, below, pi = tree
    P, Q = C.shape
    words = below.shape[1]
    moved = np.empty(words, dtype=np.uint64)
    inner = np.empty(words, dtype=np.uint64)
    sinks = 1 + P
    step, wide = dear_C.shape[1], padded(heavy_q)
    hub_p, hub_q = min(padded(heavy_p), len(dear_A)), min(wide, len(dear_B))
    few = max(1, PRICED_ARCS // wide)
    row = 0
    clean = 0
    pivots = 0
    most = 200 * (P + Q) + 10000
    while True:
        # Entering arc: tolls first, then a few rows at a time; dearer by what may be rounding.
        excess, at = least_reduced(dear_A, 0, 0, 1, pi, 0, 1, hub_p)
        least, to = least_reduced(dear_B, 0, 0, 1, pi, 0, sinks, hub_q)
        tail, head = 1 + at, 0
        if least < excess:
            excess, tail, head = least, 0, sinks + to
        while excess >= -slack and clean < heavy_p:
            rows = min(few, heavy_p - row)
            excess, at = least_reduced(dear_C, row * step, step, rows, pi, 1 + row, sinks, wide)
            tail, head = 1 + at // step, sinks + at % step
            row = row + rows if row + rows < heavy_p else 0
            clean += rows
        if excess >= -slack:
            return pivots, value
        if head == 0:
            reduced = A[tail - 1] - pi[tail]
        elif tail == 0:
            reduced = B[head - sinks] - pi[head]
        else:
            reduced = C[tail - 1, head - sinks] - pi[tail] - pi[head]
        clean = 0
        pivots += 1
        if pivots > most or stop[0]:
            return -2, value
        word, bit = head >> 6, np.uint64(1) << np.uint64(head & 63)
        theta, leave, on_tail, apex = leaving_arc(parent, flow, (below, word, bit), P, tail, head)
        value += theta * reduced
        start, other = (np.uint32(tail), np.uint32(head)) if on_tail else (np.uint32(head), np.uint32(tail))
        exchange(parent, flow, (below, moved, inner), P, (start, other, apex, leave), theta, on_tail)
        change = reduced if on_tail else -reduced  # for sources; sinks the other way round
        for w in range(words):
            rest = moved[w]
            while rest != 0:
                n = (w << 6) + np.int64(_lowest_bit(rest))
                rest &= rest - np.uint64(1)
                pi[n] += change if n <= P else -change
        if value <= floor:
            return -1, value


@compiled
def set_potentials(order, costs, tree):
    """Work out the potentials of a tree whose nodes are listed with parents before children.

    Returns:
        The largest change of a potential, and the cost of the tree's plan.
    """
    C, A, B = costs
    parent, flow, _, pi = tree
    P = C.shape[0]
    pi[0] = 0.0
    drift, total = 0.0, 0.0
    for x in range(len(order)):
        y = order[x]
        above = parent[y]
        if above == 0:
            cost = A[y - 1] if y <= P else B[y - 1 - P]
        elif y <= P:
            cost = C[y - 1, above - 1 - P]
        else:
            cost = C[above - 1, y - 1 - P]
        own = cost - pi[above]
        drift = max(drift, abs(own - pi[y]))
        pi[y] = own
        total += flow[y] * cost
    return drift, total


@compiled
def set_subtrees(order, parent, below):
    """Work out who is below whom."""
    for x in range(len(parent)):
        below[x] = np.uint64(0)
        below[x, x >> 6] = np.uint64(1) << np.uint64(x & 63)
    for x in range(len(order) - 1, -1, -1):
        y = order[x]
        for w in range(below.shape[1]):
            below[parent[y], w] |= below[y, w]


@compiled
def list_nodes(parent, order, seen, stack):
    """List all nodes but the hub, parents before children."""
    seen[:] = False
    seen[0] = True
    listed = 0
    for x in range(1, len(parent)):
        top = 0
        y = np.uint32(x)
        while not seen[y]:
            seen[y] = True
            stack[top] = y
            top += 1
            y = parent[y]
        while top > 0:
            top -= 1
            order[listed] = stack[top]
            listed += 1
