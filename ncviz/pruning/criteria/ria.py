"""RIA: how much a weight is of what its two ends have, and how loud its input is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ncviz.graph.operations import TRANSPOSED_MODULES
from ncviz.pruning.criteria.activation import input_norms, layers_of
from ncviz.pruning.criteria.given import ScoreInputs, weights_of

# What the authors take the norm of the input to the power of.
POWER = 0.5


def ria(given: ScoreInputs) -> dict[str, Tensor]:
    """(|w_ij| / Σ_j |w_ij| + |w_ij| / Σ_i |w_ij|) · ‖x_j‖₂^½: relative importance and activations.

    Zhang, Bai, Lin, Zhao, Hou, Cannistraci, ICLR 2024 ("Plug-and-Play: An Efficient Post-training Pruning Method for
    Large Language Models"), eq. 2 and 3. The first sum is over all weights into an output, the second over all that
    read an input. A convolution is the matrix that multiplies its patches, so an input is one place of the kernel in
    one channel; each group is a matrix of its own. They compare within each output; here the scope decides.
    """
    weights = weights_of(given)
    return {
        name: _relative(given.net, weights[name]) * norm**POWER
        for name, norm in input_norms(given, "ria").items()
    }


def _relative(net: nn.Module, weight: Tensor) -> Tensor:
    """Return each weight over the sum of its output's, plus over the sum of its input's: float64 of its shape."""
    # An attention's projection, which is none of its modules, is linear.
    names = layers_of(net, weight)
    layer = net.get_submodule(names[0]) if names else None
    groups = int(getattr(layer, "groups", 1))
    size = weight.detach().abs().to("cpu", torch.float64)
    # [group, outputs, inputs, places in the kernel]
    if isinstance(layer, TRANSPOSED_MODULES):
        matrix = size.reshape(groups, len(size) // groups, size.shape[1], -1).transpose(1, 2)
    else:
        matrix = size.reshape(groups, len(size) // groups, size.shape[1], -1)
    found = _share(matrix, (2, 3)) + _share(matrix, (1,))
    return (found.transpose(1, 2) if isinstance(layer, TRANSPOSED_MODULES) else found).reshape(size.shape)


def _share(values: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Return each value over the sum along some axes; 0 where all of them are 0."""
    total = values.sum(dim=dims, keepdim=True)
    return torch.where(total > 0, values / total, 0.0)
