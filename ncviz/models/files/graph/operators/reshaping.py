"""Operators that give an activation another shape, or its axes another order, its images wherever they come to lie."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ncviz.models.files.graph.activations import Pointwise
from ncviz.models.files.graph.operators.constants import axes_of, numbers_of
from ncviz.models.files.graph.operators.placing import placed, reshaped, transposed, weights_of
from ncviz.models.files.graph.reader import BATCH, GraphReader, Node, Value


def reshape(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a Reshape."""
    value = inputs[0]
    shape = reader.file_shape(value, node)
    target = numbers_of(weights_of(reader, node, inputs[1], "a target shape"))
    if not 1 <= len(target) <= 8:
        raise reader.refusal(node, f"reshapes to {len(target)} axes, which is not supported")
    if not node.get("allowzero", 0):
        if 0 in target[len(shape) :]:
            raise reader.refusal(node, f"reshapes to {target[:9]}, whose zeros stand for no axis")
        target = [shape[axis] if size == 0 else size for axis, size in enumerate(target)]
    own, rest = shape[1:], target[1:]
    if isinstance(value, Pointwise) and rest and target[0] in (-1, BATCH, reader.batch):
        if rest.count(-1) == 1 and target[0] != -1:
            known = -prod(rest)
            rest[rest.index(-1)] = prod(own) // known if known > 0 else 0
        if prod(rest) == prod(own) or target[0] == BATCH or -1 in rest:
            return reshaped(reader, node, reader.step_of(value, node), tuple(rest))
    return placed(reader, node, value, target)


def flatten(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a Flatten."""
    value, axis = inputs[0], int(node.get("axis", 1))
    shape = reader.file_shape(value, node)
    axis += len(shape) if axis < 0 else 0
    if isinstance(value, Pointwise) and axis == 1:
        return reshaped(reader, node, reader.step_of(value, node), (prod(shape[1:]),))
    return placed(reader, node, value, [prod(shape[:axis]), prod(shape[axis:])])


def squeeze(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read the removal of axes of size 1."""
    value, axes = inputs[0], axes_of(inputs, node)
    shape = reader.file_shape(value, node)
    sizes = [1 if size == BATCH and reader.batch == 1 else size for size in shape]
    chosen = (
        {axis % len(shape) for axis in axes}
        if axes is not None
        else {axis for axis, size in enumerate(shape) if size == 1}
    )
    if any(sizes[axis] != 1 for axis in chosen):
        raise reader.refusal(node, f"squeezes the axes {sorted(chosen)}, which are not all of size 1")
    left = [size for axis, size in enumerate(shape) if axis not in chosen]
    if isinstance(value, Pointwise) and 0 not in chosen:
        return reshaped(reader, node, reader.step_of(value, node), tuple(left[1:]))
    return placed(reader, node, value, left)


def unsqueeze(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read the adding of axes."""
    value, axes = inputs[0], axes_of(inputs, node) or ()
    shape = list(reader.file_shape(value, node))
    rank = len(shape) + len(axes)
    chosen = sorted(axis % rank for axis in axes)
    if not chosen or rank > 8:
        raise reader.refusal(node, f"makes {rank} axes, of which 8 are supported")
    for axis in chosen:
        shape.insert(axis, 1)
    if isinstance(value, Pointwise) and chosen[0] > 0:
        return reshaped(reader, node, reader.step_of(value, node), tuple(shape[1:]))
    return placed(reader, node, value, shape)


def transpose(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a permutation of axes."""
    value = inputs[0]
    rank = len(reader.file_shape(value, node))
    axes = tuple(int(axis) for axis in node.get("perm", tuple(reversed(range(rank)))))
    if sorted(axes) != list(range(rank)):
        raise reader.refusal(node, f"permutes the axes to {list(axes)[:9]}, which are not those of its input")
    if not isinstance(value, Pointwise) or axes[0] != 0:
        return transposed(reader, node, value, axes)
    if axes == tuple(range(rank)) and not node.is_translated:
        return value
    return reader.start(reader.builder.add(node.hint, "permute", (reader.step_of(value, node),), axes=axes))


def shape_value(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Return the shape as a constant, with a mark where the batch stands."""
    value = inputs[0]
    full = value.shape if isinstance(value, np.ndarray) else reader.file_shape(value, node)
    return np.asarray(full[node.get("start", 0) : node.get("end", None)], dtype=np.int64)
