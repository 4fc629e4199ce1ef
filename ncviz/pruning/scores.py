"""Scores: how important a criterion holds each weight to be. Higher is more important."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ncviz.config import (
    BATCHNORM,
    DEFAULT_ALPHA,
    NEVER_ACTIVE_PLACES,
    SCALES,
    GraphConfig,
    check_choice,
    check_whole,
)
from ncviz.copies.own_copy import own_copy
from ncviz.errors import DataError
from ncviz.graph.forward.weights import weights_of_functions
from ncviz.graph.operations import WEIGHT_MODULES
from ncviz.pruning.criteria.activation import wanda
from ncviz.pruning.criteria.betweenness import betweenness
from ncviz.pruning.criteria.flow import synflow
from ncviz.pruning.criteria.forman import forman
from ncviz.pruning.criteria.given import Score, ScoreInputs
from ncviz.pruning.criteria.gradient import fisher, grasp, snip
from ncviz.pruning.criteria.magnitude import lamp, magnitude, random
from ncviz.pruning.criteria.mlp_rank import mlp_rank
from ncviz.pruning.criteria.ria import ria
from ncviz.pruning.criteria.transport import curvature, curvature_lamp
from ncviz.pruning.criteria.woodfisher import woodfisher
from ncviz.pruning.curve import count_classes

__all__ = ["SCORES", "Score", "ScoreInputs", "pruning_scores", "weight_names"]

SCORES: dict[str, Score] = {
    score.name: score
    for score in (
        Score("curvature", "Curvature", "Tan, Sia, Bogdan, Ivanov, arXiv 2601.16366", curvature,
              needs_images=True, needs_curvature=True, needs_graph=True),
        Score("curvature-lamp", "Curvature-LAMP",
              "Ours: the mean of the ranks by curvature and by LAMP, arXiv 2601.16366, arXiv 2010.07611",
              curvature_lamp, needs_images=True, needs_curvature=True, needs_graph=True),
        Score("magnitude", "Magnitude", "Han, Pool, Tran, Dally, NeurIPS 2015, arXiv 1506.02626", magnitude),
        Score("lamp", "LAMP", "Lee et al., ICLR 2021, arXiv 2010.07611", lamp),
        Score("wanda", "Wanda", "Sun, Liu, Bair, Kolter, ICLR 2024, arXiv 2306.11695", wanda, needs_images=True),
        Score("snip", "SNIP / Taylor", "Lee, Ajanthan, Torr, ICLR 2019, arXiv 1810.02340", snip, True, True),
        Score("fisher", "Fisher", "Theis et al., 2018, arXiv 1801.05787", fisher, True, True),
        Score("grasp", "GraSP",
              "Made for networks before training: Wang, Zhang, Grosse, ICLR 2020, arXiv 2002.07376", grasp, True, True),
        Score("synflow", "SynFlow", "Tanaka et al., NeurIPS 2020, arXiv 2006.05467", synflow, needs_shape=True),
        Score("ria", "RIA", "Zhang et al., \"Plug-and-Play\", ICLR 2024", ria, needs_images=True),
        Score("woodfisher", "WoodFisher", "Singh, Alistarh, NeurIPS 2020, arXiv 2004.14340", woodfisher, True, True,
              is_by_blocks=True),
        Score("mlp-rank", "MLP-Rank", "Hoffmann, Budhathoki, Kleindessner, 2024, arXiv 2410.13299", mlp_rank,
              needs_images=True, needs_graph=True),
        Score("forman", "Forman curvature",
              "Forman, 2003; Sreejith, Mohanraj, Jost, Saucan, Samal, 2016, arXiv 1603.00386", forman,
              needs_shape=True, needs_graph=True),
        Score("betweenness", "Edge betweenness",
              "Brandes, 2001 and 2008; from all pixels to all classes, equals by magnitude", betweenness,
              needs_shape=True, needs_graph=True),
        Score("random", "Random", "baseline", random, is_drawn=True),
    )
}  # fmt: skip


def weight_names(net: nn.Module, input_shape: tuple[int, ...] | None = None) -> tuple[str, ...]:
    """Names of the weights that carry edges, in the network's order: those of every linear layer and convolution.

    They may be modules, or functions that read parameters of other modules. A weight that several layers share has its
    first name alone, as in ``named_parameters``.

    Args:
        net: The network, in eval mode.
        input_shape: Shape of one input, needed where what a forward does depends on it.
    """
    found = {id(module.weight) for module in net.modules() if isinstance(module, WEIGHT_MODULES)}
    read = weights_of_functions(net, input_shape)
    return tuple(name for name, each in net.named_parameters() if id(each) in found or name in read)


def pruning_scores(
    net: nn.Module,
    criterion: str,
    *,
    inputs: Tensor | None = None,
    labels: Tensor | None = None,
    curvature: Mapping[str, Tensor] | None = None,
    alpha: float = DEFAULT_ALPHA,
    seed: int = 0,
    never_active: str = "first",
    batchnorm: str = BATCHNORM[0],
    scale: str = SCALES[0],
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
        never_active: Where weights without a live edge on any of the images go, for criteria that use the curvature:
            "first", as in the paper, at the "median" cost of their layer, or "last"; see
            ``ncviz.pruning.never_active.placed``.
        batchnorm: How the neural graph reads a BatchNorm, as in ``neural_curvature``, for criteria that look at it.
        scale: What the graph divides weights by, likewise: what "forman", "betweenness" and "mlp-rank" call |w| is
            then the quotient, but for the order of equals by betweenness.

    Returns:
        float64 of the weight's shape for each weight's name.

    Raises:
        NcvizError: If there is no such criterion, way to read BatchNorm or scale, or it lacks what it needs.
        DataError: If the network cannot take the images, or the labels name classes that it has not.
    """
    score = find_score(criterion)
    check_whole("seed", seed, 0, 2**31 - 1)
    how = GraphConfig(batchnorm, scale)
    check_choice("place of never-active weights", never_active, NEVER_ACTIVE_PLACES)
    _check_inputs(criterion, inputs)
    # Criteria that look at no images take whatever stands there.
    shown = inputs if isinstance(inputs, Tensor) and inputs.ndim > 1 else None
    own = own_copy(net, shown)
    _check_fit(own, criterion, inputs, labels)
    names = weight_names(own, None if shown is None else tuple(shown.shape[1:]))
    given = ScoreInputs(own, names, inputs, labels, curvature, alpha, seed, never_active, how)
    return score.compute(given)


