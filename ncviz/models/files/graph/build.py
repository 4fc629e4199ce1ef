"""Build a blueprint's steps as plain torch layers and functions, and find the shapes that they give."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.graph.blueprint import INPUT, Blueprint, Step, check_blueprint
from ncviz.models.files.graph.by_channel import BY_CHANNEL, Constant, Product

Shape = tuple[int, ...]

# Called with the step's settings by their own names.
NORMS: dict[str, Callable[..., nn.Module]] = {
    "layer_norm": lambda shape, eps, affine, bias: nn.LayerNorm(shape, eps, affine, bias),
    "rms_norm": lambda shape, eps, affine, bias: nn.RMSNorm(shape, eps, affine),
    "group_norm": lambda groups, channels, eps, affine: nn.GroupNorm(groups, channels, eps, affine),
    "instance_norm1d": lambda channels, eps, affine: nn.InstanceNorm1d(channels, eps, affine=affine),
    "instance_norm2d": lambda channels, eps, affine: nn.InstanceNorm2d(channels, eps, affine=affine),
    "local_response_norm": lambda width, alpha, beta, k: nn.LocalResponseNorm(width, alpha, beta, k),
    "constant": Constant,
    "matmul": Product,
}

# Each is called with the step's settings by name; a name that is not here is not built.
_LAYERS: dict[str, Callable[..., nn.Module]] = {
    "conv1d": nn.Conv1d, "conv2d": nn.Conv2d, "conv_transpose1d": nn.ConvTranspose1d,
    "conv_transpose2d": nn.ConvTranspose2d, "linear": nn.Linear, "batch_norm1d": nn.BatchNorm1d,
    "batch_norm2d": nn.BatchNorm2d, "prelu": nn.PReLU,
    **NORMS,
    "relu": nn.ReLU, "relu6": nn.ReLU6, "selu": nn.SELU,
    "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "softsign": nn.Softsign, "hardsigmoid": nn.Hardsigmoid,
    "hardswish": nn.Hardswish, "mish": nn.Mish, "silu": nn.SiLU, "log_sigmoid": nn.LogSigmoid,
    "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "celu": nn.CELU, "softplus": nn.Softplus, "hardtanh": nn.Hardtanh,
    "gelu": nn.GELU, "softmax": nn.Softmax, "log_softmax": nn.LogSoftmax, "max_pool1d": nn.MaxPool1d,
    "max_pool2d": nn.MaxPool2d, "avg_pool1d": nn.AvgPool1d, "avg_pool2d": nn.AvgPool2d,
    "adaptive_avg_pool1d": nn.AdaptiveAvgPool1d, "adaptive_avg_pool2d": nn.AdaptiveAvgPool2d,
    "adaptive_max_pool1d": nn.AdaptiveMaxPool1d, "adaptive_max_pool2d": nn.AdaptiveMaxPool2d,
    "zero_pad1d": partial(nn.ConstantPad1d, value=0.0), "zero_pad2d": nn.ZeroPad2d, "flatten": nn.Flatten,
    **BY_CHANNEL,
}  # fmt: skip
# What torch calls settings otherwise than a step does.
_TORCH_NAMES = {
    "kernel": "kernel_size", "channels": "num_features", "size": "output_size", "start": "start_dim", "axis": "dim",
    "slope": "negative_slope", "least": "min_val", "most": "max_val",
}  # fmt: skip
# Axes without the batch, by the end of an operation's name.
_RANKS = {
    "batch_norm1d": (1, 2), "linear": range(1, LIMITS.dimensions), "1d": (2,), "2d": (3,), "group_norm": (1, 2, 3),
    "local_response_norm": (2, 3),
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": torch.add,
    "multiply": torch.mul,
    "cat": torch.cat,
    "reshape": torch.reshape,
    "permute": torch.permute,
    "narrow": torch.narrow,
    "roll": torch.roll,
}


def make_layer(step: Step) -> nn.Module | None:
    """Return a step's layer without weights (on torch's meta device), or None if it is a function."""
    make = _LAYERS.get(step.operation)
    if make is None:
        return None
    settings = {_TORCH_NAMES.get(name, name): value for name, value in step.settings}
    if step.operation in BY_CHANNEL or step.operation in NORMS:
        settings = step.options
    if step.operation == "prelu":
        settings = {"num_parameters": step.options["channels"]}
    with torch.device("meta"):
        return make(**settings).eval()


def arguments_of(step: Step, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """Return what the torch function of a step is called with."""
    options = step.options
    if step.operation == "cat":
        return (list(inputs), options["axis"])
    if step.operation == "reshape":
        return (inputs[0], (-1, *options["shape"]))
    if step.operation == "permute":
        return (inputs[0], options["axes"])
    if step.operation == "roll":
        return (inputs[0], options["start"], options["axis"])
    if step.operation == "narrow":
        return (inputs[0], options["axis"], options["start"], options["length"])
    return tuple(inputs)


def shape_after(step: Step, inputs: Sequence[Shape]) -> tuple[Shape, dict[str, Shape], int]:
    """Return the shape that a step gives for one input, its arrays' shapes, and its multiplications.

    Nothing is computed or allocated: torch's meta device only follows the shapes.

    Args:
        step: A checked step.
        inputs: Shapes that it reads, without the batch axis.

    Raises:
        ModelError: If the shapes do not fit, or the result is beyond the limits.
    """
    try:
        _check_inputs(step, inputs)
        layer = make_layer(step)
        values = [torch.empty((1, *shape), device="meta") for shape in inputs]
        with torch.no_grad():
            result: Tensor = (
                layer(*values)
                if layer is not None
                else _FUNCTIONS[step.operation](*arguments_of(step, values))
            )
    except ModelError:
        raise
    except Exception as error:  # torch refuses shapes by RuntimeError, IndexError, ValueError and more
        lines = str(error).strip().splitlines()
        raise _misfit(step, inputs, f" ({lines[0][:120].rstrip('.')})" if lines else "") from error
    shape = tuple(result.shape[1:])
    if result.shape[0] != 1 or not shape or len(shape) >= LIMITS.dimensions or min(shape) < 1:
        raise ModelError(f"Step '{step.name}' ({step.operation}) gives the unfit shape {list(result.shape)}.")
    units = math.prod(shape)
    if units > LIMITS.layer_units:
        raise ModelError(
            f"Step '{step.name}' gives {units:,} units, at most {LIMITS.layer_units:,} per step are taken; bring a "
            "smaller network, or export it for smaller images."
        )
    arrays = {} if layer is None else {name: tuple(value.shape) for name, value in layer.state_dict().items()}
    return shape, arrays, _multiplications(step, inputs, units, arrays)


def _check_inputs(step: Step, inputs: Sequence[Shape]) -> None:
    # Torch takes an unbatched image for what it is; here the first axis is always the batch.
    ranks = next((ranks for ending, ranks in _RANKS.items() if step.operation.endswith(ending)), None)
    fits = ranks is None or len(inputs[0]) in ranks
    if step.operation in ("add", "multiply"):
        # One image's values are joined with its own, never with those of another.
        one, other = inputs
        fits = len(one) == len(other) and all(a == b or 1 in (a, b) for a, b in zip(one, other, strict=True))
    if step.operation in BY_CHANNEL:
        fits = len(inputs[0]) == step.options["rank"] and step.options["channels"] in (1, inputs[0][0])
    if step.operation == "matmul":
        one, other = inputs
        fits = len(one) == len(other) > 1 and one[-1] == other[-2]
    if step.operation == "cat":
        fits = all(len(shape) == len(inputs[0]) for shape in inputs)
    if not fits:
        raise _misfit(step, inputs)


def _misfit(step: Step, inputs: Sequence[Shape], reason: str = "") -> ModelError:
    return ModelError(
        f"Step '{step.name}' ({step.operation}) does not fit what it reads, of shape "
        f"{' and '.join(str(list(shape)) for shape in inputs[:4])}{reason}."
    )


def _multiplications(step: Step, inputs: Sequence[Shape], units: int, arrays: Mapping[str, Shape]) -> int:
    if step.operation == "matmul":
        return inputs[0][-1] * units
    weight = arrays.get("weight")
    if weight is None or step.operation == "constant" or len(weight) < 2:
        return math.prod(step.options.get("kernel", (1,))) * units
    if step.operation.startswith("conv_transpose"):
        return math.prod(weight[1:]) * math.prod(inputs[0])
    return math.prod(weight[1:]) * units


def build_module(blueprint: Blueprint, arrays: Mapping[str, np.ndarray]) -> fx.GraphModule:
    """Return the network as a traced module of plain layers and torch functions, in eval mode, on the CPU, in float32.

    Args:
        blueprint: The graph; checked here again, since it may come from a store.
        arrays: Name → array for every entry of the module's ``state_dict()``.

    Raises:
        ModelError: If the blueprint is damaged, or arrays are missing, unknown or of another shape.
    """
    check_blueprint(blueprint)
    root, graph = nn.Module(), fx.Graph()
    nodes: dict[str, fx.Node] = {INPUT: graph.placeholder(INPUT)}
    expected: dict[str, Shape] = {}
    shapes: dict[str, Shape] = {INPUT: blueprint.input_shape}
    for step in blueprint.steps:
        inputs = [nodes[name] for name in step.inputs]
        shapes[step.name], own, _ = shape_after(step, [shapes[name] for name in step.inputs])
        expected |= {f"{step.name}.{name}": shape for name, shape in own.items()}
        layer = make_layer(step)
        if layer is None:
            function = _FUNCTIONS[step.operation]
            nodes[step.name] = graph.create_node(
                "call_function", function, arguments_of(step, inputs), name=step.name.replace(".", "_")
            )
        else:
            _place(root, step.name, layer)
            nodes[step.name] = graph.create_node("call_module", step.name, tuple(inputs))
    graph.output(nodes[blueprint.output])
    net = fx.GraphModule(root, graph, class_name="Network")
    owners = dict(blueprint.ties)
    if any(name not in expected or expected[name] != expected.get(owner) for name, owner in owners.items()):
        raise ModelError("The network shares weights between layers of other shapes; export it again.")
    _check_arrays(arrays, {name: shape for name, shape in expected.items() if name not in owners})
    state = {
        name: torch.from_numpy(np.array(arrays[name], order="C")) for name in expected if name not in owners
    }
    net.load_state_dict(
        state | {name: state[owner] for name, owner in owners.items()}, strict=True, assign=True
    )
    for name, owner in owners.items():
        _tie(net, name, owner)
    return net.eval()


def _tie(net: nn.Module, name: str, owner: str) -> None:
    """Make an array of one layer that of another."""
    (layer, _, own), (of, _, other) = name.rpartition("."), owner.rpartition(".")
    setattr(net.get_submodule(layer), own, getattr(net.get_submodule(of), other))


def _place(root: nn.Module, name: str, layer: nn.Module) -> None:
    *folders, last = name.split(".")
    for folder in folders:
        if folder not in root._modules:
            root.add_module(folder, nn.Module())
        root = root.get_submodule(folder)
    root.add_module(last, layer)


def _check_arrays(arrays: Mapping[str, np.ndarray], expected: Mapping[str, Shape]) -> None:
    for name, shape in expected.items():
        values = arrays.get(name)
        is_counter = name.endswith(".num_batches_tracked")
        if values is None or values.dtype != (np.int64 if is_counter else np.float32):
            raise ModelError(f"The network's array '{name}' is missing or not of the right type.")
        if values.shape != shape:
            raise ModelError(
                f"The network's array '{name}' has the shape {list(values.shape)}, expected {list(shape)}."
            )
    for name in arrays:
        if name not in expected:
            raise ModelError(f"The network has an array '{name}' that none of its steps takes.")
