"""Masks over weights, and pruned copies; the network that is given is never touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ncviz.copies.own_copy import plain_copy
from ncviz.errors import NcvizError
from ncviz.pruning.budgets import NO_BUDGETS, Budgets, most_of_all, shares_of
from ncviz.pruning.order import removal_ranks, removed_for_sparsity


def masks_at(ranks: np.ndarray, removed: int, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Return which weights are kept after the first ``removed`` of the order are gone.

    Args:
        ranks: int64 [N] from ``removal_ranks``, over the tensors of ``shapes`` in that order.
        removed: How many to remove.
        shapes: Name and shape of each weight.

    Returns:
        For each name a bool tensor of its shape, True where the weight is kept.

    Raises:
        NcvizError: If ``removed`` is not in [0, N] or the shapes do not add up to N.
    """
    if not 0 <= removed <= len(ranks):
        raise NcvizError(f"The number of weights to remove must lie in 0 … {len(ranks)}, got {removed}.")
    kept = torch.from_numpy(ranks >= removed)
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    if sum(sizes) != len(ranks):
        raise NcvizError(
            f"The weights hold {sum(sizes)} values, but the order ranks {len(ranks)}; recompute the scores."
        )
    parts = torch.split(kept, sizes)
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def scaled_masks(masks: Mapping[str, Tensor], factor: np.ndarray) -> dict[str, Tensor]:
    """Return masks of floats, 0 where a weight is not kept and else what it is multiplied by.

    Args:
        masks: From ``masks_at``.
        factor: float32 [N], over the weights of the masks flattened one after the other.

    Raises:
        NcvizError: If the factors are not as many as the weights.
    """
    sizes = [mask.numel() for mask in masks.values()]
    if sum(sizes) != len(factor):
        raise NcvizError(f"The weights hold {sum(sizes)} values, but there are {len(factor)} factors.")
    parts = torch.split(torch.from_numpy(np.asarray(factor, dtype=np.float32)), sizes)
    return {
        name: mask * part.reshape(mask.shape) for (name, mask), part in zip(masks.items(), parts, strict=True)
    }


def apply_masks(net: nn.Module, masks: Mapping[str, Tensor]) -> nn.Module:
    """Return a copy of the network with every weight that is not kept set to zero.

    Raises:
        NcvizError: If a mask names no weight of the network or has another shape.
    """
    return _with_masks(plain_copy(net), masks)


def _with_masks(own: nn.Module, masks: Mapping[str, Tensor]) -> nn.Module:
    """Set what is not kept to zero in a network that is nobody else's."""
    weights = _checked(own, masks)
    with torch.no_grad():
        for name, mask in masks.items():
            weights[name].mul_(mask.to(weights[name].device))
    return own


def with_tensors(net: nn.Module, changed: Mapping[str, Tensor]) -> nn.Module:
    """Return a copy of the network with other tensors in place of some parameters and buffers.

    Raises:
        NcvizError: If one is none of the network's, or of another shape.
    """
    copied = plain_copy(net)
    own: dict[str, Tensor] = dict(copied.named_parameters(remove_duplicate=False))
    own |= dict(copied.named_buffers())
    with torch.no_grad():
        for name, value in changed.items():
            if name not in own or own[name].shape != value.shape:
                raise NcvizError(
                    f"The network has no weight '{name}' of shape {list(value.shape)}; check the repair."
                )
            own[name].copy_(value)
    return copied


