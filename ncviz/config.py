"""Frozen, validated settings; together with the fingerprints of weights and data they are the cache keys."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, TypedDict

from ncviz.errors import NcvizError
from ncviz.values import CLOSED_FROM

DEFAULT_ALPHA = 0.9
# Raised whenever a change could alter a stored number, so that no old result is taken for a new one.
ALGORITHM_VERSION = 4
MAX_DISTURBED_IMAGES = 1_000_000
MAX_SAMPLES_PER_CLASS = 1000
SCOPES = ("global", "layer")
ORDERS = ("redundant", "bottlenecks")
# Where weights that are never active stand in an order by curvature; see ``ncviz.pruning.never_active``.
NEVER_ACTIVE_PLACES = ("first", "median", "last")
# What a batch normalisation is to the neural graph: nothing, so that every edge has the network's own weight, or a
# factor to the weights before it.
BATCHNORM = ("own", "folded")
# What is done to a pruned network without training: its statistics estimated anew, or its kept weights updated, all at
# once or layer by layer; see ``ncviz.pruning.repair``.
REPAIRS = ("none", "recalibrate", "fisher", "layerwise")
# What the weights of a layer are divided by in the graph alone: nothing, what comes into one of its units on average,
# or what comes into one of each channel's own.
SCALES = ("own", "fan-in", "channel-fan-in")
# What the Pruning page sets side by side at first, and over how many draws of the calibration images.
COMPARED = ("curvature", "curvature-lamp", "magnitude", "wanda", "random")
COMPARED_DRAWS = 3


def check_alpha(alpha: Any) -> float:
    """Return ``alpha`` as a float, or say in one sentence why it is no idleness.

    Raises:
        NcvizError: If ``alpha`` is not a finite number in [0, 1).
    """
    if isinstance(alpha, bool) or not isinstance(alpha, Real) or not math.isfinite(float(alpha)):
        raise NcvizError(f"alpha (idleness) must be a number in [0, 1), got {alpha!r}; the paper uses 0.9.")
    if not 0.0 <= float(alpha) < 1.0:
        raise NcvizError(f"alpha (idleness) must lie in [0, 1), got {alpha}; the paper uses 0.9.")
    return float(alpha)


def check_share(name: str, share: Any) -> float:
    """Return the budget of a weight as a float, or say in one sentence why it is no share.

    Raises:
        NcvizError: If it is not a number in [0, 1].
    """
    if isinstance(share, bool) or not isinstance(share, Real) or not 0.0 <= float(share) <= 1.0:
        raise NcvizError(
            f"The budget of '{name}' must be a number from 0 to 1, the largest share of it that may go, got {share!r}."
        )
    return float(share)


def check_choice(what: str, value: str, choices: Collection[str]) -> None:
    """Raise an NcvizError that lists the choices unless ``value`` is one of them."""
    if value not in choices:
        raise NcvizError(f"There is no {what} '{value}'; choose one of: {', '.join(choices)}.")


def check_whole(name: str, value: int, low: int, high: int) -> int:
    """Return ``value`` if it is a whole number in [low, high], or say in one sentence why it is not.

    Raises:
        NcvizError: If it is no integer or lies outside the range.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise NcvizError(f"{name} must be a whole number from {low} to {high}, got {value!r}.")
    return value


class GraphOptions(TypedDict):
    """How a network is read into its neural graph, as the arguments of whatever reads one."""

    batchnorm: str
    scale: str


@dataclass(frozen=True)
class GraphConfig:
    """How a network is read into its neural graph; what comes first is as in the paper.

    Attributes:
        batchnorm: What a batch normalisation is, a name in ``BATCHNORM``.
        scale: What weights are divided by, a name in ``SCALES``; see ``ncviz.graph.build.build_graph``.

    Raises:
        NcvizError: If one is no such name.
    """

    batchnorm: str = BATCHNORM[0]
    scale: str = SCALES[0]

    def __post_init__(self) -> None:
        check_choice("way to read BatchNorm", self.batchnorm, BATCHNORM)
        check_choice("scale of a connection's weights", self.scale, SCALES)

    @property
    def options(self) -> GraphOptions:
        """The same as arguments."""
        return {"batchnorm": self.batchnorm, "scale": self.scale}

    def unusual(self, *, has_batchnorm: bool = True) -> dict[str, str]:
        """Return what is not as in the paper, for keys and reports.

        Args:
            has_batchnorm: Whether the network has a BatchNorm; without one the way to read it decides nothing.
        """
        told = {} if self.scale == SCALES[0] else {"scale": self.scale}
        if has_batchnorm and self.batchnorm != BATCHNORM[0]:
            told["batchnorm"] = self.batchnorm
        return told


