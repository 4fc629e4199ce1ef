"""The ATen operators of a ``torch.export`` program that are read, each by what it is in a blueprint."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ncviz.models.onnx_pointwise import POINTWISE, apply_native
from ncviz.models.onnx_tensors import BATCH
from ncviz.models.pointwise import Native, Pointwise, elu, gelu, hardsigmoid, sigmoid, softplus
from ncviz.models.reading import Node, Reading, Source, Value

Arguments = dict[str, Any]
Operator = Callable[[Reading, Node, Arguments], Value]
Function = Callable[[np.ndarray], np.ndarray]
SYMBOLIC = frozenset(
    {"sym_size", "sym_constrain_range_for_size", "_assert_scalar", "_assert_tensor_metadata"}
)
VIEWS = frozenset({
    "view", "reshape", "flatten", "permute", "transpose", "t", "squeeze", "unsqueeze", "contiguous", "detach", "alias",
    "dropout", "feature_dropout", "alpha_dropout", "to", "_unsafe_view", "identity", "numpy_T",
})  # fmt: skip
_LARGEST = float(np.finfo(np.float32).max)
_FLOAT_TYPES = (None, 6, 7, 8, 13)  # codes of the file for float16, float32, float64 and bfloat16


@dataclass(frozen=True)
class Name:
    """A reference to a tensor of the program, or to one of its sizes that is left open."""

    text: str
    is_size: bool = False


def _step(reading: Reading, node: Node, arguments: Arguments) -> str:
    value = arguments.get("input", arguments.get("self"))
    return reading.step_of(value, node)


def _weights(reading: Reading, node: Node, value: Any, slot: int) -> tuple[np.ndarray, Source]:
    if not isinstance(value, np.ndarray):
        raise reading.refusal(
            node, "has weights that the network computes (as attention does), expected constants"
        )
    return value, Source(node.index, slot, value.shape)


def _many(value: Any, axes: int, default: Any = None) -> tuple[int, ...]:
    value = default if value is None or value == [] else value
    sizes = [value] if isinstance(value, int) else list(value)
    return tuple(sizes * axes if len(sizes) == 1 else sizes)


def _native(make: Callable[[Arguments], tuple[Function, Native | None]]) -> Operator:
    def read(reading: Reading, node: Node, arguments: Arguments) -> Value:
        function, native = make(arguments)
        value: Any = arguments.get("self", arguments.get("input"))
        return apply_native(reading, node, value, function, native)

    return read


def _leaky(arguments: Arguments) -> tuple[Function, Native]:
    slope = float(arguments.get("negative_slope", 0.01))
    return lambda x: np.where(x > 0, x, slope * x), ("leaky_relu", {"slope": slope})


def _elu(arguments: Arguments) -> tuple[Function, Native | None]:
    alpha, scale, inner = (float(arguments.get(name, 1.0)) for name in ("alpha", "scale", "input_scale"))
    native: Native | None = ("elu", {"alpha": alpha}) if scale == inner == 1.0 else None
    return lambda x: scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(inner * x, 0.0))), native


def _celu(arguments: Arguments) -> tuple[Function, Native]:
    alpha = float(arguments.get("alpha", 1.0))
    return lambda x: np.maximum(x, 0.0) + np.minimum(0.0, alpha * np.expm1(x / alpha)), (
        "celu",
        {"alpha": alpha},
    )


def _gelu(arguments: Arguments) -> tuple[Function, Native]:
    approximate = str(arguments.get("approximate", "none"))
    return lambda x: gelu(x, approximate), ("gelu", {"approximate": approximate})


def _softplus(arguments: Arguments) -> tuple[Function, Native | None]:
    beta = float(arguments.get("beta", 1.0))
    # A lower threshold cuts the curve where it is not yet a line.
    native: Native | None = (
        ("softplus", {"beta": beta}) if float(arguments.get("threshold", 20.0)) == 20.0 else None
    )
    return (lambda x: softplus(beta * x) / beta) if native else (lambda x: np.full_like(x, np.nan)), native


def _clipped(least: str, most: str, defaults: tuple[float, float]) -> Operator:
    def make(arguments: Arguments) -> tuple[Function, Native]:
        low, high = (
            float(default if arguments.get(name) is None else arguments[name])
            for name, default in zip((least, most), defaults, strict=True)
        )
        known = {(0.0, 6.0): "relu6", (0.0, _LARGEST): "relu"}.get((low, high))
        native: Native = (known, {}) if known else ("hardtanh", {"least": low, "most": high})
        return lambda x: np.clip(x, low, high), native

    return _native(make)


def _fixed(operation: str, function: Function) -> Operator:
    return _native(lambda arguments: (function, (operation, {})))


def _arithmetic(operator: str) -> Operator:
    def read(reading: Reading, node: Node, arguments: Arguments) -> Value:
        if arguments.get("alpha", 1) != 1 or arguments.get("rounding_mode") is not None:
            raise reading.refusal(node, "has an alpha or a rounding mode, which is not supported")
        pair = [arguments["self"], arguments.get("other", arguments.get("exponent"))]
        values = [value if isinstance(value, Pointwise) else np.asarray(value) for value in pair]
        return POINTWISE[operator](reading, node, values)

    return read


def _onnx(operator: str) -> Operator:
    return lambda reading, node, arguments: POINTWISE[operator](reading, node, [arguments["self"]])


def _convolution(axes: int, is_transposed: bool = False) -> Operator:
    def read(reading: Reading, node: Node, arguments: Arguments) -> Value:
        return _convolved(reading, node, arguments, axes, is_transposed)

    return read


def _any_convolution(reading: Reading, node: Node, arguments: Arguments) -> Value:
    axes = np.ndim(arguments["weight"]) - 2
    return _convolved(reading, node, arguments, axes, bool(arguments.get("transposed", False)))


def _convolved(reading: Reading, node: Node, arguments: Arguments, axes: int, is_transposed: bool) -> Value:
    step = _step(reading, node, arguments)
    weight, source = _weights(reading, node, arguments["weight"], 1)
    if axes not in (1, 2) or weight.ndim != axes + 2:
        raise reading.refusal(node, f"works on {axes} axes, of which 1 and 2 are supported")
    arrays = {"weight": (weight, source)}
    if arguments.get("bias") is not None:
        arrays["bias"] = _weights(reading, node, arguments["bias"], 2)
    kernel, groups = weight.shape[2:], arguments.get("groups", 1)
    stride, dilation = _many(arguments.get("stride"), axes, 1), _many(arguments.get("dilation"), axes, 1)
    padding = arguments.get("padding")
    if isinstance(padding, str):
        total = [
            (width - 1) * spread if padding == "same" else 0
            for width, spread in zip(kernel, dilation, strict=True)
        ]
        if any(size % 2 for size in total):
            raise reading.refusal(node, "has padding that differs between sides, which is not supported here")
        padding = [size // 2 for size in total]
    settings: dict[str, Any] = {
        "in_channels": weight.shape[0] if is_transposed else weight.shape[1] * groups,
        "out_channels": weight.shape[1] * groups if is_transposed else weight.shape[0],
        "kernel": kernel,
        "stride": stride,
        "padding": _many(padding, axes, 0),
        "dilation": dilation,
        "groups": groups,
        "bias": "bias" in arrays,
    }
    if is_transposed:
        settings["output_padding"] = _many(arguments.get("output_padding"), axes, 0)
    return reading.layer(
        node, f"conv{'_transpose' if is_transposed else ''}{axes}d", step, arrays, **settings
    )


def _linear(reading: Reading, node: Node, arguments: Arguments) -> Value:
    return _joined(reading, node, arguments["input"], arguments["weight"], arguments.get("bias"), 1)


def _addmm(reading: Reading, node: Node, arguments: Arguments) -> Value:
    if arguments.get("alpha", 1) != 1 or arguments.get("beta", 1) != 1:
        raise reading.refusal(node, "has an alpha or beta, which is not supported")
    return _joined(reading, node, arguments["mat1"], np.transpose(arguments["mat2"]), arguments["self"], 2)


def _matmul(reading: Reading, node: Node, arguments: Arguments) -> Value:
    other: Any = arguments.get("mat2", arguments.get("other"))
    if isinstance(other, Pointwise):
        raise reading.refusal(node, "multiplies two activations, as attention does, which is not supported")
    return _joined(reading, node, arguments["self"], np.transpose(other), None, 1)


def _joined(reading: Reading, node: Node, value: Any, weight: Any, bias: Any, slot: int) -> Value:
    step = reading.step_of(value, node)
    matrix, source = _weights(reading, node, weight, slot)
    if matrix.ndim != 2:
        raise reading.refusal(node, f"has weights of shape {list(matrix.shape)}, expected a matrix")
    arrays = {"weight": (matrix, source)}
    if bias is not None:
        arrays["bias"] = _weights(reading, node, bias, 2)
    return reading.layer(
        node, "linear", step, arrays, slot, in_features=matrix.shape[1], out_features=matrix.shape[0],
        bias=bias is not None,
    )  # fmt: skip


def _batch_norm(reading: Reading, node: Node, arguments: Arguments) -> Value:
    step = _step(reading, node, arguments)
    shape = reading.draft.shapes[step]
    if arguments.get("training"):
        raise reading.refusal(node, "is in training mode; export the network after net.eval()")
    if len(shape) > 3 or arguments["running_mean"] is None or arguments["running_var"] is None:
        raise reading.refusal(
            node, "keeps no running statistics, or has more than 3 axes, which is not supported"
        )
    plain = {"weight": np.ones(shape[0]), "bias": np.zeros(shape[0])}
    arrays = {}
    for slot, name in enumerate(("weight", "bias", "running_mean", "running_var"), start=1):
        given = arguments.get(name)
        arrays[name] = _weights(
            reading, node, plain[name] if given is None and name in plain else given, slot
        )
    operation = "batch_norm2d" if len(shape) == 3 else "batch_norm1d"
    return reading.layer(node, operation, step, arrays, channels=shape[0], eps=float(arguments["eps"]))


def _prelu(reading: Reading, node: Node, arguments: Arguments) -> Value:
    weight, source = _weights(reading, node, arguments["weight"], 1)
    arrays = {"weight": (weight.reshape(-1), source)}
    return reading.layer(
        node, "prelu", reading.step_of(arguments["self"], node), arrays, channels=weight.size
    )


def _pool(kind: str, axes: int) -> Operator:
    def read(reading: Reading, node: Node, arguments: Arguments) -> Value:
        kernel = _many(arguments["kernel_size"], axes)
        settings: dict[str, Any] = {
            "kernel": kernel,
            "stride": _many(arguments.get("stride"), axes, kernel),
            "padding": _many(arguments.get("padding"), axes, 0),
            "ceil_mode": bool(arguments.get("ceil_mode", False)),
        }
        if kind == "max":
            settings["dilation"] = _many(arguments.get("dilation"), axes, 1)
        else:
            settings["count_include_pad"] = bool(arguments.get("count_include_pad", True))
            if arguments.get("divisor_override") is not None:
                raise reading.refusal(node, "divides by a number of its own, which is not supported")
        return reading.start(
            reading.draft.add(
                node.hint, f"{kind}_pool{axes}d", (_step(reading, node, arguments),), **settings
            )
        )

    return read


def _adaptive(kind: str, axes: int) -> Operator:
    def read(reading: Reading, node: Node, arguments: Arguments) -> Value:
        step, size = _step(reading, node, arguments), _many(arguments["output_size"], axes)
        return reading.start(reading.draft.add(node.hint, f"adaptive_{kind}_pool{axes}d", (step,), size=size))

    return read


def _mean(reading: Reading, node: Node, arguments: Arguments) -> Value:
    step = _step(reading, node, arguments)
    rank = len(reading.draft.shapes[step]) + 1
    axes = _many(arguments["dim"], 1)
    if rank not in (3, 4) or sorted(axis % rank for axis in axes) != list(range(2, rank)):
        raise reading.refusal(
            node, f"averages over the axes {list(axes)}, of which only all of space are supported"
        )
    step = reading.draft.add(node.hint, f"adaptive_avg_pool{rank - 2}d", (step,), size=(1,) * (rank - 2))
    if not arguments.get("keepdim", False):
        step = reading.draft.add(f"{node.hint}_flat", "flatten", (step,), start=1)
    return reading.start(step)


def _reshaped(reading: Reading, node: Node, step: str, target: list[int]) -> Value:
    shape = reading.draft.shapes[step]
    first, rest = target[0], list(target[1:])
    if rest.count(-1) == 1 and first != -1:
        known = -math.prod(rest)
        rest[rest.index(-1)] = math.prod(shape) // known if known > 0 else 0
    if (
        first not in (-1, BATCH, reading.batch)
        or math.prod(rest) != math.prod(shape)
        or min(rest, default=0) < 1
    ):
        raise reading.refusal(
            node, f"makes {list(shape)} into another number of values, or reshapes across the batch"
        )
    if tuple(rest) == shape:
        return reading.start(step)
    if len(rest) == 1:
        return reading.start(reading.draft.add(node.hint, "flatten", (step,), start=1))
    return reading.start(reading.draft.add(node.hint, "reshape", (step,), shape=tuple(rest)))


def _view(reading: Reading, node: Node, arguments: Arguments) -> Value:
    sizes: Any = arguments.get("size", arguments.get("shape"))
    target = [int(size) for size in sizes]
    if isinstance(arguments["self"], np.ndarray):
        return arguments["self"].reshape(target)
    return _reshaped(reading, node, _step(reading, node, arguments), target)


def _flatten(reading: Reading, node: Node, arguments: Arguments) -> Value:
    step = _step(reading, node, arguments)
    shape = reading.draft.shapes[step]
    rank = len(shape) + 1
    start, end = int(arguments.get("start_dim", 0)) % rank, int(arguments.get("end_dim", -1)) % rank
    if start == 0 or end < start:
        raise reading.refusal(node, "flattens the batch too, which is not supported")
    inner = math.prod(shape[start - 1 : end])
    return _reshaped(reading, node, step, [BATCH, *shape[: start - 1], inner, *shape[end:]])


def _squeeze(reading: Reading, node: Node, arguments: Arguments) -> Value:
    step = _step(reading, node, arguments)
    shape = (BATCH, *reading.draft.shapes[step])
    axes = {axis % len(shape) for axis in _many(arguments.get("dim"), 1, list(range(1, len(shape))))}
    # torch leaves axes that are not of size 1.
    return _reshaped(reading, node, step, [s for a, s in enumerate(shape) if a not in axes or s != 1])


def _unsqueeze(reading: Reading, node: Node, arguments: Arguments) -> Value:
    if isinstance(arguments["self"], np.ndarray):
        return np.expand_dims(arguments["self"], int(arguments["dim"]))
    step = _step(reading, node, arguments)
    shape = [BATCH, *reading.draft.shapes[step]]
    axis = int(arguments["dim"]) % (len(shape) + 1)
    return _reshaped(reading, node, step, [*shape[:axis], 1, *shape[axis:]])


def _permute(reading: Reading, node: Node, arguments: Arguments) -> Value:
    value = arguments["self"]
    rank = value.ndim if isinstance(value, np.ndarray) else len(reading.shape_of(value, node)) + 1
    axes = list(range(rank))
    if "dims" in arguments:
        axes = [int(axis) % rank for axis in arguments["dims"]]
    elif "dim0" in arguments:
        one, other = int(arguments["dim0"]) % rank, int(arguments["dim1"]) % rank
        axes[one], axes[other] = axes[other], axes[one]
    else:
        axes.reverse()
    if isinstance(value, np.ndarray):
        return np.transpose(value, axes)
    if sorted(axes) != list(range(rank)) or axes[0] != 0:
        raise reading.refusal(node, f"permutes the axes to {axes}, which moves the batch")
    return reading.start(
        reading.draft.add(node.hint, "permute", (_step(reading, node, arguments),), axes=tuple(axes))
    )


def _cat(reading: Reading, node: Node, arguments: Arguments) -> Value:
    steps = tuple(reading.step_of(value, node) for value in arguments["tensors"])
    rank = len(reading.draft.shapes[steps[0]]) + 1
    axis = int(arguments.get("dim", 0))
    if not -rank < axis < rank or axis % rank == 0:
        raise reading.refusal(node, f"joins along axis {axis}, which is not one of the activations'")
    return reading.start(reading.draft.add(node.hint, "cat", steps, axis=axis % rank))


def _pad(reading: Reading, node: Node, arguments: Arguments) -> Value:
    step = _step(reading, node, arguments)
    pads = tuple(int(size) for size in arguments["pad"])
    rank = len(reading.draft.shapes[step])
    if (
        arguments.get("mode", "constant") != "constant"
        or (arguments.get("value") or 0.0) != 0.0
        or min(pads) < 0
    ):
        raise reading.refusal(node, "pads otherwise than with zeros, which is not supported")
    axes = rank - 1
    if axes not in (1, 2) or len(pads) > 2 * axes:
        raise reading.refusal(node, "pads other axes than those of the image, which is not supported")
    pads += (0,) * (2 * axes - len(pads))
    return reading.start(reading.draft.add(node.hint, f"zero_pad{axes}d", (step,), padding=pads))


def _softmax(operation: str) -> Operator:
    def read(reading: Reading, node: Node, arguments: Arguments) -> Value:
        step = _step(reading, node, arguments)
        if len(reading.draft.shapes[step]) != 1 or arguments["dim"] not in (1, -1):
            raise reading.refusal(
                node,
                "is a softmax inside the network (as in attention), of which only one over the classes is read",
            )
        return reading.start(reading.draft.add(node.hint, operation, (step,), axis=1))

    return read


def _same(reading: Reading, node: Node, arguments: Arguments) -> Value:
    value: Any = arguments.get("self", arguments.get("input"))
    if arguments.get("train") or arguments.get("training"):
        raise reading.refusal(node, "is in training mode; export the network after net.eval()")
    if isinstance(value, Pointwise) and arguments.get("dtype") not in _FLOAT_TYPES:
        raise reading.refusal(node, "makes activations into another type, which is not supported")
    return value


OPERATORS: dict[str, Operator] = {
    "conv1d": _convolution(1),
    "conv2d": _convolution(2),
    "conv_transpose1d": _convolution(1, is_transposed=True),
    "conv_transpose2d": _convolution(2, is_transposed=True),
    "convolution": _any_convolution,
    "linear": _linear,
    "addmm": _addmm,
    "mm": _matmul,
    "matmul": _matmul,
    "batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "prelu": _prelu,
    "_prelu_kernel": _prelu,
    "relu": _fixed("relu", lambda x: np.maximum(x, 0.0)),
    "relu6": _fixed("relu6", lambda x: np.clip(x, 0.0, 6.0)),
    "sigmoid": _fixed("sigmoid", sigmoid),
    "tanh": _fixed("tanh", np.tanh),
    "silu": _fixed("silu", lambda x: x * sigmoid(x)),
    "mish": _fixed("mish", lambda x: x * np.tanh(softplus(x))),
    "hardswish": _fixed("hardswish", lambda x: x * hardsigmoid(x)),
    "hardsigmoid": _fixed("hardsigmoid", hardsigmoid),
    "selu": _fixed("selu", lambda x: elu(x, 1.6732632423543772, 1.0507009873554805)),
    "log_sigmoid": _fixed("log_sigmoid", lambda x: -softplus(-x)),
    "softsign": _fixed("softsign", lambda x: x / (1.0 + np.abs(x))),
    "leaky_relu": _native(_leaky),
    "elu": _native(_elu),
    "celu": _native(_celu),
    "gelu": _native(_gelu),
    "softplus": _native(_softplus),
    "hardtanh": _clipped("min_val", "max_val", (-1.0, 1.0)),
    "clamp": _clipped("min", "max", (-_LARGEST, _LARGEST)),
    "clamp_min": _clipped("min", "max", (-_LARGEST, _LARGEST)),
    "erf": _onnx("Erf"),
    "exp": _onnx("Exp"),
    "neg": _onnx("Neg"),
    "abs": _onnx("Abs"),
    "reciprocal": _onnx("Reciprocal"),
    "add": _arithmetic("Add"),
    "sub": _arithmetic("Sub"),
    "mul": _arithmetic("Mul"),
    "div": _arithmetic("Div"),
    "pow": _arithmetic("Pow"),
    "max_pool1d": _pool("max", 1),
    "max_pool2d": _pool("max", 2),
    "max_pool2d_with_indices": _pool("max", 2),
    "avg_pool1d": _pool("avg", 1),
    "avg_pool2d": _pool("avg", 2),
    "adaptive_avg_pool1d": _adaptive("avg", 1),
    "adaptive_avg_pool2d": _adaptive("avg", 2),
    "_adaptive_avg_pool2d": _adaptive("avg", 2),
    "adaptive_max_pool1d": _adaptive("max", 1),
    "adaptive_max_pool2d": _adaptive("max", 2),
    "mean": _mean,
    "view": _view,
    "_unsafe_view": _view,
    "reshape": _view,
    "flatten": _flatten,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "permute": _permute,
    "transpose": _permute,
    "t": _permute,
    "numpy_T": _permute,
    "cat": _cat,
    "concat": _cat,
    "pad": _pad,
    "constant_pad_nd": _pad,
    "softmax": _softmax("softmax"),
    "_softmax": _softmax("softmax"),
    "log_softmax": _softmax("log_softmax"),
    "_log_softmax": _softmax("log_softmax"),
    **dict.fromkeys(
        (
            "dropout",
            "feature_dropout",
            "alpha_dropout",
            "contiguous",
            "clone",
            "detach",
            "alias",
            "to",
            "_to_copy",
            "identity",
        ),
        _same,
    ),
}
