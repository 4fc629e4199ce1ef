"""Matrix products of activations with weights or with each other, and those by an equation, written out in such."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ncviz.models.files.graph.operators.constants import FOLDS, fold
from ncviz.models.files.graph.operators.placing import multiplied, parts_of, placed, transposed, weights_of
from ncviz.models.files.graph.reader import GraphReader, Node, Source, Value


def matmul(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a linear layer without a bias, or a product of two activations."""
    if not any(isinstance(value, np.ndarray) for value in inputs):
        return multiplied(reader, node, *inputs)
    step = reader.step_of(inputs[0], node)
    weight = weights_of(reader, node, inputs[1])
    if weight.ndim != 2:
        raise reader.refusal(node, f"has weights of shape {list(weight.shape)}, expected a matrix")
    arrays = {"weight": (weight.T, Source(node.index, 1, weight.shape, True))}
    return reader.layer(
        node, "linear", step, arrays, in_features=weight.shape[0], out_features=weight.shape[1], bias=False
    )


def einsum(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read an Einsum of two values, each of its letters an axis: transposed, multiplied, and transposed back."""
    one, other, result = _letters(reader, node, inputs)
    slots = [0, 1]
    if isinstance(inputs[0], np.ndarray):
        # What the network computes comes first, and weights, as in a linear layer, last.
        inputs, one, other, slots = inputs[::-1], other, one, [1, 0]
    shared = [each for each in one if each in other]
    groups = [each for each in shared if each in result]
    summed = [each for each in shared if each not in result]
    rows = [each for each in one if each not in shared]
    columns = [each for each in other if each not in shared]
    if set(rows + columns + groups) != set(result):
        raise reader.refusal(node, "sums over an axis of one of its factors alone, which is not supported")
    sizes: dict[str, int] = {}
    for own, value in zip((one, other), inputs, strict=True):
        for each, size in zip(own, _shape(reader, node, value), strict=True):
            if sizes.setdefault(each, size) != size:
                raise reader.refusal(
                    node, f"has sizes {sizes[each]} and {size} for one letter, which is not supported"
                )
    left = _arranged(reader, node, inputs[0], one, [groups, rows, summed], sizes)
    right = _arranged(reader, node, inputs[1], other, [groups, summed, columns], sizes)
    weight = node.inputs[slots[1]] if isinstance(right, np.ndarray) else ""
    found = matmul(reader, replace(node, operator="MatMul", inputs=("", weight)), [left, right])
    if isinstance(right, np.ndarray):
        name = f"{reader.step_of(parts_of(found)[0], node)}.weight"
        del reader.sources[name]
        if other in ("".join(summed + columns), "".join(columns + summed)):
            is_transposed = other.startswith("".join(summed))
            reader.sources[name] = Source(node.index, slots[1], inputs[1].shape, is_transposed)
    order = groups + rows + columns
    found = placed(reader, node, found, [sizes[each] for each in order])
    return transposed(reader, node, found, [order.index(each) for each in result])


def _letters(reader: GraphReader, node: Node, inputs: list[Any]) -> list[str]:
    equation = str(node.attributes["equation"]).replace(" ", "")
    given, _, result = equation.partition("->")
    found = [*given.split(","), result]
    axes = [len(_shape(reader, node, value)) for value in inputs]
    is_plain = len(found) == 3 and len(inputs) == 2 and "." not in equation and "->" in equation
    if (
        not is_plain
        or any(len(set(own)) < len(own) for own in found)
        or [len(own) for own in found[:2]] != axes
    ):
        raise reader.refusal(
            node,
            f"has the equation {equation[:40]}, of which those with two factors and a letter for each axis are read",
        )
    return found


def _shape(reader: GraphReader, node: Node, value: Value) -> tuple[int, ...]:
    return value.shape if isinstance(value, np.ndarray) else reader.file_shape(value, node)


def _arranged(
    reader: GraphReader,
    node: Node,
    value: Value,
    letters: str,
    wanted: list[list[str]],
    sizes: dict[str, int],
) -> Value:
    """Return a factor with its axes in another order, those that belong together as one but the groups."""
    groups, first, last = wanted
    order = [letters.index(each) for each in groups + first + last]
    together = [
        *(sizes[each] for each in groups),
        prod(sizes[e] for e in first),
        prod(sizes[e] for e in last),
    ]
    turn, shape = _part(node, "Transpose", perm=tuple(order)), np.array(together)
    if isinstance(value, np.ndarray):
        constant = fold(turn, [value], reader.opset, reader.budget)
        return fold(_part(node, "Reshape"), [constant, shape], reader.opset, reader.budget)
    return placed(reader, node, transposed(reader, node, value, order), together)


def _part(node: Node, operator: str, **attributes: Any) -> Node:
    assert operator in FOLDS
    return replace(node, operator=operator, inputs=("",), attributes=attributes)
