"""Accuracy over sparsity as the store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.records.reading import read
from ncviz.store import Record

if TYPE_CHECKING:
    from ncviz.pruning.curve import SweepResult


@dataclass(frozen=True, eq=False)
class SweepRecord:
    """Accuracy over sparsity for every criterion in both orders; a random order has one only.

    Attributes:
        removed: int64 [m], number of weights removed.
        total: Number of weights.
        accuracy: (criterion, order) → float64 [m].
        images: Number of evaluation images.
        meta: Scope, description of the images and so on, as plain JSON.
    """

    removed: np.ndarray
    total: int
    accuracy: Mapping[tuple[str, str], np.ndarray]
    images: int
    meta: Mapping[str, Any]

    @property
    def baseline(self) -> float:
        """Accuracy of the whole network."""
        return float(next(iter(self.accuracy.values()))[0])

    def at(self, criterion: str, order: str, removed: int) -> float:
        """Return the accuracy between the measured points, by linear interpolation."""
        return float(np.interp(removed, self.removed, self.accuracy[criterion, order]))

    def to_record(self) -> Record:
        """Return it as arrays and JSON."""
        arrays = {"removed": self.removed}
        arrays |= {f"{criterion}/{order}": values for (criterion, order), values in self.accuracy.items()}
        return Record(arrays, {**self.meta, "kind": "sweep", "total": self.total, "images": self.images})

    @staticmethod
    def from_record(record: Record) -> SweepRecord:
        """Read it back.

        Raises:
            StoreError: If the record is of another kind or lacks a part.
        """
        return read(record, "sweep", "curve", _sweep_of)


def _sweep_of(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> SweepRecord:
    accuracy = {}
    for name, values in arrays.items():
        if name != "removed":
            criterion, order = name.split("/")
            accuracy[criterion, order] = values
    total, images = int(meta["total"]), int(meta["images"])
    return SweepRecord(arrays["removed"], total, accuracy, images, meta)


def sweep_record(
    sweeps: Mapping[tuple[str, str], SweepResult], total: int, meta: Mapping[str, Any]
) -> SweepRecord:
    """Turn measured sweeps over the same sparsities into what the store keeps."""
    first = next(iter(sweeps.values()))
    return SweepRecord(
        first.removed, total, {key: found.accuracy for key, found in sweeps.items()}, first.images, meta
    )
