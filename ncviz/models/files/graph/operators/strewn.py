"""Operators that read activations whose images the file has elsewhere than along the first axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ncviz.models.files.graph.activations import Pointwise
from ncviz.models.files.graph.operators.constants import axes_of, cuts_of
from ncviz.models.files.graph.operators.placing import (
    as_file_has_it,
    check_settings,
    cut_out,
    own_axes,
    reshaped,
)
from ncviz.models.files.graph.operators.pointwise import POINTWISE
from ncviz.models.files.graph.reader import GraphReader, Node, OfImages, Strewn, Value

# Operators that do to every value what they do to any.
_ALIKE = frozenset({*POINTWISE, "Identity", "Dropout", "Cast", "CastLike"}) - {"PRelu", "Scaler"}
# Those that go along one axis, which an attribute names, and what it is by default.
_ALONG = {"Softmax": -1, "LogSoftmax": -1, "Concat": 0, "Split": 0, "Gather": 0, "Roll": -1}
_OVER_LAST = frozenset({"LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"})
_LINEAR = frozenset({"MatMul", "Gemm"})
_KNOWN = _ALIKE | _ALONG.keys() | _OVER_LAST | _LINEAR | {"ReduceMean", "Slice"}


def read_strewn(
    reader: GraphReader, node: Node, inputs: list[Any], handler: Callable[..., Any]
) -> Value | list[Value]:
    """Return what a node gives that reads activations whose images lie elsewhere than along the first axis.

    Args:
        reader: The graph so far.
        node: An operator that only treats values, or axes without images.
        inputs: What it reads.
        handler: Reads the operator where the images are first.

    Raises:
        ModelError: If it would mix images, or join values whose images lie along different axes.
    """
    first, operator, is_alike = _first_of(reader, node, inputs), node.operator, node.operator in _ALIKE
    axes = len(reader.file_shape(first, node))
    if operator == "Gather" and first.place[:2] == (0, 1) and axes == 1:
        return _laid_out(reader, node, first, inputs[1])
    own = own_axes(axes, first.axis, first.before * first.behind)

    def along(axis: int) -> int:
        """Return which axis it is where the images are first."""
        found = own[axis % axes]
        if not found or (axis % axes == first.axis and reader.batch != 1):
            raise reader.refusal(node, "takes, joins or mixes some of a batch, which is not supported")
        return found

    given: list[Any] = [value.value if isinstance(value, Strewn) else value for value in inputs]
    attributes = dict(node.attributes)
    place, removed = first.axis, []
    if is_alike or operator == "Concat":
        given = [
            _constant(reader, node, value, first, axes)
            if isinstance(value, np.ndarray) and value.ndim and operator not in ("Clip", "CastLike")
            else value
            for value in given
        ]
    if operator in _ALONG:
        axis = int(attributes.get("axis", _ALONG[operator]))
        attributes["axis"] = along(axis)
        if operator == "Gather" and isinstance(given[1], np.ndarray) and given[1].ndim == 0:
            removed = [axis % axes]
    elif operator in _OVER_LAST:
        axis = int(attributes.get("axis", -1)) % axes
        if axis <= first.axis and not (reader.batch == 1 and own[axis]):
            raise reader.refusal(node, "normalises over the images of a batch, which is not supported")
        attributes["axis"] = axis - axes
    elif operator == "ReduceMean":
        reduced = [axis % axes for axis in axes_of(inputs, node) or range(axes)]
        attributes["axes"] = tuple(along(axis) for axis in reduced)
        given = given[:1]
        removed = [] if attributes.get("keepdims", 1) else reduced
    elif operator == "Slice":
        return _cut(reader, node, inputs, first, along)
    elif operator in _LINEAR and first.axis == axes - 1 and reader.batch != 1:
        raise reader.refusal(node, "multiplies the images of a batch by weights, which is not supported")
    found = handler(reader, replace(node, attributes=attributes), given)
    place -= sum(axis < first.axis for axis in removed)

    def back(value: Value) -> Value:
        return value if isinstance(value, np.ndarray) else _again(reader, node, value, first, place)

    return [back(each) for each in found] if isinstance(found, list) else back(found)


def _first_of(reader: GraphReader, node: Node, inputs: list[Any]) -> Strewn:
    """Return the first activation that a node reads, refusing others that lie elsewhere, and what mixes images."""
    first, *others = (value for value in inputs if not isinstance(value, np.ndarray) and value is not None)
    axes = len(reader.file_shape(first, node))
    if not isinstance(first, Strewn) or any(
        not isinstance(each, Strewn)
        or (each.place != first.place and reader.batch != 1)
        or len(reader.file_shape(each, node)) != axes
        for each in others
    ):
        raise reader.refusal(
            node, "joins activations whose images lie along different axes, which is not supported"
        )
    if node.operator not in _KNOWN:
        raise reader.refusal(
            node,
            "reads activations whose images lie along another axis than the first, which is not supported there",
        )
    return first


def _laid_out(reader: GraphReader, node: Node, first: Strewn, places: Any) -> Value:
    """Read what takes values by number, each image's own, as torch's exporter writes ``as_strided``."""
    why = "takes values of several images by numbers, which is not supported"
    count = 2 if isinstance(places, OfImages) else reader.batch
    if not isinstance(places, np.ndarray) or places.ndim < 2 or count is None or len(places) != count:
        raise reader.refusal(node, why)
    own = np.asarray(places[0])
    shifts = first.behind * np.arange(count).reshape(-1, *(1,) * own.ndim)
    # Along each axis how far a value is from the next, as torch has strides.
    steps = [
        int(own.take(1, axis).ravel()[0] - own.ravel()[0]) if own.shape[axis] > 1 else 0
        for axis in range(own.ndim)
    ]
    order = sorted((axis for axis in range(own.ndim) if steps[axis]), key=lambda axis: -steps[axis])
    sizes = [own.shape[axis] for axis in order]
    whole = np.arange(first.behind)
    if not np.array_equal(places, own + shifts) or own.size != first.behind:
        raise reader.refusal(node, why)
    turned = own.transpose([*order, *(axis for axis in range(own.ndim) if not steps[axis])]).ravel()
    if not np.array_equal(turned, whole):
        raise reader.refusal(node, why)
    step = reader.step_of(
        reshaped(reader, node, reader.step_of(first.value, node), tuple(sizes or [1])), node
    )
    if order != sorted(order):
        axes = (0, *(1 + order.index(axis) for axis in sorted(order)))
        step = reader.builder.add(node.hint, "permute", (step,), axes=axes)
    return reshaped(reader, node, step, own.shape)


def _again(reader: GraphReader, node: Node, value: Value, first: Strewn, axis: int) -> Value:
    assert isinstance(value, Pointwise)
    if reader.batch != 1:
        is_first = axis == 0 and first.before * first.behind == 1
        return value if is_first else replace(first, value=value, axis=axis)
    sizes = list(reader.shape_of(value, node))
    if not sizes or sizes[0] == 1:
        return as_file_has_it(reader, node, reader.step_of(value, node), sizes, 0, 1)
    return Strewn(value, 0, 1, sizes[0])


def _cut(
    reader: GraphReader, node: Node, inputs: list[Any], first: Strewn, along: Callable[[int], int]
) -> Value:
    check_settings(reader, node, inputs[1:], "bounds")
    axes, cuts = len(reader.file_shape(first, node)), cuts_of(inputs, node, reader.opset)
    # All of what lies along the images' axis is no choice.
    kept = [
        (along(axis), chosen)
        for axis, chosen in cuts
        if axis % axes != first.axis or not _is_all(chosen) or reader.batch == 1
    ]
    if not kept:
        return first
    return _again(reader, node, cut_out(reader, node, first.value, kept), first, first.axis)


def _is_all(chosen: slice) -> bool:
    return (chosen.start, chosen.step) == (0, 1) and chosen.stop >= np.iinfo(np.int32).max


def _constant(reader: GraphReader, node: Node, value: np.ndarray, like: Strewn, axes: int) -> np.ndarray:
    """Return a constant that is joined to activations as it is where their images are first."""
    if value.ndim > axes:
        raise reader.refusal(
            node,
            f"joins activations of {axes} axes to a constant of shape {list(value.shape)}, which is not supported",
        )
    whole = value.reshape((1,) * (axes - value.ndim) + value.shape)
    also, size = like.before * like.behind, whole.shape[like.axis]
    if reader.batch is not None and size == reader.batch * also > 1:
        each = whole.reshape(
            *whole.shape[: like.axis], like.before, reader.batch, like.behind, *whole.shape[like.axis + 1 :]
        )
        first = each.take([0], axis=like.axis + 1)
        if not np.array_equal(np.broadcast_to(first, each.shape), each):
            raise reader.refusal(
                node, "joins constants that are not the same for each image, which is not supported"
            )
        whole = first.reshape(*whole.shape[: like.axis], also, *whole.shape[like.axis + 1 :])
    elif size != 1:
        raise reader.refusal(
            node, "joins constants that are not the same for each image, which is not supported"
        )
    if also == 1:
        whole = whole.squeeze(like.axis)
    return whole[None]
