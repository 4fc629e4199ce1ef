"""What the card beside the picture says of a selection: a channel, its kernels, a weight, its place on the image."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ncviz.records import CurvatureRecord
from ncviz.ui import chosen, maps
from ncviz.ui.naming import unit_layer_titles, unit_title
from ncviz.ui.network_view import locate, lowest, parameter_offsets
from ncviz.ui.receptive import receptive_box

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
        found = _slice(of, _connection_of(of.record, name, at), selection, at)
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


def _connection_of(record: CurvatureRecord, name: str, at: int) -> int:
    """Return the connection in which a weight has its least curvature."""
    several = record.connections_of(name)
    lines = [
        (line["curvature"], index) for index in several if (line := _line(record, index, at)) is not None
    ]
    return min(lines)[1] if lines else several[0]


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
    lowest_first = np.where(np.isnan(kappa[inside]), np.inf, kappa[inside])
    shown = at if at is not None else int(inside[lowest_first.argmin()])
    kept = of.ranks[inside + parameter_offsets(record)[name]] >= of.removed
    rows: list[tuple[str, str]] = []
    if len(inside) > 1:
        negative = int((kappa[inside] < 0).sum())
        rows += [
            ("weights", f"{len(inside)}, {kept.sum()} kept"),
            ("negative", f"{negative} of {len(live)} active"),
        ]
    rows += _facts(of, connection, shown, is_strongest=at is None and len(inside) > 1)
    before, after = record.ends[connection]
    title = f"{_side(of, after, target, grid.target)} ← {_side(of, before, source, grid.source)}"
    never = "Not measured." if np.isnan(kappa[shown]) else "Never active on these images: it goes first."
    return {
        "title": title,
        "rows": rows,
        "kernel": _kernel(of, connection, inside, kept, at),
        "image": _place(of, connection, shown),
        "kernels": [],
        "kernels_title": "",
        "line": _line(record, connection, shown),
        "note": None if len(live) else never,
        "can_open": bool(kappa[shown] < NEVER_ACTIVE),
    }


def _line(record: CurvatureRecord, connection: int, at: int) -> Card | None:
    """Return the edge on which a weight has its κ, so that it can be drawn where it is not among the strongest."""
    edges = record.edges[connection]
    where = int(np.searchsorted(edges.parameter, at))
    if where >= len(edges.parameter) or edges.parameter[where] != at:
        return None
    return {
        "source": [record.ends[connection][0], int(edges.source[where])],
        "target": [record.ends[connection][1], int(edges.target[where])],
        "connection": connection,
        "parameter": at + parameter_offsets(record)[record.parameters[connection]],
        "curvature": float(edges.curvature[where]),
    }


def _facts(of: Subject, connection: int, at: int, *, is_strongest: bool) -> list[tuple[str, str]]:
    kappa = of.record.weights[of.record.parameters[connection]].reshape(-1)[at]
    weight = of.record.folded(connection, of.arrays)[at]
    said = "not measured" if np.isnan(kappa) else "never active" if kappa >= NEVER_ACTIVE else _signed(kappa)
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
    rows, columns = chosen.grid(record, connection).area
    if len(inside) < 2 or max(rows, columns) > LARGEST_KERNEL:
        return None
    kappa, weight = record.weights[name].reshape(-1)[inside], record.folded(connection, of.arrays)[inside]
    start = parameter_offsets(record)[name]
    cells = [
        {
            "parameter": int(index + start),
            "curvature": float(value) if value < NEVER_ACTIVE else None,
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
    is_conv = maps.is_convolution(record, connection)
    before, after = record.ends[connection]
    layer, unit = (after, edges.target[where]) if is_conv else (before, edges.source[where])
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
    shape = maps.drawn_shapes(of.record)[layer]
    area = maps.positions(of.record, layer)
    if len(shape) < 3 or channel >= shape[0]:
        return None
    activity = of.record.pictures.of(of.samples)[layer].reshape(-1, area)[channel]
    flow = "these images" if of.samples is None else "this choice of images"
    caption = "The input itself." if layer == 0 else f"How active its units are, on average over {flow}."
    image = {**_image(activity.reshape(1, *shape[-2:])), "box": None, "caption": caption}
    incoming = [at for at in of.record.into(layer) if maps.is_convolution(of.record, at)]
    around = incoming or list(of.record.out_of(layer))
    return {
        "title": f"{unit_layer_titles(of.record)[layer]} · channel {channel}",
        "rows": [("size", f"{shape[-2]}×{shape[-1]}"), ("activity", f"{activity.mean() / 255:.2f}")],
        "kernel": None,
        "image": image,
        "kernels": _kernels(of, around, channel, is_target=bool(incoming)),
        "kernels_title": f"Strongest bottlenecks {'in' if incoming else 'out'}, kernel by kernel",
        "line": None,
        "note": None,
        "can_open": False,
    }


def _kernels(of: Subject, connections: Sequence[int], channel: int, *, is_target: bool) -> list[Card]:
    """Return the kernels of a channel that hold its lowest curvatures, of all connections on that side of it."""
    record = of.record
    slices = []
    for connection in connections:
        if not maps.is_convolution(record, connection):
            continue
        grid = chosen.grid(record, connection)
        if max(grid.area) > LARGEST_KERNEL:
            continue
        place, size = record.places[connection], record.places[connection].fields.shape[2]
        kappa = place.by_weight(record.weights[record.parameters[connection]])
        rows = np.array([channel]) if is_target else np.arange(grid.targets)
        row, own = np.nonzero(is_target | (grid.columns[grid.group(rows)] == channel))
        row = rows[row]
        for target, slots, source in zip(
            row.tolist(),
            grid.slots[grid.group(row), own],
            grid.columns[grid.group(row), own].tolist(),
            strict=True,
        ):
            slices.append((connection, target, source, kappa[target * size + slots], grid.area))
    least = np.array([np.nanmin(np.append(values, np.inf)) for *_, values, _ in slices])
    found = []
    for connection, target, source, values, area in (slices[at] for at in lowest(least, MOST_KERNELS)):
        other = source if is_target else target
        layer = record.ends[connection][0 if is_target else 1]
        whose = f"{unit_layer_titles(record)[layer]} · " if len(connections) > 1 else ""
        name = f"{'from' if is_target else 'to'} {other}"
        low = float(np.nanmin(np.append(values, np.inf)))
        found.append(
            {
                "select": f"slice-{connection}-{target}-{source}",
                "name": name,
                "words": f"Kernel {name}: {whose}least κ {_signed(low)}"
                if np.isfinite(low)
                else f"Kernel {name}: not measured",
                "rows": area[0],
                "columns": area[1],
                "curvature": [float(value) if value < NEVER_ACTIVE else None for value in values],
            }
        )
    return found


def _unit(of: Subject, layer: int, unit: int) -> Card | None:
    record = of.record
    if unit >= int(np.prod(record.layer_shapes[layer])):
        return None
    rows = [("activity", f"{record.pictures.of(of.samples)[layer][unit] / 255:.2f}")]
    for around, side, name in ((record.into(layer), "target", "in"), (record.out_of(layer), "source", "out")):
        parts = [record.edges[at].curvature[getattr(record.edges[at], side) == unit] for at in around]
        kappa = np.concatenate([np.empty(0, np.float32), *parts])
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
