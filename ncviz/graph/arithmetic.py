"""Additions, products and batch normalisations of a trace: what they make of units and sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from ncviz.errors import ModelError
from ncviz.graph.growing import Growing
from ncviz.graph.operations import describe
from ncviz.graph.terms import Term, copy_term
from ncviz.graph.values import Pending, Units, UnreadableError

_NORM_ARGUMENTS = {
    "batch_norm": ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
    "aten": ("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps"),
    "batch_norm_no_training": ("input", "weight", "bias", "running_mean", "running_var", "momentum", "eps"),
}


def added(grown: Growing, n: fx.Node, args: Sequence[Any], shape: tuple[int, ...]) -> Units | Pending:
    """Follow an addition: of two values one node for each pair of units, of a constant nothing, as of a bias.

    Args:
        grown: The graph so far.
        n: The operation.
        args: Its arguments.
        shape: Shape [BATCH, …] of what it returns.

    Raises:
        UnreadableError: If it broadcasts.
    """
    parts = [arg for arg in args[:2] if isinstance(arg, (Units, Pending))]
    if len(parts) == 1:
        other = next(arg for arg in args[:2] if arg is not parts[0])
        if isinstance(other, Tensor) and shape != parts[0].traced_shape:
            raise UnreadableError("adds a constant of another shape, which is not supported")
        return _shifted(grown, n, parts[0])
    if parts[0].traced_shape != parts[1].traced_shape:
        raise UnreadableError("adds values of different shapes, which is not supported")
    if isinstance(parts[0], Units) and parts[0].is_as(parts[1]):
        return grown.activated(n, parts[0])
    if len({part.is_last for part in parts if isinstance(part, Pending)}) > 1:
        parts = [grown.finish(part) for part in parts]
    is_last = any(isinstance(part, Pending) and part.is_last for part in parts)
    terms: list[Term] = []
    for part in parts:
        if isinstance(part, Pending):
            terms += part.terms
        else:
            terms.append(copy_term(n.name, np.moveaxis(part.own, -1, 0) if is_last else part.own))
    own = shape[1:]
    return Pending(tuple(terms), (own[-1], *own[:-1]) if is_last else own, is_last, n)


def _shifted(grown: Growing, n: fx.Node, value: Units | Pending) -> Units | Pending:
    """Follow what is no part of the graph, such as a bias: the same units, with the activation that it returns."""
    if isinstance(value, Pending):
        return replace(value, node=n)
    return grown.activated(n, value)


def multiplied(grown: Growing, n: fx.Node, args: Sequence[Any], name: str) -> Units | Pending:
    """Follow a product with, or a division by, constants; of a value with a function of itself it is an activation.

    Raises:
        UnreadableError: If it multiplies activations by each other, or as ``_scaled``.
    """
    parts = [arg for arg in args[:2] if isinstance(arg, (Units, Pending))]
    if len(parts) == 2:
        if isinstance(parts[0], Units) and parts[0].is_as(parts[1]):  # such as x · sigmoid(x)
            latest = max(parts, key=lambda part: int(part.stamps.max()) if isinstance(part, Units) else -1)
            return grown.activated(n, latest)
        raise UnreadableError(
            "multiplies activations by each other (gating or attention), which is not supported"
        )
    if name == "div" and parts[0] is not args[0]:
        raise UnreadableError("divides by activations, which is not supported")
    other = args[1] if parts[0] is args[0] else args[0]
    factor = torch.as_tensor(other, dtype=torch.float64).detach().cpu()
    return _scaled(grown, n, parts[0], 1.0 / factor if name == "div" else factor, f"'{n.name}'")


def _scaled(grown: Growing, n: fx.Node, value: Units | Pending, factor: Tensor, by: str) -> Units | Pending:
    """Multiply each channel by a number.

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
    channel = len(shape) - 1 if isinstance(value, Pending) and value.is_last else 1
    each = factor.expand(shape).movedim(channel, 0).reshape(shape[channel], -1).numpy()
    _check_finite(each, by, "factors")
    if (each != each[:, :1]).any():
        raise UnreadableError(
            "multiplies the places of a channel by different numbers, which is not supported"
        )
    if isinstance(value, Pending):
        return replace(value, terms=tuple(term.scaled(each[:, 0], by) for term in value.terms), node=n)
    if grown.is_input(value):
        # The pixels as the network sees them are those after its own normalisation.
        return grown.activated(n, value)
    return Pending((copy_term(n.name, value.own, each[:, 0]),), shape[1:], False, n)


