"""The study behind Curvature-LAMP: what other rankings by curvature keep of the accuracy, on training images.

Choosing a ranking by the test images would make every later number on them too good; so they are not looked at here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import nn

from ncviz import tasks
from ncviz.config import ORDERS, SCALES, CurvatureConfig, GraphConfig, check_choice
from ncviz.data.predicted_labels import labels_for
from ncviz.errors import NcvizError, StoreError
from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.pruning.curve import Evaluator, sweep
from ncviz.pruning.order import removal_ranks
from ncviz.pruning.variants import VARIANTS, Evidence
from ncviz.studies.paper.link_length import curvature_by_image
from ncviz.tasks import SweepRecord
from ncviz.tasks.accuracy import Curves

SPARSITIES = (0.0, 0.1, 0.2, 0.4, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
BOTTLENECKS = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
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
        graph: How the curvature reads the network.
        order: Which end goes first, a name in ``ncviz.config.ORDERS``.
        link: How long a link is, 1 by the definition.
    """

    network: Network
    name: str
    count: int
    seed: int
    images: int
    graph: GraphConfig = field(default_factory=GraphConfig)
    order: str = ORDERS[0]
    link: float = 1.0

    def key(self, context: tasks.Context) -> str:
        """Return the store's key."""
        data = context.fingerprint(self.network, "train")
        config = curvature_config(self.count, self.seed, self.graph).key(
            has_batchnorm=self.network.has_batchnorm
        )
        parts = [self.name, self.count, config, self.images, list(sparsities_of(self.order))]
        if self.name == "never-active":
            parts.append("by edges")  # once by |w| alone, whatever the graph divides it by
        if self.link != 1.0:
            parts.append(["link", self.link])
        return digest("ranking", STUDY_VERSION, self.network.fingerprint, data, *parts)

    def run(self, context: tasks.Context) -> SweepRecord:
        """Rank the weights and measure the accuracy."""
        network = self.network
        measured = context.share(
            "training images", self.images, lambda: Evaluator(*training(network, self.images, context))
        )
        draw = self.count, self.seed, self.graph
        evidence = context.share(
            "evidence", (*draw, self.link), lambda: evidence_of(network, *draw, context, self.link)
        )
        shapes = tasks.shapes_of(network)
        scores = VARIANTS[self.name].scores(evidence)
        weights = [network.arrays[weight] for weight in shapes]
        ranks = removal_ranks([scores[weight] for weight in shapes], order=self.order, weights=weights)
        removed = [round(value * len(ranks)) for value in sparsities_of(self.order)]
        found = sweep(measured, ranks, shapes, removed=removed)
        meta = {
            "title": network.title if network.is_bundled else "own checkpoint",
            "pruning": {"ranking": self.name, **({} if self.link == 1.0 else {"link": self.link})},
            "kind": self.kind,
            "total": len(ranks),
            "images": found.images,
        }
        return SweepRecord(found.removed, {(self.name, self.order): found.accuracy}, meta)


