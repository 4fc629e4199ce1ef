"""The curvature on some of the calibration images alone: out of the record that holds them, or computed and stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ncviz.data.datasets import load_dataset
from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.store import Store
from ncviz.tasks.curvature import CurvatureRecord, from_result
from ncviz.tasks.results import Outcome, Progress, anonymous, put

if TYPE_CHECKING:
    import threading


def flow_key(whole: CurvatureRecord, samples: Sequence[int]) -> str:
    """Return the store's key of the curvature on these of a result's calibration images."""
    return digest("flow", whole.meta["key"], [int(sample) for sample in samples])


def stored_flow(store: Store, whole: CurvatureRecord, samples: Sequence[int]) -> CurvatureRecord | None:
    """Return the curvature on some calibration images if it is known: kept image by image, or computed before."""
    held = whole.of(samples)
    if held is not None:
        return held
    found = store.get(flow_key(whole, samples))
    return None if found is None else _within(CurvatureRecord.from_record(found), whole, samples)


def compute_flow(
    store: Store,
    network: Network,
    whole: CurvatureRecord,
    samples: Sequence[int],
    *,
    device: str = "cpu",
    data_dir: str | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Outcome[CurvatureRecord]:
    """Return the curvature on some of a result's calibration images, from what is stored or computed anew.

    Args:
        store: Where results are kept.
        network: The network.
        whole: Its curvature on all calibration images.
        samples: Which of them count, at least one.
        device: Where to compute; no part of the result.
        data_dir: Folder of the full data set; without it, the bundled sample.
        progress: Called with the fraction done and a message.
        cancel: Set it to stop.

    Returns:
        A record whose image numbers, labels and pictures are those of ``whole``.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
        CancelledError: If ``cancel`` was set.
    """
    known = stored_flow(store, whole, samples)
    if known is not None:
        return Outcome(known, is_stored=True)
    import torch

    from ncviz.curvature import neural_curvature

    pool = load_dataset(network.dataset, "train", data_dir)
    chosen = whole.calibration[list(samples)]
    result = neural_curvature(
        network.module(),
        pool.inputs[torch.from_numpy(chosen)],
        alpha=whole.config.alpha,
        layers=whole.config.layers,
        channels=whole.config.channels,
        seed=whole.config.seed,
        device=device,
        progress=progress,
        cancel=cancel,
    )
    meta = {**whole.meta, **anonymous(network), "device": device}
    labels = whole.labels[list(samples)]
    found = from_result(result, network.arrays, chosen, labels, whole.pictures.cut(samples), meta)
    problem = put(store, flow_key(whole, samples), found.to_record())
    return Outcome(_within(found, whole, samples), False, problem)


def _within(found: CurvatureRecord, whole: CurvatureRecord, samples: Sequence[int]) -> CurvatureRecord:
    """Number the images as the whole result does."""
    number = np.asarray(samples)
    places = tuple(place.renumbered(number) for place in found.places)
    return replace(whole, weights=found.weights, places=places, meta=whole.meta_of(samples))
