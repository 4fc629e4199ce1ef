"""Criteria from gradients of the loss on the calibration images: SNIP (first-order Taylor), Fisher, GraSP."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from ncviz.copies.own_copy import own_copy
from ncviz.pruning.criteria.given import ScoreInputs, labelled_images

_CHUNK = 16


def snip(given: ScoreInputs) -> dict[str, Tensor]:
    """|w · ∂L/∂w|, the first-order change of the mean loss when the weight goes.

    SNIP: Lee, Ajanthan, Torr, ICLR 2019, arXiv 1810.02340, eq. 3 without its normalisation, which does not change the
    order. The same as first-order Taylor: Molchanov et al., ICLR 2017.
    """
    inputs, labels = labelled_images(given, "snip")
    net, weights = _own(given)
    slope = torch.autograd.grad(
        nn.functional.cross_entropy(net(inputs.double()), labels), list(weights.values())
    )
    return {name: (w * g).abs().detach() for (name, w), g in zip(weights.items(), slope, strict=True)}


def fisher(given: ScoreInputs) -> dict[str, Tensor]:
    """½ w² · mean over images of (∂L/∂w)²: optimal brain damage with the diagonal of the empirical Fisher matrix.

    LeCun, Denker, Solla, NeurIPS 1989; Theis, Korshunova, Tejani, Huszár, 2018, arXiv 1801.05787.
    """
    inputs, labels = labelled_images(given, "fisher")
    net, weights = _own(given)
    fixed = {name: value.detach() for name, value in net.named_parameters()}
    fixed |= dict(net.named_buffers())

    def loss(own: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        out = functional_call(net, {**fixed, **own}, (image[None],))
        return nn.functional.cross_entropy(out, label[None])

    each: Callable[..., dict[str, Tensor]] = vmap(grad(loss), in_dims=(None, 0, 0))
    own = {name: weight.detach() for name, weight in weights.items()}
    total = {name: torch.zeros_like(weight) for name, weight in own.items()}
    for part, of in zip(inputs.double().split(_CHUNK), labels.split(_CHUNK), strict=True):
        for name, slope in each(own, part, of).items():
            total[name] += (slope**2).sum(dim=0)
    return {name: 0.5 * own[name] ** 2 * total[name] / len(inputs) for name in own}


def grasp(given: ScoreInputs) -> dict[str, Tensor]:
    """Weight times (H g): what removing the weight takes from the gradient flow gᵀg.

    Wang, Zhang, Grosse, ICLR 2020, arXiv 2002.07376, eq. 8: they remove the weights of the highest −w · (H g) first.
    """
    inputs, labels = labelled_images(given, "grasp")
    net, weights = _own(given)
    own = list(weights.values())
    slope = torch.autograd.grad(
        nn.functional.cross_entropy(net(inputs.double()), labels), own, create_graph=True
    )
    flow = sum(((g.detach() * g).sum() for g in slope), start=torch.zeros((), dtype=torch.float64))
    product = torch.autograd.grad(flow, own)
    return {name: (w * hg).detach() for (name, w), hg in zip(weights.items(), product, strict=True)}


def _own(given: ScoreInputs) -> tuple[nn.Module, dict[str, nn.Parameter]]:
    """Return a copy of the network in double precision on the CPU, and its weights to score."""
    net = own_copy(given.net).cpu().double().requires_grad_(True)
    weights = dict(net.named_parameters(remove_duplicate=False))
    return net, {name: weights[name] for name in given.names}
