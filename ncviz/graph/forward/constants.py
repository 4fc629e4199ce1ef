"""What a forward computes without the image (positions, scales, weights made of weights), and number types."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn

from ncviz.graph.operations import CASTS, operation


def image_free(graph: fx.Graph) -> set[fx.Node]:
    """Return the operations whose result does not depend on the image, nor on its shape."""
    found: set[fx.Node] = set()
    for node in graph.nodes:
        if node.op not in ("placeholder", "output") and all(one in found for one in node.all_input_nodes):
            found.add(node)
    return found


class _Folding(fx.Interpreter):
    """Runs what does not depend on the image, and keeps its tensors."""

    def __init__(self, traced: fx.GraphModule, wanted: set[fx.Node]) -> None:
        super().__init__(traced, garbage_collect_values=False)
        self.wanted = wanted

    def run_node(self, n: fx.Node) -> Any:
        return super().run_node(n) if n in self.wanted else None


def values_of(traced: fx.GraphModule, wanted: set[fx.Node]) -> dict[fx.Node, Any]:
    """Return what some operations return that do not depend on the image."""
    folding = _Folding(traced, wanted)
    folding.run(*(None for node in traced.graph.nodes if node.op == "placeholder"))
    return {node: folding.env[node] for node in wanted}


def free_of_types(traced: fx.GraphModule) -> None:
    """Make a trace one that runs in any floating-point type, as in the type that its parameters will have.

    What does not depend on the image is computed once, in the network's own type, and activations are no longer cast;
    nothing insists on the type that a network was exported with.
    """
    for node in list(traced.graph.nodes):
        if node.target is torch.ops.aten._assert_tensor_metadata.default:
            traced.graph.erase_node(node)
    _fold_constants(traced)
    free, modules = image_free(traced.graph), dict[str, nn.Module]()
    for node in list(traced.graph.nodes):
        if (
            node.op in ("call_method", "call_function")
            and node not in free
            and operation(node, modules) in CASTS
        ):
            node.replace_all_uses_with(node.all_input_nodes[0])
            traced.graph.erase_node(node)
    traced.graph.eliminate_dead_code()
    traced.recompile()


def _fold_constants(traced: fx.GraphModule) -> None:
    free = image_free(traced.graph)
    computed = {node for node in free if node.op != "get_attr"}
    if not computed:
        return
    with torch.no_grad():
        values = values_of(traced, free)
    for at, node in enumerate(traced.graph.nodes):
        value = values.get(node)
        if node in computed and isinstance(value, Tensor) and any(user not in free for user in node.users):
            name = f"_computed_{at}"
            traced.register_buffer(name, value.detach().clone())
            with traced.graph.inserting_before(node):
                kept = traced.graph.get_attr(name)
            node.replace_all_uses_with(kept, delete_user_cb=lambda user: user not in free)
