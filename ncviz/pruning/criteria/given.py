"""What a criterion may look at, and the refusals that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from ncviz.config import GraphConfig
from ncviz.copies.own_copy import own_copy
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
        never_active: Where weights go that are never active, for criteria that use the curvature; see
            ``ncviz.pruning.never_active.placed``.
        graph: How the neural graph is read.
    """

    net: nn.Module
    names: tuple[str, ...]
    inputs: Tensor | None
    labels: Tensor | None
    curvature: Mapping[str, Tensor] | None
    alpha: float
    seed: int
    never_active: str = "first"
    graph: GraphConfig = field(default_factory=GraphConfig)


@dataclass(frozen=True)
class Score:
    """A criterion: its name, what to call it, where it is from, and how to compute it.

    Attributes:
        name: In ``SCORES``.
        title: For people.
        source: The paper.
        compute: Higher is more important; float64 on the CPU, of each weight's shape.
        needs_images: Whether it looks at calibration images.
        needs_labels: Whether it looks at their labels as well.
        needs_curvature: Whether it uses the curvature on them.
        needs_shape: Whether it needs an image, but for its shape alone.
        needs_graph: Whether it looks at the neural graph, as the curvature does, and so at how that is read.
        is_drawn: Whether it differs from seed to seed though it looks at no images.
        is_by_blocks: Whether ``LIMITS.repair_bytes`` decides into what blocks its matrix falls, and so what it finds.
    """

    name: str
    title: str
    source: str
    compute: Callable[[ScoreInputs], dict[str, Tensor]]
    needs_images: bool = False
    needs_labels: bool = False
    needs_curvature: bool = False
    needs_shape: bool = False
    needs_graph: bool = False
    is_drawn: bool = False
    is_by_blocks: bool = False


def images_of(given: ScoreInputs, criterion: str) -> Tensor:
    """Return the calibration images.

    Raises:
        NcvizError: If there are none.
    """
    if given.inputs is None:
        raise NcvizError(f"Criterion '{criterion}' needs calibration images; give inputs=.")
    return given.inputs


def labelled_images(given: ScoreInputs, criterion: str) -> tuple[Tensor, Tensor]:
    """Return the calibration images and their labels.

    Raises:
        NcvizError: If either is missing, or they do not match.
    """
    inputs = images_of(given, criterion)
    if given.labels is None:
        raise NcvizError(f"Criterion '{criterion}' needs the labels of the calibration images; give labels=.")
    if len(given.labels) != len(inputs):
        raise NcvizError(f"Expected a label for each of {len(inputs)} images, got {len(given.labels)}.")
    return inputs, given.labels


def weights_of(given: ScoreInputs) -> dict[str, nn.Parameter]:
    """Return the weights to score by name.

    Raises:
        NcvizError: If one is computed from other parameters.
    """
    weights = dict(given.net.named_parameters(remove_duplicate=False))
    for name in given.names:
        if name not in weights:
            raise NcvizError(
                f"'{name}' is computed from other parameters; make it permanent with torch.nn.utils.prune.remove or "
                "torch.nn.utils.parametrize.remove_parametrizations first."
            )
    return {name: weights[name] for name in given.names}


def own_weights(given: ScoreInputs) -> tuple[nn.Module, dict[str, nn.Parameter]]:
    """Return a copy of the network in double precision on the CPU, to take gradients of, and its weights to score."""
    net = own_copy(given.net).cpu().double().requires_grad_(True)
    weights = dict(net.named_parameters(remove_duplicate=False))
    return net, {name: weights[name] for name in given.names}