def study_rankings(
    network: Network,
    context: tasks.Context,
    *,
    samples: Sequence[int] = (1, 2, 5, 10),
    seeds: Sequence[int] = (1, 2, 3),
    images: int = IMAGES,
    graph: GraphConfig | None = None,
    names: Sequence[str] = (),
    order: str = ORDERS[0],
    link: float = 1.0,
) -> RankingResult:
    """Measure rankings of ``VARIANTS`` on one network; each curve is stored, so a study goes on where it was.

    Args:
        network: The network.
        context: Where curvatures and curves are kept, on which data and where to compute.
        samples: Numbers of calibration images of each class.
        seeds: Which calibration images.
        images: How many training images, drawn at random, the accuracy is measured on; all if there are fewer.
        graph: How the curvature reads the network; by default as in the paper.
        names: Which rankings, beside those that look at no images; none for all.
        order: Which end goes first, a name in ``ncviz.config.ORDERS``.
        link: How long skips and poolings are, see ``ncviz.studies.paper.link_length``.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
    """
    if not samples or not seeds or images < 1:
        raise NcvizError("A study needs at least one number of samples, one seed and one image.")
    for name in names:
        check_choice("ranking", name, VARIANTS)
    check_choice("order", order, ORDERS)
    how = graph or GraphConfig()
    if link != 1.0 and how.scale != SCALES[0]:
        raise NcvizError(
            f"The length of links is set beside the weights' own lengths; leave out scale '{how.scale}', or the length."
        )
    cases = [(name, 0, 0) for name in UNSEEING]
    cases += [
        (name, count, seed)
        for count in samples
        for seed in seeds
        for name in VARIANTS
        if name in (names or VARIANTS) and name not in UNSEEING
    ]
    own = replace(context, progress=None, ready={})
    found: dict[tuple[str, int], list[SweepRecord]] = {}
    for at, (name, count, seed) in enumerate(cases):
        context.say(at / len(cases), f"{network.title}: {VARIANTS[name].title}")
        reads = (how, order, link) if count else (GraphConfig(), order)
        outcome = own.run(Ranking(network, name, count, seed, images, *reads))
        if outcome.problem:
            raise StoreError(outcome.problem)
        found.setdefault((name, count), []).append(outcome.result)
    first = found[UNSEEING[0], 0][0]
    accuracy = {
        case: np.stack([record.accuracy[case[0], order] for record in records])
        for case, records in found.items()
    }
    return RankingResult(np.array(sparsities_of(order)), accuracy, first.images, first.baseline)


def sparsities_of(order: str) -> tuple[float, ...]:
    """Return the fractions that are removed in an order: a few of the most important, or up to nearly all."""
    return SPARSITIES if order == ORDERS[0] else BOTTLENECKS


def curvature_config(count: int, seed: int, graph: GraphConfig) -> CurvatureConfig:
    """Return the settings of a curvature that a ranking looks at; ``count`` may be 0 where it looks at none."""
    return CurvatureConfig(samples_per_class=max(1, count), seed=seed, **graph.options)


def evidence_of(
    network: Network, count: int, seed: int, graph: GraphConfig, context: tasks.Context, link: float = 1.0
) -> Evidence:
    """Look at the weights, and at each calibration image by itself; none where ``count`` is 0.

    Raises:
        NcvizError: If a curvature could not be proved.
    """
    names = tuple(tasks.shapes_of(network))
    size = {name: np.abs(network.arrays[name]).astype(np.float64) for name in names}
    if not count:
        return Evidence(size, {})
    config = curvature_config(count, seed, graph)
    record = context.run(tasks.Curvature(network, config)).result
    edge = tasks.edge_weights(network, record)
    if record.samples and link == 1.0:
        return Evidence(size, {name: record.samples[name].astype(np.float64) for name in names}, edge)
    inputs = context.images(network, "train").inputs[torch.from_numpy(record.calibration)]
    each = curvature_by_image(network.module(), inputs, link, graph, context.device)
    if each is None:
        raise NcvizError(
            f"The study ranks by κ on each calibration image, but on those drawn with seed {seed}, {count} of each "
            f"class, some κ of {network.title} could not be proved; take other seeds or samples."
        )
    return Evidence(size, {name: each[name].numpy().astype(np.float64) for name in names}, edge)


def training(
    network: Network, images: int, context: tasks.Context
) -> tuple[nn.Module, torch.Tensor, torch.Tensor, str]:
    """Return what an ``Evaluator`` measures on: the network, that many training images, their labels, the device."""
    pool = context.images(network, "train")
    # At random: MNIST's images lie ordered by writer, and its last thousands are far easier than the others.
    drawn = torch.randperm(len(pool), generator=torch.Generator().manual_seed(0))[:images]
    net, device = network.module(), context.device
    return net, pool.inputs[drawn], labels_for(net, pool, device, drawn), device
