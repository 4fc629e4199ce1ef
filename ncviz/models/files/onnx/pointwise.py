"""Pointwise operators of ONNX, and arithmetic between activations and constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ncviz.models.files.graph.pointwise import (
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
from ncviz.models.files.graph.reading import Node, Reading, Source, Value

Handler = Callable[[Reading, Node, list[Any]], Value]
_MAX_DEPTH = 30
_LARGEST = float(np.finfo(np.float32).max)


def _unary(make: Callable[[Node], tuple[Callable[[np.ndarray], np.ndarray], Native | None]]) -> Handler:
    def handle(reading: Reading, node: Node, inputs: list[Any]) -> Value:
        function, native = make(node)
        return apply_native(reading, node, inputs[0], function, native)

    return handle


def apply_native(
    reading: Reading,
    node: Node,
    value: Value,
    function: Callable[[np.ndarray], np.ndarray],
    native: Native | None = None,
) -> Pointwise:
    """Return what a pointwise function makes of an activation; ``native`` is the step that does exactly this."""
    if not isinstance(value, Pointwise):
        raise reading.refusal(node, "is applied to a constant, which is not supported")
    value = _shortened(reading, node, value)

    def alone() -> str:
        assert native is not None
        return reading.draft.add(node.hint, native[0], (reading.step_of(value, node),), **native[1])

    found = follow(node.hint, [value], function, native, alone if native is not None else None)
    assert found is not None
    return found


def _shortened(reading: Reading, node: Node, value: Pointwise) -> Pointwise:
    # No activation is written in so many operations; a longer chain is cut, so that none is followed too deep.
    return value if value.depth < _MAX_DEPTH else reading.start(reading.step_of(value, node))


def _plain(operation: str, function: Callable[[np.ndarray], np.ndarray], **settings: Any) -> Handler:
    return _unary(lambda node: (function, (operation, settings)))


def _foreign(function: Callable[[np.ndarray], np.ndarray]) -> Handler:
    return _unary(lambda node: (function, None))


def _leaky(node: Node) -> tuple[Callable[[np.ndarray], np.ndarray], Native]:
    slope = float(node.get("alpha", 0.01))
    return lambda x: np.where(x > 0, x, slope * x), ("leaky_relu", {"slope": slope})


def _elu(node: Node) -> tuple[Callable[[np.ndarray], np.ndarray], Native]:
    alpha = float(node.get("alpha", 1.0))
    return lambda x: elu(x, alpha), ("elu", {"alpha": alpha})


def _celu(node: Node) -> tuple[Callable[[np.ndarray], np.ndarray], Native]:
    alpha = float(node.get("alpha", 1.0))
    return lambda x: np.maximum(x, 0.0) + np.minimum(0.0, alpha * np.expm1(x / alpha)), (
        "celu",
        {"alpha": alpha},
    )


def _selu(node: Node) -> tuple[Callable[[np.ndarray], np.ndarray], Native | None]:
    alpha, gamma = node.get("alpha", 1.6732632), node.get("gamma", 1.050701)
    return lambda x: elu(x, alpha, gamma), None


def _hardsigmoid(node: Node) -> tuple[Callable[[np.ndarray], np.ndarray], Native | None]:
    alpha, beta = node.get("alpha", 0.2), node.get("beta", 0.5)
    return lambda x: hardsigmoid(x, alpha, beta), None


def _gelu(node: Node) -> tuple[Callable[[np.ndarray], np.ndarray], Native]:
    approximate = node.get("approximate", "none")
    return lambda x: gelu(x, approximate), ("gelu", {"approximate": approximate})


def _swish(node: Node) -> tuple[Callable[[np.ndarray], np.ndarray], Native | None]:
    alpha = node.get("alpha", 1.0)
    return lambda x: x * sigmoid(alpha * x), None


def _clip(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    bounds = [-_LARGEST, _LARGEST]
    for slot, name in enumerate(("min", "max")):
        given = inputs[slot + 1] if len(inputs) > slot + 1 else node.get(name, None)
        if given is not None:
            if isinstance(given, Pointwise) or np.size(given) != 1:
                raise reading.refusal(node, "has bounds that are no constant numbers")
            bounds[slot] = float(np.clip(np.ravel(given)[0].astype(np.float64), -_LARGEST, _LARGEST))
    least, most = bounds
    if not least < most:
        raise reading.refusal(node, "has bounds that leave nothing")
    native: Native = ("hardtanh", {"least": least, "most": most})
    if least == 0.0 and most in (6.0, _LARGEST):
        native = ("relu6" if most == 6.0 else "relu", {})
    return apply_native(reading, node, inputs[0], lambda x: np.clip(x, least, most), native)


def _prelu(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    value, slope = inputs
    step = reading.step_of(value, node)
    if not isinstance(slope, np.ndarray):
        raise reading.refusal(node, "has a slope that is no constant")
    shape = reading.draft.shapes[step]
    channels = _per_channel(slope, shape, is_fixed_rank=False)
    if channels is None:
        raise reading.refusal(node, f"has a slope of shape {list(slope.shape)}, expected one per channel")
    weight = channels if slope.size == 1 or slope.size == shape[0] else None
    arrays = {"weight": (np.asarray(weight), Source(node.index, 1, slope.shape))}
    return reading.layer(node, "prelu", step, arrays, channels=slope.size)


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


def _binary(operator: str, function: Callable[[Any, Any], np.ndarray]) -> Handler:
    def handle(reading: Reading, node: Node, inputs: list[Any]) -> Value:
        if len(inputs) == 1 and operator == "Sum":
            return inputs[0]
        one, other = inputs
        if isinstance(one, Pointwise) and isinstance(other, Pointwise):
            return _between(reading, node, one, other, operator, function)
        slot = 0 if isinstance(one, np.ndarray) else 1
        constant, value = (one, other) if slot == 0 else (other, one)
        if (
            constant.size == 1
            and constant.dtype.kind in "fiu"
            and constant.ndim <= len(reading.shape_of(value, node)) + 1
        ):
            number = float(constant.ravel()[0])
            apply = (lambda x: function(number, x)) if slot == 0 else (lambda x: function(x, number))
            return apply_native(reading, node, value, apply)
        return _by_channel(reading, node, value, constant, slot, operator)

    return handle


def _between(
    reading: Reading,
    node: Node,
    one: Pointwise,
    other: Pointwise,
    operator: str,
    function: Callable[[Any, Any], np.ndarray],
) -> Value:
    def added() -> str:
        return reading.draft.add(node.hint, "add", (reading.step_of(one, node), reading.step_of(other, node)))

    is_sum = operator in ("Add", "Sum")
    one, other = _shortened(reading, node, one), _shortened(reading, node, other)
    found = follow(node.hint, [one, other], function, None, added if is_sum else None)
    if found is not None:
        return found
    if not is_sum:
        raise reading.refusal(
            node,
            "combines two activations otherwise than by adding (a gate or attention), which is not supported",
        )
    return reading.start(added())


def _by_channel(
    reading: Reading, node: Node, value: Value, constant: np.ndarray, slot: int, operator: str
) -> Value:
    step = reading.step_of(value, node)
    shape = reading.draft.shapes[step]
    numbers = _per_channel(constant, shape)
    if numbers is None or operator not in ("Add", "Sum", "Sub", "Mul", "Div"):
        raise reading.refusal(
            node,
            f"applies a constant of shape {list(constant.shape)}, of which only one number per channel is read",
        )
    numbers = numbers.astype(np.float64)
    before = reading.draft.step(step)
    is_sum = operator in ("Add", "Sum")
    # Another name of the step's result, as an Identity gives it, may be read without the bias.
    own = reading.start(step)
    is_alone = value is own and sum(held is own for held in reading.values.values()) == 1
    if (
        is_sum
        and is_alone
        and before is not None
        and before.options.get("bias") is False
        and reading.uses[node.inputs[1 - slot]] == 1
        and len(numbers) == shape[0]
    ):
        reading.draft.set_bias(step, numbers)
        reading.sources[f"{step}.bias"] = Source(node.index, slot, constant.shape)
        return reading.start(step)
    ones, zeros = np.ones_like(numbers), np.zeros_like(numbers)
    with np.errstate(all="ignore"):
        scale, shift = {
            "Add": (ones, numbers),
            "Sum": (ones, numbers),
            "Mul": (numbers, zeros),
            "Sub": (ones, -numbers) if slot == 1 else (-ones, numbers),
            "Div": (1.0 / numbers, zeros),
        }[operator]
    if operator == "Div" and slot == 0:
        raise reading.refusal(node, "divides a constant by activations, which is not supported")
    return reading.start(reading.scaled(node.hint, step, scale, shift))


def _scaler(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    channels = reading.draft.shapes[step][0]
    offset = np.broadcast_to(np.asarray(node.get("offset", (0.0,)), dtype=np.float64), channels)
    scale = np.broadcast_to(np.asarray(node.get("scale", (1.0,)), dtype=np.float64), channels)
    return reading.start(reading.scaled(node.hint, step, scale, -offset * scale))


POINTWISE: dict[str, Handler] = {
    "Relu": _plain("relu", lambda x: np.maximum(x, 0.0)),
    "Sigmoid": _plain("sigmoid", sigmoid),
    "Tanh": _plain("tanh", np.tanh),
    "Softplus": _plain("softplus", softplus, beta=1.0),
    "Softsign": _plain("softsign", lambda x: x / (1.0 + np.abs(x))),
    "HardSwish": _plain("hardswish", lambda x: x * hardsigmoid(x)),
    "Mish": _plain("mish", lambda x: x * np.tanh(softplus(x))),
    "LeakyRelu": _unary(_leaky),
    "Elu": _unary(_elu),
    "Celu": _unary(_celu),
    "Selu": _unary(_selu),
    "HardSigmoid": _unary(_hardsigmoid),
    "Gelu": _unary(_gelu),
    "Swish": _unary(_swish),
    "Clip": _clip,
    "PRelu": _prelu,
    "Erf": _foreign(erf),
    "Exp": _foreign(np.exp),
    "Log": _foreign(np.log),
    "Neg": _foreign(np.negative),
    "Abs": _foreign(np.abs),
    "Sqrt": _foreign(np.sqrt),
    "Reciprocal": _foreign(lambda x: 1.0 / x),
    "Add": _binary("Add", np.add),
    "Sum": _binary("Sum", np.add),
    "Sub": _binary("Sub", np.subtract),
    "Mul": _binary("Mul", np.multiply),
    "Div": _binary("Div", np.divide),
    "Pow": _binary("Pow", np.power),
    "Max": _binary("Max", np.maximum),
    "Min": _binary("Min", np.minimum),
    "Scaler": _scaler,
}
