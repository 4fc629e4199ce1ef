"""The study behind Curvature-LAMP: what other rankings by curvature keep of the accuracy, on training images.

Choosing a ranking by the test images would make every later number on them too good; so they are not looked at here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.data.datasets import load_dataset
from ncviz.data.fingerprints import data_fingerprint
from ncviz.errors import NcvizError
from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.pruning.order import removal_ranks
from ncviz.pruning.variants import VARIANTS, Evidence
from ncviz.store import Store
from ncviz.tasks import SweepRecord, sweep_record

if TYPE_CHECKING:
    from ncviz.pruning.curve import Evaluator

SPARSITIES = (0.0, 0.1, 0.2, 0.4, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
IMAGES = 10_000
# Raised whenever a change could alter a ranking or a curve.
STUDY_VERSION = 2
# Those that look at the weights alone.
UNSEEING = ("magnitude", "lamp")

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class RankingResult:
    """Accuracy over sparsity of every ranking.

    Attributes:
        sparsities: The fractions removed, float64 [m].
        accuracy: (ranking, samples per class) → float64 [seeds, m]; samples are 0 for rankings that look at no images.
        images: Number of training images that the accuracy is measured on.
        whole: Accuracy of the whole network on them.
    """

    sparsities: np.ndarray
    accuracy: dict[tuple[str, int], np.ndarray]
    images: int
    whole: float


def study_rankings(
    store: Store,
    network: Network,
    *,
    samples: Sequence[int] = (1, 2, 5, 10),
    seeds: Sequence[int] = (1, 2, 3),
    images: int = IMAGES,
    device: str = "cpu",
    data_dir: str | None = None,
    progress: Progress | None = None,
) -> RankingResult:
    """Measure every ranking of ``VARIANTS`` on one network; each curve is stored, so a study goes on where it was.

    Args:
        store: Where curvatures and curves are kept.
        network: The network.
        samples: Numbers of calibration images of each class.
        seeds: Which calibration images.
        images: How many training images, drawn at random, the accuracy is measured on; all if there are fewer.
        device: Where to compute; no part of the result.
        data_dir: Folder of the full data set; without it, the bundled sample.
        progress: Called with the fraction done and a message.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
    """
    if not samples or not seeds or images < 1:
        raise NcvizError("A study needs at least one number of samples, one seed and one image.")
    cases = [(name, 0, 0) for name in UNSEEING]
    cases += [
        (name, count, seed)
        for count in samples
        for seed in seeds
        for name in VARIANTS
        if name not in UNSEEING
    ]
    measured: Evaluator | None = None
    evidence: tuple[tuple[int, int], Evidence] | None = None
    found: dict[tuple[str, int], list[SweepRecord]] = {}
    for at, (name, count, seed) in enumerate(cases):
        if progress is not None:
            progress(at / len(cases), f"{network.title}: {VARIANTS[name].title}")
        key = _key(network, name, count, seed, images, data_dir)
        known = store.get(key)
        if known is None:
            if measured is None:
                measured = _evaluator(network, images, device, data_dir)
            if evidence is None or evidence[0] != (count, seed):
                evidence = (count, seed), _evidence(store, network, count, seed, device, data_dir)
            record = _measure(network, name, evidence[1], measured)
            store.put(key, record.to_record().arrays, record.to_record().meta)
        else:
            record = SweepRecord.from_record(known)
        found.setdefault((name, count), []).append(record)
    first = found[UNSEEING[0], 0][0]
    accuracy = {
        case: np.stack([record.accuracy[case[0], "redundant"] for record in records])
        for case, records in found.items()
    }
    return RankingResult(np.array(SPARSITIES), accuracy, first.images, first.baseline)


def _measure(network: Network, name: str, evidence: Evidence, measured: Evaluator) -> SweepRecord:
    from ncviz.pruning.curve import sweep

    shapes = tasks.shapes_of(network)
    scores = VARIANTS[name].scores(evidence)
    weights = [network.arrays[weight] for weight in shapes]
    ranks = removal_ranks([scores[weight] for weight in shapes], weights=weights)
    found = sweep(measured, ranks, shapes, sparsities=SPARSITIES)
    meta = {"title": network.title if network.is_bundled else "own checkpoint", "pruning": {"ranking": name}}
    return sweep_record({(name, "redundant"): found}, len(ranks), meta)


def _evidence(
    store: Store, network: Network, count: int, seed: int, device: str, data_dir: str | None
) -> Evidence:
    """Look at the weights, and at each calibration image by itself; none where ``count`` is 0."""
    names = tuple(tasks.shapes_of(network))
    size = {name: np.abs(network.arrays[name]).astype(np.float64) for name in names}
    if not count:
        return Evidence(size, {})
    config = CurvatureConfig(samples_per_class=count, seed=seed)
    record = tasks.compute_curvature(store, network, config, device=device, data_dir=data_dir).record
    if record.samples:
        return Evidence(size, {name: record.samples[name].astype(np.float64) for name in names})
    import torch

    from ncviz.curvature import neural_curvature

    pool = load_dataset(network.dataset, "train", data_dir)
    inputs = pool.inputs[torch.from_numpy(record.calibration)]
    each = neural_curvature(network.module(), inputs, device=device, keep_samples=True).samples
    assert each is not None
    return Evidence(size, {name: each[name].numpy().astype(np.float64) for name in names})


def _evaluator(network: Network, images: int, device: str, data_dir: str | None) -> Evaluator:
    import torch

    from ncviz.pruning.curve import Evaluator

    pool = load_dataset(network.dataset, "train", data_dir)
    # At random: MNIST's images lie ordered by writer, and its last thousands are far easier than the others.
    drawn = torch.randperm(len(pool), generator=torch.Generator().manual_seed(0))[:images]
    return Evaluator(network.module(), pool.inputs[drawn], pool.labels[drawn], device)


def _key(network: Network, name: str, count: int, seed: int, images: int, data_dir: str | None) -> str:
    data = data_fingerprint(network.dataset, "train", data_dir)
    config = CurvatureConfig(samples_per_class=max(1, count), seed=seed).key()
    return digest(
        "ranking", STUDY_VERSION, network.fingerprint, data, name, count, config, images, list(SPARSITIES)
    )
