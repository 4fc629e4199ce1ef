"""Arrays of an ONNX file."""

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto, numpy_helper

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.content import refusing
from ncviz.text import quotable

_ITEM_BYTES: dict[int, int] = {
    TensorProto.FLOAT: 4, TensorProto.DOUBLE: 8, TensorProto.FLOAT16: 2, TensorProto.BFLOAT16: 2, TensorProto.INT64: 8,
    TensorProto.INT32: 4, TensorProto.BOOL: 1,
}  # fmt: skip


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
    with refusing(f"{label} holds '{name}' in a form that cannot be read", "export it again"):
        return np.asarray(numpy_helper.to_array(tensor))
