"""Which part of the image a unit sees, through everything that joins layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ncviz.scene import feature_maps
from ncviz.tasks import CurvatureRecord
from ncviz.tasks.curvature.places import unpacked

_NOTHING = np.empty(0, dtype=np.int64)


def receptive_box(record: CurvatureRecord, layer: int, unit: int) -> tuple[int, int, int, int] | None:
    """Return the part of the image that a unit sees: left, top, width, height; None where it sees no less than all.

    Args:
        record: The curvature, for the wiring of the network.
        layer: The unit's layer.
        unit: Its index within the layer.
    """
    image = feature_maps.drawn_shapes(record)[0]
    if len(image) < 2:
        return None
    # What of each layer is seen: units of a flat one, positions of feature maps.
    seen = {
        layer: np.array([unit % feature_maps.positions(record, layer) if _is_mapped(record, layer) else unit])
    }
    for at in range(layer, 0, -1):
        for before, found in _read(record, at, seen.get(at, _NOTHING)):
            seen[before] = np.union1d(seen.get(before, _NOTHING), found)
    rows, columns = image[-2:]
    units = seen.get(0, _NOTHING)
    if not len(units):
        return None
    row, column = np.divmod(units % (rows * columns), columns)
    left, top = int(column.min()), int(row.min())
    width, height = int(column.max()) - left + 1, int(row.max()) - top + 1
    return None if (width, height) == (columns, rows) else (left, top, width, height)


def _read(record: CurvatureRecord, layer: int, seen: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield for everything that ends in a layer which of the layer before its units or positions there read."""
    for connection in record.into(layer):
        fields, before = record.places[connection].fields, record.ends[connection][0]
        units = unpacked(fields[:, np.unique(seen % fields.shape[1])]).reshape(-1)
        area = feature_maps.positions(record, before)
        units = units[units >= 0]
        yield before, np.unique(units % area if _is_mapped(record, before) else units)
    for link in record.links:
        if link.target == layer:
            places = unpacked(link.places[np.unique(seen % len(link.places))]).reshape(-1)
            yield link.source, np.unique(places[places >= 0])


def _is_mapped(record: CurvatureRecord, layer: int) -> bool:
    """Whether units of a layer that differ in their channel alone are the same place."""
    return len(feature_maps.drawn_shapes(record)[layer]) > 2
