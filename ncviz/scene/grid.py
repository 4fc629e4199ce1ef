"""A connection as a matrix, and what a selection means in it: which weights, which cells, which units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ncviz.scene import feature_maps
from ncviz.scene.selection import Channel, KernelSlice, Selection, Unit, Weight
from ncviz.scene.tables import locate
from ncviz.tasks import CurvatureRecord

Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Grid:
    """How a connection is laid out as a matrix.

    Attributes:
        targets: Number of rows.
        sources: Number of columns.
        area: Rows and columns of the weights in a cell: a kernel, or the feature map that a linear layer reads; (1, 1)
            for one weight alone, (1, n) for up to n that lie in no such order.
        groups: Of a convolution.
        source: What a column is: "channel" or "unit".
        target: What a row is: "channel", "unit" or "class".
        columns: int64 [groups, S], which columns the rows of a group have weights in; -1 where one has fewer.
        slots: int64 [groups, S, area], the kernel slots of these weights; -1 where another connection has them.
    """

    targets: int
    sources: int
    area: tuple[int, int]
    groups: int
    source: str
    target: str
    columns: np.ndarray
    slots: np.ndarray

    def group(self, rows: np.ndarray | int) -> np.ndarray:
        """Return the groups that rows belong to."""
        return np.asarray(rows) // (self.targets // self.groups)


def connection_grid(record: CurvatureRecord, connection: int) -> Grid:
    """Return the matrix of a connection: channels of a convolution and of what a linear layer reads, else units.

    Where a layer reads several layers, as after a concatenation, its matrix has the columns of this connection's alone.
    """
    place, (before, after) = record.places[connection], record.ends[connection]
    is_conv, spots = feature_maps.is_convolution(record, connection), place.fields.shape[1]
    shape, per = record.layer_shapes[before], feature_maps.positions(record, before)
    is_last = after == len(record.layer_shapes) - 1
    target = "class" if is_last else "channel" if is_conv or spots > 1 else "unit"
    units = place.slot_units  # [G, K]
    if is_conv or spots > 1:
        area = feature_maps.kernel(record, connection) if is_conv else (1, 1)
        columns, slots = _by_kernel(units, _read_elsewhere(record, connection), per, area[0] * area[1])
        if slots.shape[2] != area[0] * area[1]:
            area = (1, slots.shape[2])
        return Grid(place.rows, shape[0], area, len(units), "channel", target, columns, slots)
    by_channel = _by_channel(units[0], per) if len(shape) > 1 and shape[0] > 1 and per > 1 else None
    if by_channel is not None:
        columns, slots = by_channel
        drawn = feature_maps.drawn_shapes(record)[before]
        own = (drawn[-2], drawn[-1]) if len(drawn) == 3 and slots.shape[2] == per else (1, slots.shape[2])
        return Grid(place.rows, shape[0], own, 1, "channel", target, columns, slots)
    used = np.flatnonzero(units[0] >= 0)
    columns, slots = units[:, used].astype(np.int64), used[None, :, None]
    return Grid(place.rows, int(np.prod(shape)), (1, 1), 1, "unit", target, columns, slots)


def selected_weights(record: CurvatureRecord, connection: int, selected: Selection | None) -> np.ndarray:
    """Return the flat indices of a connection's weights that are selected, int64 [≤ W], growing."""
    box = selected_cells(record, connection, selected)
    if box is None:
        return np.empty(0, np.int64)
    if isinstance(selected, Weight):
        return np.array([locate(record, selected.parameter)[1]], np.int64)
    of, place = connection_grid(record, connection), record.places[connection]
    t0, t1, s0, s1 = box
    rows, size = np.arange(t0, t1), place.fields.shape[2]
    group = of.group(rows)
    is_read = isinstance(selected, Unit) and selected.layer == record.ends[connection][0]
    if isinstance(selected, Unit) and is_read and of.source == "channel" and place.fields.shape[1] == 1:
        # One unit of a channel of which the column shows all.
        row, slot = np.nonzero(place.slot_units[group] == selected.index)
        return np.sort(place.parameter(rows[row] * size + slot))
    row, own = np.nonzero((of.columns[group] >= s0) & (of.columns[group] < s1))
    slots = of.slots[group[row], own]
    return np.sort(place.parameter((rows[row][:, None] * size + slots)[slots >= 0]))


