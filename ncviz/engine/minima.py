"""The least κ of each weight of a connection, and what a device has settled of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Least(NamedTuple):
    """The least κ of each weight of a connection, or the least lower bound of it, over some samples.

    A weight's number w is target channel · slots + slot; W weights.

    Attributes:
        curvature: float64 [W], inf where no edge is live.
        pair: int32 [W], index of the pair of positions (in the plan) where it is; -1 if none.
        sample: int32 [W], on which sample; -1 if none.
        counts: int64 [8], what was certified, skipped, solved, …, in the order of ``ncviz.engine.kernels``.
        short: float64 [W], how much higher the least κ may lie, because an edge could not be proved any closer; 0 where
            it is exact.
    """

    curvature: np.ndarray
    pair: np.ndarray
    sample: np.ndarray
    counts: np.ndarray
    short: np.ndarray

    @staticmethod
    def nothing(weights: int) -> Least:
        """Return the neutral element of ``merge``."""
        none = np.full(weights, -1, dtype=np.int32)
        return Least(
            np.full(weights, np.inf), none, none.copy(), np.zeros(8, dtype=np.int64), np.zeros(weights)
        )

    def merge(self, other: Least) -> Least:
        """Return the least of both; associative and commutative but for ties."""
        better = other.curvature < self.curvature
        return Least(
            np.where(better, other.curvature, self.curvature),
            np.where(better, other.pair, self.pair),
            np.where(better, other.sample, self.sample),
            self.counts + other.counts,
            np.maximum(self.short, other.short),
        )


@dataclass(frozen=True, eq=False)
class Certified:
    """What a device has found out.

    Attributes:
        best: The least κ among the edges where it is known; its counts stay 0.
        low: The least lower bound among the other live edges, likewise.
        grid: float64 [samples, channels after, positions after, slots], κ of each live edge, NaN where it is not
            known, and 1 for dead edges and where there is no edge; None if it was not asked for.
        counts: int64 [8], in the order of the constants of ``kernels``: edges certified, closed (a measure of no
            point or one) and live; those that its kernel solved, skipped, and (FAILED) left to the CPU.
        left: bool [samples, pairs], on which samples and pairs of positions a live edge that could matter is left to
            the CPU; None for all.
    """

    best: Least
    low: Least
    grid: np.ndarray | None
    counts: np.ndarray
    left: np.ndarray | None = None
