"""A few processes that do tasks of one kind, so that a file that takes long does not hold up everybody's."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ncviz.errors import NcvizError
from ncviz.progress import Progress
from ncviz.reading.confined import Answer, ConfinedProcess

# A file of a usual size is read in less; whatever takes longer gets company.
_PATIENCE = 1.5
_MOST = 2
# So often whoever waits for another's file may cancel.
_TURN_SECONDS = 0.2
_PREPARATION_SECONDS, _PREPARATION_BYTES = 120.0, 2_000_000_000


@dataclass(frozen=True, eq=False)
class _Place:
    """A place in the queue: of whom, for what, and since when."""

    visitor: str | None
    is_preparation: bool
    since: float


class ConfinedPool:
    """One process, and others that are started where all there are have been busy for a while.

    Whoever waits longest is next; a visitor has one process at most.

    Args:
        module: What ``python -m`` runs, as for ``ConfinedProcess``.
        most: How many processes there may be.
        patience: Seconds that a task waits for a busy process before another is started.
    """

    def __init__(self, module: str, *, most: int = _MOST, patience: float = _PATIENCE) -> None:
        self._module, self._most, self._patience = module, most, patience
        self._changed = threading.Condition()
        self._idle: list[ConfinedProcess] = []
        # With who has it.
        self._busy: dict[ConfinedProcess, str | None] = {}
        self._queue: list[_Place] = []
        self._is_prepared = self._is_preparing = False

    @property
    def running(self) -> int:
        """How many processes were started and have not ended."""
        with self._changed:
            return sum(process.is_running for process in (*self._idle, *self._busy))

    def call(
        self, *given: Any, visitor: str | None = None, progress: Progress | None = None, **named: Any
    ) -> Answer:
        """Do a task and wait for it; other arguments, and what is raised, are as for ``ConfinedProcess.call``.

        Args:
            *given: Task, arguments and files.
            visitor: Whose it is, None for nobody's: each has one process at most, whatever else is free.
            progress: Called while others are waited for, too, so that this may be cancelled.
            **named: Limits, and what is raised.
        """
        with self._taken(visitor, progress) as process:
            return process.call(*given, progress=progress, **named)

    def prepare(self, task: str) -> threading.Thread | None:
        """Start a process in the background and have it do a task for which nobody waits.

        Args:
            task: Its name; it takes no arguments, and gives nothing.

        Returns:
            What waits for it; None if that was asked for before.
        """
        with self._changed:
            if self._is_prepared:
                return None
            self._is_prepared = self._is_preparing = True

        def start() -> None:
            # Whoever brings a file is told what is wrong.
            with suppress(NcvizError, OSError), self._taken(None, None, is_preparation=True) as process:
                process.call(
                    task, {}, [], "The preparation", seconds=_PREPARATION_SECONDS, room=_PREPARATION_BYTES,
                    most_bytes=0, error=NcvizError,
                )  # fmt: skip
            with self._changed:
                self._is_preparing = False
                self._changed.notify_all()

        thread = threading.Thread(target=start, name="reading", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """End the processes that are idle; the next task starts another."""
        with self._changed:
            for process in self._idle:
                process.close()
            self._is_prepared = False

    @contextmanager
    def _taken(
        self, visitor: str | None, progress: Progress | None, *, is_preparation: bool = False
    ) -> Iterator[ConfinedProcess]:
        place = _Place(visitor, is_preparation, time.monotonic())
        with self._changed:
            self._queue.append(place)
            try:
                while not self._is_turn_of(place):
                    self._changed.wait(min(_TURN_SECONDS, self._patience))
                    if progress is not None:
                        progress(0.0, "waiting until another file is read")
            finally:
                self._queue.remove(place)
                self._changed.notify_all()
            # The one that was used last, so that those which few files need end after a while.
            process = self._idle.pop() if self._idle else ConfinedProcess(self._module)
            self._busy[process] = place.visitor
        try:
            yield process
        finally:
            with self._changed:
                del self._busy[process]
                self._idle.append(process)
                self._changed.notify_all()

    def _is_turn_of(self, place: _Place) -> bool:
        """Whether who stands there may go on: first come, first served, but for visitors whose own file is read."""
        if not place.is_preparation and self._is_preparing and not self._idle:
            # Another would have to get ready, too, and be later.
            return False
        if self._has_one(place):
            return False
        earlier = self._queue[: self._queue.index(place)]
        free = len(self._idle) - sum(not self._has_one(other) for other in earlier)
        if free > 0 or not self._busy:
            return free >= 0
        is_patient = time.monotonic() - place.since < self._patience
        return free == 0 and len(self._idle) + len(self._busy) < self._most and not is_patient

    def _has_one(self, place: _Place) -> bool:
        return place.visitor is not None and place.visitor in self._busy.values()
