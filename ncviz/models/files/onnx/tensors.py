"""Arrays of an ONNX file, and the arithmetic on constants that exporters leave in the graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.text import quotable

_MAX_FOLDED = 10_000_000  # values of a constant that the graph computes
_ITEM_BYTES: dict[int, int] = {
    TensorProto.FLOAT: 4,
    TensorProto.DOUBLE: 8,
    TensorProto.FLOAT16: 2,
    TensorProto.BFLOAT16: 2,
    TensorProto.INT64: 8,
    TensorProto.INT32: 4,
    TensorProto.BOOL: 1,
}


def is_external(tensor: TensorProto) -> bool:
    """Return whether a tensor's values lie in another file."""
    return tensor.data_location == TensorProto.EXTERNAL or len(tensor.external_data) > 0


def array_of(tensor: TensorProto, label: str) -> np.ndarray:
    """Return a tensor's values, after checking that the file holds as many as it declares.

    Raises:
        ModelError: If it is of another type, or declares other sizes than it holds.
    """
    name = quotable(tensor.name or "a constant")
    item = _ITEM_BYTES.get(tensor.data_type)
    if item is None:
        raise ModelError(
            f"{label} holds '{name}' in a type that is not read (number {tensor.data_type}); export it in float32."
        )
    dims = tuple(tensor.dims)
    if len(dims) > LIMITS.dimensions or any(not 0 <= size <= LIMITS.parameters for size in dims):
        raise ModelError(f"{label} declares the unfit shape {list(dims)[:9]} for '{name}'; export it again.")
    size = math.prod(dims)
    held = (
        len(tensor.raw_data) // item
        if tensor.HasField("raw_data")
        else max(
            len(tensor.float_data), len(tensor.double_data), len(tensor.int32_data), len(tensor.int64_data)
        )
    )
    if size != held:
        raise ModelError(
            f"{label} declares {size:,} values for '{name}', but holds {held:,}; copy or export it again."
        )
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except Exception as error:  # a crafted tensor mixes fields, which numpy refuses in many ways
        raise ModelError(
            f"{label} holds '{name}' in a form that cannot be read ({type(error).__name__}); export it again."
        ) from error


def fold(
    node: onnx.NodeProto, inputs: list[np.ndarray], attributes: dict[str, Any], opset: int
) -> np.ndarray:
    """Return what an operation gives for constants.

    Raises:
        Exception: Whatever numpy raises if they do not fit; ModelError if the result would be too large.
    """
    result = np.asarray(FOLDS[node.op_type](inputs, attributes, opset))
    if result.size > _MAX_FOLDED:
        raise ModelError(f"Node '{quotable(node.name)}' computes a constant that is too large.")
    return result


def axes_of(inputs: list[Any], attributes: dict[str, Any]) -> tuple[int, ...] | None:
    """Return the axes of an operation, an attribute before opset 13 (18) and an input since."""
    if len(inputs) > 1:
        return tuple(int(axis) for axis in np.ravel(inputs[1]))
    axes = attributes.get("axes")
    return None if axes is None else tuple(int(axis) for axis in axes)


def cuts_of(inputs: list[Any], attributes: dict[str, Any], opset: int) -> list[tuple[int, slice]]:
    """Return what a Slice takes of which axes, by attributes before opset 10 and by inputs since."""
    axes: Any
    steps: Any
    if opset < 10:
        starts, ends = attributes["starts"], attributes["ends"]
        axes, steps = attributes.get("axes", range(len(starts))), [1] * len(starts)
    else:
        starts, ends = inputs[1].ravel(), inputs[2].ravel()
        axes, steps = (None if value is None else value.ravel() for value in (*inputs[3:5], None, None)[:2])
        axes = range(len(starts)) if axes is None else axes
        steps = [1] * len(starts) if steps is None else steps
    return [
        (int(axis), slice(int(start), int(end), int(step)))
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True)
    ]


