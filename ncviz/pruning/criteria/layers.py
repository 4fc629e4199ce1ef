"""Scores that can be compared between layers, as plain arrays: LAMP's normalisation, and what curvature adds to it."""

from __future__ import annotations

import numpy as np


def among_not_smaller(squares: np.ndarray) -> np.ndarray:
    """Return each value over the sum of all values that are not smaller; equal values share the largest such sum.

    Lee, Park, Mo, Ahn, Shin, ICLR 2021, arXiv 2010.07611, eq. 5, with the squares of a layer's weights. The largest
    value of a layer scores 1, so no layer is emptied before all others are down to one weight.

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


def transport_magnitude(size: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    """Return w² · W, with W = (1 − κ)/|w| the transport cost of the weight's edge where κ is least: |w| · (1 − κ).

    Ours. κ = 1 − |w| · W by the definition of arXiv 2601.16366 with edge length 1/|w|.

    Args:
        size: |w|.
        curvature: κ of the same shape, 2 where the weight is never active.

    Returns:
        float64 of that shape, at least 0; weights with κ ≥ 1 keep the order of their size, below all others.
    """
    # What costs nothing to bring past the edge would all tie at 0; a trace of the size orders it.
    return np.asarray(size * np.maximum(1 - curvature, 1e-12))
