"""The ATen operators of a ``torch.export`` program that are read, each by what it is in a blueprint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ncviz.models.files.graph.pointwise import Native, Pointwise, elu, gelu, hardsigmoid, sigmoid, softplus
from ncviz.models.files.graph.reading import Node, Reading, Value
from ncviz.models.files.onnx.pointwise import POINTWISE, apply_native
from ncviz.models.files.pt2.layers import (
    adaptive,
    addmm,
    any_convolution,
    batch_norm,
    convolution,
    linear,
    matmul,
    mean,
    pool,
    prelu,
)
from ncviz.models.files.pt2.shapes import (
    cat,
    chunk,
    expand,
    flatten,
    hstack,
    narrow,
    pad,
    permute,
    repeat,
    repeat_each,
    same,
    select,
    softmax,
    split,
    squeeze,
    stack,
    unsqueeze,
    view,
)
from ncviz.models.files.pt2.values import Arguments, Operator

Function = Callable[[np.ndarray], np.ndarray]
SYMBOLIC = frozenset(
    {"sym_size", "sym_constrain_range_for_size", "_assert_scalar", "_assert_tensor_metadata"}
)
VIEWS = frozenset({
    "view", "reshape", "flatten", "permute", "transpose", "t", "squeeze", "unsqueeze", "contiguous", "detach", "alias",
    "dropout", "feature_dropout", "alpha_dropout", "to", "_unsafe_view", "identity", "numpy_T",
    "chunk", "split", "split_with_sizes", "slice", "narrow", "select",
})  # fmt: skip
_LARGEST = float(np.finfo(np.float32).max)


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


# What treats every unit alone, or passes it on.
UNITWISE: dict[str, Operator] = {
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
    **dict.fromkeys(
        (
            "dropout",
            "feature_dropout",
            "alpha_dropout",
            "contiguous",
            "clone",
            "lift_fresh_copy",
            "detach",
            "alias",
            "to",
            "_to_copy",
            "identity",
        ),
        same,
    ),
}
OPERATORS: dict[str, Operator] = {
    "conv1d": convolution(1),
    "conv2d": convolution(2),
    "conv_transpose1d": convolution(1, is_transposed=True),
    "conv_transpose2d": convolution(2, is_transposed=True),
    "convolution": any_convolution,
    "linear": linear,
    "addmm": addmm,
    "mm": matmul,
    "matmul": matmul,
    "batch_norm": batch_norm,
    "_native_batch_norm_legit_no_training": batch_norm,
    "prelu": prelu,
    "_prelu_kernel": prelu,
    **UNITWISE,
    "max_pool1d": pool("max", 1),
    "max_pool2d": pool("max", 2),
    "max_pool2d_with_indices": pool("max", 2),
    "avg_pool1d": pool("avg", 1),
    "avg_pool2d": pool("avg", 2),
    "adaptive_avg_pool1d": adaptive("avg", 1),
    "adaptive_avg_pool2d": adaptive("avg", 2),
    "_adaptive_avg_pool2d": adaptive("avg", 2),
    "adaptive_max_pool1d": adaptive("max", 1),
    "adaptive_max_pool2d": adaptive("max", 2),
    "mean": mean,
    "view": view,
    "_unsafe_view": view,
    "reshape": view,
    "flatten": flatten,
    "squeeze": squeeze,
    "unsqueeze": unsqueeze,
    "permute": permute,
    "transpose": permute,
    "t": permute,
    "numpy_T": permute,
    "chunk": chunk,
    "split": split,
    "split_with_sizes": split,
    "slice": narrow,
    "select": select,
    "narrow": narrow,
    "cat": cat,
    "concat": cat,
    "stack": stack,
    "hstack": hstack,
    "repeat": repeat,
    "tile": repeat,
    "repeat_interleave": repeat_each,
    "expand": expand,
    "pad": pad,
    "constant_pad_nd": pad,
    "softmax": softmax("softmax"),
    "_softmax": softmax("softmax"),
    "log_softmax": softmax("log_softmax"),
    "_log_softmax": softmax("log_softmax"),
}
