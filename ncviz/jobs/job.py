"""One piece of long work: how far it is, how long it will take, and how it ended; safe to read from any thread."""

from __future__ import annotations

import logging
import math
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ncviz.errors import CancelledError, NcvizError

State = Literal["queued", "running", "done", "failed", "cancelled"]

_MEMORY_SECONDS = 20.0  # how far back the speed behind an ETA looks at least
_MEMORY_SHARE = 0.5
_MIN_ETA_SECONDS = 1.0
_logger = logging.getLogger(__name__)


@dataclass
class _Speed:
    """Work done per second, with the past forgotten gradually, however unevenly the reports come.

    The longer the run, the longer it is remembered: what comes will be about as uneven as what was.
    """

    work: float = 0.0
    seconds: float = 0.0
    reports: int = 0
    total: float = 0.0

    def add(self, work: float, seconds: float) -> None:
        self.total += seconds
        fade = math.exp(-seconds / max(_MEMORY_SECONDS, _MEMORY_SHARE * self.total))
        self.work = self.work * fade + work
        self.seconds = self.seconds * fade + seconds
        self.reports += work > 0.0

    def seconds_for(self, work: float) -> float | None:
        """Return the time that ``work`` takes at this speed, or None before enough is known."""
        if self.reports < 2 or self.seconds < _MIN_ETA_SECONDS or self.work <= 0.0:
            return None
        return work * self.seconds / self.work


@dataclass(frozen=True)
class JobKind:
    """What all jobs of one kind have in common.

    Attributes:
        kept: What a cancelled one leaves behind, for people.
        is_private: Whether its result is in no store, but in the job alone.
        is_public: Whether every session is shown it, whoever started it.
        is_told: Whether the page that started it tells its end itself.
        is_by_time: Whether its fraction is that of its time, so that what is left follows from what the whole took so
            far; else from how fast it grew of late.
    """

    kept: str = "nothing was changed"
    is_private: bool = False
    is_public: bool = False
    is_told: bool = False
    is_by_time: bool = False


PLAIN = JobKind()


@dataclass(frozen=True)
class JobSnapshot:
    """A job at one moment; the attributes mean the same as those of ``Job``."""

    key: str
    label: str
    state: State
    fraction: float
    message: str
    started: float | None
    elapsed: float
    eta_seconds: float | None
    error: str | None
    details: str | None
    problem: str | None
    result: Any
    is_active: bool
    is_cancelling: bool


