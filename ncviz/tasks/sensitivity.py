"""Sensitivity of each layer on training images: out of the store, or measured anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ncviz.config import ORDERS, REPAIRS, SCOPES, PruningConfig, check_whole
from ncviz.data.predicted_labels import labels_for
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind
from ncviz.models.network import Network
from ncviz.store import Record
from ncviz.tasks.comparison import Order, shapes_of
from ncviz.tasks.task import Context, StoredTask, anonymous

if TYPE_CHECKING:
    from ncviz.pruning.sensitivity import SensitivityResult

# Raised whenever a change could alter a stored number.
SENSITIVITY_VERSION = 1
SENSITIVITY_IMAGES = 1000
MAX_SENSITIVITY_IMAGES = 1_000_000
# Of the time, the rest being the accuracies.
_ORDER_SHARE = 0.3


@dataclass(frozen=True, eq=False)
class Sensitivity(StoredTask["SensitivityResult"]):
    """Accuracy when one layer alone loses 10 … 90 % of its weights, the least important of a criterion first.

    On training images, evenly spread over them, so that what follows from it owes nothing to the test images.

    Attributes:
        network: The network.
        config: Criterion, and what it looks at; scope, direction, protected layers, budgets and repair mean nothing
            here.
        images: How many training images at most.
    """

    network: Network
    config: PruningConfig
    images: int = SENSITIVITY_IMAGES

    kind: ClassVar[str] = "sensitivity"
    what: ClassVar[str] = "sensitivity of layers"
    facts: ClassVar[tuple[str, ...]] = ("baseline", "images")
    job: ClassVar[JobKind] = JobKind()
    most_known: ClassVar[int] = 32

    def __post_init__(self) -> None:
        check_whole("the number of images", self.images, 1, MAX_SENSITIVITY_IMAGES)

    @property
    def order(self) -> Order:
        """The order in which weights go; within a layer it is the same in every scope, and nothing is repaired."""
        plain = replace(
            self.config, scope=SCOPES[0], order=ORDERS[0], protected=(), budgets=(), repair=REPAIRS[0]
        )
        return Order(self.network, plain)

    def key(self, context: Context) -> str:
        """Return the store's key."""
        images = context.fingerprint(self.network, "train")
        return digest("sensitivity", SENSITIVITY_VERSION, self.order.key(context), images, self.images)

    def run(self, context: Context) -> SensitivityResult:
        """Rank the weights and measure layer by layer."""
        import torch

        from ncviz.pruning.curve import Evaluator
        from ncviz.pruning.sensitivity import layer_sensitivity

        network = self.network
        ranks = context.part(0.0, _ORDER_SHARE, "order: ").run(self.order).result
        measuring = context.part(_ORDER_SHARE, 1.0, "accuracy, layer by layer")
        measuring.say(0.0)
        pool, net = context.images(network, "train"), network.module()
        rows = torch.from_numpy(
            np.unique(np.linspace(0, len(pool) - 1, min(self.images, len(pool))).round().astype(np.int64))
        )
        evaluator = Evaluator(
            net, pool.inputs[rows], labels_for(net, pool, context.device, rows), context.device
        )
        return layer_sensitivity(evaluator, ranks, shapes_of(network), progress=measuring.say)

    def encode(self, result: SensitivityResult) -> Record:
        """Return it as arrays and JSON."""
        arrays = {"fractions": result.fractions, "accuracy": result.accuracy}
        meta = {
            **anonymous(self.network),
            "kind": self.kind,
            "dataset": self.network.dataset,
            "pruning": self.order.config.as_dict(),
            "baseline": result.baseline,
            "images": result.images,
        }
        return Record(arrays, meta)

    def decode(self, record: Record) -> SensitivityResult:
        """Read it back."""
        from ncviz.pruning.sensitivity import SensitivityResult

        shapes, meta = shapes_of(self.network), record.meta
        sizes = np.array([int(np.prod(shape)) for shape in shapes.values()], dtype=np.int64)
        arrays = record.arrays
        return SensitivityResult(
            tuple(shapes), sizes, arrays["fractions"], arrays["accuracy"], float(meta["baseline"]),
            int(meta["images"]),
        )  # fmt: skip