def _binary(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    def apply(inputs: list[np.ndarray], attributes: dict[str, Any], opset: int) -> np.ndarray:
        one, other = inputs
        if math.prod(np.broadcast_shapes(one.shape, other.shape)) > _MAX_FOLDED:
            raise ModelError("A constant that the graph computes is too large.")
        return np.asarray(function(one, other)).astype(one.dtype)

    return apply


def _unary(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda inputs, attributes, opset: np.asarray(function(inputs[0])).astype(inputs[0].dtype)


def _divide(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one / other if one.dtype.kind == "f" else np.floor_divide(one, other)


def _cast(inputs: list[np.ndarray], attributes: dict[str, Any], opset: int) -> np.ndarray:
    kinds = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}
    return inputs[0].astype(kinds[attributes["to"]])


def _reshape(inputs: list[np.ndarray], attributes: dict[str, Any], opset: int) -> np.ndarray:
    values, shape = inputs[0], [int(size) for size in inputs[1]]
    if not attributes.get("allowzero"):
        shape = [values.shape[axis] if size == 0 else size for axis, size in enumerate(shape)]
    return values.reshape(shape)


def _unsqueeze(inputs: list[np.ndarray], attributes: dict[str, Any], opset: int) -> np.ndarray:
    return np.expand_dims(inputs[0], axes_of(inputs, attributes) or ())


def _squeeze(inputs: list[np.ndarray], attributes: dict[str, Any], opset: int) -> np.ndarray:
    return np.squeeze(inputs[0], axes_of(inputs, attributes))


def _gather(inputs: list[np.ndarray], attributes: dict[str, Any], opset: int) -> np.ndarray:
    axis = attributes.get("axis", 0)
    rest = inputs[0].size // max(1, inputs[0].shape[axis])
    if inputs[1].size * rest > _MAX_FOLDED:
        raise ModelError("A constant that the graph computes is too large.")
    return np.take(inputs[0], inputs[1].astype(np.int64), axis=axis)


def _slice(inputs: list[np.ndarray], attributes: dict[str, Any], opset: int) -> np.ndarray:
    chosen: list[slice] = [slice(None)] * inputs[0].ndim
    for axis, cut in cuts_of(inputs, attributes, opset):
        chosen[axis] = cut
    return inputs[0][tuple(chosen)]


def _concat(inputs: list[np.ndarray], attributes: dict[str, Any], opset: int) -> np.ndarray:
    if sum(value.size for value in inputs) > _MAX_FOLDED:
        raise ModelError("A constant that the graph computes is too large.")
    return np.concatenate(inputs, axis=attributes["axis"])


def _filled(inputs: list[np.ndarray], attributes: dict[str, Any], opset: int) -> np.ndarray:
    shape = [int(size) for size in inputs[0]]
    if any(size < 0 for size in shape) or math.prod(shape) > _MAX_FOLDED:
        raise ModelError("A constant that the graph computes is too large.")
    value = attributes.get("value")
    return np.full(
        shape, 0.0 if value is None else value.ravel()[0], dtype=None if value is None else value.dtype
    )


def _product(inputs: list[np.ndarray], attributes: dict[str, Any], opset: int) -> np.ndarray:
    return np.prod(inputs[0], axis=axes_of(inputs, attributes), keepdims=bool(attributes.get("keepdims", 1)))


FOLDS: dict[str, Callable[[list[np.ndarray], dict[str, Any], int], np.ndarray]] = {
    "Identity": lambda inputs, attributes, opset: inputs[0],
    "Dropout": lambda inputs, attributes, opset: inputs[0],
    "Cast": _cast,
    "CastLike": lambda inputs, attributes, opset: inputs[0].astype(inputs[1].dtype),
    "Reshape": _reshape,
    "Transpose": lambda inputs, attributes, opset: np.transpose(inputs[0], attributes.get("perm")),
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "ReduceProd": _product,
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
