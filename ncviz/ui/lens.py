"""What the card beside the picture says of a selection: a channel, its kernels, a weight, its place on the image."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ncviz.records import CurvatureRecord
from ncviz.ui import chosen
from ncviz.ui.naming import unit_layer_titles, unit_title
from ncviz.ui.network_view import locate, lowest, parameter_offsets

NEVER_ACTIVE = 2.0
MOST_KERNELS = 8
# Larger ones (a feature map before a linear layer) are not drawn weight by weight.
LARGEST_KERNEL = 16

Card = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Subject:
    """What a card is about.

    Attributes:
        record: The curvature that is drawn: of all calibration images, or of some.
        arrays: The network's parameters by name.
        classes: Class names.
        ranks: int64 [N], when each weight is removed.
        removed: How many are.
        samples: The calibration images that count, None for all.
    """

    record: CurvatureRecord
    arrays: Mapping[str, np.ndarray]
    classes: Sequence[str]
    ranks: np.ndarray
    removed: int
    samples: Sequence[int] | None


def card(of: Subject, selection: str) -> Card | None:
    """Return what the network canvas shows beside the picture; None where nothing is selected, or nothing is there.

    Args:
        of: The network and its state.
        selection: As the view has it.
    """
    kind, _, rest = selection.partition("-")
    numbers = [int(number) for number in rest.split("-")] if rest else []
    found = None
    if kind in ("unit", "channel") and numbers[0] < len(of.record.layer_shapes):
        found = _channel(of, *numbers) if kind == "channel" else _unit(of, *numbers)
    elif kind == "slice" and numbers[0] < len(of.record.places):
        found = _slice(of, numbers[0], selection, None)
    elif kind == "weight" and numbers[0] < of.record.total:
        name, at = locate(of.record, numbers[0])
        found = _slice(of, of.record.parameters.index(name), selection, at)
    return None if found is None else {"selection": selection, **found}


def lens_edge(record: CurvatureRecord, selection: str) -> str | None:
    """Return the edge "CONNECTION-SOURCE-TARGET" that stands for a weight or slice: where its κ is least."""
    kind = selection.partition("-")[0]
    if kind not in ("weight", "slice"):
        return None
    for connection, edges in enumerate(record.edges):
        own = np.flatnonzero(np.isin(edges.parameter, chosen.weights(record, connection, selection)))
        if len(own):
            at = own[edges.curvature[own].argmin()]
            return f"{connection}-{edges.source[at]}-{edges.target[at]}"
    return None


def receptive_box(record: CurvatureRecord, layer: int, unit: int) -> tuple[int, int, int, int] | None:
    """Return the part of the image that a unit sees: left, top, width, height; None where it sees no less than all.

    Args:
        record: The curvature, for the wiring of the network.
        layer: The unit's layer.
        unit: Its index within the layer.
    """
    if len(record.layer_shapes[0]) < 2:
        return None
    units = np.array([unit])
    for connection in reversed(range(layer)):
        fields = record.places[connection].sources
        units = fields[0, np.unique(units % fields.shape[1])].reshape(-1)
        units = np.unique(units[units >= 0] % _area(record, connection))
    rows, columns = record.layer_shapes[0][-2:]
    row, column = np.divmod(units % (rows * columns), columns)
    left, top = int(column.min()), int(row.min())
    width, height = int(column.max()) - left + 1, int(row.max()) - top + 1
    return None if (width, height) == (columns, rows) else (left, top, width, height)


def _area(record: CurvatureRecord, layer: int) -> int:
    """Units of a layer that differ in their channel alone are the same place; a flat layer has one place a unit."""
    shape = record.layer_shapes[layer]
    return int(np.prod(shape[-2:])) if len(shape) > 2 else int(np.prod(shape))


def _slice(of: Subject, connection: int, selection: str, at: int | None) -> Card | None:
    """Return the card of a kernel slice, or of one weight within its slice."""
    record, name = of.record, of.record.parameters[connection]
    grid = chosen.grid(record, connection)
    box = chosen.cell_box(record, connection, selection)
    if box is None:
        return None
    target, source = box[0], box[2]
    inside = chosen.weights(record, connection, f"slice-{connection}-{target}-{source}")
    kappa = record.weights[name].reshape(-1)
    live = inside[kappa[inside] < NEVER_ACTIVE]
    shown = at if at is not None else int(inside[kappa[inside].argmin()])
    kept = of.ranks[inside + parameter_offsets(record)[name]] >= of.removed
    rows: list[tuple[str, str]] = []
    if len(inside) > 1:
        negative = int((kappa[inside] < 0).sum())
        rows += [
            ("weights", f"{len(inside)}, {kept.sum()} kept"),
            ("negative", f"{negative} of {len(live)} active"),
        ]
    rows += _facts(of, connection, shown, is_strongest=at is None and len(inside) > 1)
    title = f"{_side(of, connection + 1, target, grid.target)} ← {_side(of, connection, source, grid.source)}"
    return {
        "title": title,
        "rows": rows,
        "kernel": _kernel(of, connection, inside, kept, at),
        "image": _place(of, connection, shown),
        "kernels": [],
        "kernels_title": "",
        "line": _line(record, connection, shown),
        "note": None if len(live) else "Never active on these images: it goes first.",
        "can_open": bool(kappa[shown] < NEVER_ACTIVE),
    }


def _line(record: CurvatureRecord, connection: int, at: int) -> Card | None:
    """Return the edge on which a weight has its κ, so that it can be drawn where it is not among the strongest."""
    edges = record.edges[connection]
    where = int(np.searchsorted(edges.parameter, at))
    if where >= len(edges.parameter) or edges.parameter[where] != at:
        return None
    return {
        "source": [connection, int(edges.source[where])],
        "target": [connection + 1, int(edges.target[where])],
        "connection": connection,
        "parameter": at + parameter_offsets(record)[record.parameters[connection]],
        "curvature": float(edges.curvature[where]),
    }


def _facts(of: Subject, connection: int, at: int, *, is_strongest: bool) -> list[tuple[str, str]]:
    kappa = of.record.weights[of.record.parameters[connection]].reshape(-1)[at]
    weight = of.record.folded(connection, of.arrays)[at]
    said = "never active" if kappa >= NEVER_ACTIVE else _signed(kappa)
    rank = of.ranks[at + parameter_offsets(of.record)[of.record.parameters[connection]]]
    facts = [
        ("least κ" if is_strongest else "κ", said),
        ("its weight" if is_strongest else "weight", _signed(weight)),
    ]
    return facts if is_strongest else [*facts, ("now", "kept" if rank >= of.removed else "removed")]


def _kernel(
    of: Subject, connection: int, inside: np.ndarray, kept: np.ndarray, at: int | None
) -> Card | None:
    record, name = of.record, of.record.parameters[connection]
    shape = record.meta["connections"][connection]["shape"]
    rows, columns = shape[-2:] if len(shape) == 4 else chosen.grid(record, connection).area
    if len(inside) < 2 or max(rows, columns) > LARGEST_KERNEL:
        return None
    kappa, weight = record.weights[name].reshape(-1)[inside], record.folded(connection, of.arrays)[inside]
    start = parameter_offsets(record)[name]
    cells = [
        {
            "parameter": int(index + start),
            "curvature": None if value >= NEVER_ACTIVE else float(value),
            "weight": float(own),
            "kept": bool(left),
            "chosen": bool(index == at),
        }
        for index, value, own, left in zip(inside, kappa, weight, kept, strict=True)
    ]
    return {"rows": int(rows), "columns": int(columns), "cells": cells}


def _place(of: Subject, connection: int, at: int) -> Card | None:
    """Return the calibration image on which a weight's κ is least, with the part of it that its unit sees."""
    record, edges = of.record, of.record.edges[connection]
    where = int(np.searchsorted(edges.parameter, at))
    if where >= len(edges.parameter) or edges.parameter[where] != at:
        return None
    sample = int(edges.sample[where])
    if not 0 <= sample < len(record.pictures) or len(record.layer_shapes[0]) < 2:
        return None
    is_conv = len(record.meta["connections"][connection]["shape"]) == 4
    layer, unit = (connection + 1, edges.target[where]) if is_conv else (connection, edges.source[where])
    box = receptive_box(record, layer, int(unit))
    label = of.classes[record.labels[sample]]
    words = f"Least on image {sample + 1}, a {label}"
    if box is not None:
        words += (
            ". The frame is what the unit behind it sees"
            if not is_conv
            else ". The frame is what its unit sees"
        )
    return {**_image(record.pictures.images[sample]), "box": box, "caption": f"{words}."}


