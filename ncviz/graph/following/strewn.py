"""Values whose images lie along another axis than the first, or along one with something else, as windows do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from ncviz.graph.tracing import BATCH
from ncviz.graph.values import APART, Pending, Units, UnreadableError


@dataclass(frozen=True, eq=False)
class Strewn:
    """Units or a sum, as sequences that lie [tokens, images, channels] or windows [images · windows, tokens, channels].

    Attributes:
        value: The same with the images' axis first, and behind the axes that stood before it what lies along it, too
            (size 1 if nothing): [BATCH, …, n, …] for the traced […, BATCH · n, …].
        axis: Which of the traced value's axes the images lie along.
    """

    value: Units | Pending
    axis: int

    @property
    def node(self) -> fx.Node:
        """The operation that returns it."""
        return self.value.node

    @property
    def traced_shape(self) -> tuple[int, ...]:
        """The shape of the traced value."""
        return tuple(as_traced(numbers_of(self.value), self.axis).shape)


def numbers_of(value: Units | Pending) -> Tensor:
    """Return the numbers of a value's units, int64 [BATCH, …]."""
    return value.ids if isinstance(value, Units) else value.arrangement


def images_first(values: Tensor, axis: int) -> Tensor:
    """Return a traced value […, BATCH · n, …] as [BATCH, …, n, …]."""
    return values.unflatten(axis, (BATCH, -1)).movedim(axis, 0)


def as_traced(values: Tensor, axis: int) -> Tensor:
    """Return [BATCH, …, n, …] as the traced value […, BATCH · n, …]."""
    return values.movedim(0, axis).flatten(axis, axis + 1)


def axis_of_images(numbers: Tensor) -> int | None:
    """Return along which axis of a traced value the images lie, one after the other; None if they are mixed.

    Args:
        numbers: int64, units of each image ``APART`` further on; below 0 for what is no unit.
    """
    for axis in range(numbers.ndim):
        if numbers.shape[axis] % BATCH:
            continue
        first, second = images_first(numbers, axis)[:2]
        if bool(((first + APART == second) | ((first < 0) & (second < 0))).all()) and bool(
            (first < APART).all()
        ):
            return axis
    return None


def constant_like(value: Any, axis: int, axes: int) -> Any:
    """Return a constant that is joined to a strewn value with its images first, too.

    Args:
        value: A tensor that broadcasts to the traced value, or a number.
        axis: Along which of its axes the images lie.
        axes: How many axes it has.
    """
    if not isinstance(value, Tensor) or value.ndim == 0:
        return value
    whole = value.reshape((1,) * (axes - value.ndim) + tuple(value.shape))
    if whole.shape[axis] == 1:
        return whole.unsqueeze(axis).movedim(axis, 0)
    found = images_first(whole, axis)
    if not torch.equal(found[0], found[1]):
        raise UnreadableError("joins constants that are not the same for each image, which is not supported")
    return found


def one_axis(values: Sequence[Any]) -> int:
    """Return the axis along which the images of all these values lie.

    Raises:
        UnreadableError: If it is not the same.
    """
    axes = {value.axis if isinstance(value, Strewn) else 0 for value in values}
    shapes = {len(value.traced_shape) for value in values}
    if len(axes) > 1 or len(shapes) > 1 or not all(isinstance(value, Strewn) for value in values):
        raise UnreadableError("joins values whose images lie along different axes, which is not supported")
    return axes.pop()
