"""Shortest paths from one node to those that are asked for, and no further; compiled by numba."""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled


@compiled
def mark_two_steps(start, forwards, mark, number):
    """Mark what is within two steps of a node with 3·number + steps; every edge is as long as 1."""
    begin, nodes = forwards[0], forwards[1]
    for x in nodes[begin[start] : begin[start + 1]]:
        for y in nodes[begin[x] : begin[x + 1]]:
            mark[y] = 3 * number + 2
    mark_one_step(start, forwards, mark, number)


@compiled
def mark_one_step(start, forwards, mark, number):
    """Mark a node and what is one step from it."""
    begin, nodes = forwards[0], forwards[1]
    for x in nodes[begin[start] : begin[start + 1]]:
        mark[x] = 3 * number + 1
    mark[start] = 3 * number


@compiled
def steps_to(target, backwards, mark, number, has_two):
    """Return how many steps it is to a node that is no more than three away, given the marks."""
    steps = mark[target] - 3 * number
    if 0 <= steps <= 2:
        return steps
    if has_two:
        return 3
    begin, nodes = backwards[0], backwards[1]
    for x in nodes[begin[target] : begin[target + 1]]:
        if 0 <= mark[x] - 3 * number <= 1:
            return 2
    return 3


@compiled
def search(start, wanted, left, limit, forwards, reached, heap, settled):
    """Find the distances from a node to all that are wanted (Dijkstra's algorithm, which ends with the last of them).

    Args:
        start: The node.
        wanted: bool [nodes]; changed to False as they are found.
        left: How many are wanted.
        limit: What none of their distances exceeds.
        forwards: First entries int32 [nodes + 1], neighbours int32 and lengths float64 [entries].
        reached: float64 [nodes], inf; written.
        heap: Keys float64 and nodes int32, room for one of each entry.
        settled: int32 [nodes], written: the nodes that were reached.

    Returns:
        How many nodes were reached.
    """
    begin, nodes, lengths = forwards
    keys, items = heap
    reached[start] = 0.0
    settled[0] = start
    count, size = 1, 1
    keys[0], items[0] = 0.0, start
    while size > 0 and left > 0:
        key, x = keys[0], items[0]
        size -= 1
        _sink(keys, items, size, keys[size], items[size])
        if key > reached[x]:
            continue
        if wanted[x]:
            wanted[x] = False
            left -= 1
        for at in range(begin[x], begin[x + 1]):
            y, far = nodes[at], key + lengths[at]
            if far < reached[y] and far <= limit:
                if reached[y] == np.inf:
                    settled[count] = y
                    count += 1
                reached[y] = far
                _rise(keys, items, size, far, y)
                size += 1
    return count


@compiled
def _rise(keys, items, at, key, item):
    """Put an entry into the heap."""
    while at > 0:
        above = (at - 1) >> 1
        if keys[above] <= key:
            break
        keys[at], items[at] = keys[above], items[above]
        at = above
    keys[at], items[at] = key, item


@compiled
def _sink(keys, items, size, key, item):
    """Put an entry in the place of the first of a heap."""
    at = 0
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= key:
            break
        keys[at], items[at] = keys[below], items[below]
        at = below
    if size > 0:
        keys[at], items[at] = key, item
