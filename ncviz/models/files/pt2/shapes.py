"""Operators of a ``torch.export`` program that give an activation another shape, or join activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ncviz.models.files.graph.pointwise import Pointwise
from ncviz.models.files.graph.reading import BATCH, Node, Reading, Value
from ncviz.models.files.pt2.values import Arguments, Operator, many, step_of

_FLOAT_TYPES = (None, 6, 7, 8, 13)  # codes of the file for float16, float32, float64 and bfloat16


def _reshaped(reading: Reading, node: Node, step: str, target: list[int]) -> Value:
    shape = reading.draft.shapes[step]
    first, rest = target[0], list(target[1:])
    if rest.count(-1) == 1 and first != -1:
        known = -math.prod(rest)
        rest[rest.index(-1)] = math.prod(shape) // known if known > 0 else 0
    if (
        first not in (-1, BATCH, reading.batch)
        or math.prod(rest) != math.prod(shape)
        or min(rest, default=0) < 1
    ):
        raise reading.refusal(
            node, f"makes {list(shape)} into another number of values, or reshapes across the batch"
        )
    if tuple(rest) == shape:
        return reading.start(step)
    if len(rest) == 1:
        return reading.start(reading.draft.add(node.hint, "flatten", (step,), start=1))
    return reading.start(reading.draft.add(node.hint, "reshape", (step,), shape=tuple(rest)))


def view(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a change of shape that keeps the batch."""
    sizes: Any = arguments.get("size", arguments.get("shape"))
    target = [int(size) for size in sizes]
    if isinstance(arguments["self"], np.ndarray):
        return arguments["self"].reshape(target)
    return _reshaped(reading, node, step_of(reading, node, arguments), target)