def under_all_names(net: nn.Module, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return masks with another for each other name of a weight: one that several layers share has several.

    Raises:
        NcvizError: If a mask names no weight of the network or has another shape.
    """
    weights = _checked(net, masks)
    return {
        other: mask
        for name, mask in masks.items()
        for other, weight in weights.items()
        if weight is weights[name]
    }


def places_of(net: nn.Module, masks: Mapping[str, Tensor]) -> list[tuple[nn.Module, str, Tensor]]:
    """Return where masks are laid over a network's weights: each module once, its parameter, and the mask.

    Raises:
        NcvizError: If a mask names no weight of the network or has another shape.
    """
    found: dict[tuple[nn.Module, str], Tensor] = {}
    for name, mask in under_all_names(net, masks).items():
        owner, _, own = name.rpartition(".")
        found[net.get_submodule(owner), own] = mask
    return [(module, own, mask) for (module, own), mask in found.items()]


def _checked(net: nn.Module, masks: Mapping[str, Tensor]) -> dict[str, nn.Parameter]:
    """Return a network's parameters by all their names, after checking that the masks fit."""
    weights = dict(net.named_parameters(remove_duplicate=False))
    for name, mask in masks.items():
        if name not in weights or weights[name].shape != mask.shape:
            raise NcvizError(
                f"The network has no weight '{name}' of shape {list(mask.shape)}; check the masks or the scores."
            )
    return weights


def prune(
    net: nn.Module,
    scores: Mapping[str, Tensor],
    *,
    sparsity: float | None = None,
    threshold: float | None = None,
    scope: str = "global",
    order: str = "redundant",
    protected: Sequence[str] = (),
    budgets: Budgets = NO_BUDGETS,
) -> nn.Module:
    """Return a pruned copy of a network.

    Weights that are zero already count as removed: they go first in either order, and are part of the fraction.

    Args:
        net: The network. Not changed.
        scores: From ``pruning_scores``: a tensor of the weight's shape for each name, higher is more important.
        sparsity: Fraction of those weights to remove, in [0, 1].
        threshold: In place of ``sparsity``: remove every weight whose score lies below this (with "bottlenecks",
            above it). A curvature score is -κ, so ``threshold=-t`` removes every κ above t.
        scope: "global" or "layer".
        order: "redundant" removes the least important first, "bottlenecks" the most important first.
        protected: Names of weights that lose nothing; the sparsity still counts all weights of ``scores``.
        budgets: Name of a weight → the largest share of its values that may go, in [0, 1]; what it may not lose, others
            lose in its place.

    Raises:
        NcvizError: If an argument is out of range, the scores do not fit the network, or so much is to be removed that
            it would reach into protected weights or beyond the budgets.
    """
    if isinstance(protected, str):
        raise NcvizError(
            f"protected must be a list of weights' names, got the text '{protected}'; give ['{protected}']."
        )
    if (sparsity is None) == (threshold is None):
        raise NcvizError("Say how much to remove: give either sparsity= or threshold=.")
    if threshold is not None and scope != "global":
        raise NcvizError("A threshold cuts all layers at one score; use it with scope='global'.")
    parts = [score.detach().cpu().numpy() for score in scores.values()]
    shares = shares_of(list(scores), protected, budgets)
    copied = plain_copy(net)
    weights = _checked(copied, scores)
    own = [weights[name].detach().cpu().double().numpy() for name in scores]
    ranks = removal_ranks(parts, scope, order, (), own, shares=shares)
    zeros = {name: int(np.count_nonzero(values == 0)) for name, values in zip(scores, own, strict=True)}
    sizes = {name: score.numel() for name, score in scores.items()}
    most = most_of_all(sizes, protected, budgets, zeros)
    if threshold is not None:
        flat = np.concatenate([part.reshape(-1) for part in parts])
        is_beyond = flat < threshold if order == "redundant" else flat > threshold
        is_gone = np.concatenate([values.reshape(-1) == 0 for values in own])
        # What may go comes before all that is held.
        removed = int(np.count_nonzero((is_beyond & (ranks < most)) | is_gone))
    elif sparsity is not None:
        removed = removed_for_sparsity(sparsity, len(ranks))
    if removed > most:
        held = "beyond the budgets or protected" if budgets else "protected"
        raise NcvizError(
            f"{removed:,} of {len(ranks):,} weights are to be removed, but all except {most:,} are {held}; remove "
            f"at most {most / len(ranks):.4f} of them."
        )
    shapes = {name: tuple(score.shape) for name, score in scores.items()}
    return _with_masks(copied, masks_at(ranks, removed, shapes))
