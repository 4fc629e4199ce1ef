"""Accuracy of a pruned network on attacked or corrupted images, over sparsity: out of the store, or measured."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ncviz.config import MAX_DISTURBED_IMAGES, REPAIRS, AttackConfig, PruningConfig, check_whole
from ncviz.data.predicted_labels import labels_for
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind
from ncviz.models.network import Network
from ncviz.pruning.corruptions import Disturbance
from ncviz.store import Record
from ncviz.tasks.accuracy import OnImages
from ncviz.tasks.comparison import Order, removable, shapes_of
from ncviz.tasks.pruning import zeros_in
from ncviz.tasks.task import Context, StoredTask, anonymous

if TYPE_CHECKING:
    from ncviz.data.datasets import Dataset
    from ncviz.pruning.robustness import Disturbed, Disturber

# Raised whenever a change could alter a stored number.
ROBUSTNESS_VERSION = 1
# Where a curve bends depends on which end goes first.
ROBUST_SPARSITIES: dict[str, tuple[float, ...]] = {
    "redundant": (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
    "bottlenecks": (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9),
}
# Of a curve's time, the rest being the accuracies.
_ORDER_SHARE = 0.3
_SECONDS_BETWEEN_WRITES = 2.0


@dataclass(frozen=True)
class RobustnessConfig:
    """What decides one robustness curve.

    Attributes:
        pruning: Criterion, and what it looks at; a repair is left out, the network is disturbed as it was pruned.
        disturbance: What is done to the images.
        images: How many evaluation images at most, drawn once and for all.
        seed: Of what an attack or a corruption draws.
    """

    pruning: PruningConfig
    disturbance: Disturbance
    images: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "pruning", replace(self.pruning, repair=REPAIRS[0]))
        check_whole("the number of images", self.images, 1, MAX_DISTURBED_IMAGES)
        check_whole("seed", self.seed, 0, 2**31 - 1)

    @property
    def sparsities(self) -> tuple[float, ...]:
        """Fractions of the weights that are removed."""
        return ROBUST_SPARSITIES[self.pruning.order]

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON types."""
        kind = "attack" if isinstance(self.disturbance, AttackConfig) else "corruption"
        return {
            "pruning": self.pruning.as_dict(),
            kind: asdict(self.disturbance),
            "images": self.images,
            "seed": self.seed,
        }


@dataclass(frozen=True, eq=False)
class RobustnessRecord(OnImages):
    """One criterion's accuracies over sparsity; what is not measured yet is NaN.

    Attributes:
        removed: int64 [m], number of weights removed.
        clean: float64 [m], accuracy on the images as they are.
        under: float64 [m], accuracy on the same images, attacked or corrupted.
        meta: Settings, descriptions, numbers of weights and images, as plain JSON.
    """

    removed: np.ndarray
    clean: np.ndarray
    under: np.ndarray
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


