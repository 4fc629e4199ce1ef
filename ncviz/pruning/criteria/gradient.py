"""Criteria from gradients of the loss on the calibration images: SNIP (first-order Taylor), Fisher, GraSP."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ncviz.pruning.criteria.given import ScoreInputs, labelled_images, own_weights
from ncviz.pruning.empirical_fisher import image_gradients


def snip(given: ScoreInputs) -> dict[str, Tensor]:
    """|w · ∂L/∂w|, the first-order change of the mean loss when the weight goes.

    SNIP: Lee, Ajanthan, Torr, ICLR 2019, arXiv 1810.02340, eq. 3 without its normalisation, which does not change the
    order. The same as first-order Taylor: Molchanov et al., ICLR 2017.
    """
    inputs, labels = labelled_images(given, "snip")
    net, weights = own_weights(given)
    slope = torch.autograd.grad(
        nn.functional.cross_entropy(net(inputs.double()), labels), list(weights.values())
    )
    return {name: (w * g).abs().detach() for (name, w), g in zip(weights.items(), slope, strict=True)}


def fisher(given: ScoreInputs) -> dict[str, Tensor]:
    """½ w² · mean over images of (∂L/∂w)²: optimal brain damage with the diagonal of the empirical Fisher matrix.

    LeCun, Denker, Solla, NeurIPS 1989; Theis, Korshunova, Tejani, Huszár, 2018, arXiv 1801.05787.
    """
    inputs, labels = labelled_images(given, "fisher")
    net, weights = own_weights(given)
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for slopes in image_gradients(net, list(weights), inputs, labels):
        for name, slope in slopes.items():
            total[name] += (slope**2).sum(dim=0)
    return {name: (0.5 * weights[name] ** 2 * total[name] / len(inputs)).detach() for name in weights}


def grasp(given: ScoreInputs) -> dict[str, Tensor]:
    """Weight times (H g): what removing the weight takes from the gradient flow gᵀg.

    Wang, Zhang, Grosse, ICLR 2020, arXiv 2002.07376, eq. 8: they remove the weights of the highest −w · (H g) first.
    """
    inputs, labels = labelled_images(given, "grasp")
    net, weights = own_weights(given)
    own = list(weights.values())
    slope = torch.autograd.grad(
        nn.functional.cross_entropy(net(inputs.double()), labels), own, create_graph=True
    )
    flow = sum(((g.detach() * g).sum() for g in slope), start=torch.zeros((), dtype=torch.float64))
    product = torch.autograd.grad(flow, own)
    return {name: (w * hg).detach() for (name, w), hg in zip(weights.items(), product, strict=True)}