def _image(pixels: np.ndarray) -> Card:
    """Return an image uint8 [C, H, W] as the card draws it."""
    channels, rows, columns = pixels.reshape(-1, *pixels.shape[-2:]).shape
    encoded = base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode()
    return {"rows": rows, "columns": columns, "channels": channels, "pixels": encoded}


def _channel(of: Subject, layer: int, channel: int) -> Card | None:
    shape = of.record.layer_shapes[layer]
    area = _area(of.record, layer)
    if len(shape) < 3 or channel >= shape[0]:
        return None
    activity = of.record.pictures.of(of.samples)[layer].reshape(-1, area)[channel]
    flow = "these images" if of.samples is None else "this choice of images"
    caption = "The input itself." if layer == 0 else f"How active its units are, on average over {flow}."
    image = {**_image(activity.reshape(1, *shape[-2:])), "box": None, "caption": caption}
    incoming = layer > 0 and len(of.record.meta["connections"][layer - 1]["shape"]) == 4
    connection = layer - 1 if incoming else layer
    return {
        "title": f"{unit_layer_titles(of.record)[layer]} · channel {channel}",
        "rows": [("size", f"{shape[-2]}×{shape[-1]}"), ("activity", f"{activity.mean() / 255:.2f}")],
        "kernel": None,
        "image": image,
        "kernels": _kernels(of, connection, channel, is_target=incoming),
        "kernels_title": f"Strongest bottlenecks {'in' if incoming else 'out'}, kernel by kernel",
        "line": None,
        "note": None,
        "can_open": False,
    }