def find_score(criterion: str) -> Score:
    """Return the criterion called so.

    Raises:
        NcvizError: If there is none of that name; the message lists the choices.
    """
    check_choice("criterion", criterion, SCORES)
    return SCORES[criterion]


def _check_inputs(criterion: str, inputs: Tensor | None) -> None:
    """Refuse images that no network takes."""
    if inputs is None or not SCORES[criterion].needs_images:
        return
    if not isinstance(inputs, Tensor) or not inputs.is_floating_point() or inputs.ndim < 2 or not len(inputs):
        got = f"{inputs.dtype} {list(inputs.shape)}" if isinstance(inputs, Tensor) else type(inputs).__name__
        raise DataError(f"inputs must be a floating-point tensor [n, …] with at least one image, got {got}.")
    if not torch.isfinite(inputs).all():
        raise DataError("The calibration images hold NaN or infinite values; expected finite numbers.")


def _check_fit(net: nn.Module, criterion: str, inputs: Tensor | None, labels: Tensor | None) -> None:
    """Refuse images and labels that would end in an error of torch, or in scores that mean nothing."""
    score = SCORES[criterion]
    if inputs is None or not score.needs_images:
        return
    classes = count_classes(net, inputs)
    if not score.needs_labels or labels is None or not len(labels):
        return
    if labels.is_floating_point() or int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise DataError(f"labels must be whole numbers from 0 to {classes - 1}, the network's classes.")
