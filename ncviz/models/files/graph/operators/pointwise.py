"""Pointwise operators, and arithmetic between activations and constants."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ncviz.models.files.graph.activations import (
    PLAIN,
    SELU,
    Native,
    Pointwise,
    elu,
    erf,
    follow,
    gelu,
    hardsigmoid,
    sigmoid,
    softplus,
)
from ncviz.models.files.graph.reader import GraphReader, Handler, Node, Source, Strewn, Value

Function = Callable[[np.ndarray], np.ndarray]
_MAX_DEPTH = 30
_LARGEST = float(np.finfo(np.float32).max)


def _unary(make: Callable[[Node], tuple[Function, Native | None]]) -> Handler:
    def handle(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
        function, native = make(node)
        return _applied(reader, node, inputs[0], function, native)

    return handle


def _applied(
    reader: GraphReader, node: Node, value: Value, function: Function, native: Native | None = None
) -> Pointwise:
    """Return what a pointwise function makes of an activation; ``native`` is the step that does exactly this."""
    if not isinstance(value, Pointwise):
        raise reader.refusal(node, "is applied to a constant, which is not supported")
    value = _shortened(reader, node, value)

    def alone() -> str:
        assert native is not None
        return reader.builder.add(node.hint, native[0], (reader.step_of(value, node),), **native[1])

    found = follow(node.hint, [value], function, native, alone if native is not None else None)
    assert found is not None
    return found


def _shortened(reader: GraphReader, node: Node, value: Pointwise) -> Pointwise:
    # No activation is written in so many operations; a longer chain is cut, so that none is followed too deep.
    return value if value.depth < _MAX_DEPTH else reader.start(reader.step_of(value, node))


def _fixed(function: Function, native: Native | None = None) -> Handler:
    return _unary(lambda node: (function, native))


def _leaky(node: Node) -> tuple[Function, Native]:
    slope = float(node.get("alpha", 0.01))
    return lambda x: np.where(x > 0, x, slope * x), ("leaky_relu", {"slope": slope})


def _elu(alpha: float = 1.0, gamma: float = 1.0) -> Handler:
    """Return the reader of an ELU, whose attribute ``inner`` (none of ONNX's) is a factor before the exponential."""

    def make(node: Node) -> tuple[Function, Native | None]:
        bend, scale, inner = (
            float(node.get(name, usual))
            for name, usual in (("alpha", alpha), ("gamma", gamma), ("inner", 1.0))
        )
        native: Native | None = None
        if scale == inner == 1.0:
            native = "elu", {"alpha": bend}
        elif inner == 1.0 and np.allclose((bend, scale), SELU, rtol=1e-6):
            native = "selu", {}
        return lambda x: elu(x, bend, scale, inner), native

    return _unary(make)


def _celu(node: Node) -> tuple[Function, Native]:
    alpha = float(node.get("alpha", 1.0))
    native = "celu", {"alpha": alpha}
    return lambda x: np.maximum(x, 0.0) + np.minimum(0.0, alpha * np.expm1(x / alpha)), native


def _hardsigmoid(node: Node) -> tuple[Function, Native | None]:
    alpha, beta = node.get("alpha", 0.2), node.get("beta", 0.5)
    is_usual = np.allclose((alpha, beta), (1 / 6, 0.5), rtol=1e-6)
    return lambda x: hardsigmoid(x, alpha, beta), ("hardsigmoid", {}) if is_usual else None


def _gelu(node: Node) -> tuple[Function, Native]:
    approximate = node.get("approximate", "none")
    return lambda x: gelu(x, approximate), ("gelu", {"approximate": approximate})


def _swish(node: Node) -> tuple[Function, Native | None]:
    alpha = node.get("alpha", 1.0)
    return lambda x: x * sigmoid(alpha * x), ("silu", {}) if alpha == 1.0 else None


def _softplus(node: Node) -> tuple[Function, Native | None]:
    beta = float(node.get("beta", 1.0))
    # A lower threshold cuts the curve where it is not yet a line; neither is an attribute of ONNX's.
    if float(node.get("threshold", 20.0)) != 20.0:
        return lambda x: np.full_like(x, np.nan), None
    return lambda x: softplus(beta * x) / beta, ("softplus", {"beta": beta})


def _clip(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    bounds = [-_LARGEST, _LARGEST]
    for slot, name in enumerate(("min", "max")):
        given = inputs[slot + 1] if len(inputs) > slot + 1 else node.get(name, None)
        if given is not None:
            if isinstance(given, Pointwise) or np.size(given) != 1:
                raise reader.refusal(node, "has bounds that are no constant numbers")
            bounds[slot] = float(np.clip(np.ravel(given)[0].astype(np.float64), -_LARGEST, _LARGEST))
    least, most = bounds
    if not least < most:
        raise reader.refusal(node, "has bounds that leave nothing")
    native: Native = ("hardtanh", {"least": least, "most": most})
    if least == 0.0 and most in (6.0, _LARGEST):
        native = ("relu6" if most == 6.0 else "relu", {})
    return _applied(reader, node, inputs[0], lambda x: np.clip(x, least, most), native)


def _prelu(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    value, slope = inputs
    step = reader.step_of(value, node)
    if not isinstance(slope, np.ndarray):
        raise reader.refusal(node, "has a slope that is no constant")
    shape = reader.builder.shapes[step]
    channels = _per_channel(slope, shape, is_fixed_rank=False)
    if channels is None:
        raise reader.refusal(node, f"has a slope of shape {list(slope.shape)}, expected one per channel")
    weight = channels if slope.size == 1 or slope.size == shape[0] else None
    arrays = {"weight": (np.asarray(weight), Source(node.index, 1, slope.shape))}
    return reader.layer(node, "prelu", step, arrays, channels=slope.size)


def _per_channel(
    constant: np.ndarray, shape: tuple[int, ...], is_fixed_rank: bool = True
) -> np.ndarray | None:
    """Return a constant as one number per channel (or one number), or None if it varies along other axes."""
    rank = len(shape) + 1
    dims = (1,) * (rank - constant.ndim) + constant.shape
    if len(dims) != rank:
        return None
    if not is_fixed_rank and constant.ndim <= 1:
        return constant.reshape(-1) if constant.size in (1, shape[0]) else None
    if dims[1] not in (1, shape[0]) or constant.size != dims[1]:
        return None
    return constant.reshape(-1)


def _binary(operator: str) -> Handler:
    function = _ARITHMETIC[operator]

    def handle(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
        if len(inputs) == 1 and operator in _OF_MANY:
            return inputs[0]
        if len(inputs) > 2 and operator in _OF_MANY:
            return _folded(reader, node, inputs, handle)
        one, other = inputs
        if isinstance(one, Pointwise) and isinstance(other, Pointwise):
            return _between(reader, node, one, other, operator)
        slot = 0 if isinstance(one, np.ndarray) else 1
        constant, value = (one, other) if slot == 0 else (other, one)
        is_number = constant.size == 1 and constant.dtype.kind in "fiu"
        if is_number and constant.ndim <= len(reader.shape_of(value, node)) + 1:
            number = float(constant.ravel()[0])
            apply = (lambda x: function(number, x)) if slot == 0 else (lambda x: function(x, number))
            return _applied(reader, node, value, apply)
        return _by_channel(reader, node, value, constant, slot, operator)

    return handle


def _between(reader: GraphReader, node: Node, one: Pointwise, other: Pointwise, operator: str) -> Value:
    def joined() -> str:
        operation = "multiply" if operator == "Mul" else "add"
        return reader.builder.add(
            node.hint, operation, (reader.step_of(one, node), reader.step_of(other, node))
        )

    is_joined = operator in ("Add", "Sum", "Mul")
    one, other = _shortened(reader, node, one), _shortened(reader, node, other)
    found = follow(node.hint, [one, other], _ARITHMETIC[operator], None, joined if is_joined else None)
    if found is not None:
        return found
    if not is_joined:
        raise reader.refusal(
            node, "combines two activations otherwise than by adding or multiplying, which is not supported"
        )
    return reader.start(joined())


def _by_channel(
    reader: GraphReader, node: Node, value: Value, constant: np.ndarray, slot: int, operator: str
) -> Value:
    if reader.attends:
        name = reader.parameters.get(node.inputs[slot], node.inputs[slot])
        node = replace(node, name=name) if re.fullmatch(r"(?=.*[^\W\d])[\w.]+", name) else node
    step = reader.step_of(value, node)
    shape = reader.builder.shapes[step]
    is_sum, is_last = operator in ("Add", "Sum"), constant.shape[-1:] == shape[-1:] != (1,)
    if is_last and len(shape) > 1 and constant.size == shape[-1]:
        if is_sum and _is_without_bias(reader, node, value, step, slot, is_last=True):
            return _with_bias(reader, node, step, constant, slot)
        return _by_last(reader, node, step, constant, slot, operator)
    numbers = _per_channel(constant, shape)
    if numbers is None and len(shape) > 1 and _is_of_units(constant, shape):
        return _by_unit(reader, node, step, constant, slot, operator)
    if numbers is None or operator not in ("Add", "Sum", "Sub", "Mul", "Div"):
        raise reader.refusal(
            node,
            f"applies a constant of shape {list(constant.shape)} to values of shape {list(shape)}, of which only one "
            "number for each channel, or for each value of an image, is read",
        )
    numbers = numbers.astype(np.float64)
    is_last = len(shape) == 1
    if is_sum and len(numbers) == shape[0] and _is_without_bias(reader, node, value, step, slot, is_last):
        return _with_bias(reader, node, step, constant, slot)
    if operator == "Div" and slot == 0:
        raise reader.refusal(node, "divides a constant by activations, which is not supported")
    ones, zeros = np.ones_like(numbers), np.zeros_like(numbers)
    if operator in ("Mul", "Div"):
        with np.errstate(all="ignore"):
            scale, shift = (numbers if operator == "Mul" else 1.0 / numbers), zeros
    elif operator == "Sub":
        scale, shift = (ones, -numbers) if slot == 1 else (-ones, numbers)
    else:
        scale, shift = ones, numbers
    return reader.start(reader.scaled(node.hint, step, scale, shift))


def _is_without_bias(
    reader: GraphReader, node: Node, value: Value, step: str, slot: int, is_last: bool
) -> bool:
    """Whether a value is that of a layer alone which has no bias, its channels on the first or the last axis."""
    before = reader.builder.step(step)
    # Another name of the step's result, as an Identity gives it, may be read without the bias.
    own = reader.start(step)
    held = (each.value if isinstance(each, Strewn) else each for each in reader.values.values())
    is_alone = value is own and sum(each is own for each in held) == 1
    return (
        is_alone
        and before is not None
        and before.options.get("bias") is False
        and bool({"out_features", "out_channels"} & set(before.options))
        and reader.uses[node.inputs[1 - slot]] == 1
        and (before.operation == "linear") == is_last
    )


def _with_bias(reader: GraphReader, node: Node, step: str, constant: np.ndarray, slot: int) -> Value:
    reader.builder.set_bias(step, constant.reshape(-1).astype(np.float64))
    reader.sources[f"{step}.bias"] = Source(node.index, slot, constant.shape)
    return reader.start(step)


def _by_last(
    reader: GraphReader, node: Node, step: str, constant: np.ndarray, slot: int, operator: str
) -> Value:
    """Read arithmetic with one number for each channel where these come last, as in TensorFlow."""
    rank = len(reader.builder.shapes[step])
    to_first, to_last = (0, rank, *range(1, rank)), (0, *range(2, rank + 1), 1)
    first = reader.start(reader.builder.add(f"{node.hint}_first", "permute", (step,), axes=to_first))
    column = constant.reshape(-1, *(1,) * (rank - 1))
    found = _by_channel(reader, replace(node, inputs=("", "")), first, column, slot, operator)
    return reader.start(
        reader.builder.add(f"{node.hint}_last", "permute", (reader.step_of(found, node),), axes=to_last)
    )


def _is_of_units(constant: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether a constant has a number for each unit of one image, or for some of its axes."""
    if constant.ndim > len(shape) + 1:
        return False
    dims = (1,) * (len(shape) + 1 - constant.ndim) + constant.shape
    return all(own in (1, size) for own, size in zip(dims, (1, *shape), strict=True))


def _by_unit(
    reader: GraphReader, node: Node, step: str, constant: np.ndarray, slot: int, operator: str
) -> Value:
    """Read arithmetic with numbers that differ between places, such as the mean image that MATLAB subtracts."""
    shape = reader.builder.shapes[step]
    row = np.broadcast_to(constant, (1, *shape)).reshape(-1)
    flat = reader.start(reader.builder.add(f"{node.hint}_flat", "flatten", (step,), start=1))
    found = _by_channel(reader, replace(node, inputs=("", "")), flat, row, slot, operator)
    return reader.start(
        reader.builder.add(f"{node.hint}_image", "reshape", (reader.step_of(found, node),), shape=shape)
    )


def _scaler(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    step = reader.step_of(inputs[0], node)
    channels = reader.builder.shapes[step][0]
    offset = np.broadcast_to(np.asarray(node.get("offset", (0.0,)), dtype=np.float64), channels)
    scale = np.broadcast_to(np.asarray(node.get("scale", (1.0,)), dtype=np.float64), channels)
    return reader.start(reader.scaled(node.hint, step, scale, -offset * scale))


def _folded(reader: GraphReader, node: Node, inputs: list[Any], handle: Handler) -> Value:
    """Read an operator of many inputs two by two, the constants together first."""
    arrays = [value for value in inputs if isinstance(value, np.ndarray)]
    function = _ARITHMETIC[node.operator]
    while len(arrays) > 1:
        size = prod(np.broadcast_shapes(arrays[0].shape, arrays[1].shape))
        reader.budget.check_room(size * max(each.itemsize for each in arrays[:2]))
        reader.budget.touch(size, arrays[0].dtype)
        joined = np.asarray(function(arrays[0], arrays[1]))
        arrays = [reader.counted(joined), *arrays[2:]]
    values = [*(value for value in inputs if not isinstance(value, np.ndarray)), *arrays]
    found: Value = values[0]
    for number, value in enumerate(values[1:], start=1):
        # A name that nothing else reads: a bias may go into a layer only if it is that layer's alone.
        found = handle(reader, replace(node, inputs=("", ""), name=f"{node.name}_{number}"), [found, value])
    return found


def _mean(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read the average of several values, such as Keras' Average."""
    total = POINTWISE["Sum"](reader, replace(node, operator="Sum"), inputs)
    count = np.asarray(float(len(inputs)), dtype=np.float32)
    return POINTWISE["Div"](reader, replace(node, operator="Div", inputs=("", "")), [total, count])


_OF_MANY = frozenset({"Sum", "Max", "Min"})
_ARITHMETIC: dict[str, Callable[[Any, Any], np.ndarray]] = {
    "Add": np.add, "Sum": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Pow": np.power,
    "Max": np.maximum, "Min": np.minimum,
}  # fmt: skip
# Parts of activation functions, of which none is a step by itself.
_PARTS: dict[str, Function] = {
    "Erf": erf, "Exp": np.exp, "Log": np.log, "Neg": np.negative, "Abs": np.abs, "Sqrt": np.sqrt,
    "Reciprocal": lambda x: 1.0 / x,
}  # fmt: skip
_PLAIN = {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "LogSigmoid": "log_sigmoid", "Softsign": "softsign",
    "HardSwish": "hardswish", "Mish": "mish",
}  # fmt: skip
POINTWISE: dict[str, Handler] = {
    **{name: _fixed(PLAIN[own], (own, {})) for name, own in _PLAIN.items()},
    **{name: _fixed(function) for name, function in _PARTS.items()},
    **{name: _binary(name) for name in _ARITHMETIC},
    "LeakyRelu": _unary(_leaky),
    "Elu": _elu(),
    "Celu": _unary(_celu),
    "Selu": _elu(1.6732632, 1.050701),
    "HardSigmoid": _unary(_hardsigmoid),
    "Gelu": _unary(_gelu),
    "Swish": _unary(_swish),
    "Softplus": _unary(_softplus),
    "Clip": _clip,
    "PRelu": _prelu,
    "Scaler": _scaler,
    "Mean": _mean,
}
