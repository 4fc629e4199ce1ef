"""The linear network that is left of a network without its biases and activations."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import getitem
from typing import Any

import torch
from torch import Tensor, fx, nn

from ncviz.copies.own_copy import own_copy
from ncviz.graph.following.norms import norm_arguments
from ncviz.graph.forward.constants import image_free
from ncviz.graph.operations import (
    NORM_MODULES,
    NORMS,
    WEIGHT_MODULES,
    WEIGHTED,
    is_pointwise,
    is_softmax,
    name_of,
    operation,
    returns_several,
)
from ncviz.graph.tracing import trace


def linearised(net: nn.Module) -> fx.GraphModule:
    """Return the network in float64 without activations, softmax, biases and norms, BatchNorm as its positive scale.

    What the forward adds of constants is left out, too, and what multiplies by them is made positive.

    Args:
        net: The network. Not changed.

    Raises:
        ModelError: If its forward cannot be traced.
    """
    own = own_copy(net).cpu().double()
    for module in own.modules():
        if isinstance(module, WEIGHT_MODULES) and module.bias is not None:
            module.bias.data.zero_()
    traced = trace(own)
    modules, constant = dict(traced.named_modules()), image_free(traced.graph)
    for node in list(traced.graph.nodes):
        layer = modules.get(str(node.target)) if node.op == "call_module" else None
        if isinstance(layer, NORM_MODULES):
            with traced.graph.inserting_before(node):
                names = ["running_var", *(["weight"] if layer.weight is not None else [])]
                read = [traced.graph.get_attr(f"{node.target}.{name}") for name in names]
            _replace_norm(
                traced.graph,
                node,
                {"input": node.all_input_nodes[0], "eps": layer.eps} | dict(zip(names, read, strict=True)),
            )
        elif (
            node not in constant
            and node.op not in ("placeholder", "output")
            and (
                is_pointwise(node, modules) or is_softmax(node, modules) or operation(node, modules) in NORMS
            )
        ):
            # Torch's inner forms of a norm return statistics, too, from which the first is taken.
            for user in [each for each in node.users if each.target is getitem and each.args[1] == 0]:
                if returns_several(node):
                    user.replace_all_uses_with(node.all_input_nodes[0])
                    traced.graph.erase_node(user)
            node.replace_all_uses_with(node.all_input_nodes[0])
            traced.graph.erase_node(node)
        elif node not in constant and node.op in ("call_function", "call_method"):
            _without_constants(traced.graph, node, constant)
    traced.recompile()
    return traced


def _replace_norm(graph: fx.Graph, node: fx.Node, given: Mapping[str, Any]) -> None:
    """Put in place of a batch normalisation what it multiplies each channel by."""
    with graph.inserting_before(node):
        made = graph.call_function(
            _scaled, (given["input"], given["running_var"], given.get("weight"), given.get("eps", 1e-5))
        )
    node.replace_all_uses_with(made)
    graph.erase_node(node)


def _scaled(x: Tensor, variance: Tensor, gamma: Tensor | None, eps: float) -> Tensor:
    """Return what a BatchNorm in eval mode gives, without its sign and shift."""
    scale = torch.rsqrt(variance + eps) if gamma is None else gamma * torch.rsqrt(variance + eps)
    return x * scale.abs().detach().reshape(1, -1, *(1,) * (x.ndim - 2))


def _without_constants(graph: fx.Graph, node: fx.Node, constant: Collection[fx.Node]) -> None:
    """Leave out what a function adds of constants, and make positive what it multiplies by."""
    name, operands = name_of(node, {}), node.args[:2]
    given = [each for each in operands if isinstance(each, fx.Node) and each not in constant]
    if name == "batch_norm":
        _replace_norm(graph, node, norm_arguments(node, name, node.args, node.kwargs))
    elif name in WEIGHTED:
        node.args = (*node.args[:2], *(None for _ in node.args[2:3]), *node.args[3:])
        node.kwargs = {key: value for key, value in node.kwargs.items() if key != "bias"}
    elif name in ("addmm", "baddbmm") and node.args[:1] and node.args[0] in constant:
        node.update_kwarg("beta", 0)
    elif len(given) != 1 or len(operands) != 2:
        return
    elif name in ("add", "sub"):
        node.replace_all_uses_with(given[0])
        graph.erase_node(node)
    elif name in ("mul", "div"):
        other = operands[1] if operands[0] is given[0] else operands[0]
        positive: fx.Node | float | None = None
        if isinstance(other, fx.Node):
            with graph.inserting_before(node):
                positive = graph.call_function(torch.abs, (other,))
        elif isinstance(other, (int, float)):
            positive = abs(other)
        node.args = tuple(positive if each is other else each for each in node.args)
