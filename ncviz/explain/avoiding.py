"""Shortest paths that avoid one edge of a chain of layers, for the few units around it.

The tables of a network hold the shortest paths through all edges. Where a table's path is shorter than the best one
through the edge, it avoids the edge already; only the others are searched again. Connection c of a chain joins layer c
to layer c + 1.
"""

from __future__ import annotations

import numpy as np

from ncviz.graph.paths import Distances
from ncviz.graph.positions import PathTable

# Rounding must not hide that a table's path is the one through the edge; searching once more does no harm.
SLACK = 1 + 1e-12
_STEP = 64


def past_to_target(
    paths: Distances, connection: int, source: int, target: int, units: np.ndarray, to_source: np.ndarray,
    length: float,
) -> np.ndarray:  # fmt: skip
    """Return how long the way from each in-neighbour to j is that avoids i, float64 [P].

    Args:
        paths: The network's path lengths.
        connection: Index of the edge's weight layer.
        source: Unit i.
        target: Unit j.
        units: int64 [P], in-neighbours of i.
        to_source: float64 [P], their distances to i.
        length: d(i, j).
    """
    before, own = paths.one[connection - 1].table, paths.one[connection].table
    found = paths.tables[connection - 1, connection + 1].between(units, np.array([target]))[:, 0]
    tight = np.flatnonzero(to_source + length <= found * SLACK)
    others = _reading(own, target)
    last_step = own.between(others, np.array([target]))[:, 0]
    keep = np.isfinite(last_step) & (others != source)
    found[tight] = _least(before.between(units[tight], others[keep]) + last_step[keep])
    return found


def past_from_source(
    paths: Distances, connection: int, source: int, target: int, units: np.ndarray, from_target: np.ndarray,
    length: float,
) -> np.ndarray:  # fmt: skip
    """Return how long the way from i to each out-neighbour of j is that avoids j, float64 [Q]."""
    own, after = paths.one[connection].table, paths.one[connection + 1].table
    found = paths.tables[connection, connection + 2].between(np.array([source]), units)[0]
    tight = np.flatnonzero(length + from_target <= found * SLACK)
    others = _read_by(own, source % own.positions[0])
    first_step = own.between(np.array([source]), others)[0]
    keep = np.isfinite(first_step) & (others != target)
    found[tight] = _least((first_step[keep, None] + after.between(others[keep], units[tight])).T)
    return found


def past_across(
    paths: Distances, connection: int, source: int, in_units: np.ndarray, out_units: np.ndarray,
    to_source: np.ndarray, from_target: np.ndarray, past_source: np.ndarray, length: float,
) -> np.ndarray:  # fmt: skip
    """Return how long the way from each in-neighbour to each out-neighbour is that avoids the edge, float64 [P, Q].

    Args:
        paths: The network's path lengths.
        connection: Index of the edge's weight layer.
        source: Unit i.
        in_units: int64 [P], in-neighbours u of i.
        out_units: int64 [Q], out-neighbours v of j.
        to_source: float64 [P], d(u, i).
        from_target: float64 [Q], d(j, v).
        past_source: float64 [Q], length of the ways i→v that avoid the edge.
        length: d(i, j).
    """
    before, onward = paths.one[connection - 1].table, paths.tables[connection, connection + 2]
    found = paths.tables[connection - 1, connection + 2].between(in_units, out_units)
    tight = to_source[:, None] + (length + from_target)[None, :] <= found * SLACK
    for position in np.unique(in_units % before.positions[0]):
        rows = np.flatnonzero((in_units % before.positions[0] == position) & tight.any(axis=1))
        if not len(rows):
            continue
        middle = _read_by(before, int(position))
        first = before.between(in_units[rows], middle)
        reached = np.flatnonzero(np.isfinite(first).any(axis=0))
        columns = np.flatnonzero(tight[rows].any(axis=0))
        rest = onward.between(middle[reached], out_units[columns])
        # Of all second halves only those that start in i can lead through the edge.
        rest[middle[reached] == source] = past_source[columns]
        searched = _products(first[:, reached], rest)
        block = np.ix_(rows, columns)
        found[block] = np.where(tight[block], searched, found[block])
    return found


def _reading(table: PathTable, target: int) -> np.ndarray:
    """Return all units at the positions that a target's position reads, int64."""
    before, after = table.positions
    places = table.source[table.target == target % after].astype(np.int64)
    return (np.arange(table.lengths.shape[1])[:, None] * before + places).reshape(-1)


def _read_by(table: PathTable, position: int) -> np.ndarray:
    """Return all units at the positions that read a source's position, int64."""
    places = table.target[table.source == position].astype(np.int64)
    return (np.arange(table.lengths.shape[2])[:, None] * table.positions[1] + places).reshape(-1)


def _products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the min-plus product [I, J] of [I, K] and [K, J]; most of K is never looked at."""
    out = np.full((left.shape[0], right.shape[1]), np.inf)
    least = right.min(axis=1)
    for row, lengths in enumerate(left):
        bound = lengths + least
        order = np.argsort(bound)
        for begin in range(0, len(order), _STEP):
            if bound[order[begin]] >= out[row].max():
                break
            chosen = order[begin : begin + _STEP]
            np.minimum(out[row], (lengths[chosen, None] + right[chosen]).min(axis=0), out=out[row])
    return out


def _least(lengths: np.ndarray) -> np.ndarray:
    """Return the least of each row, inf where there is none."""
    return lengths.min(axis=1, initial=np.inf)
