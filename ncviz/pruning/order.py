"""The order in which weights go, as plain arrays: shared by the API, the sweep and the slider in the browser."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from ncviz.config import ORDERS, SCOPES, check_choice
from ncviz.errors import NcvizError
from ncviz.pruning.budgets import most_removed

_NO_SHARES: Mapping[int, float] = MappingProxyType({})


def removal_ranks(
    scores: Sequence[np.ndarray],
    scope: str = "global",
    order: str = "redundant",
    protected: Sequence[int] = (),
    weights: Sequence[np.ndarray] | None = None,
    *,
    shares: Mapping[int, float] = _NO_SHARES,
    may_lack: bool = False,
) -> np.ndarray:
    """Return when each weight is removed: rank 0 goes first.

    Args:
        scores: One array for each weight tensor; higher is more important.
        scope: "global" ranks all weights together; "layer" takes the same share of every tensor.
        order: "redundant" removes the least important first; "bottlenecks" the most important first, the exact reverse
            but for weights that are zero.
        protected: Positions of tensors in ``scores`` whose weights come after all others.
        weights: The weights themselves. Those that are zero are gone already: they come first in either order, whatever
            their score and even where they are protected, since removing them changes nothing.
        shares: Position of a tensor → the largest share of it that goes before all others: of its weights, the zeros
            among them, what the order takes first. The rest comes after, as if it were protected.
        may_lack: Whether a score may be NaN, meaning that it was not measured: such weights come after all others, in
            either order.

    Returns:
        int64 [N], a permutation, the tensors flattened one after the other. Equal scores keep their order.

    Raises:
        NcvizError: If scope or order is unknown, or a score is NaN.
    """
    check_choice("scope", scope, SCOPES)
    check_choice("order", order, ORDERS)
    flat = [np.asarray(score, dtype=np.float64).reshape(-1) for score in scores]
    live = [np.ones(len(score), dtype=bool) for score in flat]
    if weights is not None:
        live = [np.asarray(values).reshape(-1) != 0 for values in weights]
    lacking = [np.isnan(score) for score in flat]
    if not may_lack and any(lack.any() for lack in lacking):
        raise NcvizError("The scores hold NaN; expected a number for every weight.")
    if scope == "layer":
        flat = [
            _shares(score, own | lack, order) for score, own, lack in zip(flat, live, lacking, strict=True)
        ]
    ranks = _ranks(np.concatenate([*flat, np.empty(0)]))
    if order == "bottlenecks":
        ranks = len(ranks) - 1 - ranks
    ends = np.cumsum([len(score) for score in flat], dtype=np.int64)
    each = [ranks[end - len(score) : end] for score, end in zip(flat, ends, strict=True)]
    most = {**shares, **dict.fromkeys(protected, 0.0)}
    group = [
        np.where(own, _held(place, own, lack, most[at]) if at in most else lack, -1)
        for at, (place, own, lack) in enumerate(zip(each, live, lacking, strict=True))
    ]
    groups = np.concatenate([*group, np.empty(0, dtype=np.int64)])
    if not groups.any():
        return ranks
    # In the order of their places, so that they stand alike in both orders.
    return _ranks(np.where(groups < 0, np.arange(len(ranks)), ranks), groups)


def mirrored(ranks: np.ndarray, ranked: int, gone: int = 0) -> np.ndarray:
    """Return the ranks of the other order.

    Args:
        ranks: int64 [N].
        ranked: How many stand before those that are last in either order.
        gone: How many are zero, and first in either order.
    """
    return np.where((gone <= ranks) & (ranks < ranked), gone + ranked - 1 - ranks, ranks)


def removed_for_sparsity(sparsity: float, total: int) -> int:
    """Return how many of ``total`` weights a fraction removes.

    Raises:
        NcvizError: If the fraction is not in [0, 1].
    """
    if isinstance(sparsity, bool) or not isinstance(sparsity, (int, float)) or not 0 <= sparsity <= 1:
        raise NcvizError(f"The fraction removed must be a number from 0 to 1, got {sparsity!r}.")
    return round(sparsity * total)


def removed_for_threshold(
    curvature: Sequence[np.ndarray],
    threshold: float,
    order: str = "redundant",
    weights: Sequence[np.ndarray] | None = None,
) -> int:
    """Return how many weights lie beyond a curvature threshold, or are gone already.

    Args:
        curvature: κ of each weight tensor.
        threshold: κ to cut at: "redundant" removes every κ above it, "bottlenecks" every κ below it.
        order: Which end goes first.
        weights: The weights themselves, of which those that are zero count whatever their κ.

    Raises:
        NcvizError: If the threshold is not a finite number of at most 2 (κ never exceeds 2).
    """
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not math.isfinite(threshold):
        raise NcvizError(f"The curvature threshold must be a finite number, got {threshold!r}.")
    if threshold > 2:
        raise NcvizError(
            f"The curvature threshold must be at most 2, the largest κ there is, got {threshold}."
        )
    flat = np.concatenate([np.asarray(values).reshape(-1) for values in curvature])
    is_beyond = flat > threshold if order == "redundant" else flat < threshold
    if weights is not None:
        is_beyond |= np.concatenate([np.asarray(values).reshape(-1) == 0 for values in weights])
    return int(np.count_nonzero(is_beyond))


def _held(ranks: np.ndarray, live: np.ndarray, lacking: np.ndarray, share: float) -> np.ndarray:
    """Return which weights of a tensor come after all others, bool: those not measured, and beyond its share."""
    zeros = len(live) - int(np.count_nonzero(live))
    can_go = np.flatnonzero(live & ~lacking)
    room = most_removed(len(live), share, zeros) - zeros
    held = np.array(lacking)
    held[can_go[np.argsort(ranks[can_go])[room:]]] = True
    return held


def _shares(score: np.ndarray, live: np.ndarray, order: str) -> np.ndarray:
    """Return the share of a tensor that is gone when each weight goes, the zeros among them; from behind in reverse."""
    gone = 0 if order == "redundant" else len(live) - int(np.count_nonzero(live))
    return np.asarray((_ranks(score, live) - gone + 0.5) / max(1, len(score)))


def _ranks(values: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """Return each value's place within its group, the groups one after the other."""
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.lexsort((values,) if groups is None else (values, groups))] = np.arange(len(values))
    return ranks
