"""When a computation may stop before everything is exact, and who looks on meanwhile."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np

from ncviz.errors import NcvizError

# Intermediate results come no faster than this, nor so often that making them takes more than such a share of the time.
SECONDS_BETWEEN = 1.0
MOST_SHARE = 0.05
# Seconds that never go back.
clock = time.monotonic


@dataclass(eq=False)
class Until:
    """How exact a result has to be, how long it may take, and what is called with results in between.

    Attributes:
        tolerance: Intervals no wider than this times max(1, |κ|) are narrow enough; 0 for exact values.
        time_limit: Seconds after which the computation stops, once there are bounds of all weights; None for none.
        on_result: Called with results in between, in the thread that computes.
        result_of: Makes what ``on_result`` is called with of all connections' curvature.
        began: When the computation began.
    """

    tolerance: float = 0.0
    time_limit: float | None = None
    on_result: Callable[[Any], None] | None = None
    result_of: Callable[[Any], Any] = lambda found: found
    began: float = field(init=False)
    _told: float = field(init=False, default=-math.inf)
    _cost: float = field(init=False, default=0.0)
    _held: float = field(init=False, default=-math.inf)

    def __post_init__(self) -> None:
        self.began = clock()

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.time_limit is not None and clock() - self.began >= self.time_limit

    @property
    def is_exact(self) -> bool:
        """Whether all values are wanted exactly, however long that takes, so that nothing need be bounded first."""
        return self.tolerance == 0 and self.time_limit is None and self.on_result is None

    def hold(self) -> None:
        """Give no result until ``release``, but no longer than results are apart anyway."""
        self._held = clock() + SECONDS_BETWEEN

    def release(self) -> None:
        """Give results again."""
        self._held = -math.inf

    def tell(self, make: Callable[[], Any]) -> None:
        """Make a result and hand it on, unless the last one was too short a time ago."""
        now = clock()
        if self.on_result is None or now < self._held:
            return
        if now - self._told < max(SECONDS_BETWEEN, self._cost / MOST_SHARE):
            return
        self.on_result(self.result_of(make()))
        self._told = clock()
        self._cost = self._told - now

    def below(self, kappa: np.ndarray) -> np.ndarray:
        """Return the least lower ends that make intervals up to these values narrow enough; grows with ``kappa``."""
        if self.tolerance == 0:
            return kappa
        with np.errstate(invalid="ignore"):
            return np.where(np.isinf(kappa), kappa, kappa - self.tolerance * np.maximum(1.0, np.abs(kappa)))


class Ending(threading.Event):
    """Set once a computation is cancelled, or its time is up."""

    def __init__(self, until: Until, cancel: threading.Event | None) -> None:
        super().__init__()
        self._until, self._cancel = until, cancel

    def is_set(self) -> bool:
        """Whether it is one or the other."""
        return self._until.is_over or (self._cancel is not None and self._cancel.is_set())


def check_until(
    tolerance: float, time_limit: float | None, on_result: object, alone: dict[str, bool]
) -> Until:
    """Return when to stop.

    Args:
        tolerance: As for ``Until``, in [0, 1).
        time_limit: As for ``Until``.
        on_result: As for ``Until``.
        alone: What intervals cannot be had with, by what it is called, and whether it is asked for.

    Raises:
        NcvizError: If one of them is none, or does not go together with something else that is asked for.
    """
    if not _is_number(tolerance) or not 0 <= float(tolerance) < 1:
        raise NcvizError(f"tolerance must lie in 0 … 1 (1 excluded), got {tolerance!r}.")
    if time_limit is not None and (not _is_number(time_limit) or not time_limit >= 0):
        raise NcvizError(f"time_limit must be a number of seconds from 0 on, got {time_limit!r}.")
    if on_result is not None and not callable(on_result):
        raise NcvizError(f"on_result must be a function of a result, got {type(on_result).__name__}.")
    until = Until(float(tolerance), None if time_limit is None else float(time_limit), on_result)
    for name, is_asked in alone.items():
        if is_asked and not until.is_exact:
            raise NcvizError(
                f"{name} gives exact values only: leave it out, or tolerance, time_limit and on_result."
            )
    return until


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