def flatten(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a flatten from any axis after the batch."""
    step = step_of(reading, node, arguments)
    shape = reading.draft.shapes[step]
    rank = len(shape) + 1
    start, end = int(arguments.get("start_dim", 0)) % rank, int(arguments.get("end_dim", -1)) % rank
    if start == 0 or end < start:
        raise reading.refusal(node, "flattens the batch too, which is not supported")
    inner = math.prod(shape[start - 1 : end])
    return _reshaped(reading, node, step, [BATCH, *shape[: start - 1], inner, *shape[end:]])


def squeeze(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read the removal of axes of size 1."""
    step = step_of(reading, node, arguments)
    shape = (BATCH, *reading.draft.shapes[step])
    axes = {axis % len(shape) for axis in many(arguments.get("dim"), 1, list(range(1, len(shape))))}
    # torch leaves axes that are not of size 1.
    return _reshaped(reading, node, step, [s for a, s in enumerate(shape) if a not in axes or s != 1])


def unsqueeze(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read the adding of an axis."""
    if isinstance(arguments["self"], np.ndarray):
        return np.expand_dims(arguments["self"], int(arguments["dim"]))
    step = step_of(reading, node, arguments)
    shape = [BATCH, *reading.draft.shapes[step]]
    axis = int(arguments["dim"]) % (len(shape) + 1)
    return _reshaped(reading, node, step, [*shape[:axis], 1, *shape[axis:]])


def permute(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a permutation of axes, of weights or of activations."""
    value = arguments["self"]
    rank = value.ndim if isinstance(value, np.ndarray) else len(reading.shape_of(value, node)) + 1
    axes = list(range(rank))
    if "dims" in arguments:
        axes = [int(axis) % rank for axis in arguments["dims"]]
    elif "dim0" in arguments:
        one, other = int(arguments["dim0"]) % rank, int(arguments["dim1"]) % rank
        axes[one], axes[other] = axes[other], axes[one]
    else:
        axes.reverse()
    if isinstance(value, np.ndarray):
        return np.transpose(value, axes)
    if sorted(axes) != list(range(rank)) or axes[0] != 0:
        raise reading.refusal(node, f"permutes the axes to {axes}, which moves the batch")
    return reading.start(
        reading.draft.add(node.hint, "permute", (step_of(reading, node, arguments),), axes=tuple(axes))
    )


def cat(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a concatenation."""
    steps = tuple(reading.step_of(value, node) for value in arguments["tensors"])
    rank = len(reading.draft.shapes[steps[0]]) + 1
    axis = int(arguments.get("dim", 0))
    if not -rank < axis < rank or axis % rank == 0:
        raise reading.refusal(node, f"joins along axis {axis}, which is not one of the activations'")
    return reading.start(reading.draft.add(node.hint, "cat", steps, axis=axis % rank))


def stack(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a concatenation along an axis of its own."""
    values, axis = arguments["tensors"], int(arguments.get("dim", 0))
    apart = [unsqueeze(reading, node, {"self": value, "dim": axis}) for value in values]
    return cat(reading, node, {"tensors": apart, "dim": axis})


def hstack(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a concatenation along the first axis after the batch."""
    return cat(reading, node, {**arguments, "dim": 1})


def repeat(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read the repetition of activations along their axes."""
    times: Any = arguments.get("repeats", arguments.get("dims"))
    return reading.repeated(node, arguments["self"], [int(count) for count in times])


def repeat_each(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read the repetition of each value along an axis."""
    shape = reading.shape_of(arguments["self"], node)
    rank, times = len(shape) + 1, arguments["repeats"]
    if arguments.get("dim") is None or not isinstance(times, int):
        raise reading.refusal(
            node, "repeats values along no axis, or some more often, which is not supported"
        )
    axis = int(arguments["dim"]) % rank
    beside = unsqueeze(reading, node, {"self": arguments["self"], "dim": axis + 1})
    beside = reading.repeated(node, beside, [times if each == axis + 1 else 1 for each in range(rank + 1)])
    target = [BATCH, *(size * times if each == axis else size for each, size in enumerate(shape, 1))]
    return _reshaped(reading, node, reading.step_of(beside, node), target)


def expand(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read the repetition of axes of size 1."""
    return reading.expanded(node, arguments["self"], [int(size) for size in arguments["size"]])


def chunk(reading: Reading, node: Node, arguments: Arguments) -> list[Value]:
    """Read a division into so many parts, of which the last may be smaller."""
    size, axis = _size_along(reading, node, arguments)
    return reading.parts(node, arguments["self"], axis, _equal(size, -(-size // int(arguments["chunks"]))))


def split(reading: Reading, node: Node, arguments: Arguments) -> list[Value]:
    """Read a division into parts of one size, or of a size each."""
    size, axis = _size_along(reading, node, arguments)
    wanted: Any = arguments.get("split_size", arguments.get("split_sizes"))
    lengths = _equal(size, wanted) if isinstance(wanted, int) else [int(length) for length in wanted]
    return reading.parts(node, arguments["self"], axis, lengths)


def narrow(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read what takes some of an axis, one after the other."""
    value, axis = arguments["self"], int(arguments.get("dim", 0))
    start = int(arguments.get("start") or 0)
    stop = start + int(arguments["length"]) if "length" in arguments else arguments.get("end")
    stop = np.iinfo(np.int64).max if stop is None else int(stop)
    if arguments.get("step", 1) != 1:
        raise reading.refusal(node, "takes every other of an axis (step), which is not supported")
    if isinstance(value, np.ndarray):
        chosen: list[slice] = [slice(None)] * value.ndim
        chosen[axis] = slice(start, stop)
        return value[tuple(chosen)]
    return reading.part(node, value, axis, start, stop)


def select(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read what takes one of an axis, which is left out of the result."""
    value, axis, index = arguments["self"], int(arguments["dim"]), int(arguments["index"])
    if isinstance(value, np.ndarray):
        return np.take(value, index, axis)
    size, _ = _size_along(reading, node, arguments)
    start = index % size
    step = reading.step_of(reading.part(node, value, axis, start, start + 1), node)
    shape = [BATCH, *reading.draft.shapes[step]]
    del shape[axis]
    return _reshaped(reading, node, step, shape)


def _size_along(reading: Reading, node: Node, arguments: Arguments) -> tuple[int, int]:
    shape, axis = reading.shape_of(arguments["self"], node), int(arguments.get("dim", 0))
    if axis % (len(shape) + 1) == 0:
        raise reading.refusal(node, "divides a batch, which is not supported")
    return shape[axis % (len(shape) + 1) - 1], axis


def _equal(size: int, length: int) -> list[int]:
    return [min(length, size - start) for start in range(0, size, max(1, length))]


def pad(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a padding with zeros."""
    step = step_of(reading, node, arguments)
    pads = tuple(int(size) for size in arguments["pad"])
    rank = len(reading.draft.shapes[step])
    if (
        arguments.get("mode", "constant") != "constant"
        or (arguments.get("value") or 0.0) != 0.0
        or min(pads) < 0
    ):
        raise reading.refusal(node, "pads otherwise than with zeros, which is not supported")
    axes = rank - 1
    if axes not in (1, 2) or len(pads) > 2 * axes:
        raise reading.refusal(node, "pads other axes than those of the image, which is not supported")
    pads += (0,) * (2 * axes - len(pads))
    return reading.start(reading.draft.add(node.hint, f"zero_pad{axes}d", (step,), padding=pads))


def softmax(operation: str) -> Operator:
    """Return the reader of a softmax over the classes."""

    def read(reading: Reading, node: Node, arguments: Arguments) -> Value:
        step = step_of(reading, node, arguments)
        if len(reading.draft.shapes[step]) != 1 or arguments["dim"] not in (1, -1):
            raise reading.refusal(
                node,
                "is a softmax inside the network (as in attention), of which only one over the classes is read",
            )
        return reading.start(reading.draft.add(node.hint, operation, (step,), axis=1))

    return read


def same(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read what changes nothing in eval mode."""
    value: Any = arguments.get("self", arguments.get("input"))
    if arguments.get("train") or arguments.get("training"):
        raise reading.refusal(node, "is in training mode; export the network after net.eval()")
    if isinstance(value, Pointwise) and arguments.get("dtype") not in _FLOAT_TYPES:
        raise reading.refusal(node, "makes activations into another type, which is not supported")
    return value
