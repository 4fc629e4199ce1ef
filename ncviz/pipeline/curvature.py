"""The straight line from a network to its curvature, its curve and its pruned copy, shared by CLI and pages.

Nothing here imports torch until a network has to run, so that a stored result can be shown at once.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from ncviz.config import ALGORITHM_VERSION, CurvatureConfig
from ncviz.data.datasets import load_dataset
from ncviz.data.fingerprints import data_fingerprint
from ncviz.errors import StoreError
from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.models.network import open_checkpoint as open_checkpoint
from ncviz.models.network import open_network as open_network
from ncviz.models.zoo import MODELS
from ncviz.pruning.order import ORDERS, SCOPES, removal_ranks
from ncviz.records import CurvatureRecord, SweepRecord, from_result, sweep_record
from ncviz.store import Record, Store

if TYPE_CHECKING:
    import threading

    from ncviz.pruning.curve import Evaluator, SweepResult

BUNDLED = Path(__file__).parent / "models" / "results"
CRITERIA = ("curvature", "magnitude", "random")
SWEEP_VERSION = 1

Progress = Callable[[float, str], None]
T = TypeVar("T", CurvatureRecord, SweepRecord)


@dataclass(frozen=True, eq=False)
class Outcome(Generic[T]):
    """A result, where it came from, and what kept it from being stored, if anything did."""

    record: T
    is_stored: bool
    problem: str | None = None


def open_store(url: str | None = None) -> Store:
    """Return the user's store, with the results that ship with ncviz behind it."""
    return Store(url, bundled=BUNDLED)


def curvature_key(network: Network, config: CurvatureConfig, data_dir: str | None = None) -> str:
    """Return the store's key of one curvature result: weights, calibration pool, settings, algorithm."""
    return digest(
        "curvature", network.fingerprint, data_fingerprint(network.dataset, "train", data_dir), config.key()
    )


def evaluation_fingerprint(network: Network, data_dir: str | None = None) -> str:
    """Return the fingerprint of the images that a network is evaluated on."""
    return data_fingerprint(network.dataset, "test", data_dir)


def stored_curvature(
    store: Store, network: Network, config: CurvatureConfig, data_dir: str | None = None
) -> CurvatureRecord | None:
    """Return the curvature if it was computed before."""
    key = curvature_key(network, config, data_dir)
    found = store.get(key)
    if found is None:
        return None
    # The same result may have been asked for under another name, or another alpha of the same effect.
    record = CurvatureRecord.from_record(found)
    return replace(record, meta={**record.meta, **_asked(network, config), "key": key})


