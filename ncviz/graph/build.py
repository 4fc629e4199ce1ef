"""Reads an ``nn.Module`` into a NeuralGraph, or names the layer that it cannot read."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from ncviz.errors import ModelError
from ncviz.graph.fields import conv2d_fields, linear_fields
from ncviz.graph.neural_graph import Connection, NeuralGraph

SUPPORTED = (
    "Linear, Conv2d, BatchNorm straight after them, Flatten, Dropout, Identity and pointwise activations"
)

NORM_MODULES = (nn.BatchNorm1d, nn.BatchNorm2d)
SILENT_MODULES: tuple[type[nn.Module], ...] = (
    nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout,
)  # fmt: skip
SILENT_FUNCTIONS: frozenset[Callable[..., Any]] = frozenset({F.dropout, F.dropout2d})
POINTWISE_MODULES: tuple[type[nn.Module], ...] = (
    *SILENT_MODULES,
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.LogSigmoid,
    nn.Hardshrink, nn.Softshrink, nn.Tanhshrink, nn.Threshold,
)  # fmt: skip
POINTWISE_FUNCTIONS: frozenset[Callable[..., Any]] = frozenset({
    torch.relu, torch.tanh, torch.sigmoid, F.relu, F.relu6, F.leaky_relu, F.elu, F.celu, F.selu, F.gelu, F.silu,
    F.mish, F.tanh, F.sigmoid, F.softplus, F.softsign, F.hardtanh, F.hardswish, F.hardsigmoid, F.logsigmoid,
    *SILENT_FUNCTIONS,
})  # fmt: skip
POINTWISE_METHODS = frozenset({"relu", "tanh", "sigmoid", "contiguous"})
SOFTMAX_MODULES = (nn.Softmax, nn.LogSoftmax)
SOFTMAX_FUNCTIONS = frozenset({F.softmax, F.log_softmax, torch.softmax, torch.log_softmax})


class _ShapeRecorder(fx.Interpreter):
    """Runs one zero input through the trace and notes the shape that each operation returns."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.shapes: dict[str, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self.shapes[n.name] = tuple(value.shape)
        return value


def trace(net: nn.Module) -> fx.GraphModule:
    """Return the network as a traced graph of operations.

    Raises:
        ModelError: If its forward cannot be traced (control flow that depends on the data).
    """
    try:
        return fx.symbolic_trace(net)
    except Exception as error:
        raise ModelError(
            f"The forward of {type(net).__name__} cannot be traced ({_first_line(error)}); "
            "write it as an nn.Sequential, or without control flow that depends on the data."
        ) from error


def own_copy(net: nn.Module) -> nn.Module:
    """Return a copy in eval mode and without hooks: the caller's network is neither run nor changed."""
    copied = copy.deepcopy(net).eval()
    for module in copied.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    return copied


def build_graph(net: nn.Module, input_shape: tuple[int, ...]) -> NeuralGraph:
    """Read a sequential network into its neural graph.

    Args:
        net: A chain of Linear, Conv2d (stride, zero padding, dilation, groups), BatchNorm straight after one of
            these, Flatten, Dropout, Identity and pointwise activations; nested containers and functional forms
            (``F.relu``) are followed. Not changed.
        input_shape: Shape of one input without the batch axis, e.g. (1, 28, 28).

    Returns:
        The graph: weights in float64, activations, biases and dropout left out. A BatchNorm is folded into the
        weights before it, so the graph is that of the fused network; the parameter keeps its own name.

    Raises:
        ModelError: Naming the layer that is not supported, does not fit its input or has bad weights.
    """
    traced = trace(own_copy(net))
    _check_statistics(traced)
    reader = _ChainReader(dict(traced.named_modules()), _record_shapes(traced, tuple(input_shape)))
    for node in traced.graph.nodes:
        reader.read(node)
    return reader.graph()


