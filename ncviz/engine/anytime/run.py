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
from ncviz.engine.anytime.rounds import Round, cost_of_rounds, open_weights, rounds
from ncviz.engine.anytime.steps import Step, bounds_of, sharpening_of, upper_ends
from ncviz.engine.anytime.until import Ending, Until
from ncviz.engine.course import BOUNDS, LOOSE, PATHS, SEARCH, UPPER, Course
from ncviz.engine.local import follow
from ncviz.engine.plan import Plan
from ncviz.engine.results import ConnectionCurvature
from ncviz.errors import CancelledError

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
            it is given with the share of the path lengths that is done, and what all of them cost.
        paths_cost: What these path lengths cost, in sums of two lengths.
        until: When to stop, and whom to tell.
        pool: Threads of this process.
        course: What tells how far it is.
        cancel: Set it to stop.
    """

    known: list[list[Known]]
    plans_of: Callable[[threading.Event, Callable[[float, float], None]], Sequence[Plan]]
    paths_cost: float
    until: Until
    pool: ThreadPoolExecutor
    course: Course
    cancel: threading.Event | None
    _have_bounds: bool = field(default=False)

    def run(self) -> list[ConnectionCurvature]:
        """Compute until everything is narrow enough or the time is up.

        Raises:
            CancelledError: If ``cancel`` was set.
        """
        every = [own for each in self.known for own in each]
        self._foresee()
        self._do([step for own in every for step in bounds_of(own)], BOUNDS)
        self._have_bounds = True
        self._foresee()
        with suppress(_TimeIsUpError):
            if self.until.is_over:
                raise _TimeIsUpError
            # Of a small network both ends come at once.
            self.until.hold()
            self._do([step for each in self.known for step in upper_ends(each, is_loose=True)], LOOSE)
            self.until.release()
            self._look()
            self._complete_plans()
            self._do([step for each in self.known for step in upper_ends(each)], UPPER)
            self.until.tell(self.found)
            for each in rounds(self.known, self.until, self._keeps_samples):
                self._sharpen(each)
        self.course.end(_SHARPENING)
        return self.found()

    def found(self) -> list[ConnectionCurvature]:
        """Return the curvature of all connections as far as it is known."""
        return [curvature_of(each) for each in self.known]

    def _complete_plans(self) -> None:
        """Put whole plans in the place of near ones."""
        note = self.course.begin_once(PATHS, MEASURING)
        try:
            plans = self.plans_of(Ending(self.until, self.cancel), note)
        except CancelledError:
            if self.cancel is None or not self.cancel.is_set():
                self._look()
            raise
        for each, plan in zip(self.known, plans, strict=True):
            for own in each:
                own.plan = plan
        self.course.expect(PATHS, 0.0)
        self._look()

    @property
    def _keeps_samples(self) -> bool:
        return self.known[0][0].settings.keep_samples

    def _foresee(self) -> None:
        """Say what is still to come, as far as that is known."""
        self.course.expect(PATHS, self.paths_cost)
        if not self._have_bounds:
            self.course.expect(BOUNDS, sum(own.edges for each in self.known for own in each))
        wanted = open_weights(self.known, self.until)
        for kind in (LOOSE, UPPER) if self.known[0][0].settings.is_closed else ():
            cost = sum(
                int(mine.sum()) * each[0].work_of_a_weight(is_loose=kind == LOOSE)
                for each, mine in zip(self.known, wanted, strict=True)
            )
            self.course.expect(kind, cost)
        self.course.expect(SEARCH, cost_of_rounds(self.known, self.until, self._keeps_samples))

    def _sharpen(self, now: Round) -> None:
        steps = [
            step
            for each, mine in zip(self.known, now.wanted, strict=True)
            for own in each
            for step in sharpening_of(own, mine, self.until, now.edges_a_weight)
        ]
        self._do(steps, SEARCH, now.rest)

    def _do(self, steps: Sequence[Step], kind: str, rest: float = 0.0) -> None:
        """Do some work, after which so much of its kind is still to come."""
        self.course.expect(kind, rest + sum(step.cost for step in steps))
        if not steps:
            return
        stop, done = np.zeros(1, dtype=np.bool_), np.zeros((len(steps), 1))
        listed = sorted(steps, key=lambda step: -step.cost)
        costs = np.array([step.cost for step in listed])
        note = self.course.begin(kind, float(costs.sum()), _SHARPENING if self._have_bounds else _BOUNDING)
        futures = [self.pool.submit(step.work, stop, done[at]) for at, step in enumerate(listed)]

        def look(fraction: float) -> None:
            note(fraction)
            if self._have_bounds:
                self._look()

        follow(futures, stop, done, self.cancel, look, costs)

    def _look(self) -> None:
        if self.until.is_over:
            raise _TimeIsUpError
        self.until.tell(self.found)
