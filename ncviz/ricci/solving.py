"""Blocks of edges: what has to move, the distances that takes, and the least work; compiled by numba.

A block's edges start at a few nodes, so that one search from a node serves all of them; its size bounds the memory.
"""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled
from ncviz.ricci.moving import what_moves
from ncviz.ricci.searching import mark_one_step, mark_two_steps, search, steps_to
from ncviz.transport.many.one import TOLERANCE, Hub, new_basis, solve_one


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
        Which of them are not proved to be exact, as bool [edges].
    """
    moving, needed = what_moves(starts, ends, before, after)
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
    """Solve each edge's problem; returns which are not proved."""
    is_unproved = np.zeros(len(kappa), np.bool_)
    nothing = Hub(False, np.empty(0), np.empty(0), 0.0)
    for e in range(len(kappa)):
        if stop[0]:
            return is_unproved
        first, last = moving.begin[e], moving.begin[e + 1]
        kappa[e] = 1.0
        if first == last:
            continue
        p, q = moving.mass[first:last], needed.mass[needed.begin[e] : needed.begin[e + 1]]
        C = cost[offset[e] : offset[e + 1]].reshape(len(p), len(q))
        if len(p) == 1 or len(q) == 1:
            # One plan only, and often as many of them as there are points on the other side.
            work, share = 0.0, p.sum() / q.sum()
            for u in range(len(p)):
                for v in range(len(q)):
                    work += C[u, v] * (p[u] if len(q) == 1 else q[v] * share)
            kappa[e] = 1.0 - work / distance[e]
            continue
        # Masses of a measure are rounded anyway, so nothing is said of what their rounding sends backwards.
        value, short, repaired, scale, _ = solve_one(p, q, C, nothing, new_basis(len(p), len(q)), False, stop)
        is_unproved[e] = not short <= TOLERANCE * max(scale, distance[e])
        kappa[e] = 1.0 - (value + repaired) / distance[e]
    return is_unproved
