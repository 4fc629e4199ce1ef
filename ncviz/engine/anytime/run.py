"""The computation that can be stopped at any time: bounds of all weights, then rounds that sharpen them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from ncviz.engine.anytime.interval import Known, curvature_of
from ncviz.engine.anytime.rounds import rounds
from ncviz.engine.anytime.steps import Step, bounds_of, sharpening_of, upper_ends_of
from ncviz.engine.anytime.until import Until
from ncviz.engine.local import follow
from ncviz.engine.results import ConnectionCurvature
from ncviz.progress import Progress

# Share of the progress that the bounds of all weights take.
_BOUNDS_SHARE = 0.1
_BOUNDING, _SHARPENING = "bounding the curvature", "sharpening the curvature"


class _TimeIsUpError(Exception):
    """The time limit has come."""


@dataclass(eq=False)
class Anytime:
    """One computation.

    Attributes:
        known: For each connection what is known of it, on all samples or on each.
        until: When to stop, and whom to tell.
        pool: Threads of this process.
        report: Called with the fraction done and a message.
        cancel: Set it to stop.
    """

    known: list[list[Known]]
    until: Until
    pool: ThreadPoolExecutor
    report: Progress
    cancel: threading.Event | None
    _have_bounds: bool = field(default=False)

    def run(self) -> list[ConnectionCurvature]:
        """Compute until everything is narrow enough or the time is up.

        Raises:
            CancelledError: If ``cancel`` was set.
        """
        every = [own for each in self.known for own in each]
        self._do([step for own in every for step in bounds_of(own)], (0.0, 0.5 * _BOUNDS_SHARE))
        self._have_bounds = True
        with suppress(_TimeIsUpError):
            self._look()
            self._do(
                [step for own in every for step in upper_ends_of(own)], (0.5 * _BOUNDS_SHARE, _BOUNDS_SHARE)
            )
            self.until.tell(self.found)
            begin = _BOUNDS_SHARE
            for wanted, share in rounds(self.known, self.until, self.known[0][0].settings.keep_samples):
                end = begin + (1.0 - begin) * share
                self._sharpen(wanted, (begin, end))
                begin = end
        self.report(1.0, _SHARPENING)
        return self.found()

    def found(self) -> list[ConnectionCurvature]:
        """Return the curvature of all connections as far as it is known."""
        return [curvature_of(each) for each in self.known]

    def _sharpen(self, wanted: list[np.ndarray], share: tuple[float, float]) -> None:
        steps = [
            step
            for each, mine in zip(self.known, wanted, strict=True)
            for own in each
            for step in sharpening_of(own, mine, self.until)
        ]
        self._do(steps, share)

    def _do(self, steps: Sequence[Step], share: tuple[float, float]) -> None:
        if not steps:
            return
        begin, end = share
        stop, done = np.zeros(1, dtype=np.bool_), np.zeros((len(steps), 1))
        listed = sorted(steps, key=lambda step: -step.cost)
        futures = [self.pool.submit(step.work, stop, done[at]) for at, step in enumerate(listed)]

        def look(fraction: float) -> None:
            self.report(begin + (end - begin) * fraction, _SHARPENING if self._have_bounds else _BOUNDING)
            if self._have_bounds:
                self._look()

        follow(futures, stop, done, self.cancel, look, np.array([step.cost for step in listed]))

    def _look(self) -> None:
        if self.until.is_over:
            raise _TimeIsUpError
        self.until.tell(self.found)
