"""Additions and products of a trace: what they make of units and sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from ncviz.errors import ModelError
from ncviz.graph.following.joins import channel_axis, joined
from ncviz.graph.growing import Growing
from ncviz.graph.terms import copy_term
from ncviz.graph.values import Pending, Units, UnreadableError, layout_of


def added(grown: Growing, n: fx.Node, args: Sequence[Any], shape: tuple[int, ...]) -> Units | Pending:
    """Follow an addition: of two values one node for each pair of units, of a constant nothing, as of a bias.

    Args:
        grown: The graph so far.
        n: The operation.
        args: Its arguments.
        shape: Shape [BATCH, …] of what it returns.

    Raises:
        UnreadableError: If a constant has more values, or as ``joined``.
    """
    parts = [arg for arg in args[:2] if isinstance(arg, (Units, Pending))]
    if len(parts) == 1:
        other = next(arg for arg in args[:2] if arg is not parts[0])
        if isinstance(other, Tensor) and shape != parts[0].traced_shape:
            raise UnreadableError("adds a constant of another shape, which is not supported")
        return shifted(grown, n, parts[0])
    if parts[0].is_as(parts[1]):
        return grown.activated(n, parts[0])
    return joined(grown, n, parts, shape, is_product=False)


def shifted(grown: Growing, n: fx.Node, value: Units | Pending) -> Units | Pending:
    """Follow what is no part of the graph, such as a bias: the same units, with the activation that it returns."""
    return value.followed(n) if isinstance(value, Pending) else grown.activated(n, value)


def multiplied(
    grown: Growing, n: fx.Node, args: Sequence[Any], name: str, shape: tuple[int, ...]
) -> Units | Pending:
    """Follow a product: of two values one node for each pair of units (a gate), of constants a factor of the weights.

    Of a value with a function of itself it is an activation function.

    Args:
        grown: The graph so far.
        n: The operation.
        args: Its arguments.
        name: "mul" or "div".
        shape: Shape [BATCH, …] of what it returns.

    Raises:
        UnreadableError: If it divides by activations, or as ``scaled`` or ``joined``.
    """
    parts = [arg for arg in args[:2] if isinstance(arg, (Units, Pending))]
    if len(parts) == 2:
        if parts[0].is_as(parts[1]):  # such as x · sigmoid(x)
            latest = max(parts, key=lambda part: int(part.stamps.max()) if isinstance(part, Units) else -1)
            return grown.activated(n, latest)
        if name == "mul":
            return joined(grown, n, parts, shape, is_product=True)
    if name == "div" and parts[-1] is args[1]:
        raise UnreadableError("divides by activations, which is not supported")
    other = args[1] if parts[0] is args[0] else args[0]
    factor = torch.as_tensor(other, dtype=torch.float64).detach().cpu()
    return scaled(grown, n, parts[0], 1.0 / factor if name == "div" else factor, f"'{n.name}'")


def gated(
    grown: Growing, n: fx.Node, value: Units | Pending, axis: int, shape: tuple[int, ...]
) -> Units | Pending:
    """Follow a gated linear unit (GLU): the first half of an axis times the sigmoid of the second.

    Raises:
        UnreadableError: As ``joined``.
    """
    if isinstance(value, Units):
        halves: list[Units | Pending] = [
            Units(ids, stamps, n)
            for ids, stamps in zip(value.ids.chunk(2, axis), value.stamps.chunk(2, axis), strict=True)
        ]
    else:
        halves = [value.arranged(part, n) for part in value.arrangement.chunk(2, axis)]
    if halves[0].is_as(halves[1]):
        return grown.activated(n, halves[0])
    return joined(grown, n, halves, shape, is_product=True)


def scaled(grown: Growing, n: fx.Node, value: Units | Pending, factor: Tensor, by: str) -> Units | Pending:
    """Multiply each channel by a number: the weights that end in it, or where none do, an edge of its own.

    Args:
        grown: The graph so far.
        n: The operation.
        value: What is multiplied.
        factor: What broadcasts to the traced value.
        by: The factor's name, for messages.

    Raises:
        ModelError: If a factor is NaN or infinite.
        UnreadableError: If it broadcasts the value, or multiplies places by different numbers.
    """
    shape = value.traced_shape
    if torch.broadcast_shapes(shape, factor.shape) != shape:
        raise UnreadableError("multiplies by a constant of another shape, which is not supported")
    if isinstance(value, Pending) and (value.is_closed or not value.is_whole):
        value = grown.finish(value)
    if isinstance(value, Pending):
        each = np.empty(prod(value.shape))
        each[value.own.reshape(-1)] = factor.expand(shape)[0].reshape(-1).numpy()
        by_channel = _one_for_each_channel(each.reshape(value.shape), by)
        return replace(value, terms=tuple(term.scaled(by_channel, by) for term in value.terms), node=n)
    if grown.is_input(value):
        # The pixels as the network sees them are those after its own normalisation, wherever its channels lie.
        check_finite(factor.reshape(1, -1).numpy(), by, "factors")
        return grown.activated(n, value)
    varying = [
        axis - 1 for axis, size in enumerate((1,) * (len(shape) - factor.ndim) + factor.shape) if size > 1
    ]
    axis = varying[0] if len(varying) == 1 and varying[0] >= 0 else channel_axis(grown, value)
    by_channel = _one_for_each_channel(factor.expand(shape)[0].movedim(axis, 0).numpy(), by)
    layer, arrangement = layout_of(shape, axis)
    return Pending((copy_term(n.name, np.moveaxis(value.own, axis, 0), by_channel),), layer, arrangement, n)


def _one_for_each_channel(factors: np.ndarray, by: str) -> np.ndarray:
    """Return what each channel is multiplied by, float64 [channels], of factors [channels, …].

    Raises:
        ModelError: If it holds NaN or infinity.
        UnreadableError: If it is not the same for all places of a channel.
    """
    each = factors.reshape(len(factors), -1)
    check_finite(each, by, "factors")
    if (each != each[:, :1]).any():
        raise UnreadableError(
            "multiplies the places of a channel by different numbers, which is not supported"
        )
    return np.ascontiguousarray(each[:, 0])


def check_finite(factors: np.ndarray, title: str, of: str) -> None:
    """Raise a ModelError if what channels are multiplied by, [channels, n], holds NaN or infinity."""
    bad = int((~np.isfinite(factors)).any(axis=1).sum())
    if bad:
        raise ModelError(f"{title} scales {bad} channels by NaN or infinity; expected finite {of}.")
