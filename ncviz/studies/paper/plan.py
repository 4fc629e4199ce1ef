"""What each experiment measures, as plain data: networks, criteria, calibration, scopes, orders, sparsities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

from ncviz.config import (
    BATCHNORM,
    DEFAULT_ALPHA,
    ORDERS,
    REPAIRS,
    SCALES,
    SCOPES,
    PruningConfig,
    check_choice,
)
from ncviz.errors import NcvizError
from ncviz.models.zoo import MODELS, ModelSpec
from ncviz.pruning.compare import GRID
from ncviz.pruning.order import removed_for_sparsity
from ncviz.values import CLOSED_FROM

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
        batchnorms: How a BatchNorm is read, "own" or "folded", for criteria that use the curvature.
        scales: What weights are divided by in the graph, names in ``SCALES``, likewise.
        repairs: How the pruned network is repaired, names in ``REPAIRS``.
        is_aside: Whether a choice can only leave out some of it, never add to it.
    """

    networks: tuple[str, ...]
    criteria: tuple[str, ...] = ()
    samples: tuple[int, ...] = (1, 2, 5, 10)
    seeds: tuple[int, ...] = (0, 1, 2)
    alphas: tuple[float, ...] = (DEFAULT_ALPHA,)
    scopes: tuple[str, ...] = SCOPES
    orders: tuple[str, ...] = ORDERS
    batchnorms: tuple[str, ...] = BATCHNORM[:1]
    scales: tuple[str, ...] = SCALES[:1]
    repairs: tuple[str, ...] = REPAIRS[:1]
    is_aside: bool = False


@dataclass(frozen=True)
class Experiment:
    """An experiment by name; what comes first in each list is measured first.

    Attributes:
        name: Key in ``EXPERIMENTS``.
        title: For people.
        dataset: Name in ``DATASETS``, of the first network's data.
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

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of their data."""
        return tuple(dict.fromkeys(spec_of(name).dataset for name in self.networks))


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
    batchnorms: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    sparsities: tuple[float, ...] = ()


@dataclass(frozen=True)
class Curve:
    """One curve to measure: accuracy over sparsity of one network in one order."""

    network: str
    config: PruningConfig


# What a part combines, and a choice narrows.
_LISTS = tuple(field.name for field in fields(Part) if field.name != "is_aside")
_LENETS = tuple(
    f"lenet-mnist-{name}{way}" for way in ("", "-decay", "-adversarial") for name in ("relu", "tanh")
)
# What the lists of a part are settings of, as ``curves`` combines them.
_SETTINGS = (
    "alpha",
    "batchnorm",
    "scale",
    "repair",
    "scope",
    "samples_per_class",
    "order",
    "criterion",
    "seed",
)
# Below 1/2 every edge is the definition's full problem: about a hundred times the work.
_SMALL_ALPHA = Part(
    ("lenet-mnist-relu",), ("curvature",), (1,), alphas=(0.1, 0.3), scopes=("global",), is_aside=True
)

# What the paper compares, and what it is measured beside; the others are measured as one prunes, which tells enough.
_COMPARED = (
    "curvature",
    "curvature-lamp",
    "magnitude",
    "lamp",
    "wanda",
    "snip",
    "fisher",
    "grasp",
    "synflow",
    "random",
)
_OTHERS = ("ria", "woodfisher", "mlp-rank", "forman", "betweenness")


def _parts(*networks: str) -> tuple[Part, Part]:
    return Part(networks, _COMPARED), Part(networks, _OTHERS, scopes=SCOPES[:1], orders=ORDERS[:1])


# The networks that one-shot pruning is compared on elsewhere, as pruned and repaired without training.
_ONE_SHOT = ("curvature", "curvature-lamp", "magnitude", "lamp", "woodfisher")
_BENCHMARK = (
    Part(("mlpnet-mnist",), _ONE_SHOT, (5,), scopes=SCOPES[:1], orders=ORDERS[:1], repairs=REPAIRS),
    Part(("resnet20-cifar10",), ("curvature", "curvature-lamp"), (1,), (0, 1), scopes=SCOPES[:1], orders=ORDERS[:1],
         scales=SCALES[:2], repairs=REPAIRS[:2]),
    Part(("resnet20-cifar10",), ("magnitude", "lamp"), (1,), (0,), scopes=SCOPES[:1], orders=ORDERS[:1],
         repairs=REPAIRS[:2]),
)  # fmt: skip
_BENCHMARK_AT = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        Experiment("mnist", "LeNet on MNIST", "mnist", (*_parts(*_LENETS), _SMALL_ALPHA)),
        Experiment("cifar10", "VGG-9 on CIFAR-10", "cifar10", _parts("vgg9-cifar10-relu")),
        Experiment("cifar100", "VGG-9 on CIFAR-100", "cifar100", _parts("vgg9-cifar100-relu")),
        Experiment("benchmark", "The one-shot benchmark", "mnist", _BENCHMARK, _BENCHMARK_AT),
    )
}


def find_experiment(name: str) -> Experiment:
    """Return the experiment called ``name``.

    Raises:
        NcvizError: If there is none of that name; the message lists the choices.
    """
    check_choice("experiment", name, EXPERIMENTS)
    return EXPERIMENTS[name]


def spec_of(name: str) -> ModelSpec:
    """Return what a network of an experiment is, and how it is trained.

    Raises:
        NcvizError: If there is none of that name.
    """
    found = {**MODELS, **TRAINED_HERE}
    check_choice("network", name, found)
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
        part = replace(part, criteria=_criteria(part))
        lists: dict[str, Any] = {
            name: _chosen(getattr(part, name), getattr(choice, name), part.is_aside or name == "networks")
            for name in _LISTS
        }
        if all(lists.values()):
            parts.append(replace(part, **lists))
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
        lists = (
            part.alphas, part.batchnorms, part.scales, part.repairs, part.scopes, part.samples, part.orders,
            _criteria(part), part.seeds,
        )  # fmt: skip
        for combination in product(*map(enumerate, lists)):
            place, values = zip(*combination, strict=True)
            config = _plain(PruningConfig(**dict(zip(_SETTINGS, values, strict=True))))
            if config is None:
                continue
            for name in part.networks:
                is_small = int(config.alpha < CLOSED_FROM)
                curve = Curve(name, config)
                found.setdefault(curve, (is_small, experiment.networks.index(name), *place))
    return sorted(found, key=lambda curve: found[curve])


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
        batchnorm=config.batchnorm if score.needs_graph else BATCHNORM[0],
        scale=config.scale if score.needs_graph else SCALES[0],
    )


def _criteria(part: Part) -> tuple[str, ...]:
    from ncviz.pruning.scores import SCORES, find_score

    for name in part.criteria:
        find_score(name)
    return part.criteria or tuple(SCORES)


def _chosen(own: Sequence[Any], chosen: Sequence[Any], is_within: bool) -> tuple[Any, ...]:
    if not chosen:
        return tuple(own)
    return tuple(value for value in own if value in chosen) if is_within else tuple(dict.fromkeys(chosen))
