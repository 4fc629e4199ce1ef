"""What layers and weights are called for people, in one way everywhere.

A layer has its module's own name, as `print(network)` and the file's keys have it: in a plain stack of layers that is
its place among all of them, ReLU, pooling and Flatten among them, from 0. All else is counted from 0 too, as in torch
and in links: units, channels, images.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ncviz.scene.feature_maps import drawn_shapes
from ncviz.scene.token_maps import token_maps
from ncviz.tasks import CurvatureRecord
from ncviz.text import plural, short_paths

# A layer's name as a link can have it, which a bare number is not: that is a place.
_IN_LINK = re.compile(r"(?!\d+$)\w[\w.-]{0,199}", re.ASCII)
NO_SAMPLES = (
    "Of a network of this size only the least κ over all images is kept, not each image's own: choose one image on "
    "Explore to compute its own."
)


def factor_words(record: CurvatureRecord) -> str | None:
    """Return what is multiplied into the weights that are shown, None if nothing is."""
    if not record.is_folded:
        return None
    by = "BatchNorm" if record.batchnorm == "folded" else "what the network multiplies it by"
    return f"With {by} folded in, as the lengths of the paths have it."


def layer_title(record: CurvatureRecord, connection: int) -> str:
    """Return such as "2 · conv 6×6, 6→16" or "layer1.0.conv1 · conv 3×3, 16→16".

    Where one weight layer is several connections, as after a concatenation, each has a letter and says what it reads:
    "9b · conv 1×1, 128→16, from expand3x3"; those that join the same layers are counted: "mix a · conv 3×3, 3→8, part
    1 of 3". Those that make layers with names of their own, as queries and keys, go by these: "attend.query · linear
    64→64".
    """
    name = record.parameters[connection]
    title = weight_title(record, name)
    several = record.connections_of(name)
    if len(several) == 1:
        return title
    if _makes_named_layers(record, name):
        return _title_by_layer(record, connection)
    module, rest = module_of(name), title.removeprefix(module_of(name))
    at = several.index(connection)
    letter = chr(ord("a") + at) if at < 26 else f".{at + 1}"
    sources, part = {record.ends[each][0] for each in several}, part_title(record, connection)
    told = (
        [f"from {unit_layer_titles(record)[record.ends[connection][0]]}"]
        if len(sources) > 1 or not part
        else []
    )
    space = "" if module[-1:].isdigit() else " "
    return ", ".join([f"{module}{space}{letter}{rest}", *told, *([part] if part else [])])


def _makes_named_layers(record: CurvatureRecord, name: str) -> bool:
    """Whether a weight layer makes several layers of units that have names of their own."""
    titles, module = unit_layer_titles(record), module_of(name)
    made = {record.ends[each][1] for each in record.connections_of(name)}
    names = {titles[layer] for layer in made}
    is_linear = len(record.connections[record.connections_of(name)[0]].shape) == 2
    return is_linear and len(made) > 1 and len(names) == len(made) and module not in names


def _title_by_layer(record: CurvatureRecord, connection: int) -> str:
    """Return a connection's title by the layer of units that it ends in, and where several do, what it reads."""
    name, titles, (source, target) = (
        record.parameters[connection],
        unit_layer_titles(record),
        record.ends[connection],
    )
    size = f"linear {record.connections[connection].shape[1]}→{record.places[connection].rows}"
    beside = [each for each in record.connections_of(name) if record.ends[each][1] == target]
    told = f", from {titles[source]}" if len(beside) > 1 else ""
    return f"{titles[target]} · {size}{told}"


def part_title(record: CurvatureRecord, connection: int) -> str:
    """Return such as "part 1 of 3" where one weight layer joins the same two layers several times, else ""."""
    several = [
        at
        for at in record.connections_of(record.parameters[connection])
        if record.ends[at] == record.ends[connection]
    ]
    return f"part {several.index(connection) + 1} of {len(several)}" if len(several) > 1 else ""


def weight_title(record: CurvatureRecord, name: str) -> str:
    """Return what a weight tensor is called: its module's name, and what that does."""
    first = record.connections_of(name)[0]
    shape, groups = record.connections[first].shape, record.places[first].fields.shape[0]
    if not is_transposed(record, name):
        return shape_title(name, shape, groups)
    size = "×".join(str(each) for each in shape[2:])
    return f"{module_of(name)} · transposed conv {size}, {shape[0]}→{shape[1] * groups}"


