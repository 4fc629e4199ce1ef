"""What the card says of a kernel slice, or of one weight in it: its κ, its kernel, and its place on the image."""

from __future__ import annotations

import numpy as np

from ncviz.scene import feature_maps
from ncviz.scene.cards.parts import LARGEST_KERNEL, Card, Drawing, NetworkState, image
from ncviz.scene.cards.spread import spread_row
from ncviz.scene.edge.text import divided_words
from ncviz.scene.grid import connection_grid, selected_cells, selected_weights
from ncviz.scene.names import part_title, unit_layer_titles, unit_title
from ncviz.scene.receptive_field import receptive_box
from ncviz.scene.selection import KernelSlice, Selection, Weight
from ncviz.scene.tables import parameter_offsets
from ncviz.scene.wording import way_words
from ncviz.tasks import CurvatureRecord
from ncviz.text import interval_words, signed
from ncviz.values import NEVER_ACTIVE


def connection_of(record: CurvatureRecord, name: str, at: int) -> int:
    """Return the connection in which a weight has its least curvature."""
    several = record.connections_of(name)
    found = [(index, _edge_of(record, index, at)) for index in several]
    lines = [(record.edges[index].curvature[where], index) for index, where in found if where is not None]
    if lines:
        return int(min(lines)[1])
    weight = Weight(at + parameter_offsets(record)[name])
    return next((index for index in several if selected_cells(record, index, weight)), several[0])


def weight_card(of: NetworkState, connection: int, selected: Selection, at: int | None) -> Card | None:
    """Return the card of a kernel slice, or of one weight within its slice; None where there is none.

    Args:
        of: The network and its state.
        connection: Index of the weight layer.
        selected: As the view has it.
        at: Flat index of the weight, None for the slice.
    """
    record, name = of.record, of.record.parameters[connection]
    grid = connection_grid(record, connection)
    box = selected_cells(record, connection, selected)
    if box is None:
        return None
    target, source = box[0], box[2]
    inside = selected_weights(record, connection, KernelSlice(connection, target, source))
    if not len(inside):
        return None
    kappa = record.weights[name].reshape(-1)
    live = inside[kappa[inside] < NEVER_ACTIVE]
    lowest_first = np.where(np.isnan(kappa[inside]), np.inf, kappa[inside])
    about = at if at is not None else int(inside[lowest_first.argmin()])
    own = inside + parameter_offsets(record)[name]
    kept = of.left.is_kept(own)
    part = part_title(record, connection)
    rows = [("of its layer", part)] if part else []
    if len(inside) > 1:
        rows += [
            ("weights", f"{len(inside)}, {kept.sum()} kept"),
            ("negative", f"{_negative(record, name, inside)} of {len(live)} active"),
        ]
    rows += _facts(of, connection, about, is_strongest=at is None and len(inside) > 1)
    before, after = record.ends[connection]
    title = f"{_side(of, after, target, grid.target)} ← {_side(of, before, source, grid.source)}"
    never = "Not measured." if np.isnan(kappa[about]) else "Never active on these images: it has no κ."
    return Card(
        title,
        rows,
        kernel=_kernel(of, connection, (target, source), at),
        image=_place(of, connection, about),
        line=_line(record, connection, about),
        note=None if len(live) else never,
        kappa=float(kappa[about]) if kappa[about] < NEVER_ACTIVE else None,
    )


def _edge_of(record: CurvatureRecord, connection: int, at: int) -> int | None:
    """Return which of a connection's edges is that on which a weight has its κ, None if there is none."""
    parameter = record.edges[connection].parameter
    where = int(np.searchsorted(parameter, at))
    return where if where < len(parameter) and parameter[where] == at else None


def _line(record: CurvatureRecord, connection: int, at: int) -> Drawing | None:
    """Return the edge on which a weight has its κ, so that it can be drawn where it is not among the strongest."""
    edges, where = record.edges[connection], _edge_of(record, connection, at)
    if where is None:
        return None
    return {
        "source": [record.ends[connection][0], int(edges.source[where])],
        "target": [record.ends[connection][1], int(edges.target[where])],
        "connection": connection,
        "parameter": at + parameter_offsets(record)[record.parameters[connection]],
        "curvature": float(edges.curvature[where]),
    }


