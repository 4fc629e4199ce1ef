"""The arithmetic on constants that exporters leave in a graph, done in numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.graph.reader import BATCH, Node, OfImages
from ncviz.text import quotable

Fold = Callable[[list[np.ndarray], Node, int], np.ndarray]
MOST_VALUES = 10_000_000  # values of a constant that the graph computes
_TYPES = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}


def fold(node: Node, inputs: list[np.ndarray], opset: int, budget: Budget) -> np.ndarray:
    """Return what an operation gives for constants.

    Raises:
        Exception: Whatever numpy raises if they do not fit; ModelError if the result would be too large.
    """
    for values in inputs if node.operator not in _VIEWS else ():
        budget.touch(values.size, values.dtype)
    if node.operator not in _IN_PLACE:
        size = _SIZES[node.operator](inputs, node) if node.operator in _SIZES else inputs[0].size
        _check_size(node, size)
        # Before it is taken.
        budget.check_room(size * _kind_of(inputs, node).itemsize)
    result = np.asanyarray(FOLDS[node.operator](inputs, node, opset))
    budget.touch(result.size, result.dtype)
    _check_size(node, result.size)
    return result


def axes_of(inputs: list[Any], node: Node) -> tuple[int, ...] | None:
    """Return the axes of an operation, an attribute before opset 13 (18) and an input since."""
    axes = inputs[1] if len(inputs) > 1 else node.get("axes", None)
    return None if axes is None else tuple(numbers_of(axes))


def numbers_of(values: Any) -> list[int]:
    """Return what a constant sets, such as sizes or axes: a constant may be a thousand times larger than its file.

    Raises:
        ValueError: If there are more than anything has axes or parts.
    """
    found = np.ravel(values)
    if found.size > LIMITS.nodes:
        raise ValueError(f"{found.size:,} settings")
    return [int(number) for number in found]


def cuts_of(inputs: list[Any], node: Node, opset: int) -> list[tuple[int, slice]]:
    """Return what a Slice takes of which axes, by attributes before opset 10 and by inputs since."""
    axes: Any
    steps: Any
    if opset < 10:
        starts, ends = node.attributes["starts"], node.attributes["ends"]
        axes, steps = node.get("axes", range(len(starts))), [1] * len(starts)
    else:
        starts, ends = numbers_of(inputs[1]), numbers_of(inputs[2])
        axes, steps = (
            None if value is None else numbers_of(value) for value in (*inputs[3:5], None, None)[:2]
        )
        axes = range(len(starts)) if axes is None else axes
        steps = [1] * len(starts) if steps is None else steps
    return [
        (int(axis), slice(int(start), int(end), int(step)))
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True)
    ]


def _check_size(node: Node, size: int) -> None:
    if size > MOST_VALUES:
        raise ModelError(f"Node '{quotable(node.name)}' computes a constant that is too large.")


def _binary(function: Callable[..., np.ndarray]) -> Fold:
    def apply(inputs: list[np.ndarray], node: Node, opset: int) -> np.ndarray:
        one, other = inputs
        return np.asanyarray(function(one, other)).astype(one.dtype, copy=False)

    return apply


def _unary(function: Callable[..., np.ndarray]) -> Fold:
    return lambda inputs, node, opset: np.asarray(function(inputs[0])).astype(inputs[0].dtype, copy=False)


def _divide(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one / other if one.dtype.kind == "f" else np.floor_divide(one, other)


def _reshape(inputs: list[np.ndarray], node: Node, opset: int) -> np.ndarray:
    values, shape = inputs[0], numbers_of(inputs[1])
    if not node.get("allowzero", 0):
        shape = [values.shape[axis] if size == 0 else size for axis, size in enumerate(shape)]
    return values.reshape(shape)


def _gather(inputs: list[np.ndarray], node: Node, opset: int) -> np.ndarray:
    return np.take(inputs[0], inputs[1].astype(np.int64), axis=node.get("axis", 0))


def _slice(inputs: list[np.ndarray], node: Node, opset: int) -> np.ndarray:
    chosen: list[slice] = [slice(None)] * inputs[0].ndim
    for axis, cut in cuts_of(inputs, node, opset):
        chosen[axis] = cut
    return inputs[0][tuple(chosen)]


def _concat(inputs: list[np.ndarray], node: Node, opset: int) -> np.ndarray:
    return np.concatenate(inputs, axis=node.attributes["axis"])


def _expanded(inputs: list[np.ndarray], node: Node, opset: int) -> np.ndarray:
    return np.broadcast_to(inputs[0], _expanded_shape(inputs))


def _expanded_shape(inputs: list[np.ndarray]) -> tuple[int, ...]:
    return np.broadcast_shapes(inputs[0].shape, tuple(numbers_of(inputs[1])))


def _filled(inputs: list[np.ndarray], node: Node, opset: int) -> np.ndarray:
    value = node.get("value", None)
    return np.full(
        numbers_of(inputs[0]),
        0.0 if value is None else value.ravel()[0],
        dtype=_kind_of(inputs, node),
    )


def _filled_size(inputs: list[np.ndarray], node: Node) -> int:
    shape = numbers_of(inputs[0])
    return MOST_VALUES + 1 if any(size < 0 for size in shape) else math.prod(shape)


def _scattered(inputs: list[np.ndarray], node: Node, opset: int) -> np.ndarray:
    data, places, updates = inputs
    if node.get("reduction", "none") != "none":
        raise ValueError("adds to what it changes")
    changed = data.copy()
    changed[tuple(np.moveaxis(places.astype(np.int64), -1, 0))] = updates
    return changed


def _range(inputs: list[np.ndarray], node: Node, opset: int) -> np.ndarray:
    start, limit, step = (each.ravel()[0] for each in inputs)
    if (start, limit, step) == (0, BATCH, 1):
        return np.arange(2, dtype=limit.dtype).view(OfImages)
    return np.arange(start, limit, step)


def _range_size(start: float, limit: float, step: float) -> int:
    return 2 if limit == BATCH else max(0, math.ceil((limit - start) / step))


def _kind_of(inputs: list[np.ndarray], node: Node) -> np.dtype[Any]:
    """Return the type of what an operation gives."""
    if node.operator == "ConstantOfShape":
        value = node.get("value", None)
        return np.dtype(np.float64 if value is None else value.dtype)
    if node.operator in ("Equal", "Not"):
        return np.dtype(np.bool_)
    if node.operator == "Where":
        return np.result_type(*inputs[1:])
    if node.operator == "Cast":
        return np.dtype(_TYPES[node.attributes["to"]])
    return inputs[1 if node.operator == "CastLike" else 0].dtype


FOLDS: dict[str, Fold] = {
    "Identity": lambda inputs, node, opset: inputs[0],
    "Dropout": lambda inputs, node, opset: inputs[0],
    "Cast": lambda inputs, node, opset: inputs[0].astype(_TYPES[node.attributes["to"]]),
    "CastLike": lambda inputs, node, opset: inputs[0].astype(inputs[1].dtype),
    "Reshape": _reshape,
    "Transpose": lambda inputs, node, opset: np.transpose(inputs[0], node.get("perm", None)),
    "Unsqueeze": lambda inputs, node, opset: np.expand_dims(inputs[0], axes_of(inputs, node) or ()),
    "Squeeze": lambda inputs, node, opset: np.squeeze(inputs[0], axes_of(inputs, node)),
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "Expand": _expanded,
    "ReduceProd": lambda inputs, node, opset: np.prod(
        inputs[0], axis=axes_of(inputs, node), keepdims=bool(node.get("keepdims", 1))
    ),
    "Equal": lambda inputs, node, opset: np.equal(*inputs),
    "Not": lambda inputs, node, opset: np.logical_not(inputs[0]),
    "Where": lambda inputs, node, opset: np.where(*inputs),
    "Range": _range,
    "ScatterND": _scattered,
    "Mod": _binary(np.mod),
    "Pow": _binary(np.power),
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Div": _binary(_divide),
    "Neg": _unary(np.negative),
    "Sqrt": _unary(np.sqrt),
    "Reciprocal": _unary(np.reciprocal),
    "Exp": _unary(np.exp),
    "Softplus": _unary(lambda x: np.logaddexp(0.0, x)),
}
# How many values an operation gives, where it is not as many as its first input has.
_SIZES: dict[str, Callable[[list[np.ndarray], Node], int]] = {
    **dict.fromkeys(
        ("Add", "Sub", "Mul", "Div", "Mod", "Pow", "Equal", "Where"),
        lambda inputs, node: math.prod(np.broadcast_shapes(*(each.shape for each in inputs))),
    ),
    "Gather": lambda inputs, node: (
        inputs[1].size * (inputs[0].size // max(1, inputs[0].shape[node.get("axis", 0)]))
    ),
    "ReduceProd": lambda inputs, node: 0,  # of the numbers that are gone through, and counted, already
    "Concat": lambda inputs, node: sum(value.size for value in inputs),
    "ConstantOfShape": _filled_size,
    "Expand": lambda inputs, node: math.prod(_expanded_shape(inputs)),
    "Range": lambda inputs, node: _range_size(*(float(each.ravel()[0]) for each in inputs)),
}
# What gives the very values that it was given, and takes no memory.
_IN_PLACE = frozenset({"Identity", "Dropout", "Transpose", "Unsqueeze", "Squeeze", "Slice"})
# What only moves values gives the same whatever rules a file's makers have for types.
_VIEWS = frozenset(
    {"Identity", "Dropout", "Transpose", "Unsqueeze", "Squeeze", "Gather", "Slice", "ConstantOfShape"}
)
MOVES = frozenset({"Reshape", "Transpose", "Unsqueeze", "Squeeze", "Gather", "Slice"})
