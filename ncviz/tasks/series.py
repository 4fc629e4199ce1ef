"""Tasks that one job does, one after the other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ncviz.errors import NcvizError
from ncviz.tasks.task import Context, Task

clock = time.monotonic


@dataclass(frozen=True)
class Series:
    """Tasks that one job does, one after the other, each kept when it is done.

    Attributes:
        tasks: What is to be done; the job's result is that of the last.
        key: The job's; by default that of the last task.
        ends: For each task the fraction of the time at which it ends; by default all take as long.
        is_by_time: Whether the tasks' own fractions are those of their time, and each but the first tells its seconds;
            then ``ends`` says nothing.
        prefixes: For each task what stands before its messages.
        is_lenient: Whether a task that fails leaves the others to be done.
    """

    tasks: Sequence[Task[Any]]
    key: str = ""
    ends: Sequence[float] = ()
    prefixes: Sequence[str] = ()
    is_lenient: bool = False
    is_by_time: bool = False


@dataclass(eq=False)
class SeriesLog:
    """How far a series has come; its job writes, pages read.

    Attributes:
        tasks: All that it does.
        done: How many tasks are finished, or failed.
        failures: Why a task failed.
        shown: What a task fills while it runs.
    """

    tasks: tuple[Task[Any], ...] = ()
    done: int = 0
    failures: dict[Task[Any], str] = field(default_factory=dict)
    shown: dict[Task[Any], Any] = field(default_factory=dict)


@dataclass(eq=False)
class Whole:
    """How far a series is, from what each of its tasks says of itself.

    Attributes:
        series: The tasks.
        context: Where and how all of them run; told how far the whole is.
    """

    series: Series
    context: Context
    _ends: list[float] = field(init=False)
    _later: list[float] = field(init=False, default_factory=list)
    _began: float = field(init=False)
    _at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        tasks = self.series.tasks
        self._ends = [0.0, *(self.series.ends or [(number + 1) / len(tasks) for number in range(len(tasks))])]
        self._began = clock()
        if self.series.is_by_time:
            self._later = [self._seconds(task) for task in tasks[1:]]

    def part(self, number: int) -> Context:
        """Return the context of one of the tasks."""
        prefix = self.series.prefixes[number] if self.series.prefixes else ""
        if not self.series.is_by_time:
            return self.context.part(self._ends[number], self._ends[number + 1], prefix)
        begun, later = clock(), sum(self._later[number:])

        def tell(fraction: float, message: str) -> None:
            now = clock()
            if fraction > 0.0:
                left, spent = (now - begun) * (1.0 / fraction - 1.0) + later, now - self._began
                self._at = max(self._at, spent / max(spent + left, 1e-9))
            self.context.say(self._at, prefix + message)

        return replace(self.context, progress=tell)

    def _seconds(self, task: Task[Any]) -> float:
        try:
            return task.seconds(self.context) or 0.0
        except NcvizError:
            # It says so itself when its turn has come, and those before it are kept.
            return 0.0
