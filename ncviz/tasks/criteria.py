"""The pruning criteria and what is done to pruned networks, by name, and what is read off curves and predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ncviz.pruning.budgets import most_of_all
from ncviz.pruning.class_bottlenecks import factors, specific_bottlenecks
from ncviz.pruning.compare import (
    GRID,
    Overlap,
    Spread,
    area_under,
    class_accuracy,
    confusion,
    flips,
    layer_sparsity,
    mean_and_deviation,
    nearest,
    overlap,
    removable_within,
)
from ncviz.pruning.corruptions import CORRUPTIONS, SEVERITIES, CorruptionConfig, Disturbance
from ncviz.pruning.finetune import FineTuneConfig, steps_of
from ncviz.pruning.own_mask import CUT as CUT_BY_HAND
from ncviz.pruning.own_mask import FREE as LEFT_TO_CRITERION
from ncviz.pruning.own_mask import HELD as HELD_BY_HAND

if TYPE_CHECKING:
    from torch import Tensor

    from ncviz.pruning.scores import Score

__all__ = [
    "CORRUPTIONS", "CUT_BY_HAND", "GRID", "HELD_BY_HAND", "LEFT_TO_CRITERION", "SEVERITIES", "CorruptionConfig",
    "Disturbance", "FineTuneConfig", "Overlap", "Spread",
    "area_under", "class_accuracy", "confusion", "criteria", "criterion_title", "factors",
    "flips", "layer_sparsity", "masks_of", "mean_and_deviation", "most_of_all", "nearest", "overlap",
    "removable_within", "specific_bottlenecks", "steps_of",
]  # fmt: skip


def criteria() -> Mapping[str, Score]:
    """Return the criteria by name; torch is loaded with them, which the first page does without."""
    from ncviz.pruning.scores import SCORES

    return SCORES


def masks_of(
    ranks: np.ndarray, removed: int, shapes: Mapping[str, tuple[int, ...]], factor: np.ndarray | None = None
) -> dict[str, Tensor]:
    """Return for each weight whether it is kept, with the first so many of an order removed.

    Args:
        ranks: int64 [N], when each weight is removed, 0 first; what is cut or held by hand stands at its ends.
        removed: How many are removed.
        shapes: Name and shape of each weight.
        factor: float32 [N], what each weight is multiplied by where it is kept; the masks are of floats then.
    """
    from ncviz.pruning.masks import masks_at, scaled_masks

    found = masks_at(ranks, removed, shapes)
    return found if factor is None else scaled_masks(found, factor)


def criterion_title(name: str) -> str:
    """Return what a criterion is called, its name if there is none."""
    known = criteria()
    return known[name].title if name in known else name