def shape_title(name: str, shape: Sequence[int], groups: int = 1) -> str:
    """Return such as "5 · linear 256→120" for a weight tensor's name and shape."""
    module = module_of(name)
    if len(shape) == 2:
        return f"{module} · linear {shape[1]}→{shape[0]}"
    size = "×".join(str(each) for each in shape[2:])
    kind = "conv" if groups == 1 else "depthwise conv" if shape[1] == 1 else "grouped conv"
    return f"{module} · {kind} {size}, {shape[1] * groups}→{shape[0]}"


def short_weight_titles(record: CurvatureRecord, names: Sequence[str]) -> list[str]:
    """Return the titles of weights for where there is little room: modules by as much of their path as tells them."""
    modules = [module_of(name) for name in names]
    short = dict(zip(modules, short_paths(modules), strict=True))
    titles = (weight_title(record, name) for name in names)
    return [title.replace(module, short[module], 1) for title, module in zip(titles, modules, strict=True)]


def module_of(name: str) -> str:
    """Return the name of the module that a weight tensor belongs to: "layer1.0.conv1" for "layer1.0.conv1.weight"."""
    return name.removesuffix(".weight") or name


def is_transposed(record: CurvatureRecord, name: str) -> bool:
    """Whether a weight tensor is that of a transposed convolution, whose first axis is its input."""
    first = record.connections_of(name)[0]
    return len(record.connections[first].shape) > 2 and record.places[first].order is not None


def unit_layer_titles(record: CurvatureRecord) -> tuple[str, ...]:
    """Return a name for each layer of units, input first: that of the module that they come from.

    A bare number is told with what the module is: "conv 2", "linear 5".
    """
    hidden = range(1, len(record.layer_shapes) - 1)
    names = record.layer_names
    if len(names) != len(record.layer_shapes):
        names = tuple(map(str, range(len(record.layer_shapes))))
    return ("input", *(_unit_layer_title(record, index, names[index]) for index in hidden), "classes")


def _unit_layer_title(record: CurvatureRecord, layer: int, name: str) -> str:
    if name and not name.isdecimal():
        return name
    into = record.into(layer)
    kind = "layer" if not into else "linear" if len(record.connections[into[0]].shape) == 2 else "conv"
    return f"{kind} {name or layer}"


def connection_links(record: CurvatureRecord) -> tuple[str, ...]:
    """Return what links call each weight layer: its module, "conv-2" and "linear-5" where that has a bare number."""
    titles = []
    for name in record.parameters:
        module, shape = module_of(name), record.connections[record.connections_of(name)[0]].shape
        titles.append(f"{'linear' if len(shape) == 2 else 'conv'} {module}" if module.isdecimal() else module)
    return _links(titles)


def unit_layer_links(record: CurvatureRecord) -> tuple[str, ...]:
    """Return what links call each layer of units: as ``unit_layer_titles``, without spaces."""
    return _links(unit_layer_titles(record))


def place_of(link: str, names: Sequence[str]) -> int | None:
    """Return which layer a link means by its name or its place; None for "", and where there is none such."""
    if link in names:
        return names.index(link)
    return int(link) if link.isdecimal() and int(link) < len(names) else None


def _links(titles: Sequence[str]) -> tuple[str, ...]:
    """Return titles as links hold them; what is no name there, or not the only one, goes by its place."""
    found = [title.replace(" ", "-") for title in titles]
    return tuple(
        name if found.count(name) == 1 and _IN_LINK.fullmatch(name) else str(at)
        for at, name in enumerate(found)
    )


def unit_title(record: CurvatureRecord, layer: int, index: int, classes: Sequence[str]) -> str:
    """Return such as "linear 5 · unit 7", "conv 2 · channel 3, row 0, column 2" or "class 7"."""
    if layer == len(record.layer_shapes) - 1:
        return output_title(index, classes)
    name, drawn = unit_layer_titles(record)[layer], drawn_shapes(record)[layer]
    if len(drawn) < 2:
        return f"{name} · unit {index}"
    at = [int(part) for part in np.unravel_index(index, drawn)]
    channel = f"channel {at[-3]}, " if len(at) > 2 and drawn[-3] > 1 else ""
    tokens = token_maps(record)[layer]
    if tokens is not None:
        return f"{name} · {channel}{tokens.words(at[-1])}"
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
    names = {"skip": "skip", "pool": "pooling", "scale": "scaling", "product": "factor of an attention"}
    many = {"product": "factors of attentions"}
    return ", ".join(
        plural(kinds.count(kind), names[kind], many.get(kind, "")) for kind in dict.fromkeys(kinds)
    )


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
