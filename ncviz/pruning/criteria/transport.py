"""Criteria made of curvature: the paper's own, and ours, which LAMP has a say in."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ncviz.config import NEVER_ACTIVE_PLACES
from ncviz.curvature import neural_curvature
from ncviz.errors import NcvizError
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.pruning.criteria.edges import by_weight, neural_graph_of
from ncviz.pruning.criteria.given import ScoreInputs, images_of, weights_of
from ncviz.pruning.criteria.layers import among_not_smaller, mean_ranks
from ncviz.pruning.never_active import placed
from ncviz.text import plural


def curvature(given: ScoreInputs) -> dict[str, Tensor]:
    """-κ: bottlenecks matter most. Tan, Sia, Bogdan, Ivanov, arXiv 2601.16366.

    κ of a weight is the least over positions and images; where weights stand that are never active is a choice.
    """
    return {name: -values for name, values in _kappa(given, "curvature").items()}


def curvature_lamp(given: ScoreInputs) -> dict[str, Tensor]:
    """The mean of a weight's ranks by curvature and by LAMP. Ours.

    The paper's global order cuts the small first and last layers too deeply beyond 80%, and with few images removes
    large weights that were never active on just these. LAMP (arXiv 2010.07611) mends both: it gives each layer its
    share, and looks at no images. Weights of equal curvature, as all that are never active, share their mean rank.
    """
    kappa, weights = _kappa(given, "curvature-lamp"), weights_of(given)
    sizes = {name: weights[name].detach().abs().to("cpu", torch.float64).numpy() for name in kappa}
    # In single precision, or the rounding of the last digits would order curvatures that are equal.
    curvatures = [-values.detach().to("cpu", torch.float32).numpy() for values in kappa.values()]
    by_curvature = [
        np.where(np.isnan(own), np.nan, rank)
        for own, rank in zip(curvatures, mean_ranks(curvatures), strict=True)
    ]
    by_lamp = mean_ranks([among_not_smaller(size**2) for size in sizes.values()])
    return {
        name: torch.from_numpy((one + other) / 2)
        for name, one, other in zip(kappa, by_curvature, by_lamp, strict=True)
    }


def _kappa(given: ScoreInputs, criterion: str) -> Mapping[str, Tensor]:
    known, graph = given.curvature, None
    if known is None:
        inputs = images_of(given, criterion)
        result = neural_curvature(given.net, inputs, alpha=given.alpha, **given.graph.options)
        if (count := sum(int((~own).sum()) for own in result.is_exact.values())) > 0:
            warnings.warn(
                f"The curvature of {plural(count, 'weight')} could not be proved and is known within intervals; "
                f"'{criterion}' goes by their middles (see lower and upper of neural_curvature(...)).",
                stacklevel=4,
            )
        known, graph = result.weights, result.graph
    if not known:
        raise NcvizError(
            "The curvature given holds no weights; expected that of neural_curvature(...).weights."
        )
    # Weights that the network holds but does not use have no edges, and so no curvature.
    if given.never_active == NEVER_ACTIVE_PLACES[0]:
        return known
    sizes = _edge_weights(given, known, graph, criterion)
    found = placed(
        [values.detach().cpu().numpy() for values in known.values()],
        [sizes[name] for name in known],
        given.never_active,
    )
    return {name: torch.from_numpy(values) for name, values in zip(known, found, strict=True)}


def _edge_weights(
    given: ScoreInputs, known: Mapping[str, Tensor], graph: NeuralGraph | None, criterion: str
) -> dict[str, np.ndarray]:
    """Return 1/d of each weight's edges, |w| as the graph has it; |w| itself where nothing says otherwise."""
    weights = weights_of(given)
    found = {name: weights[name].detach().abs().to("cpu", torch.float64).numpy() for name in known}
    if given.never_active != "median" or (given.inputs is None and not given.graph.unusual()):
        return found
    if graph is None:
        graph = neural_graph_of(given, criterion)
    edges = by_weight(graph, [np.abs(own.weight) for own in graph.connections], np.maximum)
    return found | {name: values.numpy() for name, values in edges.items() if name in found}