def selected_cells(record: CurvatureRecord, connection: int, selected: Selection | None) -> Box | None:
    """Return the rows and columns of a connection's matrix that are selected: t0, t1, s0, s1, half-open."""
    if selected is None:
        return None
    of, place = connection_grid(record, connection), record.places[connection]
    if isinstance(selected, Weight):
        if selected.parameter >= record.total:
            return None
        name, at = locate(record, selected.parameter)
        if record.parameters[connection] != name:
            return None
        row, slot = divmod(int(place.weight(np.array([at]))[0]), place.fields.shape[2])
        group = int(of.group(row))
        own = np.flatnonzero((of.slots[group] == slot).any(axis=1))
        if not len(own):
            return None
        column = int(of.columns[group, own[0]])
        return row, row + 1, column, column + 1
    if isinstance(selected, KernelSlice):
        return _within(of, selected.target, selected.source) if selected.connection == connection else None
    is_unit, index = isinstance(selected, Unit), selected.index
    before, after = record.ends[connection]
    if selected.layer == before:
        area = feature_maps.positions(record, before)
        if of.source == "channel":
            return _within(of, None, index // area if is_unit else index)
        return _within(of, None, index) if is_unit or area == 1 else None
    if selected.layer == after:
        return _within(of, index // place.fields.shape[1] if is_unit else index, None)
    return None


def selected_units(record: CurvatureRecord, selected: Selection | None) -> np.ndarray:
    """Return the units that are selected, as indices over all layers, int64; the ends of what is no unit itself."""
    sizes = [int(np.prod(shape)) for shape in record.layer_shapes]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    nothing = np.empty(0, np.int64)
    if isinstance(selected, Unit | Channel):
        layer = selected.layer
        if layer >= len(sizes):
            return nothing
        is_map = isinstance(selected, Channel) and feature_maps.drawn_shapes(record)[layer][2:]
        per = feature_maps.positions(record, layer) if is_map else 1
        own = np.arange(selected.index * per, (selected.index + 1) * per, dtype=np.int64)
        return offsets[layer] + own[own < sizes[layer]]
    ends = [nothing]
    for connection, edges in enumerate(record.edges):
        is_selected = np.isin(edges.parameter, selected_weights(record, connection, selected))
        before, after = record.ends[connection]
        ends += [edges.source[is_selected] + offsets[before], edges.target[is_selected] + offsets[after]]
    return np.unique(np.concatenate(ends)).astype(np.int64)


def _read_elsewhere(record: CurvatureRecord, connection: int) -> np.ndarray:
    """Return which kernel slots other connections of the same weight layer read, bool [G, K]."""
    found = np.zeros_like(record.places[connection].slot_units, dtype=np.bool_)
    for other in record.connections_of(record.parameters[connection]):
        if other != connection:
            found |= record.places[other].slot_units >= 0
    return found


def _by_kernel(
    units: np.ndarray, is_elsewhere: np.ndarray, per: int, area: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return columns and slots of a convolution's weights by the channels that they read, each in its place.

    Args:
        units: int64 [G, K], a unit that each kernel slot reads; -1 where it reads none.
        is_elsewhere: bool [G, K], which slots other connections of the same weight layer read.
        per: Units of a channel.
        area: Places of a kernel.
    """
    groups, size = units.shape
    kernels = np.where(units >= 0, units // per, -1).reshape(groups, -1, area)
    # What reads padding alone goes with its kernel.
    is_padding = (kernels < 0) & ~is_elsewhere.reshape(kernels.shape)
    channel = np.where(is_padding, kernels.max(axis=2, keepdims=True), kernels).reshape(groups, size)
    group, slot = np.nonzero(channel >= 0)
    read = channel[group, slot]
    pairs, pair = np.unique(np.stack([group, read]), axis=1, return_inverse=True)
    pair = pair.reshape(-1)
    at = slot % area
    if len(np.unique(pair * area + at)) < len(slot):
        # Two kernels of this part read the same channel, so a weight has no place in a kernel of its own.
        by = np.argsort(pair, kind="stable")
        first = np.searchsorted(pair[by], pair[by])
        at[by] = np.arange(len(by)) - first
        area = int(at.max()) + 1
    first = np.searchsorted(pairs[0], np.arange(groups))
    column = np.arange(pairs.shape[1]) - first[pairs[0]]
    most = int(column.max(initial=-1)) + 1
    columns = np.full((groups, most), -1, dtype=np.int64)
    columns[pairs[0], column] = pairs[1]
    slots = np.full((groups, most, area), -1, dtype=np.int64)
    slots[group, column[pair], at] = slot
    return columns, slots


def _by_channel(units: np.ndarray, per: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return columns and slots of a linear layer's weights by channel; None where channels are read in part."""
    used = np.flatnonzero(units >= 0)
    order = used[np.argsort(units[used], kind="stable")]
    columns, counts = np.unique(units[order] // per, return_counts=True)
    if not len(counts) or counts.min() != counts.max():
        return None
    return columns[None].astype(np.int64), order.reshape(1, len(columns), -1)


def _within(of: Grid, target: int | None, source: int | None) -> Box | None:
    if (target is None and source is None) or (target or 0) >= of.targets or (source or 0) >= of.sources:
        return None
    t0, t1 = (0, of.targets) if target is None else (target, target + 1)
    s0, s1 = (0, of.sources) if source is None else (source, source + 1)
    return t0, t1, s0, s1
