"""Operators that give an activation another shape, join activations, or leave them as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ncviz.limits import LIMITS
from ncviz.models.files.graph.operators.constants import axes_of, cuts_of
from ncviz.models.files.graph.operators.pointwise import Handler
from ncviz.models.files.graph.reader import BATCH, GraphReader, Node, Value

_RESHAPES = frozenset({"flatten", "reshape"})


def weights_of(reader: GraphReader, node: Node, value: Value | None, what: str = "weights") -> np.ndarray:
    """Return a constant, refusing activations in its place."""
    if not isinstance(value, np.ndarray):
        raise reader.refusal(
            node, f"has {what} that the network computes (as attention does), expected constants"
        )
    return value


def reshaped(reader: GraphReader, node: Node, step: str, target: tuple[int, ...]) -> Value:
    """Give a step another shape of as many values, by the plainest operation."""
    shape = reader.builder.shapes[step]
    if math.prod(target) != math.prod(shape) or min(target, default=0) < 1:
        raise reader.refusal(
            node, f"makes {list(shape)} into {list(target)}, which holds another number of values"
        )
    if target == shape:
        return reader.start(step)
    before = reader.builder.step(step)
    if before is not None and before.operation in _RESHAPES:
        # What is given another shape and then its own again was never changed.
        source = before.inputs[0]
        if reader.builder.shapes[source] == target:
            return reader.start(source)
    if len(target) == 1:
        return reader.start(reader.builder.add(node.hint, "flatten", (step,), start=1))
    return reader.start(reader.builder.add(node.hint, "reshape", (step,), shape=target))


def as_scores(reader: GraphReader, step: str) -> str:
    """Return the step that gives one row of scores, where the last one has axes of size 1 beside the classes."""
    shape = reader.builder.shapes[step]
    if len(shape) < 2 or math.prod(shape) != max(shape):
        return step
    node = Node(0, "scores", "Flatten", "", (), (), {}, False)
    return reader.step_of(reshaped(reader, node, step, (math.prod(shape),)), node)


def reshape(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a Reshape that keeps the batch."""
    step = reader.step_of(inputs[0], node)
    shape = reader.builder.shapes[step]
    target = [int(size) for size in weights_of(reader, node, inputs[1], "a target shape").ravel()]
    if not 2 <= len(target) <= 8:
        raise reader.refusal(node, f"reshapes to {len(target)} axes, which is not supported")
    if not node.get("allowzero", 0):
        target = [(BATCH, *shape)[axis] if size == 0 else size for axis, size in enumerate(target)]
    first, rest = target[0], target[1:]
    if first not in (-1, BATCH, reader.batch):
        raise reader.refusal(node, f"reshapes across the batch, to {target}, which is not supported")
    if rest.count(-1) == 1 and first != -1:
        known = -math.prod(rest)
        rest[rest.index(-1)] = math.prod(shape) // known if known > 0 else 0
    return reshaped(reader, node, step, tuple(rest))


