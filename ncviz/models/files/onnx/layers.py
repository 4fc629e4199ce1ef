"""Operators of ONNX that are layers of a network: weights, pooling, shapes and the joining of branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ncviz.models.files.graph.pointwise import Pointwise
from ncviz.models.files.graph.reading import Node, Reading, Source, Value
from ncviz.models.files.onnx.pointwise import Handler
from ncviz.models.files.onnx.shapes import (
    cast,
    concat,
    cut,
    expand,
    flatten,
    gather,
    reshape,
    same,
    shape_value,
    softmax,
    split,
    squeeze,
    tile,
    transpose,
    unsqueeze,
    weights_of,
)
from ncviz.models.files.onnx.windows import global_pool, pad, padded, pool, reduce, window


def _conv(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    weight = weights_of(reading, node, inputs[1])
    shape, groups = reading.draft.shapes[step], node.get("group", 1)
    kernel = weight.shape[2:]
    stride, dilation, before, after = window(reading, node, shape, kernel)
    if groups < 1 or weight.shape[1] * groups != shape[0]:
        raise reading.refusal(
            node,
            f"has weights of shape {list(weight.shape)} in {groups} groups, but reads {shape[0]} channels",
        )
    if before != after:
        step, before = padded(reading, node, step, before, after), (0,) * len(before)
    return reading.layer(
        node, f"conv{len(kernel)}d", step, _with_bias(reading, node, inputs, weight),
        in_channels=shape[0], out_channels=weight.shape[0], kernel=kernel, stride=stride, padding=before,
        dilation=dilation, groups=groups, bias=_has_bias(inputs),
    )  # fmt: skip


def _conv_transpose(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    weight = weights_of(reading, node, inputs[1])
    shape, groups = reading.draft.shapes[step], node.get("group", 1)
    kernel = weight.shape[2:]
    if "output_shape" in node.attributes or node.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise reading.refusal(node, "asks for an output shape instead of padding, which is not supported")
    stride, dilation, before, after = window(reading, node, shape, kernel)
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
        bias = weights_of(reading, node, inputs[2])
        arrays["bias"] = (bias, Source(node.index, 2, bias.shape))
    return arrays


def _gemm(reading: Reading, node: Node, inputs: list[Any]) -> Value:
    step = reading.step_of(inputs[0], node)
    weight = weights_of(reading, node, inputs[1])
    alpha, beta = float(node.get("alpha", 1.0)), float(node.get("beta", 1.0))
    if node.get("transA", 0) or weight.ndim != 2 or alpha == 0.0:
        raise reading.refusal(node, "is no linear layer (transA, alpha = 0, or weights that are no matrix)")
    is_transposed = not node.get("transB", 0)
    matrix = weight.T if is_transposed else weight
    arrays = {"weight": (_times(matrix, alpha), Source(node.index, 1, weight.shape, is_transposed, alpha))}
    outputs = matrix.shape[0]
    has_bias = _has_bias(inputs) and beta != 0.0
    if has_bias:
        bias = weights_of(reading, node, inputs[2])
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
    weight = weights_of(reading, node, inputs[1])
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
        values = weights_of(reading, node, inputs[slot])
        arrays[name] = (values, Source(node.index, slot, values.shape))
    channels = reading.draft.shapes[step][0]
    eps = float(node.get("epsilon", 1e-5))
    return reading.layer(
        node, "batch_norm2d" if rank == 3 else "batch_norm1d", step, arrays, channels=channels, eps=eps
    )


HANDLERS: dict[str, Handler | Callable[[Reading, Node, list[Any]], list[Value]]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "BatchNormalization": _batch_norm,
    "MaxPool": pool("max_pool"),
    "AveragePool": pool("avg_pool"),
    "GlobalAveragePool": global_pool("avg"),
    "GlobalMaxPool": global_pool("max"),
    "ReduceMean": reduce("avg"),
    "ReduceMax": reduce("max"),
    "Reshape": reshape,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Concat": concat,
    "Gather": gather,
    "Tile": tile,
    "Expand": expand,
    "Split": split,
    "Slice": cut,
    "Pad": pad,
    "Softmax": softmax("softmax"),
    "LogSoftmax": softmax("log_softmax"),
    "Identity": same,
    "Dropout": same,
    "Cast": cast,
    "CastLike": same,
    "Shape": shape_value,
}
