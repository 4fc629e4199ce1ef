"""One criterion's removal order and accuracy curve, each stored by itself: what a comparison of criteria is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ncviz.config import NEVER_ACTIVE_PLACES, REPAIRS, CurvatureConfig, PruningConfig
from ncviz.data.calibration import select_calibration
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind
from ncviz.limits import LIMITS
from ncviz.models.network import Network
from ncviz.pruning.budgets import most_of_all, shares_of
from ncviz.pruning.order import removal_ranks
from ncviz.store import Record
from ncviz.tasks.accuracy import Curves, SweepRecord, evaluator
from ncviz.tasks.curvature.task import Curvature
from ncviz.tasks.pruning import place_key, scores, scores_on, zeros_first
from ncviz.tasks.repair.repairing import repair_for, repair_key, repair_words
from ncviz.tasks.task import Context, StoredTask, anonymous

if TYPE_CHECKING:
    from ncviz.data.datasets import Dataset
    from ncviz.pruning.criteria.given import Score

# Raised whenever a change could alter a criterion's scores or a curve.
COMPARISON_VERSION = 2


@dataclass(frozen=True, eq=False)
class Order(StoredTask[np.ndarray]):
    """When each weight is removed by a criterion: int32 [N], 0 first; what may not go comes last.

    Attributes:
        network: The network.
        config: Criterion, and what it looks at; no repair changes an order.
    """

    network: Network
    config: PruningConfig

    kind: ClassVar[str] = "order"
    what: ClassVar[str] = "order"
    most_known: ClassVar[int] = 48
    most_unstored: ClassVar[int] = 200

    def key(self, context: Context) -> str:
        """Return what decides it: what its criterion does not look at is no part of it."""
        config, score = self.config, _criterion(self.config.criterion)
        parts: list[Any] = ["order", COMPARISON_VERSION, self.network.fingerprint, config.criterion]
        if score.needs_images:
            parts += [context.fingerprint(self.network, "train"), config.samples_per_class]
        if score.needs_images or score.is_drawn:
            parts.append(config.seed)
        if score.is_by_blocks:
            parts.append(LIMITS.repair_bytes)
        if score.needs_curvature:
            parts.append(config.calibration.key(has_batchnorm=self.network.has_batchnorm))
            if config.never_active != NEVER_ACTIVE_PLACES[0]:
                parts.append(place_key(config.never_active))
        elif score.needs_graph:
            read = config.calibration.graph.unusual(has_batchnorm=self.network.has_batchnorm)
            parts += [read[name] for name in sorted(read)]
        held: list[Any] = [list(config.protected)]
        if config.budgets:
            held.append({"budgets": [list(each) for each in config.budgets]})
        return digest(*parts, config.scope, config.order, *held, *zeros_first(self.network))

    @property
    def needs_curvature(self) -> bool:
        """Whether it takes a curvature to find it, which may take long."""
        return _criterion(self.config.criterion).needs_curvature

    def is_at_hand(self, context: Context) -> bool:
        """Whether it is kept, or found within a moment from what is."""
        if context.desk.has(self, context) or not self.needs_curvature:
            return True
        return context.knows(Curvature(self.network, self.config.calibration))

    def run(self, context: Context) -> np.ndarray:
        """Score the weights and rank them."""
        network, config = self.network, self.config
        names = list(shapes_of(network))
        shares = shares_of(names, config.protected, dict(config.budgets))
        own_scores = criterion_scores(network, config, context)
        weights = [network.arrays[name] for name in names]
        # A weight that the network holds but does not use has no score, and goes last.
        each = [
            own_scores.get(name, np.full_like(own, np.nan, dtype=np.float64))
            for name, own in zip(names, weights, strict=True)
        ]
        found = removal_ranks(each, config.scope, config.order, weights=weights, shares=shares, may_lack=True)
        return found.astype(np.int32)

    def encode(self, result: np.ndarray) -> Record:
        """Return it as an array, and what it is of."""
        meta = {
            **anonymous(self.network),
            "kind": self.kind,
            "dataset": self.network.dataset,
            "pruning": replace(self.config, repair=REPAIRS[0]).as_dict(),
        }
        return Record({"ranks": result}, meta)

    def decode(self, record: Record) -> np.ndarray:
        """Read it back."""
        return record.arrays["ranks"]


@dataclass(frozen=True, eq=False)
class Curve(Curves):
    """One criterion's accuracy over sparsity; sparsities that would reach into what may not go are left out.

    Attributes:
        network: The network.
        config: Criterion, and what it looks at.
        sparsities: Fractions of all weights to remove, growing.
    """

    network: Network
    config: PruningConfig
    sparsities: tuple[float, ...]

    job: ClassVar[JobKind] = JobKind(kept="curves that were finished are kept")
    most_known: ClassVar[int] = 512
    most_unstored: ClassVar[int] = 200

    @property
    def order(self) -> Order:
        """The order in which its weights go."""
        return Order(self.network, self.config)

    def key(self, context: Context) -> str:
        """Return the store's key."""
        images = context.fingerprint(self.network)
        return digest(
            "curve",
            self.order.key(context),
            images,
            [float(value) for value in self.sparsities],
            *repair_key(self.network, self.config.repair, context),
        )

    def run(self, context: Context) -> SweepRecord:
        """Rank the weights and measure the curve."""
        from ncviz.pruning.curve import sweep

        network, config = self.network, self.config
        title = _criterion(config.criterion).title
        ranks = context.part(0.0, 0.5, f"{title}: ").run(self.order).result
        measuring = context.part(0.5, 1.0, f"{title}: ")
        measuring.say(0.0, "accuracy")
        repair, rest = repair_for(network, config.repair, measuring)
        doing = "accuracy" if repair is None else "repair and accuracy"
        most = removable(network, config)
        asked = [round(value * len(ranks)) for value in self.sparsities]
        measured = evaluator(network, context)
        within = [removed for removed in asked if removed <= most]
        found = sweep(
            measured, ranks, shapes_of(network), removed=within, repair=repair,
            progress=lambda fraction: rest.say(fraction, doing),
        )  # fmt: skip
        meta = {
            **anonymous(network),
            "dataset": network.dataset,
            "pruning": config.as_dict(),
            "calibrated_on": context.images(network, "train").description,
            "evaluated_on": context.images(network, "test").description,
            "kind": self.kind,
            "total": len(ranks),
            "images": found.images,
            **({} if repair is None else {"repaired_on": repair_words(network, context)}),
            **self._sharpness(context),
        }
        return SweepRecord(found.removed, {(config.criterion, config.order): found.accuracy}, meta)

    def _sharpness(self, context: Context) -> dict[str, str]:
        if not self.order.needs_curvature:
            return {}
        curvature = context.look_up(Curvature(self.network, self.config.calibration))
        return {} if curvature is None else curvature.sharpness


