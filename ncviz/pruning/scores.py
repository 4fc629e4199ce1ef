"""Scores: how important a criterion holds each weight to be. Higher is more important."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ncviz.config import DEFAULT_ALPHA, check_whole
from ncviz.curvature import neural_curvature
from ncviz.errors import NcvizError


@dataclass(frozen=True)
class ScoreInputs:
    """What a criterion may look at.

    Attributes:
        net: The network.
        names: Names of the weights to score.
        inputs: Calibration images [n, *input shape], or None.
        labels: Their labels [n], or None.
        curvature: κ for each weight if it is known already; saves computing it again.
        alpha: Idleness, for the curvature.
        seed: For criteria that draw.
    """

    net: nn.Module
    names: tuple[str, ...]
    inputs: Tensor | None
    labels: Tensor | None
    curvature: Mapping[str, Tensor] | None
    alpha: float
    seed: int


@dataclass(frozen=True)
class Score:
    """A criterion: its name, what to call it, where it is from, and how to compute it."""

    name: str
    title: str
    source: str
    compute: Callable[[ScoreInputs], dict[str, Tensor]]


def _curvature(given: ScoreInputs) -> dict[str, Tensor]:
    """Negative neural curvature: bottlenecks matter most."""
    curvature = given.curvature
    if curvature is None:
        if given.inputs is None:
            raise NcvizError("Criterion 'curvature' needs calibration images; give inputs=.")
        curvature = neural_curvature(given.net, given.inputs, alpha=given.alpha).weights
    if not curvature:
        raise NcvizError(
            "The curvature given holds no weights; expected that of neural_curvature(...).weights."
        )
    # Weights that the network holds but does not use have no edges, and so no curvature.
    return {name: -values for name, values in curvature.items()}


def _magnitude(given: ScoreInputs) -> dict[str, Tensor]:
    """Absolute value of the weight."""
    weights = _weights(given)
    return {name: weights[name].detach().abs().to("cpu", torch.float64) for name in given.names}


def _random(given: ScoreInputs) -> dict[str, Tensor]:
    """Uniform in [0, 1), the floor that every criterion must beat."""
    generator = torch.Generator().manual_seed(given.seed)
    weights = _weights(given)
    return {
        name: torch.rand(weights[name].shape, generator=generator, dtype=torch.float64)
        for name in given.names
    }


def _weights(given: ScoreInputs) -> dict[str, nn.Parameter]:
    weights = dict(given.net.named_parameters(remove_duplicate=False))
    for name in given.names:
        if name not in weights:
            raise NcvizError(
                f"'{name}' is computed from other parameters; make it permanent with torch.nn.utils.prune.remove or "
                "torch.nn.utils.parametrize.remove_parametrizations first."
            )
    return weights


SCORES: dict[str, Score] = {
    score.name: score
    for score in (
        Score("curvature", "Curvature", "Tan, Sia, Bogdan, Ivanov, arXiv 2601.16366", _curvature),
        Score("magnitude", "Magnitude", "Han, Pool, Tran, Dally, NeurIPS 2015", _magnitude),
        Score("random", "Random", "baseline", _random),
    )
}


def weight_names(net: nn.Module) -> tuple[str, ...]:
    """Names of the weights that carry edges: those of every Linear and Conv2d, in the network's order."""
    return tuple(
        f"{name}.weight" if name else "weight"
        for name, module in net.named_modules()
        if isinstance(module, (nn.Linear, nn.Conv2d))
    )


def pruning_scores(
    net: nn.Module,
    criterion: str,
    *,
    inputs: Tensor | None = None,
    labels: Tensor | None = None,
    curvature: Mapping[str, Tensor] | None = None,
    alpha: float = DEFAULT_ALPHA,
    seed: int = 0,
) -> dict[str, Tensor]:
    """Score every weight that carries edges; higher means more important.

    Args:
        net: The network. Not changed.
        criterion: A name in ``SCORES``.
        inputs: Calibration images [n, *input shape], for criteria that look at data.
        labels: Their labels [n].
        curvature: κ for each weight, if it was computed before.
        alpha: Idleness for the curvature.
        seed: For criteria that draw.

    Returns:
        float64 of the weight's shape for each weight's name.

    Raises:
        NcvizError: If there is no such criterion or it lacks what it needs.
    """
    if criterion not in SCORES:
        raise NcvizError(f"There is no criterion '{criterion}'; choose one of: {', '.join(SCORES)}.")
    check_whole("seed", seed, 0, 2**31 - 1)
    names = weight_names(net)
    return SCORES[criterion].compute(ScoreInputs(net, names, inputs, labels, curvature, alpha, seed))
