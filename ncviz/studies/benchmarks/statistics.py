"""Medians, quartiles, ratios of what was measured back to back, and slopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return the median and the quartiles."""
    low, middle, high = np.quantile(np.asarray(values, dtype=float), [0.25, 0.5, 0.75])
    return {"median": float(middle), "q1": float(low), "q3": float(high)}


def ratios(baseline: Sequence[float], ours: Sequence[float]) -> dict[str, Any]:
    """Return how many times longer the baseline took, repetition by repetition, with median and quartiles."""
    each = [slow / fast for slow, fast in zip(baseline, ours, strict=True)]
    return {"each": each, **summary(each)}


def log_slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the slope of the line through (log x, log y): the power of x that y grows with."""
    return float(np.polyfit(np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float)), 1)[0])