def shapes_of(network: Network) -> dict[str, tuple[int, ...]]:
    """Return name and shape of each weight that can be removed, in the order of the ranks."""
    from ncviz.pruning.scores import weight_names

    return {name: tuple(network.arrays[name].shape) for name in weight_names(network.module())}


def removable(network: Network, config: PruningConfig) -> int:
    """Return how many weights may go: not protected and within the budgets, or zero already."""
    sizes = {name: int(np.prod(shape)) for name, shape in shapes_of(network).items()}
    return most_of_all(sizes, config.protected, dict(config.budgets), network.zeros)


def criterion_scores(network: Network, config: PruningConfig, context: Context) -> dict[str, np.ndarray]:
    """Return a criterion's score of each weight, higher meaning more important.

    Args:
        network: The network.
        config: Criterion, and what it looks at.
        context: Where and how.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
        CancelledError: If the context's ``cancel`` was set.
    """
    score = _criterion(config.criterion)
    if score.needs_curvature:
        curvature = context.run(Curvature(network, config.calibration)).result
        return scores(network, config.criterion, curvature, context, config.seed, config.never_active)
    chosen = None
    if score.needs_images:
        pool = context.images(network, "train")
        chosen = calibration(network, config.calibration, pool, context.device)
    found = scores_on(
        network, config.criterion, chosen, context, seed=config.seed, graph=config.calibration.graph
    )
    return {name: found[name] for name in shapes_of(network) if name in found}


def calibration(network: Network, config: CurvatureConfig, pool: Dataset, device: str = "cpu") -> np.ndarray:
    """Return the calibration images' numbers in the training data, int64 [classes · samples per class].

    Args:
        network: The network.
        config: Which images.
        pool: The training data.
        device: Where to run the network.

    Raises:
        DataError: If a class has fewer correctly classified images.
    """
    return select_calibration(network.module(), pool, config.samples_per_class, config.seed, device).numpy()


def _criterion(name: str) -> Score:
    from ncviz.pruning.scores import find_score

    return find_score(name)
