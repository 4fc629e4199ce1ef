"""Curvature with skips and poolings of another length than 1: an option of the study, since nothing is to be chosen.

A plain skip is an edge of weight 1 by the definition, beside weights of 0.05: twenty times shorter than they are. What
that does to a residual network's curvature is asked by giving it other lengths. Only ratios of lengths count, so that
a link of length L beside weights w is a link of length 1 beside weights L·w; a network with such weights computes the
same once each layer's outcome is divided by L, which a normalisation does without being an edge.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import nn

from ncviz.config import GraphConfig
from ncviz.curvature import neural_curvature
from ncviz.errors import NcvizError

_NORMS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: nn.BatchNorm1d,
    nn.Conv1d: nn.BatchNorm1d,
    nn.Conv2d: nn.BatchNorm2d,
}
# A variance is never divided by exactly; of float32 so little is nothing.
_NEARLY_NOTHING = 1e-12


def with_link_length(net: nn.Module, length: float) -> nn.Module:
    """Return a network that computes the same, and in whose neural graph links are ``length`` times as long.

    Args:
        net: A network of linear layers and convolutions, as modules. Not changed.
        length: L > 0, of a link's edge in place of 1, all other lengths being those of the weights.

    Returns:
        The network, its weight ``name.weight`` under ``name.0.weight``.

    Raises:
        NcvizError: If the length is not above 0.
    """
    if not 0 < length < float("inf"):
        raise NcvizError(f"The length of a link must be a number above 0, got {length}.")
    found = copy.deepcopy(net)
    for name, module in list(found.named_modules()):
        if type(module) not in _NORMS:
            continue
        width = module.out_features if isinstance(module, nn.Linear) else module.out_channels
        norm = _NORMS[type(module)](width, eps=_NEARLY_NOTHING, affine=False)
        with torch.no_grad():
            for parameter in module.parameters(recurse=False):
                parameter.mul_(length)
            norm.get_buffer("running_var").fill_(length**2)
        owner, _, own = name.rpartition(".")
        norm.to(module.weight.dtype)
        setattr(found.get_submodule(owner), own, nn.Sequential(module, norm.eval()))
    return found.eval()


def curvature_by_image(
    net: nn.Module, inputs: torch.Tensor, length: float, graph: GraphConfig, device: str = "cpu"
) -> Mapping[str, torch.Tensor] | None:
    """Return each weight's κ on each image with links of another length.

    Args:
        net: The network.
        inputs: [n, *input shape].
        length: Of a link.
        graph: How the network is read.
        device: Where to compute.

    Returns:
        Name of a weight → [n, *weight's shape], NaN where it is dead; None where some κ could not be proved.
    """
    is_usual = length == 1.0
    own = net if is_usual else with_link_length(net, length)
    found = neural_curvature(own, inputs, device=device, keep_samples=True, **graph.options).samples
    if found is None or is_usual:
        return found
    return {f"{name.removesuffix('.0.weight')}.weight": values for name, values in found.items()}
