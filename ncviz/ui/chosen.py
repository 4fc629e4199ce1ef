"""What the selection of the view means in each picture: which weights, which cells of a matrix, which units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ncviz.records import CurvatureRecord
from ncviz.ui.network_view import locate

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Grid:
    """How a connection is laid out as a matrix.

    Attributes:
        targets: Number of rows.
        sources: Number of columns.
        area: Units of the source layer in each column where it is a linear layer's channel, else (1, 1).
        groups: Of a convolution.
        source: What a column is: "channel" or "unit".
        target: What a row is: "channel", "unit" or "class".
    """

    targets: int
    sources: int
    area: tuple[int, int]
    groups: int
    source: str
    target: str


def grid(record: CurvatureRecord, connection: int) -> Grid:
    """Return the matrix of a connection: channels of a convolution and of what a linear layer reads, else units."""
    shape = record.meta["connections"][connection]["shape"]
    before = record.layer_shapes[connection]
    is_last = connection == len(record.places) - 1
    if len(shape) == 4:
        groups = record.places[connection].fields.shape[0]
        return Grid(shape[0], shape[1] * groups, (1, 1), groups, "channel", "class" if is_last else "channel")
    is_by_channel = len(before) == 3 and before[0] > 1 and before[1] * before[2] > 1
    area = (before[1], before[2]) if is_by_channel else (1, 1)
    source = "channel" if is_by_channel else "unit"
    return Grid(shape[0], shape[1] // (area[0] * area[1]), area, 1, source, "class" if is_last else "unit")


def weights(record: CurvatureRecord, connection: int, selected: str) -> np.ndarray:
    """Return the flat indices of a connection's weights that are selected, int64 [≤ W], growing."""
    kind, numbers = _read(selected)
    nothing = np.empty(0, np.int64)
    if kind == "weight":
        if numbers[0] >= record.total:
            return nothing
        name, at = locate(record, numbers[0])
        return np.array([at], np.int64) if record.parameters[connection] == name else nothing
    box = cell_box(record, connection, selected)
    if box is None:
        return nothing
    of, shape = grid(record, connection), record.meta["connections"][connection]["shape"]
    t0, t1, s0, s1 = box
    slots = int(np.prod(shape[1:]))
    index = np.arange(shape[0] * slots, dtype=np.int64).reshape(shape[0], of.sources // of.groups, -1)
    if of.groups > 1:
        own = np.arange(shape[0]) // (shape[0] // of.groups) * index.shape[1]
        columns = own[:, None] + np.arange(index.shape[1])[None, :]
        inside = (columns >= s0) & (columns < s1)
        inside[:t0] = inside[t1:] = False
        found = index[inside].reshape(-1)
    else:
        found = index[t0:t1, s0:s1].reshape(-1)
    if kind == "unit" and of.source == "channel" and of.area != (1, 1) and numbers[0] == connection:
        # One unit of a channel of which the column shows all.
        found = index.reshape(shape[0], -1)[:, numbers[1]]
    return found


def cell_box(record: CurvatureRecord, connection: int, selected: str) -> Box | None:
    """Return the rows and columns of a connection's matrix that are selected: t0, t1, s0, s1, half-open."""
    kind, numbers = _read(selected)
    of = grid(record, connection)
    if kind == "weight" and numbers[0] < record.total:
        name, at = locate(record, numbers[0])
        if record.parameters[connection] != name:
            return None
        shape = record.weights[name].shape
        row, column = divmod(at, int(np.prod(shape[1:])))
        size = int(np.prod(shape[2:])) if len(shape) == 4 else of.area[0] * of.area[1]
        own = of.sources // of.groups
        column = column // size + row // (of.targets // of.groups) * own
        return row, row + 1, column, column + 1
    if kind == "slice" and numbers[0] == connection:
        return _within(of, numbers[1], numbers[2])
    if kind not in ("unit", "channel"):
        return None
    layer, index = numbers
    if layer == connection:
        return _within(of, None, _place(record, kind, layer, index, is_channel=of.source == "channel"))
    if layer == connection + 1:
        is_channel = record.weights[record.parameters[connection]].ndim == 4
        return _within(of, _place(record, kind, layer, index, is_channel=is_channel), None)
    return None


def units(record: CurvatureRecord, selected: str) -> np.ndarray:
    """Return the units that are selected, as indices over all layers, int64; the ends of what is no unit itself."""
    kind, numbers = _read(selected)
    sizes = [int(np.prod(shape)) for shape in record.layer_shapes]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    nothing = np.empty(0, np.int64)
    if kind in ("unit", "channel"):
        layer, index = numbers
        if layer >= len(sizes):
            return nothing
        per = 1 if kind == "unit" else _area(record, layer)
        own = np.arange(index * per, (index + 1) * per, dtype=np.int64)
        return offsets[layer] + own[own < sizes[layer]]
    ends = [nothing]
    for connection, edges in enumerate(record.edges):
        is_chosen = np.isin(edges.parameter, weights(record, connection, selected))
        source, target = edges.source[is_chosen], edges.target[is_chosen]
        ends += [source + offsets[connection], target + offsets[connection + 1]]
    return np.unique(np.concatenate(ends)).astype(np.int64)


def _read(selected: str) -> tuple[str, tuple[int, ...]]:
    kind, *numbers = selected.split("-")
    return kind, tuple(map(int, numbers))


def _area(record: CurvatureRecord, layer: int) -> int:
    shape = record.layer_shapes[layer]
    return int(np.prod(shape[1:])) if len(shape) == 3 else 1


def _place(record: CurvatureRecord, kind: str, layer: int, index: int, *, is_channel: bool) -> int | None:
    """Return the row or column of a unit or channel, None where a channel is many of them."""
    area = _area(record, layer)
    if kind == "unit":
        return index // area if is_channel else index
    return index if is_channel or area == 1 else None


def _within(of: Grid, target: int | None, source: int | None) -> Box | None:
    if (target is None and source is None) or (target or 0) >= of.targets or (source or 0) >= of.sources:
        return None
    t0, t1 = (0, of.targets) if target is None else (target, target + 1)
    s0, s1 = (0, of.sources) if source is None else (source, source + 1)
    return t0, t1, s0, s1
