"""Two values become one layer: sums and products of activations, and where their connections end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import torch
from torch import Tensor, fx

from ncviz.errors import ModelError
from ncviz.graph.growing import Growing
from ncviz.graph.terms import Term, copy_term
from ncviz.graph.values import Pending, Units, UnreadableError, layout_of
from ncviz.limits import LIMITS


def joined(
    grown: Growing, n: fx.Node, parts: Sequence[Units | Pending], shape: tuple[int, ...], is_product: bool
) -> Pending:
    """Join values unit by unit: one node for each, in which the last connections of all of them end.

    A value that is broadcast ends in every unit that it is joined to. One that is used elsewhere, too, is units of its
    own, which join by edges of weight 1; so is what is multiplied and no weight layer's output, and so are units that
    lie in another order of channels and places, or of which one channel joins several.

    Args:
        grown: The graph so far.
        n: The operation.
        parts: The values.
        shape: Shape [BATCH, …] of what it returns.
        is_product: Whether it multiplies them; else it adds them.

    Raises:
        ModelError: If a broadcast value would be read more often than ``LIMITS.readings``.
        UnreadableError: If it mixes images, or the shapes differ.
    """
    if any(torch.broadcast_shapes(part.traced_shape, shape) != shape for part in parts):
        raise UnreadableError("joins values of different shapes, which is not supported")
    if any(len(part.traced_shape) < len(shape) or part.traced_shape[0] != shape[0] for part in parts):
        raise UnreadableError("joins values across the images of a batch, which is not supported")
    ready = [part if _ends_here(part, is_product) else grown.finish(part) for part in parts]
    spread = [_numbers(part).expand(shape[1:]) for part in ready]
    axis = _channel_axis(grown, ready, spread)
    unfit = [
        part.terms
        for part, numbers in zip(ready, spread, strict=True)
        if isinstance(part, Pending)
        and (grown.is_finished(part) or _overlaps(part, ready) or not _is_fit(part, _grid(numbers, axis)))
    ]
    for at, part in enumerate(ready):
        # Parts of one weight layer are finished together, so that its weights end in one place.
        if isinstance(part, Pending) and any(part.terms is terms for terms in unfit):
            ready[at] = grown.finish(part)
            spread[at] = _numbers(ready[at]).expand(shape[1:])
    if not any(isinstance(part, Pending) for part in ready):
        axis = _channel_axis(grown, ready, spread)
    terms: list[Term] = []
    for part, numbers in zip(ready, spread, strict=True):
        if isinstance(part, Pending):
            grown.end(part)
            terms += [_ending_in(term, _grid(numbers, axis), part) for term in part.terms]
        else:
            terms.append(copy_term(n.name, numbers.movedim(axis, 0).numpy()))
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
    for every in (channels, weighted, *([own] for own in weighted)):
        fit = (axis for axis in axes if all(is_of_channels(own, axis) for own in every))
        found = next(fit, None)
        if found is not None:
            return found
    return 0


def _grid(numbers: Tensor, axis: int) -> np.ndarray:
    """Return the numbers of one image's value as [channels, places], given the axis of the channels."""
    by_channel = numbers.movedim(axis, 0).numpy()
    return by_channel.reshape(len(by_channel), -1)


def _overlaps(part: Pending, parts: Sequence[Units | Pending]) -> bool:
    """Whether another part has units of the same weight layer in common with it, which would end twice in one place."""
    return any(
        isinstance(other, Pending)
        and other is not part
        and other.terms is part.terms
        and np.intersect1d(other.own, part.own).size > 0
        for other in parts
    )


def _is_fit(part: Pending, units: np.ndarray) -> bool:
    """Whether a part's connections can end in units [channels, places], in the order of its own channels and places."""
    rows, at = np.divmod(units, prod(part.shape[1:]))
    if (rows != rows[:, :1]).any() or (at != at[:1]).any():
        return False
    is_repeated = len(np.unique(rows[:, 0])) < len(rows)
    is_part = part.shape[0] % len(rows) != 0
    return not (is_repeated or is_part) or not any(term.parameter for term in part.terms)


def _ending_in(term: Term, units: np.ndarray, part: Pending) -> Term:
    """Return a term with its target units put where they are joined.

    Args:
        term: It.
        units: int64 [channels, places], which of the pending layer's units is joined there; they fit it.
        part: What the term is of.

    Raises:
        ModelError: If it would be read more often than ``LIMITS.readings``.
    """
    rows, at = np.divmod(units, prod(part.shape[1:]))
    row, place = rows[:, 0], at[0]
    groups, per_group, slots = term.weight.shape
    is_same = np.array_equal(row, np.arange(groups * per_group))
    others = np.setdiff1d(np.arange(groups * per_group), row) if term.parameter else row[:0]
    # All of the parameter stays in the connection; what ends elsewhere reads nothing here.
    blocks = np.concatenate([row, others]).reshape(-1, len(row))
    readings = (groups if is_same or groups == 1 else len(row)) * len(place) * slots * len(blocks)
    if readings > LIMITS.readings:
        raise ModelError(
            f"Layer '{term.name}' would be read {readings:,} times where it is broadcast; expected at most "
            f"{LIMITS.readings:,}: give smaller images or a smaller network."
        )
    fields = term.fields if np.array_equal(place, np.arange(term.fields.shape[1])) else term.fields[:, place]
    if is_same:
        return replace(term, fields=fields)
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
