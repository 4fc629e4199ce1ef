"""Normalisations of a trace: the same units, with the activation that comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from ncviz.graph.following.arithmetic import check_finite, scaled, shifted
from ncviz.graph.growing import Growing
from ncviz.graph.operations import describe, returns_several
from ncviz.graph.values import Pending, Units, UnreadableError

_NORM_ARGUMENTS = {
    "batch_norm": ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
    "aten": ("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps"),
    "batch_norm_no_training": ("input", "weight", "bias", "running_mean", "running_var", "momentum", "eps"),
}
# Which of the arguments of other normalisations tells the axes.
_ALONE_ARGUMENTS = {
    "layer_norm": ("normalized_shape",), "rms_norm": ("normalized_shape",), "normalize": ("p", "dim"),
}  # fmt: skip


def batch_normed(
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
    check_finite(scale.numpy()[:, None], title, "weights and a positive running variance")
    grown.has_norm = True
    if grown.how.batchnorm == "folded":
        by_channel = scale.reshape(-1, *(1,) * (len(value.traced_shape) - 2))
        found = scaled(grown, n, value, by_channel, title)
    else:
        found = shifted(grown, n, value)
    return [found] if name == "batch_norm_no_training" else found


def normed(
    grown: Growing, n: fx.Node, name: str, module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """Follow a normalisation of each image by itself: it joins nothing and weighs nothing, folded or not.

    Its own scale and shift are no part of the graph either. What is said of units that are read before and after a
    batch normalisation holds here, too.

    Args:
        grown: The graph so far.
        n: The operation.
        name: Which one it is, of ``ncviz.graph.operations.NORMS``.
        module: Its module, if it is one; else None.
        args: Its arguments.
        kwargs: Its arguments by name.

    Raises:
        UnreadableError: If it normalises over the images of a batch.
    """
    value = args[0]
    given = dict(zip(("input", *_ALONE_ARGUMENTS.get(name, ())), args, strict=False)) | dict(kwargs)
    axes = len(value.traced_shape)
    if name == "normalize":
        along = given.get("dim", 1)
        along = along if isinstance(along, (tuple, list)) else (along,)
        is_mixing = any(int(axis) % axes == 0 for axis in along)
    elif name in ("layer_norm", "rms_norm"):
        shape = given["normalized_shape"] if module is None else module.normalized_shape
        is_mixing = len(shape) >= axes
    else:
        is_mixing = axes < 3 and name != "group_norm"
    if is_mixing:
        raise UnreadableError("normalises over the images of a batch, too, which is not supported")
    found = shifted(grown, n, value)
    return [found] if returns_several(n) else found


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
