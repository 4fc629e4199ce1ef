"""A few processes that do tasks of one kind, so that a file that takes long does not hold up everybody's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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


class ConfinedPool:
    """One process, and others that are started where all there are have been busy for a while.

    Args:
        module: What ``python -m`` runs, as for ``ConfinedProcess``.
        most: How many processes there may be.
        patience: Seconds that a task waits for a busy process before another is started.
    """

    def __init__(self, module: str, *, most: int = _MOST, patience: float = _PATIENCE) -> None:
        self._module, self._most, self._patience = module, most, patience
        self._changed = threading.Condition()
        self._idle: list[ConfinedProcess] = []
        self._busy: list[ConfinedProcess] = []
        self._is_prepared = self._is_preparing = False

    @property
    def running(self) -> int:
        """How many processes were started and have not ended."""
        with self._changed:
            return sum(process.is_running for process in (*self._idle, *self._busy))

    def call(self, *given: Any, progress: Progress | None = None, **named: Any) -> Answer:
        """Do a task and wait for it; all arguments, and what is raised, are as for ``ConfinedProcess.call``.

        ``progress`` is called while others are waited for, too, so that this may be cancelled.
        """
        with self._taken(progress) as process:
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
            with suppress(NcvizError, OSError), self._taken(is_preparation=True) as process:
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
        self, progress: Progress | None = None, *, is_preparation: bool = False
    ) -> Iterator[ConfinedProcess]:
        with self._changed:
            # Another would have to get ready, too, and be later.
            self._wait(lambda: is_preparation or self._is_free() or not self._is_preparing, progress)
            if not self._idle and self._busy:
                self._changed.wait_for(self._is_free, self._patience)
            if not self._idle and len(self._busy) >= self._most:
                self._wait(self._is_free, progress)
            # The one that was used last, so that those which few files need end after a while.
            process = self._idle.pop() if self._idle else ConfinedProcess(self._module)
            self._busy.append(process)
        try:
            yield process
        finally:
            with self._changed:
                self._busy.remove(process)
                self._idle.append(process)
                self._changed.notify_all()

    def _wait(self, is_over: Callable[[], bool], progress: Progress | None) -> None:
        while not self._changed.wait_for(is_over, _TURN_SECONDS):
            if progress is not None:
                progress(0.0, "waiting until another file is read")

    def _is_free(self) -> bool:
        return bool(self._idle)