def compute_curvature(
    store: Store,
    network: Network,
    config: CurvatureConfig,
    *,
    device: str = "cpu",
    data_dir: str | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Outcome[CurvatureRecord]:
    """Return the curvature from the store, or compute and store it.

    Args:
        store: Where results are kept.
        network: The network.
        config: Settings.
        device: Where to compute; no part of the result.
        data_dir: Folder of the full data set; without it, the bundled sample.
        progress: Called with the fraction done and a message.
        cancel: Set it to stop.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
        CancelledError: If ``cancel`` was set.
    """
    known = stored_curvature(store, network, config, data_dir)
    if known is not None:
        return Outcome(known, is_stored=True)
    key = curvature_key(network, config, data_dir)
    from ncviz.curvature import neural_curvature
    from ncviz.data.calibration import select_calibration

    started = time.perf_counter()
    net = network.module()
    pool = load_dataset(network.dataset, "train", data_dir)
    chosen = select_calibration(net, pool, config.samples_per_class, config.seed, device)
    result = neural_curvature(
        net, pool.inputs[chosen], alpha=config.alpha, device=device, progress=progress, cancel=cancel
    )
    meta = {
        **_asked(network, config),
        "key": key,
        "architecture": network.architecture,
        "dataset": network.dataset,
        "pool": pool.description,
        "device": device,
        "seconds": round(time.perf_counter() - started, 3),
        "algorithm": ALGORITHM_VERSION,
    }
    record = from_result(result, chosen.numpy(), pool.labels[chosen].numpy(), meta)
    kept = replace(record, meta={**record.meta, **_anonymous(network)})
    return Outcome(record, False, _put(store, key, kept.to_record()))


def scores(
    network: Network, criterion: str, curvature: CurvatureRecord, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return a criterion's score of each weight, higher meaning more important, in the curvature's order."""
    if criterion == "curvature":
        return {name: -values for name, values in curvature.weights.items()}
    from ncviz.pruning.scores import pruning_scores

    found = pruning_scores(network.module(), criterion, seed=seed)
    return {name: found[name].numpy() for name in curvature.weights}


def ranks(
    network: Network,
    criterion: str,
    curvature: CurvatureRecord,
    scope: str = "global",
    order: str = "redundant",
) -> np.ndarray:
    """Return int64 [N], when each weight is removed, 0 first."""
    found = scores(network, criterion, curvature, curvature.config.seed)
    return removal_ranks(list(found.values()), scope, order)


def sweep_key(network: Network, config: CurvatureConfig, scope: str, data_dir: str | None = None) -> str:
    """Return the store's key of the accuracy curves that belong to one curvature result."""
    images = data_fingerprint(network.dataset, "test", data_dir)
    return digest("sweep", SWEEP_VERSION, curvature_key(network, config, data_dir), images, scope)


def stored_sweep(
    store: Store,
    network: Network,
    config: CurvatureConfig,
    scope: str = "global",
    data_dir: str | None = None,
) -> SweepRecord | None:
    """Return the accuracy curves if they were measured before."""
    found = store.get(sweep_key(network, config, scope, data_dir))
    return None if found is None else SweepRecord.from_record(found)


def compute_sweep(
    store: Store,
    network: Network,
    curvature: CurvatureRecord,
    *,
    scope: str = "global",
    device: str = "cpu",
    data_dir: str | None = None,
    progress: Progress | None = None,
) -> Outcome[SweepRecord]:
    """Return every criterion's accuracy curve in both orders from the store, or measure and store it.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
    """
    known = stored_sweep(store, network, curvature.config, scope, data_dir)
    if known is not None:
        return Outcome(known, is_stored=True)
    measured = evaluator(network, device, data_dir)
    found, jobs = {}, [(criterion, order) for criterion in CRITERIA for order in ORDERS]
    for index, (criterion, order) in enumerate(jobs):

        def part(fraction: float, index: int = index, criterion: str = criterion) -> None:
            if progress is not None:
                progress((index + fraction) / len(jobs), f"accuracy curve: {criterion}")

        found[criterion, order] = measure_curve(
            measured, network, curvature, criterion, scope=scope, order=order, progress=part
        )
    meta = {
        **_anonymous(network),
        "dataset": network.dataset,
        "config": curvature.meta["config"],
        "scope": scope,
        "evaluated_on": load_dataset(network.dataset, "test", data_dir).description,
    }
    total = sum(values.size for values in curvature.weights.values())
    record = sweep_record(found, total, meta)
    problem = _put(store, sweep_key(network, curvature.config, scope, data_dir), record.to_record())
    return Outcome(record, False, problem)


def measure_curve(
    measured: Evaluator,
    network: Network,
    curvature: CurvatureRecord,
    criterion: str,
    *,
    scope: str = "global",
    order: str = "redundant",
    sparsities: Sequence[float] | None = None,
    progress: Callable[[float], None] | None = None,
) -> SweepResult:
    """Measure one criterion's accuracy over sparsity in one order, by default at the standard sparsities."""
    from ncviz.pruning.curve import SPARSITIES, sweep

    by = ranks(network, criterion, curvature, scope, order)
    return sweep(measured, by, curvature.shapes, sparsities=sparsities or SPARSITIES, progress=progress)


def evaluator(network: Network, device: str = "cpu", data_dir: str | None = None) -> Evaluator:
    """Return the network on its evaluation images, ready to be pruned again and again."""
    from ncviz.pruning.curve import Evaluator

    images = load_dataset(network.dataset, "test", data_dir)
    return Evaluator(network.module(), images.inputs, images.labels, device)


def bundle(folder: Path = BUNDLED, progress: Progress | None = None) -> int:
    """Compute the results that ship with ncviz, so that the first page of each bundled network needs no computing.

    Args:
        folder: Where to write the records.
        progress: Called with the fraction done and a message.

    Returns:
        How many records were written.
    """
    store = Store(str(folder))
    store.clear()
    for index, name in enumerate(MODELS):
        network = open_network(name)

        def part(fraction: float, message: str, index: int = index, name: str = name) -> None:
            if progress is not None:
                progress((index + fraction) / len(MODELS), f"{name}: {message}")

        found = compute_curvature(store, network, CurvatureConfig(), progress=part).record
        for scope in SCOPES:
            compute_sweep(store, network, found, scope=scope)
    return len(store.entries())


def pruned_checkpoint(
    network: Network, by: np.ndarray, removed: int, shapes: Mapping[str, tuple[int, ...]]
) -> bytes:
    """Return the pruned network as the bytes of a safetensors file.

    Args:
        network: The network.
        by: int64 [N], the removal order.
        removed: How many weights to remove.
        shapes: Name and shape of each ranked weight.
    """
    from ncviz.models.saving import save_checkpoint
    from ncviz.pruning.masks import apply_masks, masks_at

    buffer = io.BytesIO()
    save_checkpoint(apply_masks(network.module(), masks_at(by, removed, shapes)), buffer)
    return buffer.getvalue()


def _asked(network: Network, config: CurvatureConfig) -> dict[str, Any]:
    """What was asked for, in the asker's own words."""
    return {"model": network.name, "title": network.title, "config": config.as_dict()}


def _anonymous(network: Network) -> dict[str, Any]:
    """What the store calls a network: every session sees its list, so the name of an upload stays out of it."""
    if network.is_bundled:
        return {"model": network.name, "title": network.title}
    return {"model": "own checkpoint", "title": f"own checkpoint ({network.architecture})"}


def _put(store: Store, key: str, record: Record) -> str | None:
    """Store a result; one that cannot be stored is still shown, with the reason."""
    try:
        store.put(key, record.arrays, record.meta)
    except StoreError as error:
        return str(error)
    return None
