"""The computation that can be stopped at any time: bounds of all weights, then rounds that sharpen them.

The first bounds need paths of two steps alone, which are made first; those of three steps take longer, and come then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from ncviz.engine.anytime.interval import Known, curvature_of
from ncviz.engine.anytime.rounds import rounds
from ncviz.engine.anytime.steps import Step, bounds_of, sharpening_of, upper_ends
from ncviz.engine.anytime.until import Ending, Until
from ncviz.engine.local import follow
from ncviz.engine.plan import Plan
from ncviz.engine.results import ConnectionCurvature
from ncviz.errors import CancelledError
from ncviz.progress import Progress

# Where in the progress the lower ends are there and the loose upper ends; the shares of it that the paths of three
# steps and the upper ends take. Path lengths grow with the cube of the channels, all else with their square.
_LOWER, _LOOSE, _PATHS, _PATHS_OF_LARGE, _UPPER = 0.04, 0.05, 0.02, 0.25, 0.03
_LARGE_WEIGHTS = 3_000_000
_BOUNDING, _SHARPENING = "bounding the curvature", "sharpening the curvature"
MEASURING = "measuring path lengths"


class _TimeIsUpError(Exception):
    """The time limit has come."""


@dataclass(eq=False)
class Anytime:
    """One computation.

    Attributes:
        known: For each connection what is known of it, on all samples or on each; near plans will do.
        plans_of: Returns the whole plans of all connections, unless what it is given is set meanwhile; calls what else
            it is given with the share of the path lengths that is done.
        until: When to stop, and whom to tell.
        pool: Threads of this process.
        report: Called with the fraction done and a message.
        cancel: Set it to stop.
    """

    known: list[list[Known]]
    plans_of: Callable[[threading.Event, Callable[[float], None]], Sequence[Plan]]
    until: Until
    pool: ThreadPoolExecutor
    report: Progress
    cancel: threading.Event | None
    _have_bounds: bool = field(default=False)

    @property
    def _whole_plans(self) -> float:
        """Where in the progress the whole plans are there."""
        weights = sum(each[0].plan.weights for each in self.known)
        return _LOOSE + (_PATHS if weights < _LARGE_WEIGHTS else _PATHS_OF_LARGE)

    def run(self) -> list[ConnectionCurvature]:
        """Compute until everything is narrow enough or the time is up.

        Raises:
            CancelledError: If ``cancel`` was set.
        """
        every = [own for each in self.known for own in each]
        self._do([step for own in every for step in bounds_of(own)], (0.0, _LOWER))
        self._have_bounds = True
        with suppress(_TimeIsUpError):
            if self.until.is_over:
                raise _TimeIsUpError
            # Of a small network both ends come at once.
            self.until.hold()
            self._do(
                [step for each in self.known for step in upper_ends(each, is_loose=True)], (_LOWER, _LOOSE)
            )
            self.until.release()
            self._look()
            self._complete_plans()
            begin = self._whole_plans + _UPPER
            self._do([step for each in self.known for step in upper_ends(each)], (self._whole_plans, begin))
            self.until.tell(self.found)
            for wanted, share in rounds(self.known, self.until, self.known[0][0].settings.keep_samples):
                end = begin + (1.0 - begin) * share
                self._sharpen(wanted, (begin, end))
                begin = end
        self.report(1.0, _SHARPENING)
        return self.found()

    def found(self) -> list[ConnectionCurvature]:
        """Return the curvature of all connections as far as it is known."""
        return [curvature_of(each) for each in self.known]

    def _complete_plans(self) -> None:
        """Put whole plans in the place of near ones."""

        def note(share: float) -> None:
            self.report(_LOOSE + (self._whole_plans - _LOOSE) * share, MEASURING)

        note(0.0)
        try:
            plans = self.plans_of(Ending(self.until, self.cancel), note)
        except CancelledError:
            if self.cancel is None or not self.cancel.is_set():
                self._look()
            raise
        for each, plan in zip(self.known, plans, strict=True):
            for own in each:
                own.plan = plan
        self._look()

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
