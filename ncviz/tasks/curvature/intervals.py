"""What is certain of a curvature that is not exact everywhere: an interval around each weight's κ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ncviz.fingerprint import digest
from ncviz.text import percent


@dataclass(frozen=True, eq=False)
class Intervals:
    """The ends of the intervals that contain κ, for each weight's name float32 of its shape.

    They are rounded outward; NaN where κ was not measured, and the same where it is exact.

    Attributes:
        lower: The lower ends.
        upper: The upper ends.
        unproved: For the names of weights that have any, which of these no more time would narrow, bool of their shape.
    """

    lower: Mapping[str, np.ndarray]
    upper: Mapping[str, np.ndarray]
    unproved: Mapping[str, np.ndarray] = field(default_factory=dict)

    @cached_property
    def widths(self) -> np.ndarray:
        """How wide the intervals of all weights are that were measured, float32 [N]."""
        every = np.concatenate([(self.upper[name] - low).reshape(-1) for name, low in self.lower.items()])
        return every[~np.isnan(every)]

    @cached_property
    def exact_share(self) -> float:
        """Share of the weights whose κ is exact."""
        return float((self.widths == 0).mean()) if self.widths.size else 1.0

    @property
    def is_final(self) -> bool:
        """Whether no more time would make any of them narrower."""
        return int((self.widths > 0).sum()) == self.unproved_count

    @cached_property
    def unproved_count(self) -> int:
        """How many of them no more time would narrow."""
        return sum(
            int((own & (self.upper[name] > self.lower[name])).sum()) for name, own in self.unproved.items()
        )

    @cached_property
    def typical(self) -> float:
        """Half the median width of the others: κ is the middle, give or take so much."""
        own = self.widths[self.widths > 0]
        return float(np.median(own)) / 2 if own.size else 0.0

    @cached_property
    def mark(self) -> str:
        """What tells them from sharper ones of the same curvature."""
        return digest("intervals", {f"l/{k}": v for k, v in self.lower.items()}, dict(self.upper))[:12]

    def is_within(self, tolerance: float) -> bool:
        """Whether each is no wider than this times max(1, |κ|), but for the rounding to float32."""
        for name, low in self.lower.items():
            up = self.upper[name]
            most = (tolerance + 1e-6) * np.maximum(1.0, np.abs(up))
            if ((up - low > most) & (low != up)).any():
                return False
        return True

    def sharper(self, other: Intervals) -> Intervals:
        """Return what is certain by both together."""
        upper = {name: np.minimum(up, other.upper[name]) for name, up in self.upper.items()}
        # Two exact values may be rounded to neighbours, so that the ends would cross.
        lower = {
            name: np.minimum(np.maximum(low, other.lower[name]), upper[name])
            for name, low in self.lower.items()
        }
        unproved = dict(self.unproved)
        for name, own in other.unproved.items():
            unproved[name] = unproved[name] | own if name in unproved else own
        return Intervals(lower, upper, unproved)

    def facts(self) -> dict[str, float]:
        """Return how sharp it is, for JSON."""
        return {
            "exact_share": self.exact_share,
            "median_half_width": self.typical,
            "unproved": self.unproved_count,
        }

    def words(self) -> str:
        """Return how sharp it is, for people, such as "83.2% exact, the rest ± 0.04 (median)"."""
        return f"{percent(self.exact_share)} exact, the rest ± {self.typical:.2g} (median)"

    def sentence(self) -> str:
        """Return the same as a sentence, with what follows for pictures and for pruning."""
        told = f"κ is {self.words()}: certified intervals; pictures and pruning go by the middle of each."
        return told if not self.unproved_count else f"{told} {self._unproved_words()}"

    def _unproved_words(self) -> str:
        count = self.unproved_count
        whose = "that of 1 weight" if count == 1 else f"those of {count:,} weights"
        return f"More time would not narrow {whose}, beside which others are too small for a proof."


def middle(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return the middle of intervals, float32."""
    return np.where(lower == upper, upper, np.float32(0.5) * (lower + upper))


def outward(lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends as float32, rounded outward where they differ."""
    low, up = lower.astype(np.float32), upper.astype(np.float32)
    is_open = lower != upper
    low = np.where(is_open & (low > lower), np.nextafter(low, np.float32(-np.inf)), low)
    up = np.where(is_open & (up < upper), np.nextafter(up, np.float32(np.inf)), up)
    return low, up
