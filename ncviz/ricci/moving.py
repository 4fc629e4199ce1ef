"""Every node's measure, and what two of them do not have in common; compiled by numba."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.compiled import compiled

# Equal masses computed in two ways differ by this share of them at most; what is left of them is not moved about.
SAME = 8.0 * 2.0**-53
# Sides of which this share is missing have lost what they need: what is left of nearly equal masses is no rounding.
LOST = 0.1


class Side(NamedTuple):
    """A graph's edges in one direction, and each node's measure on the nodes that they lead to.

    Attributes:
        begin: int32 [nodes + 1], where a node's edges begin.
        nodes: int32 [entries], where they lead.
        lengths: float64 [entries].
        mass: float64 [entries], the measure on those nodes.
        own: float64 [nodes], what stays on the node itself.
    """

    begin: np.ndarray
    nodes: np.ndarray
    lengths: np.ndarray
    mass: np.ndarray
    own: np.ndarray


class Moving(NamedTuple):
    """What the measures of edges' ends do not have in common: what both have at a node stays there.

    Attributes:
        begin: int64 [edges + 1], where an edge's nodes begin.
        node: int32 [entries].
        mass: float64 [entries], what has to move.
        far: float64 [entries], length of the edge between the node and the end.
    """

    begin: np.ndarray
    node: np.ndarray
    mass: np.ndarray
    far: np.ndarray


@compiled
def set_masses(begin, lengths, alpha, mass, own):
    """Write the measures of all nodes: ``alpha`` on themselves, the rest in proportion to exp(−length²)."""
    for x in range(len(own)):
        first, last = begin[x], begin[x + 1]
        own[x] = 1.0 if first == last else alpha
        nearest, total = np.inf, 0.0
        for at in range(first, last):
            nearest = min(nearest, lengths[at])
        for at in range(first, last):
            # But for a common factor, so that not all of them underflow.
            mass[at] = np.exp(-(lengths[at] - nearest) * (lengths[at] + nearest))
            total += mass[at]
        for at in range(first, last):
            mass[at] *= (1.0 - alpha) / total


@compiled
def what_moves(starts, ends, before, after):
    """Return what moves from nodes around the starts, and to nodes around the ends."""
    edges = len(starts)
    most, rows, columns = 1, 0, 0
    for e in range(edges):
        own = before.begin[starts[e] + 1] - before.begin[starts[e]] + 1
        most = max(most, own)
        rows += own
        columns += after.begin[ends[e] + 1] - after.begin[ends[e]] + 1
    moving = Moving(np.zeros(edges + 1, np.int64), np.empty(rows, np.int32), np.empty(rows), np.empty(rows))
    needed = Moving(
        np.zeros(edges + 1, np.int64), np.empty(columns, np.int32), np.empty(columns), np.empty(columns)
    )
    place = np.zeros(len(before.own), np.int32)
    node, far, mass, left = np.empty(most, np.int32), np.empty(most), np.empty(most), np.empty(most)
    whole, whole_left = np.empty(columns + 1), np.empty(most)
    size, to, come = 0, 0, 0
    for e in range(edges):
        u, v = starts[e], ends[e]
        if e == 0 or u != starts[e - 1]:
            for k in range(size):
                place[node[k]] = 0
            first = before.begin[u]
            size = before.begin[u + 1] - first + 1
            node[0], far[0], mass[0] = u, 0.0, before.own[u]
            node[1:size] = before.nodes[first : first + size - 1]
            far[1:size] = before.lengths[first : first + size - 1]
            mass[1:size] = before.mass[first : first + size - 1]
            for k in range(size):
                place[node[k]] = k + 1
        left[:size] = mass[:size]
        first = after.begin[v]
        arrived, went = come, to
        for k in range(after.begin[v + 1] - first + 1):
            y = v if k == 0 else after.nodes[first + k - 1]
            need = after.own[v] if k == 0 else after.mass[first + k - 1]
            whole[come] = need
            if place[y] > 0:
                stays = min(need, left[place[y] - 1])
                left[place[y] - 1] -= stays
                need -= stays
            if need > 0.0:
                needed.node[come], needed.mass[come] = y, need
                needed.far[come] = 0.0 if k == 0 else after.lengths[first + k - 1]
                come += 1
        for k in range(size):
            if left[k] > 0.0:
                moving.node[to], moving.mass[to], moving.far[to] = node[k], left[k], far[k]
                whole_left[to - went] = mass[k]
                to += 1
        to, come = _balance(moving, whole_left, went, to, needed, whole[arrived:come], arrived, come)
        moving.begin[e + 1], needed.begin[e + 1] = to, come
    return moving, needed


@compiled
def _balance(moving, whole_left, went, to, needed, whole_needed, arrived, come):
    """Drop the rounding that equal masses leave, and give both sides of an edge the same sum.

    Args:
        moving: A ``Moving``, whose entries from ``went`` to ``to`` are the edge's; changed.
        whole_left: float64 [to − went], what was there before something stayed.
        went: See above.
        to: See above.
        needed: A ``Moving`` likewise, from ``arrived`` to ``come``.
        whole_needed: float64 [come − arrived].
        arrived: See above.
        come: See above.

    Returns:
        What ``to`` and ``come`` are now.
    """
    doubt, kept = _sums(moving.mass[went:to], whole_left)
    other_doubt, other_kept = _sums(needed.mass[arrived:come], whole_needed)
    if abs(kept - other_kept) <= LOST * max(kept, other_kept):
        to = _keep(moving, whole_left, went, to)
        come = _keep(needed, whole_needed, arrived, come)
    if to == went or come == arrived:
        return went, arrived
    # The other side's sum is then that of this one.
    if doubt > other_doubt:
        share = needed.mass[arrived:come].sum() / moving.mass[went:to].sum()
        for at in range(went, to):
            moving.mass[at] *= share
    return to, come


@compiled
def _sums(masses, whole):
    """Return how much mass may have left rounding behind, and how much mass is more than that."""
    doubt, kept = 0.0, 0.0
    for k in range(len(masses)):
        if masses[k] < whole[k]:
            doubt += whole[k]
        if masses[k] > SAME * whole[k]:
            kept += masses[k]
    return doubt, kept


@compiled
def _keep(moving, whole, begin, end):
    """Keep of an edge's entries what is more than rounding; returns where they end then."""
    to = begin
    for at in range(begin, end):
        if moving.mass[at] > SAME * whole[at - begin]:
            moving.node[to], moving.mass[to], moving.far[to] = (
                moving.node[at],
                moving.mass[at],
                moving.far[at],
            )
            to += 1
    return to