class _ChainReader:
    """Follows a trace from the input on and collects the weight layers with what each of them reads."""

    def __init__(self, modules: dict[str, nn.Module], shapes: dict[str, tuple[int, ...]]) -> None:
        self.modules, self.shapes = modules, shapes
        self.current: fx.Node | None = None
        self.logits: fx.Node | None = None
        self.softmax: str | None = None
        self.is_linear = False  # whether nothing but a weight layer, and what leaves it linear, came last
        self.connections: list[Connection] = []
        self.taps: list[str] = []
        self.layer_shapes: list[tuple[int, ...]] = []

    def read(self, node: fx.Node) -> None:
        """Take in the next operation."""
        if node.op == "placeholder":
            if self.current is not None:
                raise ModelError(
                    f"The network takes more than one input (second: '{node.target}'); expected one."
                )
            self.current = node
            self.layer_shapes.append(self.shapes[node.name][1:])
        elif node.op == "output":
            if node.args[0] is not self.current:
                raise ModelError(
                    "The network's output is not the result of its last layer; expected one chain."
                )
        else:
            self._layer(node, _previous(node, self.current, self.modules))
            self.current = node

    def _layer(self, node: fx.Node, before: fx.Node) -> None:
        if self.softmax is not None and not is_pointwise(node, self.modules):
            raise ModelError(
                f"Layer '{self.softmax}' is a softmax inside the network; only one at its end is supported."
            )
        layer = self.modules.get(str(node.target)) if node.op == "call_module" else None
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            self.connections.append(_connection(str(node.target), layer, self.shapes[before.name]))
            self.taps.append(before.name)
            # Flatten keeps the order of units, so the shape before it still fits, and shows rows and channels.
            self.layer_shapes.append(self.shapes[node.name][1:])
            self.logits, self.is_linear = node, True
            return
        if isinstance(layer, NORM_MODULES):
            if not self.is_linear:
                raise ModelError(
                    f"Layer {_describe(node, self.modules)} does not come straight after a Linear or Conv2d, so it has "
                    "no weights to be folded into; move it there."
                )
            self.connections[-1] = _folded(self.connections[-1], str(node.target), layer)
            self.logits = node
            return
        self.is_linear = self.is_linear and _is_silent(node, self.modules)
        if is_softmax(node, self.modules):
            self.softmax = str(node.target)
        elif _is_flatten(node, self.modules):
            _check_flatten(node, self.shapes[before.name], self.shapes[node.name])
        elif not is_pointwise(node, self.modules):
            raise ModelError(
                f"Layer {_describe(node, self.modules)} is not supported; ncviz reads {SUPPORTED}."
            )
        elif self.logits is not None and self.softmax is None:
            self.logits = node

    def graph(self) -> NeuralGraph:
        """Return what was read."""
        if self.logits is None:
            raise ModelError(
                f"The network has no weight layer; expected at least one Linear or Conv2d among {SUPPORTED}."
            )
        # The definition puts a softmax on the last layer, so a softmax that the network ends in is that one.
        return NeuralGraph(tuple(self.layer_shapes), tuple(self.connections), (*self.taps, self.logits.name))


def _check_statistics(traced: fx.GraphModule) -> None:
    # Before any input is run: without statistics of its own, a BatchNorm refuses the single one that gives the shapes.
    modules = dict(traced.named_modules())
    for node in traced.graph.nodes:
        layer = modules.get(str(node.target)) if node.op == "call_module" else None
        if isinstance(layer, NORM_MODULES) and (layer.running_mean is None or layer.running_var is None):
            raise ModelError(
                f"Layer {_describe(node, modules)} keeps no running statistics, so an image's activations depend on "
                "the other images of its batch; train it with track_running_stats=True."
            )


