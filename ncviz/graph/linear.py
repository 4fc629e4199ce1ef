"""The linear network that is left of a network without its biases and activations."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, fx, nn

from ncviz.copies.own_copy import own_copy
from ncviz.graph.forward.constants import image_free
from ncviz.graph.operations import NORM_MODULES, WEIGHT_MODULES, is_pointwise, is_softmax, operation
from ncviz.graph.tracing import trace


class _Scale(nn.Module):
    """What a BatchNorm in eval mode multiplies each channel by, without its sign and shift."""

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        super().__init__()
        assert norm.running_var is not None
        scale = torch.rsqrt(norm.running_var + norm.eps)
        gamma: Tensor | None = norm.weight
        self.register_buffer("scale", (scale if gamma is None else scale * gamma).abs().detach())

    def forward(self, x: Tensor) -> Tensor:
        scale: Tensor = self.get_buffer("scale")
        return x * scale.reshape(1, -1, *(1,) * (x.ndim - 2))


def linearised(net: nn.Module) -> fx.GraphModule:
    """Return the network in float64 without activations, softmax and biases, BatchNorm as its positive scale.

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
            traced.set_submodule(str(node.target), _Scale(layer))
        elif (
            node not in constant
            and node.op not in ("placeholder", "output")
            and (is_pointwise(node, modules) or is_softmax(node, modules))
        ):
            node.replace_all_uses_with(node.all_input_nodes[0])
            traced.graph.erase_node(node)
        elif node not in constant and node.op in ("call_function", "call_method"):
            _without_constants(traced.graph, node, constant)
    traced.recompile()
    return traced


def _without_constants(graph: fx.Graph, node: fx.Node, constant: Collection[fx.Node]) -> None:
    """Leave out what a sum adds of constants, and make positive what a product multiplies by."""
    name, operands = operation(node, {}), node.args[:2]
    given = [each for each in operands if isinstance(each, fx.Node) and each not in constant]
    if len(given) != 1 or len(operands) != 2:
        return
    if name in ("add", "sub"):
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
