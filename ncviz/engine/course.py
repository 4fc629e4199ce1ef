"""How far a computation is: the share of its time, from what each kind of its work has taken so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ncviz.progress import Progress

# Kinds of work, and about how many seconds of one core a unit of it takes, which only matters until some is done:
# sums of two lengths, looks at an edge, points of a weight's measures, savings of a weight, edges' problems.
PATHS, BOUNDS, LOOSE, UPPER, SEARCH, SECONDS = "paths", "bounds", "loose", "upper", "search", "seconds"
GUESSES = {PATHS: 2e-9, BOUNDS: 4e-9, LOOSE: 5e-9, UPPER: 1.5e-10, SEARCH: 1.5e-8, SECONDS: 1.0}
# To find one weight's least κ takes about as long as to look at so many edges.
EDGES_A_WEIGHT = 5000.0
# What is known of a kind's pace weighs as much as what was guessed after so many seconds; that of one piece of work as
# much as that of its kind after such a share of its time.
_TRUSTED_SECONDS = 0.5
_TRUSTED_SHARE = 0.5
clock = time.monotonic


@dataclass(eq=False)
class Course:
    """Where a computation is, from 0 to 1, in equal times: a page works out from it how much time is left.

    Attributes:
        report: Called with where it is and what it does; never goes back.
        threads: How many work at a time.
        time_limit: Seconds after which it ends anyhow; None for none.
    """

    report: Progress
    threads: int = 1
    time_limit: float | None = None
    _began: float = field(init=False)
    _left: dict[str, float] = field(init=False, default_factory=dict)
    _done: dict[str, tuple[float, float]] = field(init=False, default_factory=dict)
    _at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._began = clock()

    def expect(self, kind: str, cost: float) -> None:
        """Say how much of a kind of work is still to come, in its units."""
        self._left[kind] = cost

    def begin(self, kind: str, cost: float, message: str) -> Callable[[float], None]:
        """Begin some work, which is no longer to come; return what is called with the share of it that is done."""
        begun, before = clock(), self._done.get(kind, (0.0, 0.0))
        self._left[kind] = max(0.0, self._left.get(kind, 0.0) - cost)
        pace = self._pace(kind)
        trusted = _TRUSTED_SHARE * cost * pace

        def note(share: float) -> None:
            taken = clock() - begun
            self._done[kind] = before[0] + cost * share, before[1] + taken
            own = (trusted + taken) / (trusted / pace + cost * share) if cost else 0.0
            self._say(cost * (1.0 - share) * own, message)

        note(0.0)
        return note

    def begin_once(self, kind: str, message: str) -> Callable[[float, float], None]:
        """Return what begins some work when it is first called, with the share that is done and what it costs."""
        notes: list[Callable[[float], None]] = []

        def note(share: float, cost: float) -> None:
            if not notes:
                notes.append(self.begin(kind, cost, message))
            notes[0](share)

        return note

    def end(self, message: str) -> None:
        """Say that it is done."""
        self._at = 1.0
        self.report(1.0, message)

    def _say(self, seconds: float, message: str) -> None:
        """Tell how far it is, where what is under way takes so many seconds yet."""
        spent = clock() - self._began
        left = seconds + sum(cost * self._pace(kind) for kind, cost in self._left.items() if cost)
        if self.time_limit is not None:
            left = min(left, max(0.0, self.time_limit - spent))
        if spent + left > 0.0:
            self._at = max(self._at, spent / (spent + left))
        self.report(self._at, message)

    def _pace(self, kind: str) -> float:
        """Return how many seconds a unit takes: as measured, and as guessed as long as little of it was."""
        cost, seconds = self._done.get(kind, (0.0, 0.0))
        guess = GUESSES[kind] * self._slowness
        return (_TRUSTED_SECONDS + seconds) / (_TRUSTED_SECONDS / guess + cost)

    @property
    def _slowness(self) -> float:
        """By how much longer than guessed other work will take, from all that was done."""
        seconds = _TRUSTED_SECONDS + sum(took for _, took in self._done.values())
        guessed = sum(GUESSES[kind] * cost for kind, (cost, _) in self._done.items()) / self.threads
        slowness = seconds / (_TRUSTED_SECONDS + guessed)
        # Others who use the machine make all of it slower. What was faster may be so for the network's sake, and what
        # comes may not.
        return (slowness if slowness > 1.0 else math.sqrt(slowness)) / self.threads
