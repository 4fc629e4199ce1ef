"""Two values become one layer: sums and products of activations, and where their connections end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import torch
from torch import Tensor, fx

from ncviz.graph.growing import Growing
from ncviz.graph.terms import Term, copy_term
from ncviz.graph.values import Pending, Units, UnreadableError, layout_of

_REPEATED = (
    "multiplies or adds to several channels, or unequal parts of them, what one channel of a weight layer gives, which "
    "is not supported"
)


def joined(
    grown: Growing, n: fx.Node, parts: Sequence[Units | Pending], shape: tuple[int, ...], is_product: bool
) -> Pending:
    """Join values unit by unit: one node for each, in which the last connections of all of them end.

    A value that is broadcast ends in every unit that it is joined to. One that is used elsewhere, too, is units of its
    own, which join by edges of weight 1; so does what is multiplied and no weight layer's output.

    Args:
        grown: The graph so far.
        n: The operation.
        parts: The values.
        shape: Shape [BATCH, …] of what it returns.
        is_product: Whether it multiplies them; else it adds them.

    Raises:
        UnreadableError: If it mixes images, or repeats channels of a weight layer.
    """
    if any(torch.broadcast_shapes(part.traced_shape, shape) != shape for part in parts):
        raise UnreadableError("joins values of different shapes, which is not supported")
    if any(len(part.traced_shape) < len(shape) or part.traced_shape[0] != shape[0] for part in parts):
        raise UnreadableError("joins values across the images of a batch, which is not supported")
    ready = [part if _ends_here(part, is_product) else grown.finish(part) for part in parts]
    spread = [_numbers(part).expand(shape[1:]) for part in ready]
    axis = _channel_axis(grown, ready, spread)
    terms: list[Term] = []
    for part, numbers in zip(ready, spread, strict=True):
        own = numbers.movedim(axis, 0).numpy()
        if isinstance(part, Pending):
            terms += [_ending_in(term, own.reshape(len(own), -1), part) for term in part.terms]
        else:
            terms.append(copy_term(n.name, own))
    layer, arrangement = layout_of(shape, axis)
    return Pending(tuple(terms), layer, arrangement, n, is_closed=is_product, is_product=is_product)


def channel_axis(grown: Growing, value: Units | Pending) -> int:
    """Return which axis of one image's value holds the channels of its layers; the first where that does not tell."""
    return _channel_axis(grown, [value], [_numbers(value)])


def _ends_here(part: Units | Pending, is_product: bool) -> bool:
    if isinstance(part, Units):
        return False
    if is_product:
        return not part.is_product and any(term.parameter for term in part.terms)
    return not part.is_closed and part.is_whole


def _numbers(value: Units | Pending) -> Tensor:
    return (value.ids if isinstance(value, Units) else value.arrangement)[0]


def _channel_axis(grown: Growing, parts: Sequence[Units | Pending], spread: Sequence[Tensor]) -> int:
    channels = [
        numbers // prod(part.shape[1:]) if isinstance(part, Pending) else grown.channels_of(numbers)
        for part, numbers in zip(parts, spread, strict=True)
    ]
    last = spread[0].ndim - 1

    def is_of_channels(own: Tensor, axis: int) -> bool:
        by_axis = own.movedim(axis, 0).reshape(own.shape[axis], -1)
        return bool((by_axis == by_axis[:, :1]).all())

    axes = list(dict.fromkeys((0, last, *range(last))))
    # Weights have an order of channels and places that they keep; what joins unit by unit takes any.
    weighted = [own for own, part in zip(channels, parts, strict=True) if isinstance(part, Pending)]
    for every in (channels, weighted):
        fit = (axis for axis in axes if all(is_of_channels(own, axis) for own in every))
        found = next(fit, None)
        if found is not None:
            return found
    return 0


def _ending_in(term: Term, units: np.ndarray, part: Pending) -> Term:
    """Return a term with its target units put where they are joined.

    Args:
        term: It.
        units: int64 [channels, places], which of the pending layer's units is joined there.
        part: What the term is of.

    Raises:
        UnreadableError: If channels are repeated, or their number is no part of the term's.
    """
    places = prod(part.shape[1:])
    if np.array_equal(units.reshape(-1), np.arange(prod(part.shape))):
        return term
    rows, at = np.divmod(units, places)
    if (rows != rows[:, :1]).any() or (at != at[:1]).any():
        raise UnreadableError("joins units in another order of channels and places, which is not supported")
    row, place = rows[:, 0], at[0]
    fields = term.fields if np.array_equal(place, np.arange(term.fields.shape[1])) else term.fields[:, place]
    groups, per_group, slots = term.weight.shape
    if np.array_equal(row, np.arange(groups * per_group)):
        return replace(term, fields=fields)
    others = np.setdiff1d(np.arange(groups * per_group), row)
    if not term.parameter:
        others = others[:0]
    elif len(np.unique(row)) < len(row) or len(others) % len(row):
        raise UnreadableError(_REPEATED)
    # All of the parameter stays in the connection; what ends elsewhere reads nothing here.
    blocks = np.concatenate([row, others]).reshape(-1, len(row))
    order = np.arange(term.weight.size) if term.order is None else term.order
    weight, order = (
        each.reshape(-1, slots)[blocks].transpose(1, 0, 2).reshape(len(row), -1)
        for each in (term.weight, order)
    )
    if groups == 1:
        shape: tuple[int, ...] = (1, len(row), weight.shape[1])
    else:
        shape, fields = (len(row), 1, weight.shape[1]), fields[row // per_group]
    fields = np.pad(fields, ((0, 0), (0, 0), (0, weight.shape[1] - slots)), constant_values=-1)
    return replace(term, fields=fields, weight=weight.reshape(shape), order=order.reshape(-1))
