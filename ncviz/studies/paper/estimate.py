"""How long an experiment takes on this machine: a little of each kind of step is timed, and multiplied."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ncviz import tasks
from ncviz.config import DEFAULT_ALPHA, REPAIRS
from ncviz.curvature import neural_curvature
from ncviz.data.datasets import Dataset, find_dataset
from ncviz.models.catalogue.architectures import build_seeded
from ncviz.models.network import Network
from ncviz.models.training.train import train
from ncviz.progress import Progress
from ncviz.pruning.curve import Evaluator
from ncviz.pruning.scores import SCORES, pruning_scores
from ncviz.studies.paper.plan import spec_of
from ncviz.studies.paper.work import CurvatureStep, CurveStep, ResultStep, Step, TrainStep, Work
from ncviz.tasks.curvature.task import MAX_SAMPLE_VALUES, count_weights
from ncviz.tasks.repair.repairing import repairer
from ncviz.values import CLOSED_FROM

# An evaluation is timed on so many images.
_IMAGES = 1000
_BATCHES = 3


@dataclass(frozen=True)
class Costs:
    """What one network's steps take here, in seconds.

    Attributes:
        evaluation: One accuracy on all test images.
        setup: What a curvature takes whatever the number of images.
        image: One image's curvature by α, "1/2 or more" being one of them.
        score: One order of each criterion, on one image of each class.
        epoch: One epoch of training; 0 for a network that is there.
        repair: One repair of each kind, at half of the weights.
    """

    evaluation: float
    setup: float
    image: dict[str, float]
    score: dict[str, float]
    epoch: float
    repair: dict[str, float] = field(default_factory=dict)

    def seconds(self, step: Step, points: int) -> float:
        """Return about how long a step takes.

        Args:
            step: The step.
            points: Accuracies on a curve.
        """
        if not isinstance(step, ResultStep):
            return self.epoch * spec_of(step.network).recipe.epochs
        samples = step.config.samples_per_class
        if isinstance(step, CurvatureStep):
            return self.setup + _images(step) * self.image[_alpha(step)]
        looks = SCORES[step.config.criterion].needs_images
        score = self.score.get(step.config.criterion, 0.0)
        point = self.evaluation + self.repair.get(step.config.repair, 0.0)
        return points * point + (samples if looks else 1) * score


def measure(work: Work, report: Progress) -> dict[str, Costs]:
    """Time a little of each network that has steps left; a network that is yet to be trained stands in untrained."""
    left: dict[str, list[Step]] = {}
    for step in work.pending():
        left.setdefault(step.network, []).append(step)
    found = {}
    for index, (name, steps) in enumerate(left.items()):
        report(index / len(left), f"{spec_of(name).title}: timing")
        found[name] = _costs(work, name, steps)
    return found


def _costs(work: Work, name: str, steps: Sequence[Step]) -> Costs:
    network = work.network(name) or _untrained(name)
    test = work.context.images(network, "test")
    train = work.context.images(network, "train")
    few = replace(test, inputs=test.inputs[:_IMAGES], labels=test.labels[:_IMAGES])
    image, setup = _curvature_costs(work, network, train, steps)
    return Costs(
        evaluation=_evaluation(network, few, work.context.device) * len(test) / len(few),
        setup=setup,
        image=image,
        score=_scores(network, train, steps),
        epoch=_epoch(work, name, train, test) if any(isinstance(step, TrainStep) for step in steps) else 0.0,
        repair=_repairs(work, network, steps),
    )


def _repairs(work: Work, network: Network, steps: Sequence[Step]) -> dict[str, float]:
    ways = {step.config.repair for step in steps if isinstance(step, CurveStep)} - {REPAIRS[0]}
    drawn, found = torch.Generator().manual_seed(0), dict[str, float]()
    shapes = tasks.shapes_of(network) if ways else {}
    masks = {name: torch.rand(shape, generator=drawn) < 0.5 for name, shape in shapes.items()}
    for way in sorted(ways):
        ready = repairer(network, way, work.context)
        found[way] = _seconds(lambda ready=ready: list(ready.under([masks])))  # type: ignore[misc]
    return found


def _evaluation(network: Network, few: Dataset, device: str) -> float:
    measured = Evaluator(network.module(), few.inputs, few.labels, device)
    # The first touches memory that later ones find ready.
    return min(_seconds(measured.accuracy) for _ in range(3))


def _curvature_costs(
    work: Work, network: Network, train: Dataset, steps: Sequence[Step]
) -> tuple[dict[str, float], float]:
    alphas = {_alpha(step): step.config.alpha for step in steps if isinstance(step, CurvatureStep)}
    if not alphas:
        return {}, 0.0
    inputs = train.inputs[_one_of_each(train)]
    net = network.module()

    def compute(count: int, alpha: float) -> float:
        # As the pipeline does it: each image's own minima are kept where they fit.
        keep = len(inputs) * count_weights(network) <= MAX_SAMPLE_VALUES
        settings: dict[str, Any] = {"alpha": alpha, "device": work.context.device, "keep_samples": keep}
        return _seconds(lambda: neural_curvature(net, inputs[:count], **settings))

    image: dict[str, float] = {}
    usual = alphas.pop(_USUAL, DEFAULT_ALPHA)
    compute(1, usual)
    first, third = compute(1, usual), compute(3, usual)
    image[_USUAL] = max((third - first) / 2, 1e-6)
    for name, alpha in alphas.items():
        image[name] = compute(1, alpha)
    return image, max(first - image[_USUAL], 0.0)


def _scores(network: Network, train: Dataset, steps: Sequence[Step]) -> dict[str, float]:
    names = dict.fromkeys(step.config.criterion for step in steps if isinstance(step, CurveStep))
    at = _one_of_each(train)
    net = network.module()
    given: dict[str, Any] = {"inputs": train.inputs[at], "labels": train.labels[at]}
    return {
        name: _seconds(lambda name=name: pruning_scores(net, name, **given))  # type: ignore[misc]
        for name in names
        if not SCORES[name].needs_curvature
    }


def _epoch(work: Work, name: str, train_data: Dataset, test_data: Dataset) -> float:
    """Return the seconds of one epoch, from a few batches more or less."""
    architecture, recipe = spec_of(name).architecture, spec_of(name).recipe
    few = replace(test_data, inputs=test_data.inputs[:10], labels=test_data.labels[:10])

    def part(batches: int) -> float:
        count = min(batches * recipe.batch_size, len(train_data))
        data = replace(train_data, inputs=train_data.inputs[:count], labels=train_data.labels[:count])
        settings = {
            name: getattr(recipe, name) for name in ("batch_size", "learning_rate", "augment", "attack")
        }
        device = work.context.device
        return _seconds(lambda: train(architecture, data, few, epochs=1, device=device, **settings))

    part(1)
    batch = max((part(1 + _BATCHES) - part(1)) / _BATCHES, 1e-6)
    return batch * len(train_data) / recipe.batch_size


def _one_of_each(data: Dataset) -> torch.Tensor:
    """Return the number of the first image of each class, int64 [classes]."""
    return torch.stack([(data.labels == label).int().argmax() for label in range(len(data.classes))])


def _untrained(name: str) -> Network:
    spec = spec_of(name)
    arrays = {key: values.numpy() for key, values in build_seeded(spec.architecture, 0).state_dict().items()}
    return Network(name, spec.title, spec.architecture, spec.dataset, arrays, is_bundled=False)


_USUAL = "1/2 or more"


def _alpha(step: CurvatureStep) -> str:
    alpha = step.config.alpha
    return _USUAL if alpha >= CLOSED_FROM else str(alpha)


def _images(step: CurvatureStep) -> int:
    """Return how many images a curvature looks at."""
    return step.config.samples_per_class * len(find_dataset(spec_of(step.network).dataset).classes)


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def total(work: Work, costs: dict[str, Costs]) -> dict[str, dict[str, Any]]:
    """Return what is left of each network, and what is stored already, as plain JSON types.

    Args:
        work: The experiment.
        costs: From ``measure``; networks with nothing left need none.
    """
    points = len(work.experiment.sparsities)
    found: dict[str, dict[str, Any]] = {}
    pending = set(work.pending())
    for step in work.steps:
        counts = dict.fromkeys(("curvatures", "images", "curves", "stored"), 0)
        new = {"title": spec_of(step.network).title, "train": False, **counts, "seconds": 0.0}
        row = found.setdefault(step.network, new)
        if step not in pending:
            row["stored"] += isinstance(step, CurveStep)
            continue
        row["seconds"] += costs[step.network].seconds(step, points)
        row["train"] |= isinstance(step, TrainStep)
        row["curves"] += isinstance(step, CurveStep)
        if isinstance(step, CurvatureStep):
            row["curvatures"] += 1
            row["images"] += _images(step)
    for row in found.values():
        row["seconds"] = round(row["seconds"], 3)
    return found
