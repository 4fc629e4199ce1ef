"""Weights that functions read: parameters that carry edges though no layer's module holds them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import fx, nn

from ncviz.errors import ModelError
from ncviz.graph.forward.constants import image_free, values_of
from ncviz.graph.forward.contractions import CONTRACTIONS
from ncviz.graph.forward.origins import Origins
from ncviz.graph.operations import WEIGHT_MODULES, WEIGHTED, name_of
from ncviz.graph.tracing import trace
from ncviz.graph.values import flat


def weights_of_functions(net: nn.Module, input_shape: tuple[int, ...] | None = None) -> set[str]:
    """Return the names of parameters that ``F.linear``, ``F.conv2d``, ``x @ w`` and the like read as weights.

    Args:
        net: A copy of a network in eval mode.
        input_shape: Shape of one input; without it a forward that has to be exported is not looked into.
    """
    if not any(_may_be_read(module) for module in net.modules()):
        return set()
    try:
        traced = trace(net, input_shape)
        with torch.no_grad():
            values = values_of(traced, image_free(traced.graph))
    except ModelError:
        return set()
    names = {id(tensor): name for name, tensor in net.named_parameters()}
    origins = Origins(traced, values, names)
    found = (origins.of(weight) for weight in _read(traced))
    return {origin.parameter for origin in found if origin is not None and origin.is_whole}


def _may_be_read(module: nn.Module) -> bool:
    """Whether a module holds a parameter that may be a weight read by a function: an attention, or the user's own."""
    if isinstance(module, nn.MultiheadAttention):
        return True
    is_layer = isinstance(module, WEIGHT_MODULES) or type(module).__module__.startswith("torch.nn.modules.")
    return not is_layer and any(each.ndim > 1 for each in module.parameters(recurse=False))


def _read(traced: fx.GraphModule) -> Iterator[object]:
    """Yield what a trace's functions may read as their weight."""
    for node in traced.graph.nodes:
        kind = name_of(node, {}) if node.op in ("call_function", "call_method") else ""
        if kind in WEIGHTED:
            yield node.kwargs.get("weight", node.args[1] if len(node.args) > 1 else None)
        elif kind in CONTRACTIONS:
            for factor in flat([*node.args, *node.kwargs.values()]):
                while isinstance(factor, fx.Node) and name_of(factor, {}) in (
                    "expand",
                    "repeat",
                    "expand_as",
                ):
                    factor = factor.args[0]
                yield factor
