"""Criteria made of curvature: the paper's own, and ours, which gives each layer its share as LAMP does."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ncviz.curvature import neural_curvature
from ncviz.errors import NcvizError
from ncviz.pruning.criteria.given import ScoreInputs, images_of, weights_of
from ncviz.pruning.criteria.layers import among_not_smaller, transport_magnitude


def curvature(given: ScoreInputs) -> dict[str, Tensor]:
    """-κ: bottlenecks matter most. Tan, Sia, Bogdan, Ivanov, arXiv 2601.16366.

    κ of a weight is the least over positions and images, 2 where it is never active.
    """
    return {name: -values for name, values in _kappa(given, "curvature").items()}


def curvature_lamp(given: ScoreInputs) -> dict[str, Tensor]:
    """LAMP with w² times the transport cost of its edge, W = (1 − κ)/|w|, in place of w². Ours.

    The paper's global order cuts small first and last layers too deeply beyond 80%, and removes a large weight that is
    silent on few images before a small one that is not. LAMP's normalisation (arXiv 2010.07611, eq. 5) mends the first,
    the factor |w| the second.
    """
    kappa, weights = _kappa(given, "curvature-lamp"), weights_of(given)
    found = {}
    for name, values in kappa.items():
        size = weights[name].detach().abs().to("cpu", torch.float64).numpy()
        cost = transport_magnitude(size, values.detach().to("cpu", torch.float64).numpy())
        found[name] = torch.from_numpy(among_not_smaller(cost))
    return found


def _kappa(given: ScoreInputs, criterion: str) -> Mapping[str, Tensor]:
    known = given.curvature
    if known is None:
        known = neural_curvature(given.net, images_of(given, criterion), alpha=given.alpha).weights
    if not known:
        raise NcvizError(
            "The curvature given holds no weights; expected that of neural_curvature(...).weights."
        )
    # Weights that the network holds but does not use have no edges, and so no curvature.
    return known
