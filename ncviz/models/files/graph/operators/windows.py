"""Operators that slide a window over an image, or pad it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ncviz.models.files.graph.reader import GraphReader, Handler, Node, Value

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
        cuts: list[tuple[int, int]] = []
        if before != after:
            sides = list(zip(shape[1:], kernel, stride, dilation, before, after, strict=True))
            found = None if kind == "avg_pool" and counts else _symmetric(sides, settings["ceil_mode"])
            if found is not None:
                before, cuts, settings["ceil_mode"] = found
            else:
                # Zeros may stand for padding where they change nothing: no maximum of what is never negative.
                is_exact = _is_never_negative(reader, step) if kind == "max_pool" else counts
                if not is_exact or settings["ceil_mode"]:
                    raise reader.refusal(
                        node,
                        "has padding that differs between sides, which torch's pooling cannot do here; pad by a Pad "
                        "before it",
                    )
                step, before = padded(reader, node, step, before, after), (0,) * len(before)
        if any(2 * pad > width for pad, width in zip(before, kernel, strict=True)):
            raise reader.refusal(node, "pads by more than half its kernel, which is not supported")
        settings |= {"kernel": kernel, "stride": stride, "padding": before}
        value: Value = reader.start(
            reader.builder.add(node.hint, f"{kind}{len(kernel)}d", (step,), **settings)
        )
        for axis, (first, count) in enumerate(cuts, start=2):
            value = reader.part(node, value, axis, first, first + count)
        return value

    return handle


def _symmetric(
    sides: Sequence[tuple[int, ...]], is_ceil: bool
) -> tuple[tuple[int, ...], list[tuple[int, int]], bool] | None:
    """Return how torch's pooling, whose padding is the same on both sides, gives what one with two paddings does.

    Padding is never read by a maximum, nor by an average that does not count it. So more of it in front, by whole
    strides, gives windows that are left out again, and rounding up gives windows that reach over the end.

    Args:
        sides: For each axis its size, kernel, stride, dilation, and padding before and after.
        is_ceil: Whether the number of windows is rounded up.

    Returns:
        The padding, for each axis which windows to keep (the first, how many), and whether torch is to round up; None
        if there is no such way.
    """
    for rounds_up in (False, True):
        found: list[tuple[int, int, int]] = []
        for size, kernel, stride, dilation, before, after in sides:
            wanted = _windows(size, kernel, stride, dilation, before, after, is_ceil)
            for more in range(kernel // 2 // stride + 1):
                pad = before + more * stride
                given = _windows(size, kernel, stride, dilation, pad, pad, rounds_up)
                if 2 * pad <= kernel and given >= more + wanted:
                    found.append((pad, more, wanted))
                    break
        if len(found) == len(sides):
            return tuple(pad for pad, _, _ in found), [(first, count) for _, first, count in found], rounds_up
    return None


def _windows(
    size: int, kernel: int, stride: int, dilation: int, before: int, after: int, is_ceil: bool
) -> int:
    """Return how many windows there are along an axis; rounded up, none starts beyond what is read."""
    room = size + before + after - dilation * (kernel - 1) - 1
    count = (-(-room // stride) if is_ceil else room // stride) + 1
    return count - 1 if is_ceil and (count - 1) * stride >= size + before else count


def _is_never_negative(reader: GraphReader, name: str) -> bool:
    step = reader.builder.step(name)
    while step is not None and step.operation in _KEEP_ORDER:
        step = reader.builder.step(step.inputs[0])
    return step is not None and step.operation in _NON_NEGATIVE


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