class Job:
    """One piece of long work as plain data, safe to read from any thread.

    ``state`` is set after all that belongs to it, so a job seen as done has its result.

    Attributes:
        key: What is computed; two jobs of one key never run at once.
        label: What it is called for people.
        state: "queued", "running", "done", "failed" or "cancelled".
        fraction: Share of the work done, in [0, 1].
        message: What it is doing.
        started: When it began to run, in seconds since the epoch; None before.
        error: One sentence if it failed.
        details: The traceback, if it failed by other than an ``NcvizError``.
        problem: What kept a result from being stored, in one sentence.
        result: What the work returned, if it is done.
        owner: Who asked for it first; None if nobody in particular.
        askers: Everybody who asked for it.
        most_seconds: How long it may run.
        kind: What it has in common with others.
        log: What its work has to show so far; the work writes, pages read.
        cancel_event: Set once it is to stop, for code that takes an event.
    """

    def __init__(
        self,
        key: str,
        label: str,
        clock: Callable[[], float],
        owner: str | None = None,
        most_seconds: float = math.inf,
        kind: JobKind = PLAIN,
        log: Any = None,
    ) -> None:
        self.key, self.label = key, label
        self.kind, self.log = kind, log
        self.owner, self.most_seconds = owner, most_seconds
        self.askers = frozenset() if owner is None else frozenset({owner})
        self.state: State = "queued"
        self.fraction, self.message = 0.0, ""
        self.started: float | None = None
        self.error: str | None = None
        self.details: str | None = None
        self.problem: str | None = None
        self.result: Any = None
        self._clock = clock
        self._lock = threading.RLock()
        self._finished, self.cancel_event = threading.Event(), threading.Event()
        self._speed = _Speed()
        self._began = self._reported = self._ended = 0.0

    @property
    def is_active(self) -> bool:
        """Whether it is queued or running."""
        return self.state in ("queued", "running")

    @property
    def is_cancelling(self) -> bool:
        """Whether it was cancelled but has not come to its next check yet."""
        return self.cancel_event.is_set() and self.is_active

    @property
    def elapsed(self) -> float:
        """Seconds that it has run, or ran."""
        with self._lock:
            until = self._clock() if self.is_active else self._ended
            return 0.0 if self.started is None else until - self._began

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until it is done, from the recent speed; None if that cannot be told."""
        with self._lock:
            if self.state != "running":
                return None
            spent = self._reported - self._began
            if not self.kind.is_by_time:
                left = self._speed.seconds_for(1.0 - self.fraction)
            else:
                is_early = spent < _MIN_ETA_SECONDS or not self.fraction
                left = None if is_early else spent * (1.0 / self.fraction - 1.0)
            if left is None:
                return None
            # Between two reports the estimate counts down instead of standing still; run out, it was none.
            left -= self._clock() - self._reported
            return left if left >= 0 else None

    def cancel(self) -> None:
        """Stop it, at once if it is queued and at its next check if it runs; nothing is published."""
        with self._lock:
            self.cancel_event.set()
            if self.state == "queued":
                self._end("cancelled")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has finished and return whether it has."""
        return self._finished.wait(timeout)

    def snapshot(self) -> JobSnapshot:
        """Return all attributes as they are at this moment."""
        with self._lock:
            return JobSnapshot(**{name: getattr(self, name) for name in JobSnapshot.__dataclass_fields__})

    def _begin(self) -> bool:
        with self._lock:
            if self.state != "queued":
                return False
            self.started = time.time()
            self._began = self._reported = self._clock()
            self.state = "running"
            return True

    def progress(self, fraction: float, message: str = "") -> None:
        """Report the share of work done; without a message the last one stays. Only the work calls this.

        Args:
            fraction: In [0, 1]; beyond is clamped, NaN leaves the last one.
            message: What is being done, for people.

        Raises:
            CancelledError: If the job was cancelled.
            NcvizError: If it has run for longer than it may.
        """
        if self.cancel_event.is_set():
            raise CancelledError(f"{self.label} was cancelled")
        if self.elapsed > self.most_seconds:
            ran = f"{self.elapsed:.0f} s" if self.elapsed < 90 else f"{self.elapsed / 60:.0f} minutes"
            raise NcvizError(
                f"{self.label} was stopped after {ran}: with it, the session that began it has used all the computing "
                "that one may do here. Choose a part of it, or ask whoever runs this server for more."
            )
        with self._lock:
            now = self._clock()
            if math.isfinite(fraction):
                fraction = min(max(float(fraction), 0.0), 1.0)
                work, seconds = max(0.0, fraction - self.fraction), now - self._reported
                is_other = bool(message and self.message) and message != self.message
                if is_other and self.fraction in (0.0, fraction):
                    # What was done up to now told no share of the work, so its time is no measure of the rest.
                    work, seconds, self._speed = 0.0, 0.0, _Speed()
                elif fraction < self.fraction:
                    # The work began anew, so what was learnt of its pace no longer holds.
                    self._speed = _Speed()
                self._speed.add(work, seconds)
                self.fraction = fraction
                self._reported = now
            self.message = message or self.message

    def _publish(self, result: Any) -> None:
        with self._lock:
            # Whoever cancelled in time sees no result, even if the work came to its end without a check.
            if not self.cancel_event.is_set():
                self.result, self.fraction = result, 1.0
            self._end("cancelled" if self.cancel_event.is_set() else "done")

    def _fail(self, exc: BaseException) -> None:
        with self._lock:
            if isinstance(exc, NcvizError):
                self.error = str(exc)
            elif not isinstance(exc, CancelledError):
                self.error = (
                    f"{self.label} stopped at an unexpected {type(exc).__name__}; see the log for details."
                )
                self.details = "".join(traceback.format_exception(exc))
                _logger.error("%s (%s) failed\n%s", self.label, self.key, self.details)
            self._end("cancelled" if isinstance(exc, CancelledError) else "failed")

    def _end(self, state: State) -> None:
        self._ended = self._clock()
        self.state = state
        self._finished.set()
