"""A pruned network that was trained on, as the store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ncviz.records.reading import read
from ncviz.store import Record

_STATE = "state/"


@dataclass(frozen=True, eq=False)
class FineTuneRecord:
    """What a fine-tuning gave.

    Attributes:
        loss: float64 [steps], mean cross-entropy of each step's images.
        accuracy: float64 [epochs + 1], on the evaluation images: of the pruned network, and after each epoch.
        whole: Accuracy of the network before pruning, on the same images.
        removed: Number of weights removed.
        total: Number of weights.
        arrays: The fine-tuned network's parameters by name, the removed weights zero.
        meta: Settings and descriptions of the images, as plain JSON.
    """

    loss: np.ndarray
    accuracy: np.ndarray
    whole: float
    removed: int
    total: int
    arrays: Mapping[str, np.ndarray]
    meta: Mapping[str, Any]

    @property
    def before(self) -> float:
        """Accuracy of the pruned network before it is trained on."""
        return float(self.accuracy[0])

    @property
    def after(self) -> float:
        """Accuracy after the last epoch."""
        return float(self.accuracy[-1])

    def to_record(self) -> Record:
        """Return it as arrays and JSON."""
        arrays = {"loss": self.loss, "accuracy": self.accuracy}
        arrays |= {_STATE + name: values for name, values in self.arrays.items()}
        facts = {"kind": "finetune", "whole": self.whole, "removed": self.removed, "total": self.total}
        return Record(arrays, {**self.meta, **facts})

    @staticmethod
    def from_record(record: Record) -> FineTuneRecord:
        """Read it back.

        Raises:
            StoreError: If the record is of another kind or lacks a part.
        """
        return read(record, "finetune", "fine-tuning", _finetune_of)


def _finetune_of(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> FineTuneRecord:
    return FineTuneRecord(
        loss=arrays["loss"],
        accuracy=arrays["accuracy"],
        whole=float(meta["whole"]),
        removed=int(meta["removed"]),
        total=int(meta["total"]),
        arrays={
            name.removeprefix(_STATE): values for name, values in arrays.items() if name.startswith(_STATE)
        },
        meta=meta,
    )
