"""Tables of the Pruning page: what fine-tuning wins back, what each layer may lose, one class's own bottlenecks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ncviz.scene.names import weight_index, weight_title
from ncviz.scene.tables import locate
from ncviz.tasks import CurvatureRecord
from ncviz.tasks.criteria import criterion_title
from ncviz.tasks.finetuning import FineTuneRecord
from ncviz.tasks.robustness import RobustnessRecord
from ncviz.text import percent
from ncviz.values import NEVER_ACTIVE

if TYPE_CHECKING:
    from ncviz.tasks.sensitivity import SensitivityResult


def finetune_table(known: Mapping[str, FineTuneRecord]) -> pd.DataFrame:
    """Return a row for each criterion, the best after fine-tuning first; accuracies in per cent."""
    rows = [
        {
            "criterion": criterion_title(name),
            "whole": 100 * record.whole,
            "pruned": 100 * record.before,
            "fine-tuned": 100 * record.after,
            "gained": 100 * (record.after - record.before),
            "short of whole": 100 * (record.whole - record.after),
        }
        for name, record in known.items()
    ]
    return pd.DataFrame(rows).sort_values("fine-tuned", ascending=False, kind="stable")


def budget_table(found: SensitivityResult, titles: Sequence[str], points: float) -> pd.DataFrame:
    """Return how much each layer may lose, and the points of accuracy that each fraction costs.

    Args:
        found: What was measured.
        titles: The layers' names for people.
        points: Points of accuracy that a layer alone may cost.
    """
    columns: dict[str, Any] = {
        "layer": list(titles),
        "weights": found.sizes,
        "budget, %": 100 * found.budget(points),
    }
    for at, fraction in enumerate(found.fractions):
        columns[f"points lost at {percent(fraction)}"] = found.lost[:, at]
    return pd.DataFrame(columns)


def bottleneck_table(
    record: CurvatureRecord, curvature: np.ndarray, weights: np.ndarray, label: int
) -> pd.DataFrame:
    """Return where each weight is and what its κ is, for its class and for the others that it is ever active for.

    Args:
        record: The curvature over all calibration images.
        curvature: float [classes, N], that of each class alone.
        weights: int64 [k], which weights.
        label: The class.
    """
    own, rows = curvature[label], []
    for weight in weights.tolist():
        name, at = locate(record, weight)
        others = np.delete(curvature[:, weight], label)
        active = others[others < NEVER_ACTIVE]
        rows.append(
            {
                "layer": weight_title(record, name),
                "weight": weight_index(record, name, at),
                "κ for this class": float(own[weight]),
                "mean κ for the others": float(active.mean()) if active.size else None,
                "of them never active for": len(others) - active.size,
            }
        )
    return pd.DataFrame(rows, columns=_BOTTLENECK_COLUMNS)


_BOTTLENECK_COLUMNS = [
    "layer", "weight", "κ for this class", "mean κ for the others", "of them never active for",
]  # fmt: skip


def robustness_table(known: Mapping[str, RobustnessRecord], word: str = "accuracy") -> pd.DataFrame:
    """Return a row for each criterion and sparsity that is measured.

    Args:
        known: What was measured, by criterion.
        word: What the share of right answers is called.
    """
    parts = []
    for name, record in known.items():
        kept = np.flatnonzero(record.known)
        part = {
            "criterion": name,
            "removed": record.removed[kept],
            "sparsity": record.sparsity[kept],
            f"{word}_clean": record.clean[kept],
            f"{word}_disturbed": record.under[kept],
            "images": record.images,
        }
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)
