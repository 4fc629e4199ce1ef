"""What layers and weights are called for people."""

from __future__ import annotations

import numpy as np

from ncviz.records import CurvatureRecord


def layer_title(record: CurvatureRecord, connection: int) -> str:
    """Return such as "1 · conv 6×6, 1→6" or "3 · linear 256→120"."""
    shape = record.meta["connections"][connection]["shape"]
    if len(shape) == 4:
        return f"{connection + 1} · conv {shape[2]}×{shape[3]}, {shape[1]}→{shape[0]}"
    return f"{connection + 1} · linear {shape[1]}→{shape[0]}"


def unit_layer_titles(record: CurvatureRecord) -> tuple[str, ...]:
    """Return a name for each layer of units, input first."""
    return ("input", *(f"hidden {index}" for index in range(1, len(record.layer_shapes) - 1)), "classes")


def weight_index(shape: tuple[int, ...], flat: int) -> str:
    """Return such as "5 → 12" for a linear layer, "ch 0 → 3 at (2, 4)" for a convolution."""
    at = [int(part) for part in np.unravel_index(flat, shape)]
    if len(at) == 4:
        return f"ch {at[1]} → {at[0]} at ({at[2]}, {at[3]})"
    return f"{at[1]} → {at[0]}"
