"""Operators that give an activation another shape, join activations, or leave them as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ncviz.limits import LIMITS
from ncviz.models.files.graph.operators.constants import cuts_of, numbers_of
from ncviz.models.files.graph.operators.placing import check_settings, cut_out, reshaped, weights_of
from ncviz.models.files.graph.reader import BATCH, GraphReader, Handler, Node, Source, Strewn, Value


def as_scores(reader: GraphReader, step: str) -> str:
    """Return the step that gives one row of scores, where the last one has axes of size 1 beside the classes."""
    shape = reader.builder.shapes[step]
    if len(shape) < 2 or math.prod(shape) != max(shape):
        return step
    node = Node(0, "scores", "Flatten", "", (), (), {}, False)
    return reader.step_of(reshaped(reader, node, step, (math.prod(shape),)), node)


def concat(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a concatenation."""
    like = next((value for value in inputs if not isinstance(value, np.ndarray)), None)
    if like is None:
        raise reader.refusal(node, "joins constants alone, which is not supported")
    first, axis = reader.step_of(like, node), node.attributes["axis"]
    rank = len(reader.builder.shapes[first]) + 1
    if not -rank < axis < rank or axis % rank == 0:
        raise reader.refusal(node, f"joins along axis {axis}, which is not one of the activations'")
    steps = tuple(
        _constant(reader, node, slot, value, first)
        if isinstance(value, np.ndarray)
        else reader.step_of(value, node)
        for slot, value in enumerate(inputs)
    )
    rolled = _rolled(reader, steps, axis % rank) if reader.attends else None
    if rolled is not None:
        source, shift = rolled
        return reader.start(reader.builder.add(node.hint, "roll", (source,), axis=axis % rank, start=shift))
    return reader.start(reader.builder.add(node.hint, "cat", steps, axis=axis % rank))


def roll(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read what puts values on along an axis, those beyond its end at the beginning."""
    step, axis = reader.step_of(inputs[0], node), int(node.attributes["axis"])
    if axis == 0:
        raise reader.refusal(node, "rolls images of a batch, which is not supported")
    shift = node.attributes["shift"] % reader.builder.shapes[step][axis - 1]
    return reader.start(reader.builder.add(node.hint, "roll", (step,), axis=axis, start=shift))


def _rolled(reader: GraphReader, names: tuple[str, ...], axis: int) -> tuple[str, int] | None:
    """Return what two steps are the end and the beginning of, and how long the end is; None if they are none."""
    steps = [step for step in map(reader.builder.step, names) if step is not None]
    if len(names) != 2 or [step.operation for step in steps] != ["narrow", "narrow"]:
        return None
    end, front = (step.options for step in steps)
    (source,), size = steps[0].inputs, reader.builder.shapes[steps[0].inputs[0]][axis - 1]
    is_whole = (
        end["start"] == front["length"] and end["start"] + end["length"] == size and front["start"] == 0
    )
    is_of_one = steps[1].inputs == (source,) and end["axis"] == front["axis"] == axis
    return (source, end["length"]) if is_whole and is_of_one else None


def _constant(reader: GraphReader, node: Node, slot: int, value: np.ndarray, like: str) -> str:
    """Add a constant that is joined to activations, such as a class token; the file has it once, or for each image."""
    shape = value.shape[1:]
    if value.ndim != len(reader.builder.shapes[like]) + 1 or not shape or (value != value[:1]).any():
        raise reader.refusal(
            node,
            f"joins activations to a constant of shape {list(value.shape)}, which is not the same for each image",
        )
    name = node.inputs[slot] if slot < len(node.inputs) else ""
    hint = reader.parameters.get(name, name) or f"{node.hint}_constant"
    made = reader.builder.add(hint, "constant", (like,), {"weight": value[0]}, shape=shape)
    source = reader.spread.get(name, Source(node.index, slot, value.shape))
    if math.prod(source.shape) == math.prod(shape):
        reader.sources[f"{made}.weight"] = source
    return made


def tile(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a Tile of activations."""
    times = weights_of(reader, node, inputs[1], "numbers of repeats")
    return _repeated(reader, node, inputs[0], numbers_of(times))


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


def spread_constant(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read an Expand of a constant, which is had once where it is repeated for each image."""
    value, sizes = inputs[0], numbers_of(inputs[1])
    sizes = [1 if size in (BATCH, -1) else size for size in sizes]
    name = node.inputs[0] if node.inputs else ""
    reader.spread[node.outputs[0]] = reader.spread.get(name, Source(node.index, 0, value.shape))
    reader.parameters[node.outputs[0]] = reader.parameters.get(name, name)
    reader.budget.check_room(math.prod(np.broadcast_shapes(value.shape, tuple(sizes))) * value.itemsize)
    return np.broadcast_to(value, np.broadcast_shapes(value.shape, tuple(sizes)))


def expand(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read an Expand of activations, such as a grey image for three colours; axes of 1 or -1 stay."""
    sizes = numbers_of(weights_of(reader, node, inputs[1], "a target shape"))
    if isinstance(inputs[0], Strewn):
        own = reader.file_shape(inputs[0], node)
        if len(own) == len(sizes) and all(
            size in (-1, 1, have) for size, have in zip(sizes, own, strict=True)
        ):
            return inputs[0]
        raise reader.refusal(node, f"spreads {len(own)} axes over {sizes[:9]}, which is not supported there")
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
        lengths = numbers_of(weights_of(reader, node, inputs[1], "sizes of its parts"))
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
    check_settings(reader, node, inputs[1:], "bounds")
    return cut_out(reader, node, inputs[0], cuts_of(inputs, node, reader.opset))


def softmax(operation: str) -> Handler:
    """Return the reader of a softmax over the classes, or inside an attention over its keys."""

    def handle(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
        step = reader.step_of(inputs[0], node)
        shape = reader.builder.shapes[step]
        rank = len(shape) + 1
        axis = int(node.get("axis", -1 if reader.opset >= 13 else 1)) % rank
        # Before opset 13 over this axis and all behind it.
        over = shape[axis - 1 :] if reader.opset < 13 else shape[axis - 1 : axis]
        is_inside = math.prod(over) == shape[axis - 1] < math.prod(shape)
        if axis and reader.attends and operation == "softmax" and is_inside:
            return reader.start(
                reader.builder.add(reader.place_of(node, "scores"), operation, (step,), axis=axis)
            )
        if axis == 0 or math.prod(over) != math.prod(shape):
            raise reader.refusal(
                node,
                "is a softmax inside the network, of which only one over the classes, or over an attention's keys, is "
                "read",
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
