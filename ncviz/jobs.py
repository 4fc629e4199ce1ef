"""Long work outside the page's thread: one run per key, progress, cancel, results whole or absent."""

from __future__ import annotations

import logging
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from ncviz.errors import CancelledError, NcvizError

State = Literal["queued", "running", "done", "failed", "cancelled"]

KEEP_FINISHED = 50
_MEMORY_SECONDS = 20.0  # how far back the speed behind an ETA looks at least
_MEMORY_SHARE = 0.5
_MIN_ETA_SECONDS = 1.0
_NICE = 10
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
    """

    kept: str = "nothing was changed"
    is_private: bool = False
    is_public: bool = False
    is_told: bool = False


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
        kind: JobKind = JobKind(),
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
            left = self._speed.seconds_for(1.0 - self.fraction)
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


def _step_aside() -> None:
    """Give this thread, and those that it will start, the cores that nobody else wants; only Linux tells threads apart.

    A slider that waits for an accuracy must not share the cores evenly with hours of computing.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


class JobRegistry:
    """All jobs of the process, at most ``max_workers`` running, the last finished ones kept for the page.

    Threads start with the work and end when none is queued; as daemons they never hold up the process's end.

    Owners share the workers: of those that wait, whoever runs least goes first, and a second job of the same owner
    starts only while less than half of the workers are busy. So nobody waits for all that another one has asked for.

    Args:
        max_workers: Most jobs that run at once, at least 1; others are queued.
        clock: Seconds that never go back.
    """

    def __init__(self, max_workers: int = 8, *, clock: Callable[[], float] = time.monotonic) -> None:
        if max_workers < 1:
            raise ValueError(f"max_workers must be at least 1, got {max_workers}")
        self._max_workers, self._clock = max_workers, clock
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._queue: list[tuple[Job, Callable[[Job], Any]]] = []
        self._busy: dict[str, str | None] = {}
        self._threads = 0

    def start(
        self,
        key: str,
        label: str,
        work: Callable[[Job], Any],
        owner: str | None = None,
        most_seconds: float = math.inf,
        *,
        kind: JobKind = JobKind(),
        log: Any = None,
    ) -> Job:
        """Return the active job of ``key``, or a new one that runs ``work`` as soon as a worker is free.

        A job that is being cancelled is not joined: the new one is queued and waits until it has stopped.

        Args:
            key: What is computed.
            label: What it is called for people.
            work: Returns the result; it calls its job's ``progress`` often, so that it can be cancelled.
            owner: Who asked for it, such as a session; None shares with nobody.
            most_seconds: How long it may run; it fails at its next report beyond.
            kind: What it has in common with others.
            log: What the work fills while it runs, for pages to read.
        """
        with self._lock:
            current = self._jobs.get(key)
            if current is not None and current.is_active and not current.is_cancelling:
                if owner is not None:
                    current.askers |= {owner}
                return current
            self._jobs.pop(key, None)
            job = self._jobs[key] = Job(key, label, self._clock, owner, most_seconds, kind, log)
            self._queue.append((job, work))
            self._trim()
            self._hire()
            return job

    def get(self, key: str) -> Job | None:
        """Return the latest job of a key, or None."""
        with self._lock:
            return self._jobs.get(key)

    def jobs(self) -> list[Job]:
        """Return all jobs, in the order in which they were started."""
        with self._lock:
            return list(self._jobs.values())

    def active(self) -> list[Job]:
        """Return the jobs that are queued or running, in the order in which they were started."""
        return [job for job in self.jobs() if job.is_active]

    def forget(self, key: str) -> bool:
        """Drop a finished job and its result; return whether there was one. An active one is kept."""
        with self._lock:
            is_finished = key in self._jobs and not self._jobs[key].is_active
            if is_finished:
                del self._jobs[key]
            return is_finished

    def _trim(self) -> None:
        finished = [job.key for job in self._jobs.values() if not job.is_active]
        for key in finished[:-KEEP_FINISHED]:
            del self._jobs[key]

    def _hire(self) -> None:
        if self._threads < self._max_workers and self._next() is not None:
            self._threads += 1
            threading.Thread(target=self._work, name="ncviz-job", daemon=True).start()

    def _work(self) -> None:
        _step_aside()
        while self._run_next():
            pass

    def _next(self) -> int | None:
        """Return the place in the queue of the job that runs next, None while there is none that may."""
        running = [owner for owner in self._busy.values() if owner is not None]
        waiting = []
        for place, (job, _) in enumerate(self._queue):
            own = running.count(job.owner) if job.owner is not None else 0
            is_allowed = own == 0 or (own == 1 and 2 * len(self._busy) < self._max_workers)
            if job.key not in self._busy and (is_allowed or self._max_workers == 1):
                waiting.append((own, place))
        return min(waiting)[1] if waiting else None

    def _run_next(self) -> bool:
        """Run one queued job; without one, count this thread out and return False."""
        with self._lock:
            place = self._next()
            if place is None:
                self._threads -= 1
                return False
            job, work = self._queue.pop(place)
            self._busy[job.key] = job.owner
            # What may run now may be more than what the last thread went away for.
            self._hire()
        try:
            if job._begin():
                job._publish(work(job))
        except BaseException as exc:
            # Not even SystemExit may leave a job running for ever on the page.
            job._fail(exc)
        finally:
            with self._lock:
                self._busy.pop(job.key, None)
                self._trim()
        return True