def _kernels(of: Subject, connection: int, channel: int, *, is_target: bool) -> list[Card]:
    """Return the kernels of a channel that hold its lowest curvatures."""
    record = of.record
    if connection >= len(record.places):
        return []
    shape = record.meta["connections"][connection]["shape"]
    if len(shape) != 4 or max(shape[2:]) > LARGEST_KERNEL:
        return []
    grid = chosen.grid(record, connection)
    kappa = record.weights[record.parameters[connection]].reshape(shape[0], shape[1], -1)
    per_group = shape[0] // grid.groups
    if is_target:
        first = channel // per_group * shape[1]
        slices = [(channel, first + source, kappa[channel, source]) for source in range(shape[1])]
    else:
        group, own = divmod(channel, shape[1])
        targets = range(group * per_group, (group + 1) * per_group)
        slices = [(target, channel, kappa[target, own]) for target in targets]
    order = lowest(np.array([values.min() for _, _, values in slices]), MOST_KERNELS)
    found = []
    for target, source, values in (slices[at] for at in order):
        other = source if is_target else target
        name = f"{'from' if is_target else 'to'} {other}"
        found.append(
            {
                "select": f"slice-{connection}-{target}-{source}",
                "name": name,
                "words": f"Kernel {name}: least κ {_signed(float(values.min()))}",
                "rows": shape[2],
                "columns": shape[3],
                "curvature": [None if value >= NEVER_ACTIVE else float(value) for value in values],
            }
        )
    return found


def _unit(of: Subject, layer: int, unit: int) -> Card | None:
    record = of.record
    if unit >= int(np.prod(record.layer_shapes[layer])):
        return None
    rows = [("activity", f"{record.pictures.of(of.samples)[layer][unit] / 255:.2f}")]
    for connection, side, name in ((layer - 1, "target", "in"), (layer, "source", "out")):
        if 0 <= connection < len(record.places):
            edges = record.edges[connection]
            kappa = edges.curvature[getattr(edges, side) == unit]
            kappa = kappa[kappa < NEVER_ACTIVE]
            if len(kappa):
                rows.append((f"least κ {name}", _signed(float(kappa.min()))))
                rows.append((f"bottlenecks {name}", f"{int((kappa < 0).sum()):,} of {len(kappa):,}"))
    return {
        "title": unit_title(record, layer, unit, of.classes),
        "rows": rows,
        "kernel": None,
        "image": None,
        "kernels": [],
        "kernels_title": "",
        "line": None,
        "note": "Its edges are listed below the picture, under Selected.",
        "can_open": False,
    }


def _side(of: Subject, layer: int, index: int, kind: str) -> str:
    if kind == "channel":
        return f"{unit_layer_titles(of.record)[layer]} · channel {index}"
    return unit_title(of.record, layer, index, of.classes)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
