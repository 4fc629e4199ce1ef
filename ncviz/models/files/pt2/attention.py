"""ATen's attention, and other products of activations, in ONNX's words."""

from __future__ import annotations

from typing import Any

import numpy as np

from ncviz.models.files.pt2.calls import Call, Onnx, onnx

# Less than this added to a score leaves nothing of it after a softmax; the least that float32 has does it, too.
_NEVER = -1e30
_LEAST = float(np.finfo(np.float32).min)


def attended(call: Call) -> Onnx:
    """Translate ``scaled_dot_product_attention``.

    Raises:
        ModelError: If its mask is none that the file holds.
    """
    given = call.arguments
    query, key, value = (given[name] for name in ("query", "key", "value"))
    shapes = [call.shape_of(each) for each in (query, key)]
    axes = len(shapes[0])
    if given.get("dropout_p"):
        raise call.refusal("is in training mode; export the network after net.eval()")
    if given.get("enable_gqa"):
        times = shapes[0][-3] // shapes[1][-3]
        key, value = (_each_repeated(call, each, times) for each in (key, value))
    scale = given.get("scale")
    scale = float(shapes[0][-1]) ** -0.5 if scale is None else float(scale)
    turned = onnx("Transpose", key, perm=(*range(axes - 2), axes - 1, axes - 2))
    scores = onnx("Mul", onnx("MatMul", query, turned), np.float32(scale))
    if given.get("is_causal"):
        call.check_constant((shapes[0][-2], shapes[1][-2]))
        hidden = np.triu(np.ones((shapes[0][-2], shapes[1][-2]), dtype=bool), 1)
        scores = onnx("Add", scores, added_to(hidden))
    mask = given.get("attn_mask")
    if mask is not None:
        found = call.value(mask)
        if not isinstance(found, np.ndarray):
            raise call.refusal("has a mask that the network computes, which is not supported")
        scores = onnx("Add", scores, added_to(~found) if found.dtype == bool else finite(found))
    return onnx("MatMul", onnx("Softmax", scores, axis=-1), value)


def _each_repeated(call: Call, value: Any, times: int) -> Onnx:
    shape = list(call.shape_of(value))
    at = len(shape) - 3
    beside = onnx("Unsqueeze", value, [at + 1])
    tiled = onnx("Tile", beside, [times if each == at + 1 else 1 for each in range(len(shape) + 1)])
    shape[at] *= times
    return onnx("Reshape", tiled, shape, allowzero=1)


def added_to(hidden: np.ndarray) -> np.ndarray:
    """Return what is added to scores in float32 so that those of hidden keys vanish."""
    return np.where(hidden, np.float32(_LEAST), np.float32(0.0))


def finite(mask: np.ndarray) -> np.ndarray:
    """Return a mask that is added to scores without infinities, which no file's weights are."""
    return np.maximum(mask, mask.dtype.type(_LEAST) if mask.dtype == np.float32 else mask.dtype.type(_NEVER))


def masked(call: Call) -> Onnx | np.ndarray:
    """Translate ``masked_fill``, of a constant or of scores that are to vanish."""
    value, mask = call.value(call.tensor), call.value(call.arguments["mask"])
    fill = call.arguments["value"]
    fill = fill if isinstance(fill, (int, float)) else call.value(fill)
    if not isinstance(mask, np.ndarray) or not isinstance(fill, (int, float, np.ndarray)):
        raise call.refusal("fills by a mask that the network computes, which is not supported")
    if isinstance(value, np.ndarray):
        call.check_constant(mask.shape, np.shape(fill), value.shape, itemsize=value.itemsize)
        return np.where(mask, np.asarray(fill, dtype=value.dtype), value)
    if np.size(fill) != 1 or float(fill) > _NEVER:
        raise call.refusal("puts other numbers in the place of activations, which is not supported")
    return onnx("Add", call.tensor, added_to(mask))


def einsum(call: Call) -> Onnx:
    """Translate ``einsum``."""
    return onnx("Einsum", *call.arguments["tensors"], equation=call.arguments["equation"])


def rolled(call: Call) -> Any:
    """Translate ``roll``: along each axis what comes after the end stands at the beginning."""
    shape, found = call.shape, call.tensor
    axes = [int(axis) % len(shape) for axis in call.arguments.get("dims") or ()]
    if len(axes) != len(call.arguments["shifts"]) or len(axes) > len(shape):
        raise call.refusal(f"rolls along {len(axes)} axes, expected one for each shift, each at most once")
    for axis, shift in zip(axes, call.arguments["shifts"], strict=True):
        found = onnx("Roll", found, axis=axis, shift=int(shift))
    return found if isinstance(found, Onnx) else onnx("Identity", found)
