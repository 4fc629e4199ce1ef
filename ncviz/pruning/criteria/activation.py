"""How loud a weight's input is, and Wanda: the weight times that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ncviz.copies.attention import call_projections
from ncviz.copies.own_copy import own_copy
from ncviz.errors import NcvizError
from ncviz.graph.operations import TRANSPOSED_MODULES, WEIGHT_MODULES
from ncviz.pruning.criteria.given import ScoreInputs, images_of, weights_of

_CHUNK = 64


def wanda(given: ScoreInputs) -> dict[str, Tensor]:
    """|w_ij| · ‖x_j‖₂, with x_j what stands at the weight's input over all images, and for a convolution all positions.

    Sun, Liu, Bair, Kolter, ICLR 2024, arXiv 2306.11695, eq. 1. They compare within each output; here the scope decides.
    """
    weights = weights_of(given)
    return {
        name: weights[name].detach().abs().to("cpu", torch.float64) * norm
        for name, norm in input_norms(given, "wanda").items()
    }


def input_norms(given: ScoreInputs, criterion: str) -> dict[str, Tensor]:
    """Return ‖x‖₂ of what stands at each weight's input, over all images and positions: float64 of its shape.

    Raises:
        NcvizError: If there are no images, or a function in the network's forward reads one of the weights.
    """
    inputs = images_of(given, criterion)
    net = call_projections(own_copy(given.net)).double()
    squares: dict[str, Tensor] = {}
    weights = dict(net.named_parameters(remove_duplicate=False))
    # A weight that several layers share hears what stands at the inputs of all of them.
    modules = {name: layers_of(net, weights[name]) for name in given.names}

    def watch(name: str) -> None:
        module = net.get_submodule(name)

        def hear(_: nn.Module, given: tuple[Tensor, ...], named: Mapping[str, Any]) -> None:
            own = (patches(module, heard_of(given, named)) ** 2).sum(dim=0)
            squares[name] = squares.get(name, torch.zeros_like(own)) + own

        module.register_forward_pre_hook(hear, with_kwargs=True)

    for own in modules.values():
        for module in own:
            watch(module)
    with torch.no_grad():
        for part in inputs.double().split(_CHUNK):
            net(part)
    alone = [name for name, own in modules.items() if not any(each in squares for each in own)]
    if alone:
        raise NcvizError(
            f"Criterion '{criterion}' looks at what layers hear, and '{alone[0]}' is read by a function in forward; "
            "make it an nn.Linear or nn.Conv2d, or choose another criterion."
        )
    heard = {
        name: sum(
            _spread(net.get_submodule(each), squares[each], weights[name]) for each in own if each in squares
        )
        for name, own in modules.items()
    }
    return {
        name: torch.as_tensor(found, dtype=torch.float64).sqrt().cpu().expand(weights[name].shape)
        for name, found in heard.items()
    }


def layers_of(net: nn.Module, weight: Tensor) -> list[str]:
    """Return the names of the layers whose weight this is."""
    return [
        name
        for name, layer in net.named_modules()
        if isinstance(layer, WEIGHT_MODULES) and layer.weight is weight
    ]


def heard_of(given: tuple[Tensor, ...], named: Mapping[str, Any]) -> Tensor:
    """Return what a layer hears of what a forward calls it with, by place or by name."""
    if given:
        return given[0]
    found: Tensor = named["input"] if "input" in named else next(iter(named.values()))
    return found


def patches(module: nn.Module, heard: Tensor) -> Tensor:
    """Return what each weight of a layer hears: [observations, inputs of one output], by group for a convolution.

    A weight of a transposed convolution hears its input channel at every place, those cut off at the border included.
    """
    if isinstance(module, (nn.Conv1d, nn.Conv2d)):
        # A line is a plane of one row.
        row = (1,) if isinstance(module, nn.Conv1d) else ()
        padded = nn.functional.pad(heard, module._reversed_padding_repeated_twice)
        plane = padded[:, :, None] if row else padded
        kernel, dilation, stride = (
            (*row, *each) for each in (module.kernel_size, module.dilation, module.stride)
        )
        unfolded = nn.functional.unfold(plane, kernel, dilation=dilation, stride=stride)
        return unfolded.transpose(1, 2).reshape(-1, unfolded.shape[1])
    if isinstance(module, TRANSPOSED_MODULES):
        return heard.flatten(2).transpose(1, 2).reshape(-1, heard.shape[1])
    return heard.reshape(-1, heard.shape[-1])


def _spread(module: nn.Module, heard: Tensor, weight: Tensor) -> Tensor:
    """What was heard by each weight, of the weight's shape; the outputs of a group hear that group's inputs."""
    if isinstance(module, TRANSPOSED_MODULES):
        return heard.reshape(-1, *(1,) * (weight.ndim - 1)).expand_as(weight)
    slots = weight[0].numel()
    by_group = heard.reshape(-1, slots)
    return by_group.repeat_interleave(len(weight) // len(by_group), dim=0).reshape(weight.shape)
