"""Operators that slide a window over an image, or pad it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ncviz.models.files.graph.operators.constants import axes_of
from ncviz.models.files.graph.operators.pointwise import Handler
from ncviz.models.files.graph.reader import GraphReader, Node, Value

_NON_NEGATIVE = {"relu", "relu6", "sigmoid", "hardsigmoid", "softplus"}
_KEEP_ORDER = {"max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "flatten", "reshape", "permute"}


def window(
    reader: GraphReader, node: Node, shape: tuple[int, ...], kernel: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return stride, dilation, and the padding before and after each axis."""
    axes = len(kernel)
    if axes not in (1, 2):
        raise reader.refusal(node, f"works on {axes} axes, of which 1 and 2 are supported")
    if len(shape) != axes + 1:
        raise reader.refusal(node, f"reads values of shape {list(shape)}, which have not {axes + 1} axes")
    stride = tuple(node.get("strides", (1,) * axes))
    dilation = tuple(node.get("dilations", (1,) * axes))
    auto = node.get("auto_pad", "NOTSET")
    pads = tuple(node.get("pads", (0,) * (2 * axes))) if auto == "NOTSET" else (0,) * (2 * axes)
    if (
        not len(stride) == len(dilation) == axes
        or len(pads) != 2 * axes
        or min(stride + dilation + kernel) < 1
    ):
        raise reader.refusal(node, "has strides, dilations or pads that do not fit its kernel")
    before, after = pads[:axes], pads[axes:]
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        total = [
            max(0, (math.ceil(size / step) - 1) * step + (width - 1) * spread + 1 - size)
            for size, step, width, spread in zip(shape[1:], stride, kernel, dilation, strict=True)
        ]
        small, large = tuple(size // 2 for size in total), tuple(size - size // 2 for size in total)
        before, after = (small, large) if auto == "SAME_UPPER" else (large, small)
    elif auto not in ("NOTSET", "VALID"):
        raise reader.refusal(node, f"has the unknown auto_pad {auto[:20]}")
    if min(before + after) < 0:
        raise reader.refusal(node, "has negative padding, which is not supported")
    return stride, dilation, before, after


def padded(
    reader: GraphReader, node: Node, step: str, before: tuple[int, ...], after: tuple[int, ...]
) -> str:
    """Add a step that pads with zeros, beside the node's own."""
    # torch counts from the last axis.
    pairs = [size for pair in reversed(list(zip(before, after, strict=True))) for size in pair]
    return reader.builder.add(
        node.get("hint", f"{node.hint}_pad"), f"zero_pad{len(before)}d", (step,), padding=tuple(pairs)
    )


def pool(kind: str) -> Handler:
    """Return the reader of a pooling ("max_pool", "avg_pool")."""

    def handle(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
        step = reader.step_of(inputs[0], node)
        shape, kernel = reader.builder.shapes[step], tuple(node.attributes["kernel_shape"])
        stride, dilation, before, after = window(reader, node, shape, kernel)
        settings: dict[str, Any] = {"ceil_mode": bool(node.get("ceil_mode", 0))}
        counts = bool(node.get("count_include_pad", 0))
        if kind == "max_pool":
            settings["dilation"] = dilation
            if node.get("storage_order", 0) or any(node.outputs[1:]):
                raise reader.refusal(node, "also asks where the largest value was, which is not supported")
        else:
            settings["count_include_pad"] = counts
            if set(dilation) != {1}:
                raise reader.refusal(node, "averages with a dilation, which is not supported")
        if before != after:
            # Zeros may stand for padding where they change nothing: no maximum of what is never negative.
            is_exact = _is_never_negative(reader, step) if kind == "max_pool" else counts
            if not is_exact or settings["ceil_mode"]:
                raise reader.refusal(
                    node, "has padding that differs between sides, which is not supported here"
                )
            step, before = padded(reader, node, step, before, after), (0,) * len(before)
        if any(2 * pad > width for pad, width in zip(before, kernel, strict=True)):
            raise reader.refusal(node, "pads by more than half its kernel, which is not supported")
        settings |= {"kernel": kernel, "stride": stride, "padding": before}
        return reader.start(reader.builder.add(node.hint, f"{kind}{len(kernel)}d", (step,), **settings))

    return handle


def _is_never_negative(reader: GraphReader, name: str) -> bool:
    step = reader.builder.step(name)
    while step is not None and step.operation in _KEEP_ORDER:
        step = reader.builder.step(step.inputs[0])
    return step is not None and step.operation in _NON_NEGATIVE


def adaptive_pool(kind: str) -> Handler:
    """Return the reader of a pooling ("avg", "max") to a size, by default over all of space."""
    return lambda reader, node, inputs: reader.start(
        _pooled(reader, node, reader.step_of(inputs[0], node), kind)
    )


def _pooled(reader: GraphReader, node: Node, step: str, kind: str) -> str:
    axes = len(reader.builder.shapes[step]) - 1
    if axes not in (1, 2):
        raise reader.refusal(node, f"pools over {axes} axes, of which 1 and 2 are supported")
    size = tuple(node.get("output_size", (1,) * axes))
    return reader.builder.add(node.hint, f"adaptive_{kind}_pool{axes}d", (step,), size=size)


def reduce(kind: str) -> Handler:
    """Return the reader of a mean or maximum over all of space."""

    def handle(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
        step = reader.step_of(inputs[0], node)
        rank = len(reader.builder.shapes[step]) + 1
        axes = axes_of(inputs, node) or ()
        if sorted(axis % rank for axis in axes) != list(range(2, rank)):
            raise reader.refusal(
                node, f"reduces the axes {list(axes)}, of which only all of space are supported"
            )
        step = _pooled(reader, node, step, kind)
        if not node.get("keepdims", 1):
            step = reader.builder.add(f"{node.hint}_flat", "flatten", (step,), start=1)
        return reader.start(step)

    return handle


def pad(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a padding with zeros around the image."""
    step = reader.step_of(inputs[0], node)
    rank = len(reader.builder.shapes[step]) + 1
    pads = [int(size) for size in np.ravel(inputs[1] if len(inputs) > 1 else node.attributes["pads"])]
    value = np.ravel(inputs[2])[0] if len(inputs) > 2 and inputs[2] is not None else node.get("value", 0.0)
    if len(inputs) > 3 and inputs[3] is not None:
        wide = [0] * (2 * rank)
        for place, axis in enumerate(int(axis) % rank for axis in np.ravel(inputs[3])):
            wide[axis], wide[rank + axis] = pads[place], pads[len(pads) // 2 + place]
        pads = wide
    is_plain = node.get("mode", "constant") == "constant" and float(value) == 0.0
    if not is_plain or len(pads) != 2 * rank or min(pads) < 0 or any(pads[:2] + pads[rank : rank + 2]):
        raise reader.refusal(node, "pads otherwise than with zeros around the image, which is not supported")
    before, after = tuple(pads[2:rank]), tuple(pads[rank + 2 :])
    if len(before) not in (1, 2):
        raise reader.refusal(node, f"pads {len(before)} axes, of which 1 and 2 are supported")
    if not any(pads) and not node.is_translated:
        return inputs[0]
    return reader.start(padded(reader, node, step, before, after))