@dataclass(frozen=True)
class CurvatureConfig:
    """Settings of one curvature computation.

    Attributes:
        alpha: Idleness in [0, 1); every value in [1/2, 1) gives the same curvature.
        samples_per_class: Number of correctly classified calibration images of each class.
        seed: 0 takes the first such images in the data's own order; any other value shuffles the pool first.
        layers: Names of the weights whose curvature is computed; none means all.
        channels: Most channels of a hidden layer that take part, drawn by ``seed``; 0 means all.
        batchnorm: "own": a batch normalisation is no part of the graph, whose edges have the network's own weights, as
            in the paper; "folded": each is multiplied into the weights before it. No matter without one.
        scale: "own": lengths are those of the weights, as in the paper; "fan-in", "channel-fan-in": of the weights
            divided by what comes into a unit, of the layer or of the channel, on average (see ``build_graph``).
    """

    alpha: float = DEFAULT_ALPHA
    samples_per_class: int = 1
    seed: int = 0
    layers: tuple[str, ...] = ()
    channels: int = 0
    batchnorm: str = BATCHNORM[0]
    scale: str = SCALES[0]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(sorted(set(self.layers))))
        check_alpha(self.alpha)
        check_whole("channels", self.channels, 0, 2**31 - 1)
        check_whole("samples per class", self.samples_per_class, 1, MAX_SAMPLES_PER_CLASS)
        check_whole("seed", self.seed, 0, 2**31 - 1)
        _ = self.graph

    @property
    def graph(self) -> GraphConfig:
        """How the network is read."""
        return GraphConfig(self.batchnorm, self.scale)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON types, for reports; a scale that is as in the paper is left out."""
        whole = {**asdict(self), "layers": list(self.layers)}
        if self.scale == SCALES[0]:
            del whole["scale"]
        return whole

    @property
    def is_whole(self) -> bool:
        """Whether every weight's curvature is computed, and exactly: no layer chosen, no channel left out."""
        return not self.layers and not self.channels

    def key(self, *, has_batchnorm: bool = True) -> dict[str, Any]:
        """Return what decides the result: every alpha from 1/2 on gives the same curvature, so they share a key.

        Args:
            has_batchnorm: Whether the network has a BatchNorm; without one the way to read it decides nothing.
        """
        whole = {
            "alpha": self.alpha if self.alpha < CLOSED_FROM else "1/2 or more",
            "samples_per_class": self.samples_per_class,
            "seed": self.seed,
            "v": ALGORITHM_VERSION,
        }
        whole |= self.graph.unusual(has_batchnorm=has_batchnorm)
        return whole if self.is_whole else {**whole, "layers": list(self.layers), "channels": self.channels}


