"""Blocks of edges: what has to move, the distances that takes, and the least work; compiled by numba.

A block's edges start at a few nodes, so that one search from a node serves all of them; its size bounds the memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.compiled import compiled
from ncviz.ricci.metric import ROUNDING
from ncviz.ricci.searching import mark_one_step, mark_two_steps, search, steps_to
from ncviz.transport.many.one import TOLERANCE, Hub, new_basis, solve_one


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
def solve_edges(starts, ends, lengths, before, after, is_unit, kappa, stop):
    """Work out the curvature of some edges.

    Args:
        starts: int32 [edges], equal ones beside each other.
        ends: int32 [edges].
        lengths: float64 [edges].
        before: The ``Side`` on which the measures of the starts lie.
        after: The ``Side`` on which those of the ends lie.
        is_unit: Whether all edges are as long as 1.
        kappa: float64 [edges], written.
        stop: bool [1], set from outside to end early.

    Returns:
        How many of them are not proved to be exact.
    """
    moving, needed = _what_moves(starts, ends, before, after)
    edges = len(starts)
    offset = np.zeros(edges + 1, np.int64)
    for e in range(edges):
        rows, columns = moving.begin[e + 1] - moving.begin[e], needed.begin[e + 1] - needed.begin[e]
        offset[e + 1] = offset[e] + rows * columns
    cost = np.empty(offset[edges])
    distance = np.ones(edges)
    head, following, edge_of, sources = _by_source(starts, moving, not is_unit, len(before.own))
    rows = (head, following, edge_of, sources)
    if is_unit:
        _count_steps(rows, moving, needed, before, after, offset, cost, stop)
    else:
        _find_paths((starts, ends, lengths), rows, moving, needed, after, offset, cost, distance, stop)
    return _move(moving, needed, offset, cost, distance, kappa, stop)


@compiled
def _what_moves(starts, ends, before, after):
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
            if place[y] > 0:
                stays = min(need, left[place[y] - 1])
                left[place[y] - 1] -= stays
                need -= stays
            if need > ROUNDING:
                needed.node[come], needed.mass[come] = y, need
                needed.far[come] = 0.0 if k == 0 else after.lengths[first + k - 1]
                come += 1
        for k in range(size):
            if left[k] > ROUNDING:
                moving.node[to], moving.mass[to], moving.far[to] = node[k], left[k], far[k]
                to += 1
        if to == went or come == arrived:
            to, come = went, arrived
        moving.begin[e + 1], needed.begin[e + 1] = to, come
    return moving, needed


@compiled
def _by_source(starts, moving, has_starts, size):
    """Chain together the rows of costs that begin at the same node, and with ``has_starts`` each edge's own length.

    Returns:
        Node → the last such entry or -1, entry → the one before it or -1, entry → its edge, and the nodes; entries
        are those of ``moving``, then the edges.
    """
    edges, rows = len(starts), moving.begin[-1]
    entries = rows + (edges if has_starts else 0)
    head = np.full(size, -1, np.int64)
    following, edge_of = np.empty(entries, np.int64), np.empty(entries, np.int32)
    sources = np.empty(min(entries, size), np.int32)
    count, e = 0, 0
    for at in range(entries):
        if at < rows:
            while at >= moving.begin[e + 1]:
                e += 1
        else:
            e = at - rows
        x = moving.node[at] if at < rows else starts[e]
        if head[x] < 0:
            sources[count] = x
            count += 1
        edge_of[at], following[at], head[x] = e, head[x], at
    return head, following, edge_of, sources[:count]


@compiled
def _count_steps(rows, moving, needed, before, after, offset, cost, stop):
    """Write the distances where all edges are as long as 1: none that is needed is above 3."""
    head, following, edge_of, sources = rows
    mark = np.zeros(len(head), np.int64)
    for number in range(len(sources)):
        if stop[0]:
            return
        x = sources[number]
        # Either go two steps from the source, or one, and one back from each target.
        from_source, from_targets = 0, 0
        for y in after.nodes[after.begin[x] : after.begin[x + 1]]:
            from_source += after.begin[y + 1] - after.begin[y]
        at = head[x]
        while at >= 0 and from_targets < from_source:
            e = edge_of[at]
            for k in range(needed.begin[e], needed.begin[e + 1]):
                y = needed.node[k]
                from_targets += before.begin[y + 1] - before.begin[y]
            at = following[at]
        has_two = from_source <= from_targets
        if has_two:
            mark_two_steps(x, (after.begin, after.nodes), mark, number + 1)
        else:
            mark_one_step(x, (after.begin, after.nodes), mark, number + 1)
        at = head[x]
        while at >= 0:
            e = edge_of[at]
            first, width = needed.begin[e], needed.begin[e + 1] - needed.begin[e]
            out = offset[e] + (at - moving.begin[e]) * width
            for k in range(width):
                cost[out + k] = steps_to(
                    needed.node[first + k], (before.begin, before.nodes), mark, number + 1, has_two
                )
            at = following[at]


@compiled
def _find_paths(edges, rows, moving, needed, after, offset, cost, distance, stop):
    """Write the distances of any lengths, and those between edges' ends."""
    _, ends, lengths = edges
    head, following, edge_of, sources = rows
    size, entries = len(head), len(after.nodes)
    reached = np.full(size, np.inf)
    wanted = np.zeros(size, np.bool_)
    settled = np.empty(size, np.int32)
    heap = (np.empty(entries + 1), np.empty(entries + 1, np.int32))
    last = moving.begin[-1]
    for x in sources:
        if stop[0]:
            return
        left, limit = 0, 0.0
        at = head[x]
        while at >= 0:
            e = edge_of[at]
            if at >= last:
                limit = max(limit, lengths[e])
                if not wanted[ends[e]]:
                    wanted[ends[e]] = True
                    left += 1
            else:
                for k in range(needed.begin[e], needed.begin[e + 1]):
                    # There is always the way through the edge itself.
                    limit = max(limit, moving.far[at] + lengths[e] + needed.far[k])
                    if not wanted[needed.node[k]]:
                        wanted[needed.node[k]] = True
                        left += 1
            at = following[at]
        limit *= 1.0 + 1e-9
        count = search(
            x, wanted, left, limit, (after.begin, after.nodes, after.lengths), reached, heap, settled
        )
        at = head[x]
        while at >= 0:
            e = edge_of[at]
            if at >= last:
                distance[e] = reached[ends[e]]
            else:
                first, width = needed.begin[e], needed.begin[e + 1] - needed.begin[e]
                out = offset[e] + (at - moving.begin[e]) * width
                for k in range(width):
                    cost[out + k] = reached[needed.node[first + k]]
            at = following[at]
        for k in range(count):
            reached[settled[k]] = np.inf


@compiled
def _move(moving, needed, offset, cost, distance, kappa, stop):
    """Solve each edge's problem; returns how many are not proved."""
    unproved = 0
    nothing = Hub(False, np.empty(0), np.empty(0), 0.0)
    for e in range(len(kappa)):
        if stop[0]:
            return unproved
        first, last = moving.begin[e], moving.begin[e + 1]
        kappa[e] = 1.0
        if first == last:
            continue
        p, q = moving.mass[first:last], needed.mass[needed.begin[e] : needed.begin[e + 1]]
        C = cost[offset[e] : offset[e + 1]].reshape(len(p), len(q))
        if len(p) == 1 or len(q) == 1:
            # One plan only, and often as many of them as there are points on the other side.
            work = 0.0
            for u in range(len(p)):
                for v in range(len(q)):
                    work += C[u, v] * (p[u] if len(q) == 1 else q[v])
            kappa[e] = 1.0 - work / distance[e]
            continue
        total = p.sum()
        value, short, scale, _ = solve_one(
            p / total, q / q.sum(), C, nothing, new_basis(len(p), len(q)), False, stop
        )
        unproved += not short <= TOLERANCE * scale
        kappa[e] = 1.0 - total * value / distance[e]
    return unproved
