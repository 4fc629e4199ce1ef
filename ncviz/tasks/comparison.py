"""One criterion's removal order and accuracy curve, each stored by itself: what a comparison of criteria is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.config import CurvatureConfig, PruningConfig
from ncviz.data.datasets import load_dataset
from ncviz.data.fingerprints import data_fingerprint
from ncviz.errors import NcvizError
from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.pruning.order import protected_positions, removal_ranks
from ncviz.store import Record, Store
from ncviz.tasks.curvature import compute_curvature
from ncviz.tasks.keys import evaluation_fingerprint
from ncviz.tasks.pruning import scores, scores_on
from ncviz.tasks.results import Outcome, Progress, anonymous, put, speaker
from ncviz.tasks.sweeps import SweepRecord, sweep_record

if TYPE_CHECKING:
    import threading

    from ncviz.pruning.criteria.given import Score
    from ncviz.pruning.curve import Evaluator

# Raised whenever a change could alter a criterion's scores or a curve.
COMPARISON_VERSION = 2


def order_key(network: Network, config: PruningConfig, data_dir: str | None = None) -> str:
    """Return what decides a removal order: what its criterion does not look at is no part of it."""
    score = _criterion(config.criterion)
    parts: list[Any] = ["order", COMPARISON_VERSION, network.fingerprint, config.criterion]
    if score.needs_images:
        parts += [data_fingerprint(network.dataset, "train", data_dir), config.samples_per_class]
    if score.needs_images or score.is_drawn:
        parts.append(config.seed)
    if score.needs_curvature:
        parts.append(config.calibration.key())
    return digest(*parts, config.scope, config.order, list(config.protected))


def curve_key(
    network: Network, config: PruningConfig, sparsities: Sequence[float], data_dir: str | None = None
) -> str:
    """Return the store's key of one criterion's accuracy curve."""
    images = evaluation_fingerprint(network, data_dir)
    return digest(
        "curve", order_key(network, config, data_dir), images, [float(value) for value in sparsities]
    )


def shapes_of(network: Network) -> dict[str, tuple[int, ...]]:
    """Return name and shape of each weight that can be removed, in the order of the ranks."""
    from ncviz.pruning.scores import weight_names

    return {name: tuple(network.arrays[name].shape) for name in weight_names(network.module())}


def removable(network: Network, config: PruningConfig) -> int:
    """Return how many weights are not protected."""
    return sum(
        int(np.prod(shape)) for name, shape in shapes_of(network).items() if name not in config.protected
    )


def criterion_scores(
    store: Store,
    network: Network,
    config: PruningConfig,
    *,
    device: str = "cpu",
    data_dir: str | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> dict[str, np.ndarray]:
    """Return a criterion's score of each weight, higher meaning more important.

    Args:
        store: Where curvatures are kept.
        network: The network.
        config: Criterion, and what it looks at.
        device: Where a curvature is computed; no part of the result.
        data_dir: Folder of the full data set; without it, the bundled sample.
        progress: Called with the fraction done and a message.
        cancel: Set it to stop.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
        CancelledError: If ``cancel`` was set.
    """
    score = _criterion(config.criterion)
    if score.needs_curvature:
        record = compute_curvature(
            store,
            network,
            config.calibration,
            device=device,
            data_dir=data_dir,
            progress=progress,
            cancel=cancel,
        ).record
        return scores(network, config.criterion, record, config.seed, data_dir)
    chosen = calibration(network, config.calibration, device, data_dir) if score.needs_images else None
    found = scores_on(network, config.criterion, chosen, seed=config.seed, data_dir=data_dir)
    return {name: found[name] for name in shapes_of(network) if name in found}


def removal_order(
    store: Store,
    network: Network,
    config: PruningConfig,
    *,
    device: str = "cpu",
    data_dir: str | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> np.ndarray:
    """Return int64 [N], when each weight is removed, 0 first; the protected ones come last.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
        CancelledError: If ``cancel`` was set.
    """
    names = list(shapes_of(network))
    protected = protected_positions(names, config.protected)
    key = order_key(network, config, data_dir)
    known = store.get(key)
    if known is not None and "ranks" in known.arrays:
        return known.arrays["ranks"].astype(np.int64)
    found = criterion_scores(
        store, network, config, device=device, data_dir=data_dir, progress=progress, cancel=cancel
    )
    weights = [network.arrays[name] for name in names]
    # A weight that the network holds but does not use has no score, and goes last.
    each = [
        found.get(name, np.full_like(own, np.nan, dtype=np.float64))
        for name, own in zip(names, weights, strict=True)
    ]
    ranks = removal_ranks(each, config.scope, config.order, protected, weights, may_lack=True)
    meta = {**anonymous(network), "kind": "order", "dataset": network.dataset, "pruning": config.as_dict()}
    # An order that cannot be kept is computed again.
    put(store, key, Record({"ranks": ranks.astype(np.int32)}, meta))
    return ranks


def stored_curve(
    store: Store,
    network: Network,
    config: PruningConfig,
    sparsities: Sequence[float],
    data_dir: str | None = None,
) -> SweepRecord | None:
    """Return one criterion's accuracy curve if it was measured before."""
    found = store.get(curve_key(network, config, sparsities, data_dir))
    return None if found is None else SweepRecord.from_record(found)


