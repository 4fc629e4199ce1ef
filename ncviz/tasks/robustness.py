"""Accuracy of a pruned network on attacked or corrupted images, over sparsity: out of the store, or measured."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.config import AttackConfig, PruningConfig, check_whole
from ncviz.data.datasets import load_dataset
from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.pruning.corruptions import Disturbance
from ncviz.store import Record, Store
from ncviz.tasks.comparison import order_key, removable, removal_order, shapes_of
from ncviz.tasks.keys import evaluation_fingerprint
from ncviz.tasks.reading import read
from ncviz.tasks.results import Outcome, Progress, anonymous, put, speaker

if TYPE_CHECKING:
    import threading

    from ncviz.data.datasets import Dataset
    from ncviz.pruning.robustness import Disturbed, Disturber

# Raised whenever a change could alter a stored number.
ROBUSTNESS_VERSION = 1
MAX_IMAGES = 1_000_000
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
        pruning: Criterion, and what it looks at.
        disturbance: What is done to the images.
        images: How many evaluation images at most, drawn once and for all.
        seed: Of what an attack or a corruption draws.
    """

    pruning: PruningConfig
    disturbance: Disturbance
    images: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole("the number of images", self.images, 1, MAX_IMAGES)
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


def robustness_key(network: Network, config: RobustnessConfig, data_dir: str | None = None) -> str:
    """Return the store's key of one robustness curve."""
    facts = {name: value for name, value in config.as_dict().items() if name != "pruning"}
    return digest(
        "robustness",
        ROBUSTNESS_VERSION,
        order_key(network, config.pruning, data_dir),
        evaluation_fingerprint(network, data_dir),
        _as_floats(facts),
        config.sparsities,
    )


def stored_robustness(
    store: Store, network: Network, config: RobustnessConfig, data_dir: str | None = None
) -> RobustnessRecord | None:
    """Return one criterion's curve as far as it was measured before, perhaps not to its end."""
    found = store.get(robustness_key(network, config, data_dir))
    return None if found is None else RobustnessRecord.from_record(found)


def compute_robustness(
    store: Store,
    network: Network,
    config: RobustnessConfig,
    *,
    device: str = "cpu",
    data_dir: str | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Outcome[RobustnessRecord]:
    """Return one criterion's accuracy on disturbed images over sparsity; what was measured before is not again.

    Points that are finished when it is cancelled are stored. Sparsities that would reach into protected weights are
    left out.

    Args:
        store: Where results are kept.
        network: The network.
        config: Criterion, disturbance, images.
        device: Where to compute; no part of the result.
        data_dir: Folder of the full data set; without it, the bundled sample.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.
        cancel: Set it to stop.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
        CancelledError: If ``cancel`` was set.
    """
    known = stored_robustness(store, network, config, data_dir)
    if known is not None and known.is_complete:
        return Outcome(known, is_stored=True)
    from ncviz.pruning.masks import masks_at

    say = speaker(progress, cancel)
    ranks = removal_order(
        store,
        network,
        config.pruning,
        device=device,
        data_dir=data_dir,
        progress=lambda fraction, message: say(_ORDER_SHARE * fraction, message),
        cancel=cancel,
    )
    shapes, key = shapes_of(network), robustness_key(network, config, data_dir)
    record = _empty(network, config, ranks, data_dir)
    if known is not None:
        # What comes from the store cannot be written to.
        record = replace(record, clean=known.clean.copy(), under=known.under.copy())
    disturber, written, problem = disturber_for(network, config, device, data_dir), time.monotonic(), None
    try:
        for at in range(len(record.removed)):
            if record.known[at]:
                continue
            done, points = int(record.known.sum()), len(record.removed)

            def report(fraction: float, done: int = done, points: int = points) -> None:
                share = (done + fraction) / points
                say(_ORDER_SHARE + (1 - _ORDER_SHARE) * share, f"sparsity {done + 1} of {points}")

            report(0.0)
            found = disturber.measure(masks_at(ranks, int(record.removed[at]), shapes), report)
            record.clean[at], record.under[at] = found.clean_accuracy, found.accuracy
            if time.monotonic() - written > _SECONDS_BETWEEN_WRITES:
                _merge(record, store.get(key))
                put(store, key, record.to_record())
                written = time.monotonic()
    finally:
        if record.known.any():
            _merge(record, store.get(key))
            problem = put(store, key, record.to_record())
    return Outcome(record, False, problem)


def _merge(record: RobustnessRecord, found: Record | None) -> None:
    """Take over what another run has stored meanwhile, so that neither loses the other's points."""
    if found is None:
        return
    other = RobustnessRecord.from_record(found)
    news = other.known & ~record.known
    record.clean[news], record.under[news] = other.clean[news], other.under[news]


def disturber_for(
    network: Network, config: RobustnessConfig, device: str = "cpu", data_dir: str | None = None
) -> Disturber:
    """Return the network and its evaluation images, ready to be disturbed under any masks."""
    import torch

    from ncviz.data.predicted_labels import labels_for
    from ncviz.pruning.robustness import Disturber

    data, net = load_dataset(network.dataset, "test", data_dir), network.module()
    rows = torch.from_numpy(drawn(len(data), config.images))
    return Disturber(
        net,
        data.pictures(data.inputs[rows]),
        labels_for(net, data, device, rows),
        config.disturbance,
        normalise=data.normalised,
        seed=config.seed,
        device=device,
    )


def disturbed_examples(
    store: Store,
    network: Network,
    config: RobustnessConfig,
    sparsity: float,
    *,
    device: str = "cpu",
    data_dir: str | None = None,
) -> tuple[Dataset, np.ndarray, Disturbed]:
    """Return what becomes of some images at one sparsity: the data, the images' numbers in it, and the images after.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
    """
    from ncviz.pruning.masks import masks_at

    data = load_dataset(network.dataset, "test", data_dir)
    ranks = removal_order(store, network, config.pruning, device=device, data_dir=data_dir)
    removed = min(round(sparsity * len(ranks)), removable(network, config.pruning))
    masks = masks_at(ranks, removed, shapes_of(network))
    found = disturber_for(network, config, device, data_dir).measure(masks)
    return data, drawn(len(data), config.images), found


def drawn(total: int, count: int) -> np.ndarray:
    """Return at most ``count`` numbers of 0 … total - 1, int64, growing; a smaller count draws some of the same.

    Drawn rather than taken at equal distances, since data may be sorted by class, or go through the classes in turn.
    """
    return np.sort(np.random.default_rng(0).permutation(total)[:count]).astype(np.int64)


def _empty(
    network: Network, config: RobustnessConfig, ranks: np.ndarray, data_dir: str | None
) -> RobustnessRecord:
    data = load_dataset(network.dataset, "test", data_dir)
    removed = np.array([round(value * len(ranks)) for value in config.sparsities], dtype=np.int64)
    removed = removed[removed <= removable(network, config.pruning)]
    meta = {
        **anonymous(network),
        **config.as_dict(),
        "dataset": network.dataset,
        "evaluated_on": data.description,
    }
    nothing = [np.full(len(removed), np.nan) for _ in range(2)]
    images = len(drawn(len(data), config.images))
    return RobustnessRecord(removed, len(ranks), nothing[0], nothing[1], images, meta)


def _as_floats(value: Any) -> Any:
    """Return settings with every number as a float, so that 1 and 1.0 share a key."""
    if isinstance(value, dict):
        return {name: _as_floats(part) for name, part in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
