"""The order in which weights go, as plain arrays: shared by the API, the sweep and the slider in the browser."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ncviz.config import ORDERS, SCOPES, check_choice
from ncviz.errors import NcvizError


def removal_ranks(
    scores: Sequence[np.ndarray],
    scope: str = "global",
    order: str = "redundant",
    protected: Sequence[int] = (),
    weights: Sequence[np.ndarray] | None = None,
    *,
    may_lack: bool = False,
) -> np.ndarray:
    """Return when each weight is removed: rank 0 goes first.

    Args:
        scores: One array for each weight tensor; higher is more important.
        scope: "global" ranks all weights together; "layer" takes the same share of every tensor.
        order: "redundant" removes the least important first; "bottlenecks" is its exact reverse.
        protected: Positions of tensors in ``scores`` whose weights come after all others.
        weights: The weights themselves. Those that are zero already count as the least important of all, whatever their
            score: removing them changes nothing.
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
    live = [own | lack for own, lack in zip(live, lacking, strict=True)]
    if scope == "layer":
        flat = [
            (_ranks(score, own) + 0.5) / max(1, len(score)) for score, own in zip(flat, live, strict=True)
        ]
    ranks = _ranks(np.concatenate([*flat, np.empty(0)]), np.concatenate([*live, np.empty(0, dtype=bool)]))
    if order == "bottlenecks":
        ranks = len(ranks) - 1 - ranks
    held = [
        np.full(len(part), at in protected) | lack
        for at, (part, lack) in enumerate(zip(flat, lacking, strict=True))
    ]
    later = np.concatenate([*held, np.empty(0, dtype=bool)])
    return _ranks(ranks, later) if later.any() else ranks


def mirrored(ranks: np.ndarray, ranked: int) -> np.ndarray:
    """Return the ranks of the other order, in which all but those after the first ``ranked`` change places."""
    return np.where(ranks < ranked, ranked - 1 - ranks, ranks)


def protected_positions(names: Sequence[str], protected: Sequence[str]) -> list[int]:
    """Return where the protected weights stand among ``names``.

    Raises:
        NcvizError: If there is no weight of that name.
    """
    for name in protected:
        if name not in names:
            raise NcvizError(f"There is no weight '{name}' to protect; choose among: {', '.join(names)}.")
    return [at for at, name in enumerate(names) if name in protected]


def removed_for_sparsity(sparsity: float, total: int) -> int:
    """Return how many of ``total`` weights a fraction removes.

    Raises:
        NcvizError: If the fraction is not in [0, 1].
    """
    if isinstance(sparsity, bool) or not isinstance(sparsity, (int, float)) or not 0 <= sparsity <= 1:
        raise NcvizError(f"The fraction removed must be a number from 0 to 1, got {sparsity!r}.")
    return round(sparsity * total)


def removed_for_threshold(curvature: Sequence[np.ndarray], threshold: float, order: str = "redundant") -> int:
    """Return how many weights lie beyond a curvature threshold.

    Args:
        curvature: κ of each weight tensor.
        threshold: κ to cut at: "redundant" removes every κ above it, "bottlenecks" every κ below it.
        order: Which end goes first.

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
    return int(np.count_nonzero(flat > threshold if order == "redundant" else flat < threshold))


def _ranks(values: np.ndarray, later: np.ndarray) -> np.ndarray:
    """Return each value's place, those first for which ``later`` is False."""
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.lexsort((values, later))] = np.arange(len(values))
    return ranks
