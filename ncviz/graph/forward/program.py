"""A network's forward as a list of plain operations, one after the other, that something other than torch can run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import fx, nn

from ncviz.copies.hooks import without_global_hooks
from ncviz.copies.own_copy import own_copy
from ncviz.graph import operations as ops
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.tracing import noise_input, record_shapes, trace

# What leaves the numbers in memory as they are, and only counts them otherwise.
_RESHAPED = frozenset({"flatten", "unflatten", "reshape", "view", "squeeze", "unsqueeze"})
# The functions of each unit alone that are run, with the settings that they take.
_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "relu": (), "relu6": (), "tanh": (), "sigmoid": (), "silu": (), "softsign": (), "hardswish": (), "hardsigmoid": (),
    "leaky_relu": ("negative_slope",), "elu": ("alpha",), "hardtanh": ("min_val", "max_val"),
}  # fmt: skip
_TENSORS = ("weight", "bias", "running_mean", "running_var")


def forward_program(
    net: nn.Module, graph: NeuralGraph, input_shape: tuple[int, ...]
) -> dict[str, Any] | None:
    """Return what a network does to an image as a list of operations; None if it is no chain of those known here.

    These are modules: linear layers, two-dimensional convolutions with zero padding, poolings and batch normalisations
    that use their running statistics; and, as modules, functions or methods, changes of shape and the functions of
    each unit alone in this module's table. A softmax at the end is left out: the last layer holds the logits.

    Args:
        net: The network. Not changed.
        graph: Its neural graph.
        input_shape: Shape of one input.

    Returns:
        As plain JSON: "operations", each with its "kind", the shapes that it "reads" and "returns" without the batch
        axis, its settings, and its tensors' names under "weight", "bias", "running_mean" and "running_var"; and
        "layers", for each layer of the graph how many operations are done when its activation is read.
    """
    own = own_copy(net, noise_input(net, input_shape)).cpu()
    with without_global_hooks():
        traced = trace(own, input_shape)
        shapes, _ = record_shapes(own, traced, input_shape)
    modules, names = dict(traced.named_modules()), {id(t): name for name, t in own.named_parameters()}
    steps: list[dict[str, Any]] = []
    done: dict[str, int] = {}
    before: fx.Node | None = None
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            if before is not None:
                return None
        elif node.op == "output":
            break
        elif before is None or node.all_input_nodes != [before] or node.name not in shapes:
            return None
        else:
            step = _step(node, modules, names, [list(shapes[each.name][1:]) for each in (before, node)])
            if step is None:
                return None
            steps += [step] if step else []
        done[node.name], before = len(steps), node
    layers = [
        done.get(taps[0].node) if len(taps) == 1 and taps[0].units is None else None for taps in graph.taps
    ]
    if any(layer is None for layer in layers):
        return None
    return {"operations": steps, "layers": layers}


def _step(
    node: fx.Node, modules: Mapping[str, nn.Module], names: Mapping[int, str], shapes: list[list[int]]
) -> dict[str, Any] | None:
    """Return an operation as plain JSON, empty if it changes nothing; None if it cannot be written so."""
    kind = ops.operation(node, dict(modules))
    module = modules[str(node.target)] if node.op == "call_module" else None
    if kind in ops.SILENT | _RESHAPED | ops.SOFTMAX:
        return {}
    plain = {"kind": kind, "reads": shapes[0], "returns": shapes[1]}
    if kind in _FUNCTIONS:
        settings = _FUNCTIONS[kind]
        if settings and module is None:
            return None
        return plain | {name: float(getattr(module, name)) for name in settings}
    if module is None or kind not in _LAYERS or (kind == "linear" and len(shapes[0]) != 1):
        return None
    found = _LAYERS[kind](module)
    return None if found is None else plain | found | _tensors(module, str(node.target), names)


def _tensors(module: nn.Module, at: str, names: Mapping[int, str]) -> dict[str, str]:
    """Return under which names a layer's tensors are known; two layers may share a parameter, which has one."""
    found = {name: getattr(module, name, None) for name in _TENSORS}
    return {
        name: names.get(id(tensor), f"{at}.{name}") for name, tensor in found.items() if tensor is not None
    }


def _convolution(module: Any) -> dict[str, Any] | None:
    if module.padding_mode != "zeros" or isinstance(module.padding, str):
        return None
    sizes = ("kernel_size", "stride", "padding", "dilation")
    return {name: list(getattr(module, name)) for name in sizes} | {"groups": module.groups}


def _max_pool(module: Any) -> dict[str, Any] | None:
    sizes = ("kernel_size", "stride", "padding", "dilation")
    return None if module.return_indices else {name: _two(getattr(module, name)) for name in sizes}


def _average_pool(module: Any) -> dict[str, Any] | None:
    # A window that ends beyond the image counts what it covers; no window of what is drawn needs that.
    if module.ceil_mode or module.divisor_override:
        return None
    sizes = {name: _two(getattr(module, name)) for name in ("kernel_size", "stride", "padding")}
    return sizes | {"count_include_pad": module.count_include_pad}


def _norm(module: Any) -> dict[str, Any] | None:
    return None if module.running_mean is None else {"eps": module.eps}


def _two(value: int | tuple[int, ...]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)


_LAYERS: dict[str, Callable[[Any], dict[str, Any] | None]] = {
    "linear": lambda _: {}, "conv2d": _convolution, "max_pool2d": _max_pool, "avg_pool2d": _average_pool,
    "batch_norm": _norm,
}  # fmt: skip
