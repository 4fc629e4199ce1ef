"""From a stored curvature to what the figures draw: pure, arrays in and arrays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ncviz.scene.names import weight_index, weight_title
from ncviz.scene.surgery.left import WeightsLeft
from ncviz.tasks import CurvatureRecord, OwnMask
from ncviz.values import NEVER_ACTIVE

if TYPE_CHECKING:
    # The first page is drawn without tables.
    import pandas as pd


def parameter_offsets(record: CurvatureRecord) -> dict[str, int]:
    """Return where each weight tensor starts in the flat list of all weights."""
    starts = np.cumsum([0, *(values.size for values in record.weights.values())]).tolist()
    return dict(zip(record.weights, starts, strict=False))


def lowest(values: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of the lowest values, growing; of equal ones the first come first."""
    if count < len(values):
        # No need to sort a million for the sake of a few.
        candidates = np.flatnonzero(values <= np.partition(values, count)[count])
    else:
        candidates = np.arange(len(values))
    return candidates[np.argsort(values[candidates], kind="stable")][:count]


def locate(record: CurvatureRecord, parameter: int) -> tuple[str, int]:
    """Return the weight tensor's name and the flat index in it of a parameter of the flat list."""
    for name, start in reversed(parameter_offsets(record).items()):
        if parameter >= start:
            return name, parameter - start
    raise IndexError(parameter)


def cut_value(ordered: np.ndarray, removed: np.ndarray, order: str) -> np.ndarray:
    """Return the score at the cut: that of the first weight that stays.

    Args:
        ordered: The scores of all weights, growing [N].
        removed: How many weights are removed at each point [m].
        order: Which end goes first.

    Returns:
        float64 [m]; NaN where nothing stays.
    """
    at = removed if order == "redundant" else len(ordered) - 1 - removed
    stays = removed < len(ordered)
    return np.where(stays, ordered[np.where(stays, at, 0)], np.nan)


def layer_table(
    record: CurvatureRecord, ranks: np.ndarray, removed: int, mask: OwnMask | None = None
) -> pd.DataFrame:
    """Return what is left of each layer at a pruning step, and how much of it is changed by hand if anything is."""
    import pandas as pd

    rows, starts, left = [], parameter_offsets(record), WeightsLeft(ranks, removed, mask)
    for name, values in record.weights.items():
        part = slice(starts[name], starts[name] + values.size)
        own, by_hand = ranks[part], left.counts(part)
        flat = values[~np.isnan(values)]
        active = flat[flat < NEVER_ACTIVE]
        rows.append(
            {
                "layer": weight_title(record, name),
                "weights": values.size,
                "kept": int((own >= removed).sum()),
                "kept share": float((own >= removed).mean()),
                **{f"{what} by hand": by_hand.get(what, 0) for what in left.counts()},
                "measured": flat.size,
                "bottlenecks": float((flat < 0).mean()) if flat.size else np.nan,
                "never active": float(record.never_active[name].sum() / flat.size) if flat.size else np.nan,
                "most negative κ": float(active.min()) if active.size else np.nan,
                "edges": sum(record.connections[at].edges for at in record.connections_of(name)),
            }
        )
    table = pd.DataFrame(rows)
    return table if record.measured < record.total else table.drop(columns="measured")


def edge_table(
    record: CurvatureRecord,
    arrays: Mapping[str, np.ndarray],
    ranks: np.ndarray,
    removed: int,
    drawn: CurvatureRecord | None = None,
    mask: OwnMask | None = None,
) -> pd.DataFrame:
    r"""Return one edge for each weight, that with the least curvature, and whether it is kept.

    All columns that are whole numbers count from 0. ``parameter`` is the flat index within the layer's weight,
    ``weight`` has what the network multiplies it by folded in, ``position`` is the edge's output position and
    ``image`` the calibration image with the least curvature. Where ``never_active``, ``curvature`` is empty and
    ``image`` -1. Where BatchNorm was folded into the weights, a column says so; where the graph divides weights,
    ``divisor`` has by what, so that the curvature rests on lengths ``divisor`` / |``weight``|. Where weights are scaled
    by hand, ``weight`` is what they are then and ``factor`` by what it was multiplied; where any are cut or kept by
    hand, ``by_hand`` says which.

    Args:
        record: The curvature over all calibration images, by which weights are removed.
        arrays: The network's parameters by name.
        ranks: int64 [N], when each weight is removed.
        removed: How many are.
        drawn: Whose curvature, position and image to list, None for ``record``'s.
        mask: What is done by hand, None for nothing.
    """
    import pandas as pd

    parts, starts, left = [], parameter_offsets(record), WeightsLeft(ranks, removed, mask)
    for index, edges in enumerate((drawn or record).edges):
        own = starts[record.parameters[index]] + edges.parameter
        weight = record.folded(index, arrays)[edges.parameter] * left.factor(own)
        part = {
            "connection": index,
            "source": edges.source,
            "target": edges.target,
            "parameter": edges.parameter,
            "weight": weight,
            "curvature": np.where(edges.curvature < NEVER_ACTIVE, edges.curvature, np.float32(np.nan)),
            "never_active": edges.curvature >= NEVER_ACTIVE,
            "position": edges.position,
            "image": edges.sample,
            "kept": left.is_kept(own),
            **left.columns(own),
        }
        if record.batchnorm == "folded":
            part["batchnorm"] = pd.Categorical.from_codes(np.zeros(len(weight), np.int8), [record.batchnorm])
        divisors = record.divisors(index)
        if divisors is not None:
            part["divisor"] = divisors[edges.parameter]
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def sample_curvature(record: CurvatureRecord, parameter: int, classes: Sequence[str]) -> pd.DataFrame | None:
    """Return one weight's curvature on each calibration image, those left out on which it is not active.

    None if the record does not keep it.
    """
    if record.samples is None:
        return None
    import pandas as pd

    name, at = locate(record, parameter)
    values = record.samples[name].reshape(len(record.labels), -1)[:, at]
    # The image's number is kept: once some are left out, a row's place no longer says it.
    number = np.arange(len(record.labels))
    table = pd.DataFrame({"image": number, "class": [classes[label] for label in record.labels], "κ": values})
    return table.dropna(ignore_index=True)


def parameter_name(record: CurvatureRecord, parameter: int) -> str:
    """Return such as "1 · linear 64→32, weight 5 → 12"."""
    name, at = locate(record, parameter)
    return f"{weight_title(record, name)}, weight {weight_index(record, name, at)}"
