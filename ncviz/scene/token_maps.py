"""Layers of tokens as maps: each token where its patch lies in the image, those that have none apart and named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from weakref import WeakKeyDictionary

import numpy as np

from ncviz.plots.network.lines import TokenMap
from ncviz.tasks import CurvatureRecord
from ncviz.tasks.curvature.places import unpacked

# Tokens beside the patches: of the class, of a teacher, registers. More are no map with something beside it.
_MOST_APART = 8

# Where a token belongs: row and column of its patch, or the name of what is no patch.
_Spot = tuple[int, int] | str
_KNOWN: WeakKeyDictionary[CurvatureRecord, tuple[TokenMap | None, ...]] = WeakKeyDictionary()


def token_maps(record: CurvatureRecord) -> tuple[TokenMap | None, ...]:
    """Return for each layer of tokens in a row how they lie as a map; None for every other layer.

    Layers do not say where in the image a token is from, what joins them does: a patch embedding makes a map, and
    whatever reads one place of a layer at one place of its own is at the same spot of the image.
    """
    if record not in _KNOWN:
        _KNOWN[record] = _token_maps(record)
    return _KNOWN[record]


def _token_maps(record: CurvatureRecord) -> tuple[TokenMap | None, ...]:
    shapes = record.layer_shapes
    spots: dict[int, list[_Spot | None]] = {
        layer: _own_spots(record, layer, shape) for layer, shape in enumerate(shapes) if len(shape) > 1
    }
    joined = [(source, target, read) for source, target, read in _places_read(record) if source in spots]
    for _ in range(2):
        # Tokens that an attention has mixed are known by what reads them.
        for source, target, read in joined:
            _hand_on(spots[source], spots[target], read)
        for source, target, read in reversed(joined):
            _hand_back(spots[source], spots[target], read)
    return tuple(_as_map(spots[at]) if len(shape) == 2 else None for at, shape in enumerate(shapes))


def _own_spots(record: CurvatureRecord, layer: int, shape: tuple[int, ...]) -> list[_Spot | None]:
    """Return what a layer says by itself: a map where each place is, a learned token its name."""
    if len(shape) == 3:
        return [(row, column) for row in range(shape[1]) for column in range(shape[2])]
    is_learned = shape[1:] == (1,) and layer > 0 and not record.into(layer)
    if is_learned and not any(link.target == layer for link in record.links):
        return [record.layer_names[layer].rpartition(".")[2].replace("_", " ")]
    return [None] * int(np.prod(shape[1:]))


def _places_read(record: CurvatureRecord) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield source, target and for each place of the target the one that it reads, int64 [P], -1 for none.

    Only what reads one place at each is there, and at each another one; layer after layer.
    """
    found = []
    for at, place in enumerate(record.places):
        source, target = record.ends[at]
        per = int(np.prod(record.layer_shapes[source][1:]))
        fields = place.sources[0].astype(np.int64)  # [P, K]
        found.append((source, target, np.where(fields >= 0, fields % per, -1)))
    found += [
        (link.source, link.target, unpacked(link.places).astype(np.int64))
        for link in record.links
        if link.kind in ("skip", "scale")
    ]
    for source, target, places in sorted(found, key=lambda one: (one[1], one[0])):
        most = places.max(axis=1, initial=-1)
        is_one = ((places == most[:, None]) | (places < 0)).all()
        used = most[most >= 0]
        has_spaces = min(len(record.layer_shapes[layer]) for layer in (source, target)) > 1
        if has_spaces and is_one and len(np.unique(used)) == len(used):
            yield source, target, most


def _hand_on(before: list[_Spot | None], after: list[_Spot | None], read: np.ndarray) -> None:
    if len(read) == len(after):
        for at, place in enumerate(read.tolist()):
            if place >= 0 and after[at] is None:
                after[at] = before[place]


def _hand_back(before: list[_Spot | None], after: list[_Spot | None], read: np.ndarray) -> None:
    if len(read) == len(after):
        for at, place in enumerate(read.tolist()):
            if place >= 0 and before[place] is None:
                before[place] = after[at]


def _as_map(spots: list[_Spot | None]) -> TokenMap | None:
    """Return the map of a layer whose tokens are all known, all but a few of them patches; None for any other."""
    patches = [spot for spot in spots if isinstance(spot, tuple)]
    apart = {at: spot for at, spot in enumerate(spots) if isinstance(spot, str)}
    if len(patches) < 2 or None in spots or len(apart) > _MOST_APART or len(set(patches)) < len(patches):
        return None
    rows, columns = (1 + max(spot[axis] for spot in patches) for axis in (0, 1))
    return None if rows < 2 else _placed(rows, columns, spots, apart)


def _placed(rows: int, columns: int, spots: list[_Spot | None], apart: Mapping[int, str]) -> TokenMap:
    """Return a map with what lies apart in a row above it, an empty one between, and as high as it is wide."""
    if not apart:
        cells = [spot[0] * columns + spot[1] for spot in spots if isinstance(spot, tuple)]
        return TokenMap(rows, columns, (0, 0, rows, columns), tuple(cells), {})
    width = max(columns, rows + 2, 2 * len(apart) - 1)
    left, first = (width - columns) // 2, (width - 2 * len(apart) + 1) // 2
    beside = {at: first + 2 * number for number, at in enumerate(apart)}
    cells = [
        (spot[0] + 2) * width + left + spot[1] if isinstance(spot, tuple) else beside[at]
        for at, spot in enumerate(spots)
    ]
    return TokenMap(rows + 2, width, (2, left, rows, columns), tuple(cells), dict(apart))