def _record_shapes(traced: fx.GraphModule, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    if not input_shape or any(size < 1 for size in input_shape):
        raise ModelError(f"input_shape must hold positive sizes without the batch axis, got {input_shape}.")
    recorder = _ShapeRecorder(traced)
    parameter = next(traced.parameters(), None)
    example = torch.zeros((1, *input_shape), dtype=parameter.dtype if parameter is not None else None)
    if parameter is not None:
        example = example.to(parameter.device)
    try:
        with torch.no_grad():
            recorder.run(example)
    except Exception as error:
        done = list(recorder.shapes)
        after = (
            f"after '{done[-1]}', which gives {list(recorder.shapes[done[-1]][1:])}"
            if done
            else "at the input"
        )
        raise ModelError(
            f"An input of shape {list(input_shape)} does not fit the network ({after}): {_first_line(error)}."
        ) from error
    return recorder.shapes


def _previous(node: fx.Node, current: fx.Node | None, modules: dict[str, nn.Module]) -> fx.Node:
    """Return the operation before, refusing branches: each must read exactly the result of the one before it."""
    if current is None or node.all_input_nodes != [current]:
        raise ModelError(
            f"Layer {_describe(node, modules)} does not simply follow the layer before it; "
            "ncviz reads chains of layers, without branches or skip connections."
        )
    return current


def _connection(name: str, layer: nn.Linear | nn.Conv2d, input_shape: tuple[int, ...]) -> Connection:
    if isinstance(layer, nn.Linear):
        if len(input_shape) != 2:
            raise ModelError(
                f"Linear layer '{name}' reads a feature map of shape {list(input_shape[1:])}; put a Flatten before it."
            )
        fields, groups = linear_fields(layer), 1
    else:
        if layer.padding_mode != "zeros":
            raise ModelError(
                f"Conv2d layer '{name}' has padding_mode='{layer.padding_mode}', which is not supported; use 'zeros'."
            )
        fields, groups = conv2d_fields(layer, input_shape[1:]), layer.groups
    weight = layer.weight.detach().to("cpu", torch.float64).numpy()
    parameter = f"{name}.weight" if name else "weight"
    _check_weight(weight, f"'{parameter}'")
    connection = Connection(
        name, parameter, tuple(weight.shape), fields, weight.reshape(groups, -1, fields.shape[2])
    )
    if connection.number_of_edges == 0:
        raise ModelError(
            f"Every weight of layer '{name}' that is not zero falls on padding, so the network has no path through it; "
            "give larger images or less padding."
        )
    return connection


def _folded(connection: Connection, norm: str, layer: nn.BatchNorm1d | nn.BatchNorm2d) -> Connection:
    """Return the connection with each output channel's weights times γ/√(σ² + ε)."""
    assert layer.running_var is not None  # checked before anything was read
    scale = torch.rsqrt(layer.running_var.detach().to("cpu", torch.float64) + layer.eps)  # [channels]
    # The annotation of torch leaves out that an affine=False layer has no weight.
    gamma: Tensor | None = layer.weight
    if gamma is not None:
        scale = scale * gamma.detach().to("cpu", torch.float64)
    bad = int((~torch.isfinite(scale)).sum())
    if bad:
        raise ModelError(
            f"BatchNorm '{norm}' scales {bad} channels by NaN or infinity; expected finite weights and a positive "
            "running variance."
        )
    groups = len(connection.weight)
    with np.errstate(over="ignore"):
        weight = connection.weight * scale.numpy().reshape(groups, -1, 1)
    _check_weight(weight, f"'{connection.parameter}' with BatchNorm '{norm}' folded in")
    return replace(connection, weight=weight)


def _check_weight(weight: np.ndarray, label: str) -> None:
    bad = int(np.count_nonzero(~np.isfinite(weight)))
    if bad:
        raise ModelError(
            f"Weight {label} holds {bad} values that are NaN or infinite; expected finite numbers."
        )
    with np.errstate(over="ignore"):
        endless = int(np.count_nonzero(np.isinf(1.0 / np.abs(weight[weight != 0]))))
    if endless:
        raise ModelError(
            f"Weight {label} holds {endless} values so small that 1/|w| overflows; set them to zero."
        )
    if not np.any(weight):
        raise ModelError(
            f"All of {label} is zero, so the network has no path through it; load a trained network."
        )


def _is_silent(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Return whether the operation passes on what it reads, once the network is trained."""
    if node.op == "call_module":
        return isinstance(modules[str(node.target)], SILENT_MODULES)
    if node.op == "call_function":
        return node.target in SILENT_FUNCTIONS
    return node.op == "call_method" and node.target == "contiguous"


def is_pointwise(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Return whether the operation treats every unit alike and alone."""
    if node.op == "call_module":
        return isinstance(modules[str(node.target)], POINTWISE_MODULES)
    if node.op == "call_function":
        return node.target in POINTWISE_FUNCTIONS
    return node.op == "call_method" and node.target in POINTWISE_METHODS


def is_softmax(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Return whether the operation is a softmax or its logarithm."""
    if node.op == "call_module":
        return isinstance(modules[str(node.target)], SOFTMAX_MODULES)
    return node.op == "call_function" and node.target in SOFTMAX_FUNCTIONS


def _is_flatten(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    if node.op == "call_module":
        return isinstance(modules[str(node.target)], nn.Flatten)
    if node.op == "call_function":
        return node.target is torch.flatten
    return node.op == "call_method" and node.target == "flatten"


def _check_flatten(node: fx.Node, before: tuple[int, ...], after: tuple[int, ...]) -> None:
    if after[0] != 1 or len(after) not in (2, len(before)):
        raise ModelError(
            f"Flatten '{node.target}' turns {list(before)} into {list(after)}; expected one row for each image."
        )


def _describe(node: fx.Node, modules: dict[str, nn.Module]) -> str:
    if node.op == "call_module":
        return f"'{node.target}' ({type(modules[str(node.target)]).__name__})"
    if node.op == "call_function" and node.target in (operator.add, torch.add):
        return f"'{node.name}' (an addition)"
    return f"'{node.name}' ({getattr(node.target, '__name__', node.target)})"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
