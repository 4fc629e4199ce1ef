"""What layers and weights are called for people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ncviz.scene.feature_maps import drawn_shapes
from ncviz.tasks import CurvatureRecord
from ncviz.text import plural

NO_SAMPLES = "Each image's own κ is kept for up to ten million values; this network on these images has more."


def factor_words(record: CurvatureRecord) -> str | None:
    """Return what is multiplied into the weights that are shown, None if nothing is."""
    if not record.is_folded:
        return None
    by = "BatchNorm" if record.batchnorm == "folded" else "what the network multiplies it by"
    return f"With {by} folded in, as the lengths of the paths have it."


def layer_title(record: CurvatureRecord, connection: int) -> str:
    """Return such as "1 · conv 6×6, 1→6" or "3 · linear 256→120".

    Where one weight layer is several connections, as after a concatenation, each has a letter and says what it reads:
    "9b · conv 1×1, 128→16, from expand3x3"; those that join the same layers are counted: "1a · conv 3×3, 3→8, part 1 of
    3".
    """
    name = record.parameters[connection]
    title = weight_title(record, name)
    several = record.connections_of(name)
    if len(several) == 1:
        return title
    number, _, rest = title.partition(" ")
    at = several.index(connection)
    letter = chr(ord("a") + at) if at < 26 else f".{at + 1}"
    sources, part = {record.ends[each][0] for each in several}, part_title(record, connection)
    told = (
        [f"from {unit_layer_titles(record)[record.ends[connection][0]]}"]
        if len(sources) > 1 or not part
        else []
    )
    return ", ".join([f"{number}{letter} {rest}", *told, *([part] if part else [])])


def part_title(record: CurvatureRecord, connection: int) -> str:
    """Return such as "part 1 of 3" where one weight layer joins the same two layers several times, else ""."""
    several = [
        at
        for at in record.connections_of(record.parameters[connection])
        if record.ends[at] == record.ends[connection]
    ]
    return f"part {several.index(connection) + 1} of {len(several)}" if len(several) > 1 else ""


def weight_title(record: CurvatureRecord, name: str) -> str:
    """Return what a weight tensor is called, numbered in the network's order."""
    first = record.connections_of(name)[0]
    shape, groups = record.connections[first].shape, record.places[first].fields.shape[0]
    number = list(record.weights).index(name) + 1
    if len(shape) == 2:
        return f"{number} · linear {shape[1]}→{shape[0]}"
    size = "×".join(str(each) for each in shape[2:])
    if is_transposed(record, name):
        return f"{number} · transposed conv {size}, {shape[0]}→{shape[1] * groups}"
    kind = "conv" if groups == 1 else "depthwise conv" if shape[1] == 1 else "grouped conv"
    return f"{number} · {kind} {size}, {shape[1] * groups}→{shape[0]}"


def is_transposed(record: CurvatureRecord, name: str) -> bool:
    """Whether a weight tensor is that of a transposed convolution, whose first axis is its input."""
    return record.places[record.connections_of(name)[0]].order is not None


def unit_layer_titles(record: CurvatureRecord) -> tuple[str, ...]:
    """Return a name for each layer of units, input first: numbers in a chain, the modules' names in other networks."""
    hidden = range(1, len(record.layer_shapes) - 1)
    names = record.layer_names
    if record.is_chain or len(names) != len(record.layer_shapes):
        return ("input", *(f"hidden {index}" for index in hidden), "classes")
    return ("input", *(names[index] or f"layer {index}" for index in hidden), "classes")


def unit_title(record: CurvatureRecord, layer: int, index: int, classes: Sequence[str]) -> str:
    """Return such as "hidden 1 · unit 5", "hidden 2 · channel 3, row 0, column 2" or "class 7"."""
    if layer == len(record.layer_shapes) - 1:
        return output_title(index, classes)
    name, drawn = unit_layer_titles(record)[layer], drawn_shapes(record)[layer]
    if len(drawn) < 2:
        return f"{name} · unit {index}"
    at = [int(part) for part in np.unravel_index(index, drawn)]
    channel = f"channel {at[-3]}, " if len(at) > 2 and drawn[-3] > 1 else ""
    if len(drawn) == 3 and drawn[1] == 1:
        return f"{name} · {channel}place {at[-1]}"
    return f"{name} · {channel}row {at[-2]}, column {at[-1]}"


def output_title(index: int, classes: Sequence[str]) -> str:
    """Return such as "class 7", or "output 12" where the network has more outputs than there are classes."""
    return f"class {classes[index]}" if index < len(classes) else f"output {index}"


def measured_words(record: CurvatureRecord) -> str:
    """Return how much of a network was measured, as a sentence; "" for all of it."""
    if record.measured == record.total:
        return ""
    return f"Measured: {record.measured:,} of {record.total:,} weights."


def link_words(record: CurvatureRecord) -> str:
    """Return what joins a network's layers without weights, such as "3 skips, 1 pooling"; "" if nothing does."""
    kinds = [link.kind for link in record.links]
    names = {"skip": "skip", "pool": "pooling", "scale": "scaling"}
    return ", ".join(plural(kinds.count(kind), names[kind]) for kind in dict.fromkeys(kinds))


def weight_index(record: CurvatureRecord, name: str, flat: int) -> str:
    """Return such as "5 → 12" for a linear layer, "ch 0 → 3 at (2, 4)" for a convolution."""
    at = [int(part) for part in np.unravel_index(flat, record.weights[name].shape)]
    if len(at) == 2:
        return f"{at[1]} → {at[0]}"
    place = record.places[record.connections_of(name)[0]]
    row, slot = divmod(int(place.weight(np.array([flat]))[0]), place.fields.shape[2])
    groups, area = len(place.fields), int(np.prod(record.weights[name].shape[2:]))
    per_group = place.fields.shape[2] // area
    source = row // (place.rows // groups) * per_group + slot // area
    where = f"({', '.join(map(str, at[2:]))})" if len(at) > 3 else str(at[2])
    return f"ch {source} → {row} at {where}"