def normed(
    grown: Growing, n: fx.Node, name: str, module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """Follow a batch normalisation: it joins nothing and weighs nothing, or is folded into the weights before it.

    By default the unit that comes out is the unit that went in, and its activation is what comes out: the edges have
    the network's own weights, as in the code of the paper's authors (arXiv 2601.16366). A unit that is read both before
    and after it is one node with the activation after it; of two that read the same unit the first counts, as of two
    activation functions. Folded, it multiplies the weights before it; where there are none, it is a link of its own.

    Args:
        grown: The graph so far.
        n: The operation.
        name: Which of the kinds of batch normalisation it is.
        module: Its ``BatchNorm``, if it is a module; else None.
        args: Its arguments.
        kwargs: Its arguments by name.

    Raises:
        ModelError: If it scales by NaN or infinity.
        UnreadableError: If it keeps no running statistics.
    """
    value, scale, label = _norm(n, name, module, args, kwargs)
    title = f"BatchNorm '{label}'"
    _check_finite(scale.numpy()[:, None], title, "weights and a positive running variance")
    grown.has_norm = True
    if grown.batchnorm == "folded":
        by_channel = scale.reshape(-1, *(1,) * (len(value.traced_shape) - 2))
        found = _scaled(grown, n, value, by_channel, title)
    else:
        found = _shifted(grown, n, value)
    return [found] if name == "batch_norm_no_training" else found


def norm_arguments(n: fx.Node, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a function that normalises a batch is given, by the names that ``F.batch_norm`` has for it.

    Args:
        n: The operation.
        name: Which of the kinds of batch normalisation it is.
        args: Its arguments.
        kwargs: Its arguments by name.
    """
    is_aten = n.target is torch.batch_norm or isinstance(n.target, torch._ops.OpOverload)
    order = _NORM_ARGUMENTS["aten" if is_aten and name == "batch_norm" else name]
    return dict(zip(order, args, strict=False)) | dict(kwargs)


def _norm(
    n: fx.Node, name: str, module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Units | Pending, Tensor, str]:
    """Return what a batch normalisation reads, what it multiplies each channel by, and what it is called.

    Raises:
        UnreadableError: If it keeps no running statistics.
    """
    if module is not None:
        value, gamma, variance, eps = args[0], module.weight, module.running_var, module.eps
        label = str(n.target)
    else:
        given = norm_arguments(n, name, args, kwargs)
        value, gamma, variance = given["input"], given.get("weight"), given["running_var"]
        eps, label = given.get("eps", 1e-5), describe(n, {}).split("'")[1]
        if variance is None or given.get("training"):
            raise UnreadableError("normalises by the batch that it is in, which is not supported")
    scale = torch.rsqrt(variance.detach().to("cpu", torch.float64) + eps)
    if gamma is not None:
        scale = scale * gamma.detach().to("cpu", torch.float64)
    return value, scale, label


def _check_finite(factors: np.ndarray, title: str, of: str) -> None:
    """Raise a ModelError if what channels are multiplied by, [channels, n], holds NaN or infinity."""
    bad = int((~np.isfinite(factors)).any(axis=1).sum())
    if bad:
        raise ModelError(f"{title} scales {bad} channels by NaN or infinity; expected finite {of}.")
