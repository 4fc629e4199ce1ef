"""How far two lists of numbers go up and down together, by their ranks alone, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ncviz.errors import NcvizError

DRAWS = 10_000
COVERAGE = 0.95
_MOST_VALUES = 500_000


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation with its bootstrap interval.

    Attributes:
        value: In [-1, 1]; NaN where one side is the same for all.
        low: Lower end of the 95% interval; NaN likewise.
        high: Upper end.
        count: Number of pairs.
    """

    value: float
    low: float
    high: float
    count: int


def rank_correlation(one: np.ndarray, other: np.ndarray, seed: int = 0) -> RankCorrelation:
    """Return Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of theirs.

    The interval lies between the 2.5% and the 97.5% quantile over 10,000 draws of the pairs with replacement
    (percentile bootstrap), draws in which one side is constant left out.

    Args:
        one: float [n].
        other: float [n].
        seed: Of the draws.

    Raises:
        NcvizError: If there are fewer than three pairs, or a number is missing.
    """
    one, other = (np.asarray(values, dtype=np.float64) for values in (one, other))
    if len(one) != len(other) or len(one) < 3:
        raise NcvizError(
            f"A rank correlation needs as many of one as of the other, at least three; got {len(one)} and {len(other)}."
        )
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise NcvizError("A rank correlation needs finite numbers.")
    # What is drawn has the ranks of its own, which follow from how often each value is drawn.
    first, second = (np.unique(values, return_inverse=True)[1] for values in (one, other))
    draw, drawn, left = np.random.default_rng(seed), [], DRAWS
    while left:
        count = min(left, max(1, _MOST_VALUES // len(one)))
        at = draw.integers(0, len(one), (count, len(one)))
        drawn.append(_correlations(_ranks(first[at]), _ranks(second[at])))
        left -= count
    found = np.concatenate(drawn)
    found = found[~np.isnan(found)]
    edge = (1 - COVERAGE) / 2
    low, high = np.quantile(found, (edge, 1 - edge)) if len(found) else (np.nan, np.nan)
    value = _correlations(_ranks(first[None]), _ranks(second[None]))[0]
    return RankCorrelation(float(value), float(low), float(high), len(one))


def _ranks(codes: np.ndarray) -> np.ndarray:
    """Return each row's ranks, equal values sharing their mean: codes int64 [b, n] from 0 to float64 [b, n]."""
    rows, kinds = len(codes), int(codes.max()) + 1
    flat = codes + np.arange(rows)[:, None] * kinds
    counts = np.bincount(flat.reshape(-1), minlength=rows * kinds).reshape(rows, kinds)
    return np.asarray(np.take_along_axis(np.cumsum(counts, axis=1) - (counts + 1) / 2, codes, axis=1))


def _correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of each row, float64 [b]; NaN where one side is constant."""
    one, other = (values - values.mean(axis=1, keepdims=True) for values in (one, other))
    size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.divide((one * other).sum(axis=1), size, out=np.full(len(one), np.nan), where=size > 1e-12)