def compute_curve(
    store: Store,
    network: Network,
    config: PruningConfig,
    sparsities: Sequence[float],
    *,
    measured: Evaluator | None = None,
    device: str = "cpu",
    data_dir: str | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Outcome[SweepRecord]:
    """Return one criterion's accuracy over sparsity from the store, or measure and store it.

    Sparsities that would reach into protected weights are left out.

    Args:
        store: Where results are kept.
        network: The network.
        config: Criterion, and what it looks at.
        sparsities: Fractions of all weights to remove, growing.
        measured: The network on its evaluation images, to be used for many curves; made here without one.
        device: Where to compute; no part of the result.
        data_dir: Folder of the full data set; without it, the bundled sample.
        progress: Called with the fraction done and a message.
        cancel: Set it to stop.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
        CancelledError: If ``cancel`` was set.
    """
    from ncviz.pruning.curve import sweep
    from ncviz.tasks.sweeps import evaluator

    known = stored_curve(store, network, config, sparsities, data_dir)
    if known is not None:
        return Outcome(known, is_stored=True)
    title = _criterion(config.criterion).title

    def first(fraction: float, message: str) -> None:
        if progress is not None:
            progress(0.5 * fraction, f"{title}: {message}")

    say = speaker(progress, cancel)

    def second(fraction: float) -> None:
        say(0.5 + 0.5 * fraction, f"{title}: accuracy")

    ranks = removal_order(
        store, network, config, device=device, data_dir=data_dir, progress=first, cancel=cancel
    )
    second(0.0)
    most = removable(network, config)
    within = [value for value in sparsities if round(value * len(ranks)) <= most]
    found = sweep(
        measured or evaluator(network, device, data_dir),
        ranks,
        shapes_of(network),
        sparsities=within,
        progress=second,
    )
    meta = {
        **anonymous(network),
        "dataset": network.dataset,
        "pruning": config.as_dict(),
        "calibrated_on": load_dataset(network.dataset, "train", data_dir).description,
        "evaluated_on": load_dataset(network.dataset, "test", data_dir).description,
    }
    record = sweep_record({(config.criterion, config.order): found}, len(ranks), meta)
    problem = put(store, curve_key(network, config, sparsities, data_dir), record.to_record())
    return Outcome(record, False, problem)


def _criterion(name: str) -> Score:
    from ncviz.pruning.scores import SCORES

    if name not in SCORES:
        raise NcvizError(f"There is no criterion '{name}'; choose one of: {', '.join(SCORES)}.")
    return SCORES[name]


def calibration(
    network: Network, config: CurvatureConfig, device: str = "cpu", data_dir: str | None = None
) -> np.ndarray:
    """Return the calibration images' numbers in the training data, int64 [classes · samples per class].

    Raises:
        DataError: If a class has fewer correctly classified images.
    """
    from ncviz.data.calibration import select_calibration

    pool = load_dataset(network.dataset, "train", data_dir)
    return select_calibration(network.module(), pool, config.samples_per_class, config.seed, device).numpy()