def _negative(record: CurvatureRecord, name: str, inside: np.ndarray) -> str:
    """Return how many κ are below 0: of intervals from how many that are certain to how many that may be."""
    known, own = record.intervals, record.weights[name]
    ends = (own, own) if known is None else (known.upper[name], known.lower[name])
    sure, most = (int((end.reshape(-1)[inside] < 0).sum()) for end in ends)
    return str(sure) if sure == most else f"{sure} to {most}"


def _facts(of: NetworkState, connection: int, at: int, *, is_strongest: bool) -> list[tuple[str, str]]:
    record, name = of.record, of.record.parameters[connection]
    kappa, ends = record.weights[name].reshape(-1)[at], record.interval(name, at)
    weight = of.record.folded(connection, of.arrays)[at]
    # What was not measured has no ends that differ either.
    is_exact = not ends[0] < ends[1]
    known = signed(kappa) if is_exact else interval_words(*ends)
    said = "not measured" if np.isnan(kappa) else "never active" if kappa >= NEVER_ACTIVE else known
    parameter = at + parameter_offsets(of.record)[of.record.parameters[connection]]
    # Which of several is least is not certain where their intervals overlap.
    strongest = "least κ" if record.intervals is None else "κ of least middle"
    over = [] if of.spread is None else [spread_row(of.spread, parameter)]
    facts = [
        (strongest if is_strongest else "κ", said),
        *over,
        ("its weight" if is_strongest else "weight", of.left.weight_words(float(weight), parameter)),
    ]
    divided = divided_words(of.record, connection, at, float(weight))
    facts += [("in the graph", divided)] if divided else []
    way = way_words(float(kappa), record.config.alpha) if is_exact else ""
    facts += [("mass around it", way)] if way else []
    return facts if is_strongest else [*facts, ("now", of.left.now(parameter))]


def _kernel(of: NetworkState, connection: int, cell: tuple[int, int], at: int | None) -> Drawing | None:
    """Return the weights of a cell, (target, source), each at its place in the kernel."""
    record, name = of.record, of.record.parameters[connection]
    grid, place = connection_grid(record, connection), record.places[connection]
    rows, columns = grid.area
    if rows * columns < 2 or max(rows, columns) > LARGEST_KERNEL:
        return None
    group = int(grid.group(cell[0]))
    slots = grid.slots[group, int(np.flatnonzero(grid.columns[group] == cell[1])[0])]
    parameters = place.parameter(cell[0] * place.fields.shape[2] + np.maximum(slots, 0))
    kappa, weight = record.weights[name].reshape(-1), record.folded(connection, of.arrays)
    start = parameter_offsets(record)[name]
    kept, factor = of.left.is_kept(parameters + start), of.left.factor(parameters + start)
    cells = [
        {
            "parameter": index + start,
            "curvature": float(kappa[index]) if kappa[index] < NEVER_ACTIVE else None,
            "is_measured": bool(not np.isnan(kappa[index])),
            "weight": float(weight[index]),
            "factor": float(times),
            "kept": bool(is_left),
            "by_hand": of.left.state(index + start),
            "chosen": index == at,
        }
        if slot >= 0
        else None
        for slot, index, is_left, times in zip(slots.tolist(), parameters.tolist(), kept, factor, strict=True)
    ]
    return {"rows": int(rows), "columns": int(columns), "cells": cells}


def _place(of: NetworkState, connection: int, at: int) -> Drawing | None:
    """Return the calibration image on which a weight's κ is least, with the part of it that its unit sees."""
    record, edges, where = of.record, of.record.edges[connection], _edge_of(of.record, connection, at)
    if where is None:
        return None
    sample = int(edges.sample[where])
    if not 0 <= sample < len(record.pictures) or len(record.layer_shapes[0]) < 2:
        return None
    is_conv = feature_maps.is_convolution(record, connection)
    before, after = record.ends[connection]
    layer, unit = (after, edges.target[where]) if is_conv else (before, edges.source[where])
    box = receptive_box(record, layer, int(unit))
    label = of.classes[record.labels[sample]]
    words = f"Least on image {sample}, a {label}"
    if box is not None:
        words += f". The frame is what {'its unit' if is_conv else 'the unit behind it'} sees"
    return {**image(record.pictures.images[sample]), "box": box, "caption": f"{words}."}


def _side(of: NetworkState, layer: int, index: int, kind: str) -> str:
    if kind == "channel":
        return f"{unit_layer_titles(of.record)[layer]} · channel {index}"
    return unit_title(of.record, layer, index, of.classes)
