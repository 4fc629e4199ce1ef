"""Which pairs of positions the curvature of one connection looks at, and which lie on the way there.

Beyond an attention every position reaches every other one, with lengths of their own. Of all these pairs a connection
looks at few: those of the neighbours of its edges' ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ncviz.graph.positions import PathTable, starts_of

# Pairs (source · positions of the later layer + target), int64, growing, each once.
Codes = np.ndarray
Ends = tuple[int, int]


def codes_of(table: PathTable) -> Codes:
    """Return a table's pairs of positions, which are sorted already."""
    return table.source.astype(np.int64) * table.positions[1] + table.target


def reached(first: tuple[Codes, int], second: tuple[Codes, int]) -> Codes:
    """Return which positions can be gone between by a pair of ``first`` and one of ``second``.

    Args:
        first: Pairs of positions, and how many positions the middle layer has.
        second: Pairs of positions, and how many the last layer has.
    """
    (codes, middle), (onward, last) = first, second
    begin, through = np.divmod(codes, middle)
    leaving, end = np.divmod(onward, last)
    start = np.searchsorted(leaving, np.arange(middle + 1))
    fan = np.diff(start)[through]
    step = np.repeat(np.arange(len(codes)), fan)
    offset = np.arange(fan.sum()) - np.repeat(starts_of(fan)[:-1], fan)
    return np.unique(begin[step] * last + end[start[through[step]] + offset])


def backwards(codes: Codes, last: int, first: int) -> Codes:
    """Return pairs (target, source) of pairs (source, target); ``first`` and ``last`` count the layers' positions."""
    source, target = np.divmod(codes, last)
    return np.sort(target * first + source)


def pairs_around(
    own: PathTable, ends: Ends, hops: Mapping[Ends, PathTable], wanted: Sequence[Ends]
) -> dict[Ends, Codes]:
    """Return which pairs of positions a connection's curvature looks at.

    Args:
        own: The connection's edges.
        ends: The layers that it joins.
        hops: What joins layers directly.
        wanted: The pairs of layers whose distances are looked at, see ``surroundings``.
    """
    source, target = ends
    mine = codes_of(own), own.positions[1]
    found = {}
    for before, after in wanted:
        pairs = mine
        if before != source:
            hop = hops[before, source]
            pairs = reached((codes_of(hop), hop.positions[1]), pairs), pairs[1]
        if after != target:
            hop = hops[target, after]
            pairs = reached(pairs, (codes_of(hop), hop.positions[1])), hop.positions[1]
        found[before, after] = pairs[0]
    return found


def pairs_on_the_way(
    wanted: Mapping[Ends, Codes], hops: Mapping[Ends, PathTable], leads: Mapping[Ends, bool]
) -> dict[Ends, Codes]:
    """Return the pairs of positions of all tables that those which are wanted are made of, and of these, or more.

    Args:
        wanted: By pair of layers the pairs of positions that are looked at.
        hops: What joins layers directly.
        leads: Whether anything leads from a layer to another one.
    """
    found: dict[Ends, Codes] = dict(wanted)
    # What is made of a table begins in an earlier layer, and ends in the same one.
    for source in range(max((target for _, target in wanted), default=0)):
        for (begin, end), codes in list(found.items()):
            if begin != source:
                continue
            for (first, through), hop in hops.items():
                if first != source or through >= end or not leads.get((through, end), False):
                    continue
                is_only = not any(
                    begin == through and leads.get((onward, end), False)
                    for begin, onward in hops
                    if onward < end
                )
                if is_only and (through, end) in hops:
                    # All of them are there already, and no product of lengths is made for them.
                    found[through, end] = codes_of(hops[through, end])
                    continue
                places = hop.positions
                last = _positions_of(end, hops)
                back = backwards(codes_of(hop), places[1], places[0]), places[0]
                own = reached(back, (codes, last))
                known = found.get((through, end))
                found[through, end] = own if known is None else np.union1d(known, own)
    return found


def _positions_of(layer: int, hops: Mapping[Ends, PathTable]) -> int:
    return next(hop.positions[1] for (_, end), hop in hops.items() if end == layer)


def restricted(table: PathTable, codes: Codes) -> PathTable:
    """Return a table with some pairs of positions only, and the kinds that they are of."""
    mine = np.isin(codes_of(table), codes, assume_unique=True)
    if mine.all():
        return table
    used, kind = np.unique(table.kind[mine], return_inverse=True)
    return PathTable(
        table.source[mine], table.target[mine], kind.reshape(-1).astype(np.int32), table.lengths[used],
        table.positions,
    )  # fmt: skip
