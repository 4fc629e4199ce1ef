"""Scores that can be compared between layers, as plain arrays: LAMP's normalisation, and ranks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def among_not_smaller(squares: np.ndarray) -> np.ndarray:
    """Return each value over the sum of all values that are not smaller; equal values share the largest such sum.

    Of the squares of a layer's weights it is the LAMP score: Lee, Park, Mo, Ahn, Shin, ICLR 2021, arXiv 2010.07611. The
    largest value of a layer scores 1, so no layer is emptied before all others are down to one weight.

    Args:
        squares: Non-negative, any shape.

    Returns:
        float64 of that shape, in [0, 1]; 0 for 0.
    """
    flat = np.asarray(squares, dtype=np.float64).reshape(-1)
    values, place = np.unique(flat, return_inverse=True)
    counts = np.bincount(place, minlength=len(values))
    total = np.cumsum((values * counts)[::-1])[::-1]
    share = np.divide(values, total, out=np.zeros_like(values), where=total > 0)
    return np.asarray(share[place].reshape(np.shape(squares)))


def mean_ranks(values: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return each value's place among all values of all arrays, from 0 for the least; equal values share the mean.

    Returns:
        float64 of each array's shape.
    """
    flat = np.concatenate([np.asarray(part, dtype=np.float64).reshape(-1) for part in values])
    _, place, counts = np.unique(flat, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts + 1) / 2)[place]
    ends = np.cumsum([np.size(part) for part in values])[:-1]
    return [part.reshape(np.shape(own)) for part, own in zip(np.split(ranks, ends), values, strict=True)]
