"""Accuracy on attacked or corrupted images over sparsity, as the store keeps it, finished or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ncviz.records.reading import read
from ncviz.store import Record


@dataclass(frozen=True, eq=False)
class RobustnessRecord:
    """One criterion's accuracies over sparsity; what is not measured yet is NaN.

    Attributes:
        removed: int64 [m], number of weights removed.
        total: Number of weights.
        clean: float64 [m], accuracy on the images as they are.
        under: float64 [m], accuracy on the same images, attacked or corrupted.
        images: Number of images.
        meta: Settings and descriptions, as plain JSON.
    """

    removed: np.ndarray
    total: int
    clean: np.ndarray
    under: np.ndarray
    images: int
    meta: Mapping[str, Any]

    @property
    def sparsity(self) -> np.ndarray:
        """Fraction of all weights that is removed, float64 [m]."""
        return self.removed / max(1, self.total)

    @property
    def known(self) -> np.ndarray:
        """Which points are measured, bool [m]."""
        return ~np.isnan(self.under)

    @property
    def is_complete(self) -> bool:
        """Whether all points are measured."""
        return bool(self.known.all())

    def to_record(self) -> Record:
        """Return it as arrays and JSON."""
        arrays = {"removed": self.removed, "clean": self.clean, "under": self.under}
        return Record(arrays, {**self.meta, "kind": "robustness", "total": self.total, "images": self.images})

    @staticmethod
    def from_record(record: Record) -> RobustnessRecord:
        """Read it back.

        Raises:
            StoreError: If the record is of another kind or lacks a part.
        """
        return read(record, "robustness", "robustness curve", _robustness_of)


def _robustness_of(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> RobustnessRecord:
    return RobustnessRecord(
        arrays["removed"],
        int(meta["total"]),
        arrays["clean"],
        arrays["under"],
        int(meta["images"]),
        meta,
    )
