"""Accuracy over sparsity: what is kept of it, and the network that it is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ncviz.data.datasets import find_dataset
from ncviz.data.predicted_labels import labels_for
from ncviz.models.network import Network
from ncviz.store import Record
from ncviz.tasks.task import Context, StoredTask

if TYPE_CHECKING:
    from ncviz.pruning.curve import Evaluator


class OnImages:
    """What a result says of the weights and images that it was measured on, in its ``meta``."""

    meta: Mapping[str, Any]

    @property
    def total(self) -> int:
        """Number of weights."""
        return int(self.meta["total"])

    @property
    def images(self) -> int:
        """Number of evaluation images."""
        return int(self.meta["images"])

    @property
    def evaluated_on(self) -> str:
        """What the evaluation images are."""
        return str(self.meta["evaluated_on"])


@dataclass(frozen=True, eq=False)
class SweepRecord(OnImages):
    """Accuracy over sparsity for every criterion in both orders; a random order has one only.

    Attributes:
        removed: int64 [m], number of weights removed.
        accuracy: (criterion, order) → float64 [m].
        meta: Scope, number and description of the images, number of weights and so on, as plain JSON.
    """

    removed: np.ndarray
    accuracy: Mapping[tuple[str, str], np.ndarray]
    meta: Mapping[str, Any]

    @property
    def calibrated_on(self) -> str:
        """What the calibration images of one criterion's curve were chosen from."""
        return str(self.meta["calibrated_on"])

    @property
    def sharpness(self) -> str:
        """How sharp the curvature is whose intervals' middles an order goes by; "" where none does."""
        return str(self.meta.get("sharpness", ""))

    @property
    def baseline(self) -> float:
        """Accuracy of the whole network."""
        return float(next(iter(self.accuracy.values()))[0])

    def at(self, criterion: str, order: str, removed: int) -> float:
        """Return the accuracy between the measured points, by linear interpolation."""
        return float(np.interp(removed, self.removed, self.accuracy[criterion, order]))


class Curves(StoredTask[SweepRecord]):
    """What tasks that measure accuracy over sparsity have in common: the record."""

    kind: ClassVar[str] = "sweep"
    what: ClassVar[str] = "curve"
    facts: ClassVar[tuple[str, ...]] = ("total", "images")

    def encode(self, result: SweepRecord) -> Record:
        """Return the curves as arrays and JSON."""
        arrays = {"removed": result.removed}
        arrays |= {f"{criterion}/{order}": values for (criterion, order), values in result.accuracy.items()}
        return Record(arrays, dict(result.meta))

    def decode(self, record: Record) -> SweepRecord:
        """Read them back."""
        accuracy = {}
        for name, values in record.arrays.items():
            if name != "removed":
                criterion, order = name.split("/")
                accuracy[criterion, order] = values
        return SweepRecord(record.arrays["removed"], accuracy, record.meta)


def evaluator(network: Network, context: Context) -> Evaluator:
    """Return the network on its evaluation images, ready to be pruned again and again; the last stays in the context.

    Without labels, what is right is what the whole network says.
    """
    from ncviz.pruning.curve import Evaluator

    def make() -> Evaluator:
        images, net = context.images(network, "test"), network.module()
        return Evaluator(net, images.inputs, labels_for(net, images, context.device), context.device)

    key = network.fingerprint, context.device, context.fingerprint(network)
    return context.share("evaluator", key, make)


def measures(network: Network) -> str:
    """Return what is measured of a network: accuracy, or agreement where labels are missing."""
    return "accuracy" if find_dataset(network.dataset).has_labels else "agreement with the whole network"


def same_images_words(network: Network, context: Context) -> str:
    """Return the sentence that a number is measured on what it was fitted to; "" where images are kept apart for it."""
    if not context.has_one_split(network):
        return ""
    return f"These images are not split: {measures(network)} is measured on those that this was fitted to as well."