def flatten(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a Flatten."""
    step = reader.step_of(inputs[0], node)
    rank = len(reader.builder.shapes[step]) + 1
    if node.get("axis", 1) not in (1, 1 - rank):
        raise reader.refusal(node, f"flattens from axis {node.get('axis', 1)}, of which only 1 is supported")
    return reshaped(reader, node, step, (math.prod(reader.builder.shapes[step]),))


def squeeze(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read the removal of axes of size 1."""
    step = reader.step_of(inputs[0], node)
    shape = (BATCH, *reader.builder.shapes[step])
    axes = axes_of(inputs, node)
    chosen = (
        {axis % len(shape) for axis in axes}
        if axes is not None
        else {a for a, s in enumerate(shape) if s == 1}
    )
    if any(shape[axis] != 1 for axis in chosen):
        raise reader.refusal(node, f"squeezes the axes {sorted(chosen)}, which are not all of size 1")
    return reshaped(reader, node, step, tuple(s for a, s in enumerate(shape) if a not in chosen)[1:])


def unsqueeze(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read the adding of axes."""
    step = reader.step_of(inputs[0], node)
    shape = list(reader.builder.shapes[step])
    axes = axes_of(inputs, node) or ()
    rank = len(shape) + 1 + len(axes)
    chosen = sorted(axis % rank for axis in axes)
    if not chosen or chosen[0] == 0 or rank > 8:
        raise reader.refusal(node, "adds an axis before the batch, which is not supported")
    for axis in chosen:
        shape.insert(axis - 1, 1)
    return reshaped(reader, node, step, tuple(shape))


def transpose(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a permutation of axes that keeps the batch."""
    step = reader.step_of(inputs[0], node)
    rank = len(reader.builder.shapes[step]) + 1
    axes = tuple(node.get("perm", tuple(reversed(range(rank)))))
    if sorted(axes) != list(range(rank)) or axes[0] != 0:
        raise reader.refusal(node, f"permutes the axes to {list(axes)}, which moves the batch")
    if axes == tuple(range(rank)) and not node.is_translated:
        return inputs[0]
    return reader.start(reader.builder.add(node.hint, "permute", (step,), axes=axes))


def concat(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a concatenation."""
    if not node.is_translated and any(isinstance(value, np.ndarray) for value in inputs):
        raise reader.refusal(node, "joins activations with constants, which is not supported")
    steps = tuple(reader.step_of(value, node) for value in inputs)
    rank = len(reader.builder.shapes[steps[0]]) + 1
    axis = node.attributes["axis"]
    if not -rank < axis < rank or axis % rank == 0:
        raise reader.refusal(node, f"joins along axis {axis}, which is not one of the activations'")
    return reader.start(reader.builder.add(node.hint, "cat", steps, axis=axis % rank))


def tile(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a Tile of activations."""
    times = weights_of(reader, node, inputs[1], "numbers of repeats").ravel()
    return _repeated(reader, node, inputs[0], [int(count) for count in times])


def _repeated(reader: GraphReader, node: Node, value: Value, times: Sequence[int]) -> Value:
    """Return activations beside themselves, so many times along each axis, the batch's included."""
    rank = len(reader.shape_of(value, node)) + 1
    times = (*(1,) * (rank - len(times)), *times)
    if len(times) != rank or times[0] != 1 or not all(1 <= count <= LIMITS.nodes for count in times):
        raise reader.refusal(node, f"repeats its input {list(times)[:9]} times, which is not supported")
    for axis, count in enumerate(times):
        if count > 1:
            same = (reader.step_of(value, node),) * count
            value = reader.start(reader.builder.add(node.hint, "cat", same, axis=axis))
    return value


def expand(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read an Expand of activations, such as a grey image for three colours; axes of 1 or -1 stay."""
    sizes = [int(size) for size in weights_of(reader, node, inputs[1], "a target shape").ravel()]
    shape = reader.shape_of(inputs[0], node)
    first, *sizes = [1] * (len(shape) + 1 - len(sizes)) + sizes
    fits = len(sizes) == len(shape) and first in (1, -1, BATCH, reader.batch)
    if not fits or any(
        size != own != 1 and size not in (1, -1) for own, size in zip(shape, sizes, strict=True)
    ):
        raise reader.refusal(
            node, f"spreads the shape {list(shape)} over {[first, *sizes][:9]}, which is not supported"
        )
    times = [size if own == 1 and size != -1 else 1 for own, size in zip(shape, sizes, strict=True)]
    return _repeated(reader, node, inputs[0], (1, *times))


def split(reader: GraphReader, node: Node, inputs: list[Any]) -> list[Value]:
    """Read a division along an axis, into equal parts or parts of a size each."""
    value, axis = inputs[0], int(node.get("axis", 0))
    shape = reader.shape_of(value, node)
    if axis % (len(shape) + 1) == 0:
        raise reader.refusal(node, "divides a batch, which is not supported")
    lengths = node.get("split", None)
    if len(inputs) > 1 and inputs[1] is not None:
        lengths = weights_of(reader, node, inputs[1], "sizes of its parts").ravel()
    size = shape[axis % (len(shape) + 1) - 1]
    if lengths is None:
        count = len(node.outputs)
        each = -(-size // count)
        lengths = [min(each, size - start) for start in range(0, each * count, each)]
    stops = [int(stop) for stop in accumulate(lengths)]
    parts = [reader.part(node, value, axis, start, stop) for start, stop in pairwise((0, *stops))]
    if stops[-1:] != [size]:
        raise reader.refusal(
            node, f"cuts into parts of {list(map(int, lengths))[:9]}, which is not all that it reads"
        )
    return parts


def gather(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read what takes some of an axis by number, or one, which is left out of the result."""
    chosen = weights_of(reader, node, inputs[1], "numbers of what it takes")
    shape = reader.shape_of(inputs[0], node)
    axis = int(node.get("axis", 0)) % (len(shape) + 1)
    if axis == 0 or chosen.ndim > 1 or not 1 <= chosen.size <= LIMITS.nodes:
        raise reader.refusal(node, "takes images of a batch, or puts what it takes on several axes")
    every = range(shape[axis - 1])
    numbers = [every[int(number)] for number in chosen.ravel()]
    steps = tuple(
        reader.step_of(reader.part(node, inputs[0], axis, number, number + 1), node) for number in numbers
    )
    step = steps[0] if len(steps) == 1 else reader.builder.add(node.hint, "cat", steps, axis=axis)
    if chosen.ndim:
        return reader.start(step)
    return reshaped(reader, node, step, (*shape[: axis - 1], *shape[axis:]))


def cut(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a Slice of activations."""
    value: Value = inputs[0]
    for given in inputs[1:]:
        if given is not None:
            weights_of(reader, node, given, "bounds")
    for axis, chosen in cuts_of(inputs, node, reader.opset):
        if chosen.step != 1:
            raise reader.refusal(node, "takes every other of an axis (steps), which is not supported")
        value = reader.part(node, value, axis, chosen.start, chosen.stop)
    return value


def softmax(operation: str) -> Handler:
    """Return the reader of a softmax over the classes."""

    def handle(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
        step = reader.step_of(inputs[0], node)
        shape = reader.builder.shapes[step]
        rank = len(shape) + 1
        axis = int(node.get("axis", -1 if reader.opset >= 13 else 1)) % rank
        # Before opset 13 over this axis and all behind it.
        over = shape[axis - 1 :] if reader.opset < 13 else shape[axis - 1 : axis]
        if axis == 0 or math.prod(over) != math.prod(shape):
            raise reader.refusal(
                node,
                "is a softmax inside the network (as in attention), of which only one over the classes is read",
            )
        row = reader.step_of(reshaped(reader, node, step, (math.prod(shape),)), node)
        found = reader.builder.add(node.hint, operation, (row,), axis=1)
        return reshaped(reader, node, found, shape)

    return handle


def same(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read what changes nothing in eval mode."""
    if node.operator == "Dropout" and len(inputs) > 2 and inputs[2] is not None and np.any(inputs[2]):
        raise reader.refusal(node, "is in training mode; export the network after net.eval()")
    return inputs[0]


def cast(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a change of type among floating-point numbers."""
    if node.operator == "Cast" and node.attributes["to"] not in (1, 10, 11, 16):
        raise reader.refusal(node, "makes activations into whole numbers, which is not supported")
    return inputs[0]


def shape_value(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Return the shape as a constant, with a mark where the batch stands."""
    value = inputs[0]
    full = value.shape if isinstance(value, np.ndarray) else (BATCH, *reader.shape_of(value, node))
    return np.asarray(full[node.get("start", 0) : node.get("end", None)], dtype=np.int64)
