"""Frozen, validated settings; together with the fingerprints of weights and data they are the cache keys."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

from ncviz.errors import NcvizError

DEFAULT_ALPHA = 0.9
# Raised whenever a change could alter a stored number, so that no old result is taken for a new one.
ALGORITHM_VERSION = 3
MAX_SAMPLES_PER_CLASS = 1000


def check_alpha(alpha: Any) -> float:
    """Return ``alpha`` as a float, or say in one sentence why it is no idleness.

    Raises:
        NcvizError: If ``alpha`` is not a finite number in [0, 1).
    """
    if isinstance(alpha, bool) or not isinstance(alpha, Real) or not math.isfinite(float(alpha)):
        raise NcvizError(f"alpha (idleness) must be a number in [0, 1), got {alpha!r}; the paper uses 0.9.")
    if not 0.0 <= float(alpha) < 1.0:
        raise NcvizError(f"alpha (idleness) must lie in [0, 1), got {alpha}; the paper uses 0.9.")
    return float(alpha)


def check_whole(name: str, value: int, low: int, high: int) -> int:
    """Return ``value`` if it is a whole number in [low, high], or say in one sentence why it is not.

    Raises:
        NcvizError: If it is no integer or lies outside the range.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise NcvizError(f"{name} must be a whole number from {low} to {high}, got {value!r}.")
    return value


@dataclass(frozen=True)
class CurvatureConfig:
    """Settings of one curvature computation.

    Attributes:
        alpha: Idleness in [0, 1); every value in [1/2, 1) gives the same curvature.
        samples_per_class: Number of correctly classified calibration images of each class.
        seed: 0 takes the first such images in the data's own order; any other value shuffles the pool first.
    """

    alpha: float = DEFAULT_ALPHA
    samples_per_class: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        check_alpha(self.alpha)
        check_whole("samples per class", self.samples_per_class, 1, MAX_SAMPLES_PER_CLASS)
        check_whole("seed", self.seed, 0, 2**31 - 1)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON types, for reports."""
        return asdict(self)

    def key(self) -> dict[str, Any]:
        """Return what decides the result: every alpha from 1/2 on gives the same curvature, so they share a key."""
        return {
            **asdict(self),
            "alpha": self.alpha if self.alpha < 0.5 else "1/2 or more",
            "v": ALGORITHM_VERSION,
        }
