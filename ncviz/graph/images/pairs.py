"""Which pairs of positions the curvature of one connection looks at, and which lie on the way there.

Beyond an attention every position reaches every other one, with lengths of their own. Of all these pairs a connection
looks at few: those of the neighbours of its edges' ends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

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


def backwards_of(codes: Codes, positions: tuple[int, int]) -> Codes:
    """Return pairs (target, source) of pairs (source, target); ``positions`` counts the layers'."""
    source, target = np.divmod(codes, positions[1])
    return np.sort(target * positions[0] + source)


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
    wanted: Mapping[Ends, Codes], hops: Mapping[Ends, PathTable], backwards: Collection[int]
) -> dict[Ends, Codes]:
    """Return the pairs of positions of all tables that those which are wanted are made of, and of these, or more.

    Args:
        wanted: By pair of layers the pairs of positions that are looked at.
        hops: What joins layers directly.
        backwards: The layers to which the last step is sought rather than the first.
    """
    found: dict[Ends, Codes] = dict(wanted)
    reach = _reach(hops)
    # What is made of a table lies between its ends.
    for span in range(max((end - begin for begin, end in wanted), default=0), 1, -1):
        for (begin, end), codes in [item for item in found.items() if item[0][1] - item[0][0] == span]:
            for first, last in list(hops):
                if end in backwards:
                    if last != end or first <= begin or (begin, first) not in reach:
                        continue
                    part, hop = (begin, first), hops[first, last]
                    back = backwards_of(codes_of(hop), hop.positions)
                    own = (codes, hop.positions[1]), (back, hop.positions[0])
                else:
                    if first != begin or last >= end or (last, end) not in reach:
                        continue
                    part, hop = (last, end), hops[first, last]
                    back = backwards_of(codes_of(hop), hop.positions)
                    own = (back, hop.positions[0]), (codes, _positions_of(end, hops))
                if part in hops and not _is_beyond(part, hops, reach):
                    # All of them are there already, and no product of lengths is made for them.
                    found[part] = codes_of(hops[part])
                    continue
                through = reached(*own)
                found[part] = np.union1d(found[part], through) if part in found else through
    return found


def _reach(hops: Collection[Ends]) -> set[Ends]:
    """Return the pairs of layers of which the one leads to the other."""
    found: set[Ends] = set()
    for source, target in sorted(hops, reverse=True):
        found.add((source, target))
        found |= {(source, end) for begin, end in found if begin == target}
    return found


def _is_beyond(ends: Ends, hops: Collection[Ends], reach: Collection[Ends]) -> bool:
    """Whether there are other ways between two layers than a step."""
    return any(source == ends[0] and (target, ends[1]) in reach for source, target in hops)


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
