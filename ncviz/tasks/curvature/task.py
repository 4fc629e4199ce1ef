"""From a network to its curvature: out of the store, or computed and stored."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ncviz.config import ALGORITHM_VERSION, CurvatureConfig
from ncviz.data.datasets import load_dataset
from ncviz.data.user_data.registry import is_user_data
from ncviz.models.network import Network
from ncviz.store import Store
from ncviz.tasks.curvature.building import from_result
from ncviz.tasks.curvature.pictures import take_pictures
from ncviz.tasks.curvature.record import CurvatureRecord
from ncviz.tasks.keys import curvature_key
from ncviz.tasks.results import Outcome, Progress, anonymous, put

if TYPE_CHECKING:
    import threading
    from concurrent.futures import Executor

# 40 MB of float32, and about as much time again to compute each sample by itself.
MAX_SAMPLE_VALUES = 10_000_000


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
    asked = _asked(network, config)
    if is_user_data(network.dataset):
        asked["pool"] = load_dataset(network.dataset, "train", data_dir).description
    return replace(record, meta={**record.meta, **asked, "key": key})


def compute_curvature(
    store: Store,
    network: Network,
    config: CurvatureConfig,
    *,
    device: str = "cpu",
    data_dir: str | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    executor: Executor | None = None,
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
        executor: What runs the work; by default a thread for each core of this machine.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
        CancelledError: If ``cancel`` was set.
    """
    known = stored_curvature(store, network, config, data_dir)
    if known is not None:
        return Outcome(known, is_stored=True)
    key = curvature_key(network, config, data_dir)
    from ncviz.curvature import neural_curvature
    from ncviz.data.calibration import calibration_notes, select_calibration
    from ncviz.data.predicted_labels import labels_for

    started = time.perf_counter()
    net = network.module()
    pool = load_dataset(network.dataset, "train", data_dir)
    chosen = select_calibration(net, pool, config.samples_per_class, config.seed, device)
    labels = labels_for(net, pool, device, chosen)
    result = neural_curvature(
        net,
        pool.inputs[chosen],
        alpha=config.alpha,
        device=device,
        keep_samples=len(chosen) * _weights(network) <= MAX_SAMPLE_VALUES,
        layers=config.layers,
        channels=config.channels,
        seed=config.seed,
        progress=progress,
        cancel=cancel,
        executor=executor,
    )
    meta = {
        **_asked(network, config),
        "key": key,
        "architecture": network.architecture,
        "dataset": network.dataset,
        "pool": pool.description,
        "notes": list(calibration_notes(pool, chosen, labels, config.samples_per_class)),
        "device": device,
        "seconds": round(time.perf_counter() - started, 3),
        "algorithm": ALGORITHM_VERSION,
    }
    pictures = take_pictures(
        net, result.graph, pool.inputs[chosen], device, pool.pictures(pool.inputs[chosen])
    )
    record = from_result(result, network.arrays, chosen.numpy(), labels.numpy(), pictures, meta)
    kept = replace(record, meta={**record.meta, **anonymous(network)})
    return Outcome(record, False, put(store, key, kept.to_record()))


def _weights(network: Network) -> int:
    """Return how many weights there are; what has fewer than two axes (biases, normalisations) carries no edges."""
    return sum(values.size for values in network.arrays.values() if values.ndim > 1)


def _asked(network: Network, config: CurvatureConfig) -> dict[str, Any]:
    """What was asked for, in the asker's own words."""
    return {"model": network.name, "title": network.title, "config": config.as_dict()}
