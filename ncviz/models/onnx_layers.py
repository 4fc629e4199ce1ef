"""Operators of ONNX that are layers of a network: weights, pooling, shapes and the joining of branches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ncviz.models.onnx_pointwise import Handler
from ncviz.models.onnx_tensors import BATCH, axes_of
from ncviz.models.pointwise import Pointwise
from ncviz.models.reading import Node, Reading, Source, Value

_NON_NEGATIVE = {"relu", "relu6", "sigmoid", "hardsigmoid", "softplus"}
_KEEP_ORDER = {"max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "flatten", "reshape", "permute"}


def _weights(reading: Reading, node: Node, value: Value | None, what: str = "weights") -> np.ndarray:
    if not isinstance(value, np.ndarray):
        raise reading.refusal(
            node, f"has {what} that the network computes (as attention does), expected constants"
        )
    return value


def _window(
    reading: Reading, node: Node, shape: tuple[int, ...], kernel: tuple[int, ...], is_pool: bool
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return stride, dilation, and the padding before and after each axis."""
    axes = len(kernel)
    if axes not in (1, 2):
        raise reading.refusal(node, f"works on {axes} axes, of which 1 and 2 are supported")
    if len(shape) != axes + 1:
        raise reading.refusal(node, f"reads values of shape {list(shape)}, which have not {axes + 1} axes")
    stride = tuple(node.get("strides", (1,) * axes))
    dilation = tuple(node.get("dilations", (1,) * axes))
    auto = node.get("auto_pad", "NOTSET")
    pads = tuple(node.get("pads", (0,) * (2 * axes))) if auto == "NOTSET" else (0,) * (2 * axes)
    if (
        not len(stride) == len(dilation) == axes
        or len(pads) != 2 * axes
        or min(stride + dilation + kernel) < 1
    ):
        raise reading.refusal(node, "has strides, dilations or pads that do not fit its kernel")
    before, after = pads[:axes], pads[axes:]
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        total = [
            max(0, (math.ceil(size / step) - 1) * step + (width - 1) * spread + 1 - size)
            for size, step, width, spread in zip(shape[1:], stride, kernel, dilation, strict=True)
        ]
        small, large = tuple(size // 2 for size in total), tuple(size - size // 2 for size in total)
        before, after = (small, large) if auto == "SAME_UPPER" else (large, small)
    elif auto not in ("NOTSET", "VALID"):
        raise reading.refusal(node, f"has the unknown auto_pad {auto[:20]}")
    if min(before + after) < 0:
        raise reading.refusal(node, "has negative padding, which is not supported")
    return stride, dilation, before, after


def _padded(reading: Reading, node: Node, step: str, before: tuple[int, ...], after: tuple[int, ...]) -> str:
    # torch counts from the last axis.
    pairs = [size for pair in reversed(list(zip(before, after, strict=True))) for size in pair]
    return reading.draft.add(f"{node.hint}_pad", f"zero_pad{len(before)}d", (step,), padding=tuple(pairs))


def _conv(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    weight = _weights(reading, node, inputs[1])
    shape, groups = reading.draft.shapes[step], node.get("group", 1)
    kernel = weight.shape[2:]
    stride, dilation, before, after = _window(reading, node, shape, kernel, is_pool=False)
    if groups < 1 or weight.shape[1] * groups != shape[0]:
        raise reading.refusal(
            node,
            f"has weights of shape {list(weight.shape)} in {groups} groups, but reads {shape[0]} channels",
        )
    if before != after:
        step, before = _padded(reading, node, step, before, after), (0,) * len(before)
    return reading.layer(
        node, f"conv{len(kernel)}d", step, _with_bias(reading, node, inputs, weight),
        in_channels=shape[0], out_channels=weight.shape[0], kernel=kernel, stride=stride, padding=before,
        dilation=dilation, groups=groups, bias=_has_bias(inputs),
    )  # fmt: skip


def _conv_transpose(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    weight = _weights(reading, node, inputs[1])
    shape, groups = reading.draft.shapes[step], node.get("group", 1)
    kernel = weight.shape[2:]
    if "output_shape" in node.attributes or node.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise reading.refusal(node, "asks for an output shape instead of padding, which is not supported")
    stride, dilation, before, after = _window(reading, node, shape, kernel, is_pool=False)
    if before != after:
        raise reading.refusal(node, "has padding that differs between sides, which is not supported here")
    return reading.layer(
        node, f"conv_transpose{len(kernel)}d", step, _with_bias(reading, node, inputs, weight),
        in_channels=shape[0], out_channels=weight.shape[1] * groups, kernel=kernel, stride=stride, padding=before,
        dilation=dilation, groups=groups, bias=_has_bias(inputs),
        output_padding=tuple(node.get("output_padding", (0,) * len(kernel))),
    )  # fmt: skip


def _has_bias(inputs: list[Any]) -> bool:
    return len(inputs) > 2 and inputs[2] is not None


def _with_bias(
    reading: Reading, node: Node, inputs: list[Any], weight: np.ndarray
) -> dict[str, tuple[np.ndarray, Source]]:
    arrays = {"weight": (weight, Source(node.index, 1, weight.shape))}
    if _has_bias(inputs):
        bias = _weights(reading, node, inputs[2])
        arrays["bias"] = (bias, Source(node.index, 2, bias.shape))
    return arrays


def _gemm(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    weight = _weights(reading, node, inputs[1])
    alpha, beta = float(node.get("alpha", 1.0)), float(node.get("beta", 1.0))
    if node.get("transA", 0) or weight.ndim != 2 or alpha == 0.0:
        raise reading.refusal(node, "is no linear layer (transA, alpha = 0, or weights that are no matrix)")
    is_transposed = not node.get("transB", 0)
    matrix = weight.T if is_transposed else weight
    arrays = {"weight": (_times(matrix, alpha), Source(node.index, 1, weight.shape, is_transposed, alpha))}
    outputs = matrix.shape[0]
    has_bias = _has_bias(inputs) and beta != 0.0
    if has_bias:
        bias = _weights(reading, node, inputs[2])
        if bias.size not in (1, outputs) or bias.ndim > 2 or (bias.ndim == 2 and bias.shape[0] != 1):
            raise reading.refusal(node, f"has a bias of shape {list(bias.shape)}, expected {outputs} numbers")
        wide = np.broadcast_to(bias.reshape(-1), (outputs,))
        # A single number for all outputs comes back as one for each.
        arrays["bias"] = (_times(wide, beta), Source(node.index, 2, (outputs,), False, beta))
    return reading.layer(
        node, "linear", step, arrays, in_features=matrix.shape[1], out_features=outputs, bias=has_bias
    )


def _times(values: np.ndarray, factor: float) -> np.ndarray:
    return values if factor == 1.0 else values.astype(np.float64) * factor


def _matmul(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    if all(isinstance(value, Pointwise) for value in inputs):
        raise reading.refusal(node, "multiplies two activations, as attention does, which is not supported")
    step = reading.step_of(inputs[0], node)
    weight = _weights(reading, node, inputs[1])
    if weight.ndim != 2:
        raise reading.refusal(node, f"has weights of shape {list(weight.shape)}, expected a matrix")
    arrays = {"weight": (weight.T, Source(node.index, 1, weight.shape, True))}
    return reading.layer(
        node, "linear", step, arrays, in_features=weight.shape[0], out_features=weight.shape[1], bias=False
    )


def _batch_norm(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    if node.get("training_mode", 0) or (len(node.outputs) > 1 and any(node.outputs[1:])):
        raise reading.refusal(node, "is in training mode; export the network after net.eval()")
    rank = len(reading.draft.shapes[step])
    if rank > 3:
        raise reading.refusal(node, f"normalises values of {rank} axes, at most 3 are supported")
    names = ("weight", "bias", "running_mean", "running_var")
    arrays = {}
    for slot, name in enumerate(names, start=1):
        values = _weights(reading, node, inputs[slot])
        arrays[name] = (values, Source(node.index, slot, values.shape))
    channels = reading.draft.shapes[step][0]
    eps = float(node.get("epsilon", 1e-5))
    return reading.layer(
        node, "batch_norm2d" if rank == 3 else "batch_norm1d", step, arrays, channels=channels, eps=eps
    )


def _pool(kind: str) -> Handler:
    def handle(reading: Reading, node: Node, inputs: list[Any]) -> Value:
        step = reading.step_of(inputs[0], node)
        shape, kernel = reading.draft.shapes[step], tuple(node.attributes["kernel_shape"])
        stride, dilation, before, after = _window(reading, node, shape, kernel, is_pool=True)
        settings: dict[str, Any] = {"ceil_mode": bool(node.get("ceil_mode", 0))}
        counts = bool(node.get("count_include_pad", 0))
        if kind == "max_pool":
            settings["dilation"] = dilation
            if node.get("storage_order", 0) or any(node.outputs[1:]):
                raise reading.refusal(node, "also asks where the largest value was, which is not supported")
        else:
            settings["count_include_pad"] = counts
            if set(dilation) != {1}:
                raise reading.refusal(node, "averages with a dilation, which is not supported")
        if before != after:
            # Zeros may stand for padding where they change nothing: no maximum of what is never negative.
            is_exact = _is_never_negative(reading, step) if kind == "max_pool" else counts
            if not is_exact or settings["ceil_mode"]:
                raise reading.refusal(
                    node, "has padding that differs between sides, which is not supported here"
                )
            step, before = _padded(reading, node, step, before, after), (0,) * len(before)
        if any(2 * pad > width for pad, width in zip(before, kernel, strict=True)):
            raise reading.refusal(node, "pads by more than half its kernel, which is not supported")
        return reading.start(
            reading.draft.add(
                node.hint,
                f"{kind}{len(kernel)}d",
                (step,),
                kernel=kernel,
                stride=stride,
                padding=before,
                **settings,
            )
        )

    return handle


def _is_never_negative(reading: Reading, name: str) -> bool:
    step = reading.draft.step(name)
    while step is not None and step.operation in _KEEP_ORDER:
        step = reading.draft.step(step.inputs[0])
    return step is not None and step.operation in _NON_NEGATIVE


def _global(kind: str) -> Handler:
    def handle(reading: Reading, node: Node, inputs: list[Any]) -> Value:
        step = reading.step_of(inputs[0], node)
        return reading.start(_pooled(reading, node, step, kind))

    return handle


def _pooled(reading: Reading, node: Node, step: str, kind: str) -> str:
    axes = len(reading.draft.shapes[step]) - 1
    if axes not in (1, 2):
        raise reading.refusal(node, f"pools over {axes} axes, of which 1 and 2 are supported")
    return reading.draft.add(node.hint, f"adaptive_{kind}_pool{axes}d", (step,), size=(1,) * axes)


def _reduce(kind: str) -> Handler:
    def handle(reading: Reading, node: Node, inputs: list[Any]) -> Value:
        step = reading.step_of(inputs[0], node)
        rank = len(reading.draft.shapes[step]) + 1
        axes = axes_of(inputs, dict(node.attributes)) or ()
        if sorted(axis % rank for axis in axes) != list(range(2, rank)):
            raise reading.refusal(
                node, f"reduces the axes {list(axes)}, of which only all of space are supported"
            )
        step = _pooled(reading, node, step, kind)
        if not node.get("keepdims", 1):
            step = reading.draft.add(f"{node.hint}_flat", "flatten", (step,), start=1)
        return reading.start(step)

    return handle


def _reshaped(reading: Reading, node: Node, step: str, target: tuple[int, ...]) -> Value:
    shape = reading.draft.shapes[step]
    if math.prod(target) != math.prod(shape) or min(target, default=0) < 1:
        raise reading.refusal(
            node, f"makes {list(shape)} into {list(target)}, which holds another number of values"
        )
    if target == shape:
        return reading.start(step)
    if len(target) == 1:
        return reading.start(reading.draft.add(node.hint, "flatten", (step,), start=1))
    return reading.start(reading.draft.add(node.hint, "reshape", (step,), shape=target))


def _reshape(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    shape = reading.draft.shapes[step]
    target = [int(size) for size in _weights(reading, node, inputs[1], "a target shape").ravel()]
    if not 2 <= len(target) <= 8:
        raise reading.refusal(node, f"reshapes to {len(target)} axes, which is not supported")
    if not node.get("allowzero", 0):
        target = [(BATCH, *shape)[axis] if size == 0 else size for axis, size in enumerate(target)]
    first, rest = target[0], target[1:]
    if first not in (-1, BATCH, reading.batch):
        raise reading.refusal(node, f"reshapes across the batch, to {target}, which is not supported")
    if rest.count(-1) == 1 and first != -1:
        known = -math.prod(rest)
        rest[rest.index(-1)] = math.prod(shape) // known if known > 0 else 0
    return _reshaped(reading, node, step, tuple(rest))


def _flatten(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    rank = len(reading.draft.shapes[step]) + 1
    if node.get("axis", 1) not in (1, 1 - rank):
        raise reading.refusal(node, f"flattens from axis {node.get('axis', 1)}, of which only 1 is supported")
    return _reshaped(reading, node, step, (math.prod(reading.draft.shapes[step]),))


def _squeeze(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    shape = (BATCH, *reading.draft.shapes[step])
    axes = axes_of(inputs, dict(node.attributes))
    chosen = (
        {axis % len(shape) for axis in axes}
        if axes is not None
        else {a for a, s in enumerate(shape) if s == 1}
    )
    if any(shape[axis] != 1 for axis in chosen):
        raise reading.refusal(node, f"squeezes the axes {sorted(chosen)}, which are not all of size 1")
    return _reshaped(reading, node, step, tuple(s for a, s in enumerate(shape) if a not in chosen)[1:])


def _unsqueeze(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    shape = list(reading.draft.shapes[step])
    axes = axes_of(inputs, dict(node.attributes)) or ()
    rank = len(shape) + 1 + len(axes)
    chosen = sorted(axis % rank for axis in axes)
    if not chosen or chosen[0] == 0 or rank > 8:
        raise reading.refusal(node, "adds an axis before the batch, which is not supported")
    for axis in chosen:
        shape.insert(axis - 1, 1)
    return _reshaped(reading, node, step, tuple(shape))


def _transpose(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    rank = len(reading.draft.shapes[step]) + 1
    axes = tuple(node.get("perm", tuple(reversed(range(rank)))))
    if sorted(axes) != list(range(rank)) or axes[0] != 0:
        raise reading.refusal(node, f"permutes the axes to {list(axes)}, which moves the batch")
    if axes == tuple(range(rank)):
        return inputs[0]
    return reading.start(reading.draft.add(node.hint, "permute", (step,), axes=axes))


def _concat(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    if any(isinstance(value, np.ndarray) for value in inputs):
        raise reading.refusal(node, "joins activations with constants, which is not supported")
    steps = tuple(reading.step_of(value, node) for value in inputs)
    rank = len(reading.draft.shapes[steps[0]]) + 1
    axis = node.attributes["axis"]
    if not -rank < axis < rank or axis % rank == 0:
        raise reading.refusal(node, f"joins along axis {axis}, which is not one of the activations'")
    return reading.start(reading.draft.add(node.hint, "cat", steps, axis=axis % rank))


def _pad(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    rank = len(reading.draft.shapes[step]) + 1
    pads = [int(size) for size in np.ravel(inputs[1] if len(inputs) > 1 else node.attributes["pads"])]
    value = np.ravel(inputs[2])[0] if len(inputs) > 2 and inputs[2] is not None else node.get("value", 0.0)
    if len(inputs) > 3 and inputs[3] is not None:
        wide = [0] * (2 * rank)
        for place, axis in enumerate(int(axis) % rank for axis in np.ravel(inputs[3])):
            wide[axis], wide[rank + axis] = pads[place], pads[len(pads) // 2 + place]
        pads = wide
    is_plain = node.get("mode", "constant") == "constant" and float(value) == 0.0
    if not is_plain or len(pads) != 2 * rank or min(pads) < 0 or any(pads[:2] + pads[rank : rank + 2]):
        raise reading.refusal(node, "pads otherwise than with zeros around the image, which is not supported")
    before, after = tuple(pads[2:rank]), tuple(pads[rank + 2 :])
    if len(before) not in (1, 2):
        raise reading.refusal(node, f"pads {len(before)} axes, of which 1 and 2 are supported")
    return inputs[0] if not any(pads) else reading.start(_padded(reading, node, step, before, after))


def _softmax(operation: str) -> Handler:
    def handle(reading: Reading, node: Node, inputs: list[Any]) -> Value:
        step = reading.step_of(inputs[0], node)
        rank = len(reading.draft.shapes[step]) + 1
        axis = node.get("axis", -1 if reading.opset >= 13 else 1)
        if rank != 2 or axis not in (1, -1):
            raise reading.refusal(
                node,
                "is a softmax inside the network (as in attention), of which only one over the classes is read",
            )
        return reading.start(reading.draft.add(node.hint, operation, (step,), axis=1))

    return handle


def _same(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    if node.operator == "Dropout" and len(inputs) > 2 and inputs[2] is not None and np.any(inputs[2]):
        raise reading.refusal(node, "is in training mode; export the network after net.eval()")
    return inputs[0]


def _cast(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    if node.operator == "Cast" and node.attributes["to"] not in (1, 10, 11, 16):
        raise reading.refusal(node, "makes activations into whole numbers, which is not supported")
    return inputs[0]


def _shape(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    value = inputs[0]
    full = value.shape if isinstance(value, np.ndarray) else (BATCH, *reading.shape_of(value, node))
    return np.asarray(full[node.get("start", 0) : node.get("end", None)], dtype=np.int64)


HANDLERS: dict[str, Handler] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "BatchNormalization": _batch_norm,
    "MaxPool": _pool("max_pool"),
    "AveragePool": _pool("avg_pool"),
    "GlobalAveragePool": _global("avg"),
    "GlobalMaxPool": _global("max"),
    "ReduceMean": _reduce("avg"),
    "ReduceMax": _reduce("max"),
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Pad": _pad,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "Identity": _same,
    "Dropout": _same,
    "Cast": _cast,
    "CastLike": _same,
    "Shape": _shape,
}
