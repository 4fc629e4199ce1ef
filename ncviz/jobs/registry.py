"""All long work of the process, shared fairly among those that ask for it."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ncviz.jobs.job import PLAIN, Job, JobKind

KEEP_FINISHED = 50
_NICE = 10


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
        kind: JobKind = PLAIN,
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
