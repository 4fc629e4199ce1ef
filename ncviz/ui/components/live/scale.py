"""The slider's scale in Python, for what is measured beforehand at each of its stops: see `scale.js`."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

# Of the way counts shares, the rest powers of ten of the distance to either end.
LINEAR = 0.4
STOPS = 1000


def positions(removed: np.ndarray, most: int, least: int = 0) -> np.ndarray:
    """Return where on the slider so many weights removed stand, float64 in [0, 1].

    Args:
        removed: Numbers of weights removed, any shape.
        most: How many weights can be removed, where the slider ends.
        least: How many are removed already, where it begins.
    """
    span = max(most - least, 0)
    if span == 0:
        return np.zeros(np.shape(removed))
    gone = np.clip(np.asarray(removed, dtype=np.float64) - least, 0, span)
    ends = 0.5 + (np.log1p(gone) - np.log1p(span - gone)) / (2 * np.log1p(span))
    found: np.ndarray = LINEAR * gone / span + (1 - LINEAR) * ends
    return found


@lru_cache(maxsize=32)
def slider_stops(most: int, least: int = 0, count: int = STOPS) -> np.ndarray:
    """Return how many weights each stop of a drag removes, int64, growing, each once.

    Args:
        most: How many can be removed.
        least: How many are removed already.
        count: Into how many parts the stops divide the slider.
    """
    found: np.ndarray = np.unique(removed_at(np.arange(count + 1) / count, most, least))
    found.setflags(write=False)
    return found


def removed_at(position: np.ndarray, most: int, least: int = 0) -> np.ndarray:
    """Return the number of weights removed that stands nearest to each position, int64."""
    low = np.full(np.shape(position), least, dtype=np.int64)
    high = np.full(np.shape(position), max(most, least), dtype=np.int64)
    while np.any(high - low > 1):
        middle = (low + high) // 2
        is_below = positions(middle, most, least) <= position
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    before, after = (positions(each, most, least) for each in (low, high))
    found: np.ndarray = np.where(position - before < after - position, low, high)
    return found
