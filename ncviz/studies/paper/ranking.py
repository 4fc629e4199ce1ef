"""The study behind Curvature-LAMP: what other rankings by curvature keep of the accuracy, on training images.

Choosing a ranking by the test images would make every later number on them too good; so they are not looked at here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.curvature import neural_curvature
from ncviz.errors import NcvizError, StoreError
from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.pruning.curve import Evaluator, sweep
from ncviz.pruning.order import removal_ranks
from ncviz.pruning.variants import VARIANTS, Evidence
from ncviz.tasks import SweepRecord
from ncviz.tasks.accuracy import Curves

SPARSITIES = (0.0, 0.1, 0.2, 0.4, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
IMAGES = 10_000
# Raised whenever a change could alter a ranking or a curve.
STUDY_VERSION = 2
# Those that look at the weights alone.
UNSEEING = ("magnitude", "lamp")


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


@dataclass(frozen=True, eq=False)
class Ranking(Curves):
    """The accuracy over sparsity of one ranking, on training images.

    Attributes:
        network: The network.
        name: A name in ``VARIANTS``.
        count: Calibration images of each class; 0 for a ranking that looks at none.
        seed: Which calibration images.
        images: How many training images, drawn at random, the accuracy is measured on.
    """

    network: Network
    name: str
    count: int
    seed: int
    images: int

    def key(self, context: tasks.Context) -> str:
        """Return the store's key."""
        data = context.fingerprint(self.network, "train")
        config = CurvatureConfig(samples_per_class=max(1, self.count), seed=self.seed).key()
        parts = self.name, self.count, config, self.images, list(SPARSITIES)
        return digest("ranking", STUDY_VERSION, self.network.fingerprint, data, *parts)

    def run(self, context: tasks.Context) -> SweepRecord:
        """Rank the weights and measure the accuracy."""
        network = self.network
        measured = context.share(
            "training images", self.images, lambda: _evaluator(network, self.images, context)
        )
        draw = self.count, self.seed
        evidence = context.share("evidence", draw, lambda: _evidence(network, *draw, context))
        shapes = tasks.shapes_of(network)
        scores = VARIANTS[self.name].scores(evidence)
        weights = [network.arrays[weight] for weight in shapes]
        ranks = removal_ranks([scores[weight] for weight in shapes], weights=weights)
        removed = [round(value * len(ranks)) for value in SPARSITIES]
        found = sweep(measured, ranks, shapes, removed=removed)
        meta = {
            "title": network.title if network.is_bundled else "own checkpoint",
            "pruning": {"ranking": self.name},
            "kind": self.kind,
            "total": len(ranks),
            "images": found.images,
        }
        return SweepRecord(found.removed, {(self.name, "redundant"): found.accuracy}, meta)


def study_rankings(
    network: Network,
    context: tasks.Context,
    *,
    samples: Sequence[int] = (1, 2, 5, 10),
    seeds: Sequence[int] = (1, 2, 3),
    images: int = IMAGES,
) -> RankingResult:
    """Measure every ranking of ``VARIANTS`` on one network; each curve is stored, so a study goes on where it was.

    Args:
        network: The network.
        context: Where curvatures and curves are kept, on which data and where to compute.
        samples: Numbers of calibration images of each class.
        seeds: Which calibration images.
        images: How many training images, drawn at random, the accuracy is measured on; all if there are fewer.

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
    own = replace(context, progress=None, ready={})
    found: dict[tuple[str, int], list[SweepRecord]] = {}
    for at, (name, count, seed) in enumerate(cases):
        context.say(at / len(cases), f"{network.title}: {VARIANTS[name].title}")
        outcome = own.run(Ranking(network, name, count, seed, images))
        if outcome.problem:
            raise StoreError(outcome.problem)
        found.setdefault((name, count), []).append(outcome.result)
    first = found[UNSEEING[0], 0][0]
    accuracy = {
        case: np.stack([record.accuracy[case[0], "redundant"] for record in records])
        for case, records in found.items()
    }
    return RankingResult(np.array(SPARSITIES), accuracy, first.images, first.baseline)


def _evidence(network: Network, count: int, seed: int, context: tasks.Context) -> Evidence:
    """Look at the weights, and at each calibration image by itself; none where ``count`` is 0."""
    names = tuple(tasks.shapes_of(network))
    size = {name: np.abs(network.arrays[name]).astype(np.float64) for name in names}
    if not count:
        return Evidence(size, {})
    config = CurvatureConfig(samples_per_class=count, seed=seed)
    record = context.run(tasks.Curvature(network, config)).result
    if record.samples:
        return Evidence(size, {name: record.samples[name].astype(np.float64) for name in names})
    inputs = context.images(network, "train").inputs[torch.from_numpy(record.calibration)]
    each = neural_curvature(network.module(), inputs, device=context.device, keep_samples=True).samples
    if each is None:
        raise NcvizError(
            f"The study ranks by κ on each calibration image, but on those drawn with seed {seed}, {count} of each "
            f"class, some κ of {network.title} could not be proved; take other seeds or samples."
        )
    return Evidence(size, {name: each[name].numpy().astype(np.float64) for name in names})


def _evaluator(network: Network, images: int, context: tasks.Context) -> Evaluator:
    pool = context.images(network, "train")
    # At random: MNIST's images lie ordered by writer, and its last thousands are far easier than the others.
    drawn = torch.randperm(len(pool), generator=torch.Generator().manual_seed(0))[:images]
    return Evaluator(network.module(), pool.inputs[drawn], pool.labels[drawn], context.device)