@dataclass(frozen=True)
class PruningConfig:
    """Settings that decide in which order a network's weights are removed.

    Attributes:
        criterion: A name in ``ncviz.pruning.scores.SCORES``.
        samples_per_class: Number of calibration images of each class, for criteria that look at images.
        seed: Which calibration images, as for ``CurvatureConfig``, and what a random criterion draws.
        alpha: Idleness, for criteria that use the curvature.
        scope: "global" ranks all weights together; "layer" takes the same share of every layer.
        order: "redundant" removes the least important first; "bottlenecks" the most important first.
        protected: Names of weights that are never removed.
        layers: For criteria that use the curvature, the weights whose curvature is computed, as for
            ``CurvatureConfig``; the others go last.
        channels: Most channels of a hidden layer that take part in it, likewise.
        never_active: For criteria that use the curvature, where weights without a live edge on any of the images go:
            "first", as in the paper, at the "median" cost of their layer, or "last".
        batchnorm: How it reads a batch normalisation, likewise.
        repair: What is done to what is kept once weights are removed, a name in ``REPAIRS``; it decides no order.
        scale: What it divides weights by, likewise.
        budgets: Pairs of a weight's name and the largest share of it that may go, in [0, 1]; the others may go as a
            whole.
    """

    criterion: str = "curvature"
    samples_per_class: int = 1
    seed: int = 0
    alpha: float = DEFAULT_ALPHA
    scope: str = "global"
    order: str = "redundant"
    protected: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    channels: int = 0
    never_active: str = "first"
    batchnorm: str = BATCHNORM[0]
    repair: str = REPAIRS[0]
    scale: str = SCALES[0]
    budgets: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "protected", tuple(sorted(set(self.protected))))
        # A protected weight loses nothing whatever its budget, and a whole one is none.
        own = {name: check_share(name, share) for name, share in self.budgets if name not in self.protected}
        object.__setattr__(self, "budgets", tuple(sorted(pair for pair in own.items() if pair[1] < 1.0)))
        object.__setattr__(self, "layers", tuple(sorted(set(self.layers))))
        check_choice("scope", self.scope, SCOPES)
        check_choice("order", self.order, ORDERS)
        check_choice("place of never-active weights", self.never_active, NEVER_ACTIVE_PLACES)
        check_choice("repair", self.repair, REPAIRS)
        _ = self.calibration

    @property
    def calibration(self) -> CurvatureConfig:
        """Which images are looked at, and at which idleness."""
        return CurvatureConfig(
            self.alpha,
            self.samples_per_class,
            self.seed,
            self.layers,
            self.channels,
            self.batchnorm,
            self.scale,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON types, for reports; what is as in the paper is left out."""
        whole = {**asdict(self), "protected": list(self.protected), "layers": list(self.layers)}
        whole["budgets"] = dict(self.budgets)
        parts = ["layers", "channels"] if self.calibration.is_whole else []
        usual = {"never_active": NEVER_ACTIVE_PLACES[0], "batchnorm": BATCHNORM[0], "repair": REPAIRS[0]}
        usual["scale"] = SCALES[0]
        parts += [name for name, value in usual.items() if getattr(self, name) == value]
        parts += [] if self.budgets else ["budgets"]
        return {name: value for name, value in whole.items() if name not in parts}


@dataclass(frozen=True)
class AttackConfig:
    """An attack that moves each pixel by at most ``epsilon``; the paper's own by default (arXiv 2601.16366).

    Attributes:
        epsilon: Largest change of one pixel (L∞), on the scale of the inputs.
        step: Change of one pixel in one step.
        steps: Number of steps; one step as long as ``epsilon``, not started at random, is FGSM.
        random_start: Whether it starts at a random point of the allowed cube.
    """

    epsilon: float = 11 / 255
    step: float = 2 / 255
    steps: int = 40
    random_start: bool = True

    def __post_init__(self) -> None:
        given: dict[str, Any] = {"epsilon": self.epsilon, "step": self.step}
        for name, value in given.items():
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
                raise NcvizError(
                    f"An attack's {name} must be a number from 0 to 1, got {value!r}; try 11/255."
                )
        check_whole("an attack's steps", self.steps, 1, 1000)

    @staticmethod
    def fgsm(epsilon: float) -> AttackConfig:
        """Return the fast gradient sign method (Goodfellow et al., ICLR 2015, arXiv 1412.6572)."""
        return AttackConfig(epsilon, epsilon, 1, random_start=False)


@dataclass(frozen=True)
class RadiusConfig:
    """How the smallest radius is searched for at which an attack fools a network; see ``ncviz.attacks``.

    Attributes:
        largest: The largest change of one pixel that is tried (L∞), on the scale of the inputs.
        steps: Steps of projected gradient descent at each radius.
        restarts: Runs at each radius, the first from the image itself, the others from a random point.
        halvings: How often the interval is halved: radii are known to within ``largest`` / 2^halvings.
    """

    largest: float = 64 / 255
    steps: int = 40
    restarts: int = 2
    halvings: int = 8

    def __post_init__(self) -> None:
        largest: Any = self.largest
        if isinstance(largest, bool) or not isinstance(largest, Real) or not 0 < float(largest) <= 1:
            raise NcvizError(
                f"The largest radius must be a number above 0 and at most 1, got {largest!r}; try 64/255."
            )
        check_whole("an attack's steps", self.steps, 1, 1000)
        check_whole("an attack's restarts", self.restarts, 1, 100)
        check_whole("the number of halvings", self.halvings, 0, 30)


@dataclass(frozen=True)
class Group:
    """Calibration images that are looked at together.

    Attributes:
        kind: "class" for all those of some classes, "image" for some of them.
        numbers: The classes, or the images' numbers in the result, growing.
    """

    kind: str
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.kind}-{'+'.join(map(str, self.numbers))}"
