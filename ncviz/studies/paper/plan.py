"""What each experiment measures, as plain data: networks, criteria, calibration, scopes, orders, sparsities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ncviz.config import DEFAULT_ALPHA, ORDERS, SCOPES, PruningConfig
from ncviz.errors import NcvizError
from ncviz.models.zoo import MODELS, ModelSpec
from ncviz.pruning.compare import GRID
from ncviz.pruning.order import removed_for_sparsity
from ncviz.values import CLOSED_FROM

T = TypeVar("T")

# Networks of the experiments that do not ship with ncviz: they are trained first.
TRAINED_HERE: dict[str, ModelSpec] = {
    "vgg9-cifar100-relu": replace(
        MODELS["vgg9-cifar10-relu"],
        name="vgg9-cifar100-relu",
        title="VGG-9, CIFAR-100 (ReLU)",
        architecture="vgg9-cifar100-relu",
        dataset="cifar100",
        checkpoint="vgg9-cifar100-relu.safetensors",
        is_half=False,
    )
}


@dataclass(frozen=True)
class Part:
    """Some curves of an experiment: every combination of these.

    Attributes:
        networks: Names of networks.
        criteria: Names in ``SCORES``; empty for all that there are.
        samples: Numbers of calibration images of each class.
        seeds: Which images, and what a random order draws.
        alphas: Idleness, for criteria that use the curvature.
        scopes: "global", "layer".
        orders: "redundant", "bottlenecks".
        is_aside: Whether a choice can only leave out some of it, never add to it.
    """

    networks: tuple[str, ...]
    criteria: tuple[str, ...] = ()
    samples: tuple[int, ...] = (1, 2, 5, 10)
    seeds: tuple[int, ...] = (0, 1, 2)
    alphas: tuple[float, ...] = (DEFAULT_ALPHA,)
    scopes: tuple[str, ...] = SCOPES
    orders: tuple[str, ...] = ORDERS
    is_aside: bool = False


@dataclass(frozen=True)
class Experiment:
    """An experiment by name; what comes first in each list is measured first.

    Attributes:
        name: Key in ``EXPERIMENTS``.
        title: For people.
        dataset: Name in ``DATASETS``, of every network's data.
        parts: What is measured.
        sparsities: Fractions removed, growing from 0.
    """

    name: str
    title: str
    dataset: str
    parts: tuple[Part, ...]
    sparsities: tuple[float, ...] = GRID

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of all networks, in the order of the parts."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.networks))


@dataclass(frozen=True)
class Choice:
    """Which part of an experiment to run; what is empty is as the experiment says."""

    networks: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    samples: tuple[int, ...] = ()
    seeds: tuple[int, ...] = ()
    alphas: tuple[float, ...] = ()
    scopes: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    sparsities: tuple[float, ...] = ()


@dataclass(frozen=True)
class Curve:
    """One curve to measure: accuracy over sparsity of one network in one order."""

    network: str
    config: PruningConfig


_LENETS = tuple(
    f"lenet-mnist-{activation}{way}"
    for way in ("", "-decay", "-adversarial")
    for activation in ("relu", "tanh")
)

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "mnist",
            "LeNet on MNIST",
            "mnist",
            (
                Part(_LENETS),
                # Below 1/2 every edge is the definition's full problem: about a hundred times the work.
                Part(
                    ("lenet-mnist-relu",),
                    ("curvature",),
                    samples=(1,),
                    alphas=(0.1, 0.3),
                    scopes=("global",),
                    is_aside=True,
                ),
            ),
        ),
        Experiment("cifar10", "VGG-9 on CIFAR-10", "cifar10", (Part(("vgg9-cifar10-relu",)),)),
        Experiment("cifar100", "VGG-9 on CIFAR-100", "cifar100", (Part(("vgg9-cifar100-relu",)),)),
    )
}


def find_experiment(name: str) -> Experiment:
    """Return the experiment called ``name``.

    Raises:
        NcvizError: If there is none of that name; the message lists the choices.
    """
    if name not in EXPERIMENTS:
        raise NcvizError(f"There is no experiment '{name}'; choose one of: {', '.join(EXPERIMENTS)}.")
    return EXPERIMENTS[name]


def spec_of(name: str) -> ModelSpec:
    """Return what a network of an experiment is, and how it is trained.

    Raises:
        NcvizError: If there is none of that name.
    """
    found = {**MODELS, **TRAINED_HERE}
    if name not in found:
        raise NcvizError(f"There is no network '{name}'; choose one of: {', '.join(found)}.")
    return found[name]


def narrowed(experiment: Experiment, choice: Choice) -> Experiment:
    """Return the chosen part of an experiment.

    Networks must be its own. Other values may be new, but are never added to a part that stands aside.

    Raises:
        NcvizError: If a value is unknown or out of range, or nothing is left.
    """
    for name in choice.networks:
        if name not in experiment.networks:
            own = ", ".join(experiment.networks)
            raise NcvizError(f"'{experiment.name}' has no network '{name}'; choose among: {own}.")
    parts = []
    for part in experiment.parts:
        part = replace(
            part,
            networks=_within(part.networks, choice.networks),
            criteria=_chosen(_criteria(part), choice.criteria, part.is_aside),
            samples=_chosen(part.samples, choice.samples, part.is_aside),
            seeds=_chosen(part.seeds, choice.seeds, part.is_aside),
            alphas=_chosen(part.alphas, choice.alphas, part.is_aside),
            scopes=_chosen(part.scopes, choice.scopes, part.is_aside),
            orders=_chosen(part.orders, choice.orders, part.is_aside),
        )
        lists = (
            part.networks,
            part.criteria,
            part.samples,
            part.seeds,
            part.alphas,
            part.scopes,
            part.orders,
        )
        if all(lists):
            parts.append(part)
    for value in choice.sparsities:
        removed_for_sparsity(value, 1)
    # The whole network is what every loss is measured from.
    sparsities = tuple(sorted({0.0, *choice.sparsities})) if choice.sparsities else experiment.sparsities
    found = replace(experiment, parts=tuple(parts), sparsities=sparsities)
    if not curves(found):
        raise NcvizError(f"Nothing of '{experiment.name}' is left to measure; choose less narrowly.")
    return found


def curves(experiment: Experiment) -> list[Curve]:
    """Return every curve once, what tells most first.

    Small α last; then network by network, all layers together, few images, redundant first, in the criteria's order,
    seed by seed. Of settings that a criterion does not look at, only the first is kept; no random order is reversed.

    Raises:
        NcvizError: If a value is unknown or out of range.
    """
    found: dict[Curve, tuple[int, ...]] = {}
    for part in experiment.parts:
        for place, settings in _grid(part):
            criterion, samples, seed, alpha, scope, order = settings
            config = _plain(PruningConfig(criterion, samples, seed, alpha, scope, order))
            if config is None:
                continue
            for name in part.networks:
                curve = Curve(name, config)
                is_small = int(config.alpha < CLOSED_FROM)
                found.setdefault(curve, (is_small, experiment.networks.index(name), *place))
    return sorted(found, key=lambda curve: found[curve])


def _grid(part: Part) -> list[tuple[tuple[int, ...], tuple[str, int, int, float, str, str]]]:
    """Return every combination with its place: α, scope, samples, order, criterion, seed."""
    return [
        ((a, b, c, d, e, f), (criterion, samples, seed, alpha, scope, order))
        for a, alpha in enumerate(part.alphas)
        for b, scope in enumerate(part.scopes)
        for c, samples in enumerate(part.samples)
        for d, order in enumerate(part.orders)
        for e, criterion in enumerate(_criteria(part))
        for f, seed in enumerate(part.seeds)
    ]


def _plain(config: PruningConfig) -> PruningConfig | None:
    """Return the settings without what the criterion does not look at; None for a random order reversed."""
    # Imported here because it brings torch along.
    from ncviz.pruning.scores import SCORES

    score = SCORES[config.criterion]
    if score.is_drawn and not score.needs_images and config.order == "bottlenecks":
        return None
    return replace(
        config,
        samples_per_class=config.samples_per_class if score.needs_images else 1,
        seed=config.seed if score.needs_images or score.is_drawn else 0,
        # Every α from 1/2 on gives the same curvature.
        alpha=config.alpha if score.needs_curvature and config.alpha < CLOSED_FROM else DEFAULT_ALPHA,
    )


def _criteria(part: Part) -> tuple[str, ...]:
    from ncviz.pruning.scores import SCORES

    for name in part.criteria:
        if name not in SCORES:
            raise NcvizError(f"There is no criterion '{name}'; choose one of: {', '.join(SCORES)}.")
    return part.criteria or tuple(SCORES)


def _within(own: Sequence[T], chosen: Sequence[T]) -> tuple[T, ...]:
    return tuple(value for value in own if value in chosen) if chosen else tuple(own)


def _chosen(own: Sequence[T], chosen: Sequence[T], is_aside: bool) -> tuple[T, ...]:
    return _within(own, chosen) if is_aside or not chosen else tuple(dict.fromkeys(chosen))
