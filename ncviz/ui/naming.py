"""What layers and weights are called for people."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ncviz.records import CurvatureRecord

FOLDED = "With the batch normalisation that follows it folded in, as the lengths of the paths have it."
NO_SAMPLES = "Each image's own κ is kept for up to ten million values; this network on these images has more."

_MARKDOWN = re.compile(r"([\\\\`*_\[\]()$:~#<>!|])")


def layer_title(record: CurvatureRecord, connection: int) -> str:
    """Return such as "1 · conv 6×6, 1→6" or "3 · linear 256→120"."""
    shape = record.meta["connections"][connection]["shape"]
    if len(shape) == 4:
        return f"{connection + 1} · conv {shape[2]}×{shape[3]}, {shape[1]}→{shape[0]}"
    return f"{connection + 1} · linear {shape[1]}→{shape[0]}"


def unit_layer_titles(record: CurvatureRecord) -> tuple[str, ...]:
    """Return a name for each layer of units, input first."""
    return ("input", *(f"hidden {index}" for index in range(1, len(record.layer_shapes) - 1)), "classes")


def unit_title(record: CurvatureRecord, layer: int, index: int, classes: Sequence[str]) -> str:
    """Return such as "hidden 1 · unit 5", "hidden 2 · channel 3, row 0, column 2" or "class 7"."""
    shape = record.layer_shapes[layer]
    if layer == len(record.layer_shapes) - 1:
        return f"class {classes[index]}" if index < len(classes) else f"output {index}"
    name = unit_layer_titles(record)[layer]
    if len(shape) < 2:
        return f"{name} · unit {index}"
    at = [int(part) for part in np.unravel_index(index, shape)]
    channel = f"channel {at[-3]}, " if len(at) > 2 and shape[-3] > 1 else ""
    return f"{name} · {channel}row {at[-2]}, column {at[-1]}"


def plain(text: str) -> str:
    """Return text that Markdown shows as it is; what comes from outside must not become links, images or formulas."""
    return _MARKDOWN.sub(r"\\\1", text)


def weight_index(shape: tuple[int, ...], flat: int) -> str:
    """Return such as "5 → 12" for a linear layer, "ch 0 → 3 at (2, 4)" for a convolution."""
    at = [int(part) for part in np.unravel_index(flat, shape)]
    if len(at) == 4:
        return f"ch {at[1]} → {at[0]} at ({at[2]}, {at[3]})"
    return f"{at[1]} → {at[0]}"