@dataclass(frozen=True, eq=False)
class Robustness(StoredTask[RobustnessRecord]):
    """One criterion's accuracy on disturbed images over sparsity; what was measured before is not again.

    Sparsities that would reach into what may not go are left out.

    Attributes:
        network: The network.
        config: Criterion, disturbance, images.
    """

    network: Network
    config: RobustnessConfig

    kind: ClassVar[str] = "robustness"
    what: ClassVar[str] = "robustness curve"
    facts: ClassVar[tuple[str, ...]] = ("total", "images")
    job: ClassVar[JobKind] = JobKind(kept="points that were measured are kept")

    @property
    def order(self) -> Order:
        """The order in which its weights go."""
        return Order(self.network, self.config.pruning)

    def key(self, context: Context) -> str:
        """Return the store's key."""
        facts = {name: value for name, value in self.config.as_dict().items() if name != "pruning"}
        return digest(
            "robustness",
            ROBUSTNESS_VERSION,
            self.order.key(context),
            context.fingerprint(self.network),
            _as_floats(facts),
            self.config.sparsities,
        )

    def is_complete(self, result: RobustnessRecord, context: Context) -> bool:
        """Whether all points are measured."""
        return result.is_complete

    def run(self, context: Context) -> RobustnessRecord:
        """Measure what is not known; points that are finished when it stops are stored."""
        from ncviz.pruning.masks import masks_at

        network, config = self.network, self.config
        ranks = context.part(0.0, _ORDER_SHARE).run(self.order).result
        rest, shapes = context.part(_ORDER_SHARE, 1.0), shapes_of(network)
        record = self._empty(ranks, context)
        self._merge(record, context)
        disturber, written = disturber_for(network, config, context), time.monotonic()
        try:
            for at in range(len(record.removed)):
                if record.known[at]:
                    continue
                done, points = int(record.known.sum()), len(record.removed)

                def tell(fraction: float, done: int = done, points: int = points) -> None:
                    rest.say((done + fraction) / points, f"sparsity {done + 1} of {points}")

                tell(0.0)
                found = disturber.measure(masks_at(ranks, int(record.removed[at]), shapes), tell)
                record.clean[at], record.under[at] = found.clean_accuracy, found.accuracy
                if time.monotonic() - written > _SECONDS_BETWEEN_WRITES:
                    self._keep(record, context)
                    written = time.monotonic()
        except BaseException:
            if record.known.any():
                self._keep(record, context)
            raise
        self._merge(record, context)
        return record

    def encode(self, result: RobustnessRecord) -> Record:
        """Return it as arrays and JSON."""
        arrays = {"removed": result.removed, "clean": result.clean, "under": result.under}
        return Record(arrays, dict(result.meta))

    def decode(self, record: Record) -> RobustnessRecord:
        """Read it back."""
        arrays = record.arrays
        return RobustnessRecord(arrays["removed"], arrays["clean"], arrays["under"], record.meta)

    def _keep(self, record: RobustnessRecord, context: Context) -> None:
        self._merge(record, context)
        context.desk.keep(self, self.key(context), self.encode(record))

    def _merge(self, record: RobustnessRecord, context: Context) -> None:
        """Take over what is known, so that this run and another one lose none of each other's points."""
        other = context.look_up(self)
        if other is not None:
            news = other.known & ~record.known
            record.clean[news], record.under[news] = other.clean[news], other.under[news]

    def _empty(self, ranks: np.ndarray, context: Context) -> RobustnessRecord:
        network, config = self.network, self.config
        data = context.images(network, "test")
        asked = np.array([round(value * len(ranks)) for value in config.sparsities], dtype=np.int64)
        removed = np.unique(np.maximum(asked, zeros_in(network, shapes_of(network))))
        removed = removed[removed <= removable(network, config.pruning)]
        meta = {
            **anonymous(network),
            **config.as_dict(),
            "dataset": network.dataset,
            "evaluated_on": data.description,
            "kind": self.kind,
            "total": len(ranks),
            # How many there are, of at most so many as the settings say.
            "images": len(drawn(len(data), config.images)),
        }
        nothing = np.full(len(removed), np.nan)
        return RobustnessRecord(removed, nothing, nothing.copy(), meta)


def disturber_for(network: Network, config: RobustnessConfig, context: Context) -> Disturber:
    """Return the network and its evaluation images, ready to be disturbed under any masks."""
    import torch

    from ncviz.pruning.robustness import Disturber

    data, net = context.images(network, "test"), network.module()
    rows = torch.from_numpy(drawn(len(data), config.images))
    return Disturber(
        net,
        data.pictures(data.inputs[rows]),
        labels_for(net, data, context.device, rows),
        config.disturbance,
        normalise=data.normalised,
        seed=config.seed,
        device=context.device,
    )


def disturbed_examples(
    network: Network, config: RobustnessConfig, sparsity: float, context: Context
) -> tuple[Dataset, np.ndarray, Disturbed]:
    """Return what becomes of some images at one sparsity: the data, the images' numbers in it, and the images after.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
    """
    from ncviz.pruning.masks import masks_at

    data = context.images(network, "test")
    ranks = context.run(Order(network, config.pruning)).result
    shapes = shapes_of(network)
    removed = min(round(sparsity * len(ranks)), removable(network, config.pruning))
    masks = masks_at(ranks, max(removed, zeros_in(network, shapes)), shapes)
    found = disturber_for(network, config, context).measure(masks)
    return data, drawn(len(data), config.images), found


def drawn(total: int, count: int) -> np.ndarray:
    """Return at most ``count`` numbers of 0 … total - 1, int64, growing; a smaller count draws some of the same.

    Drawn rather than taken at equal distances, since data may be sorted by class, or go through the classes in turn.
    """
    return np.sort(np.random.default_rng(0).permutation(total)[:count]).astype(np.int64)


def _as_floats(value: Any) -> Any:
    """Return settings with every number as a float, so that 1 and 1.0 share a key."""
    if isinstance(value, dict):
        return {name: _as_floats(part) for name, part in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
