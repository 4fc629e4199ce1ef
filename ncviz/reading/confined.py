"""A process of its own for work on what nobody trusts: it may take so much memory and time, and lives on between files.

Some libraries cannot be bounded from inside: a decoder allocates what a file tells it to, and goes on until it is done.
Here such work is done where the system ends it: on Linux and macOS the process has a limit on its time of computing, on
Linux also on its memory; on Windows, and on macOS for memory, there is only the time by the clock, after which it is
killed. What comes back is numbers and JSON, never a pickle, and its sizes are checked before anything is allocated. It
is no sandbox against code that a library's fault would let a file run, but while it works no other visitor waits.
"""

from __future__ import annotations

import atexit
import math
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from ncviz.errors import NcvizError
from ncviz.limits import LIMITS
from ncviz.progress import Progress
from ncviz.reading.process import Clock, start_process
from ncviz.reading.wire import filled, receive, send
from ncviz.text import megabytes

# What arrays may be of; all else is refused.
_TYPES = ("float32", "int64", "uint8")
_SIGXCPU, _SIGKILL = -24, -9
# By the clock a busy machine may take so much longer than by the time of computing.
_SLOWER, _START_SECONDS = 6, 300.0
_OUT_OF_MEMORY = "MemoryError"


@dataclass(frozen=True)
class Answer:
    """What a task gave.

    Attributes:
        value: Plain JSON.
        arrays: Its arrays, each with memory of its own.
    """

    value: Any
    arrays: list[np.ndarray]


class _UnfinishedError(Exception):
    """A task ended by an exception that is no refusal, which this names."""


class ConfinedProcess:
    """A process that does tasks one by one; started by the first, and anew where it ended.

    Args:
        module: What ``python -m`` runs: it calls ``ncviz.reading.child.serve`` with its tasks.
    """

    def __init__(self, module: str) -> None:
        self._module, self._lock = module, threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def call(
        self,
        task: str,
        arguments: Mapping[str, Any],
        blobs: Sequence[bytes | memoryview],
        label: str,
        *,
        seconds: float,
        room: int,
        most_bytes: int,
        error: type[NcvizError],
        progress: Progress | None = None,
    ) -> Answer:
        """Do a task and wait for it.

        Args:
            task: Its name.
            arguments: Plain JSON.
            blobs: Files, handed over as they are.
            label: What the files are called in messages.
            seconds: Time of computing that it may take.
            room: Bytes of memory that it may take beside what the process has.
            most_bytes: Bytes of all arrays that it may give.
            error: What is raised where it takes more, or ends.
            progress: Called with what the task tells; what it raises ends the task.

        Raises:
            NcvizError: As the task refused it, or ``error`` if it took too much; one sentence.
        """
        request = {"task": task, "arguments": arguments, "seconds": seconds, "room": room}
        with self._lock:
            clock = None
            try:
                while True:
                    try:
                        clock = clock or self._begun(request, blobs, _SLOWER * seconds)
                        told = self._told(clock.process, most_bytes)
                    # What a process says that a file has taken over may be anything.
                    except Exception as problem:
                        is_late = isinstance(problem, TimeoutError) or (clock is not None and clock.is_late)
                        reason = self._reason(label, seconds, room, problem, is_late=is_late)
                        raise error(reason) from problem
                    if not isinstance(told, tuple):
                        break
                    if progress is not None:
                        progress(*told)
            except BaseException:
                self._drop()
                raise
            finally:
                if clock is not None:
                    clock.cancel()
        if isinstance(told, NcvizError):
            raise told
        return told

    def close(self) -> None:
        """End the process; the next task starts another."""
        with self._lock:
            self._drop()

    def _started(self, *, is_anew: bool = False) -> subprocess.Popen[bytes]:
        if self._process is None or is_anew or self._process.poll() is not None:
            self._drop()
            self._process = start_process(self._module)
            atexit.register(self._drop)
        return self._process

    def _drop(self) -> None:
        """End the process and let go of it."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self._drop)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # of what was not yet written
                if pipe is not None:
                    pipe.close()

    def _begun(self, request: dict[str, Any], blobs: Sequence[bytes | memoryview], seconds: float) -> Clock:
        """Have a process begin a task; return the clock that ends it after so long."""
        for is_anew in (False, True):
            process = self._started(is_anew=is_anew)
            clock = Clock(process, _START_SECONDS)
            try:
                self._send(process, request, blobs)
                assert process.stdout is not None
                receive(process.stdout)
                break
            except (OSError, EOFError) as problem:
                if clock.is_late:
                    raise TimeoutError from problem
                # It may have been about to end, as it does when there is nothing to do for a while.
                if is_anew:
                    raise
            finally:
                clock.cancel()
        return Clock(process, seconds)

    @staticmethod
    def _send(
        process: subprocess.Popen[bytes], request: dict[str, Any], blobs: Sequence[bytes | memoryview]
    ) -> None:
        assert process.stdin is not None
        send(process.stdin, {**request, "blobs": [len(blob) for blob in blobs]})
        for blob in blobs:
            process.stdin.write(blob)
        process.stdin.flush()

    @staticmethod
    def _told(process: subprocess.Popen[bytes], most_bytes: int) -> Answer | NcvizError | tuple[float, str]:
        """Return what a process tells next: what it has done, why it does not, or how far it is."""
        assert process.stdout is not None
        message = receive(process.stdout)
        if "progress" in message:
            done, text = message["progress"]
            if not math.isfinite(done):
                raise ValueError("no share of the work")
            return min(max(float(done), 0.0), 1.0), str(text)[: LIMITS.name_length]
        if "refused" in message:
            return _refusal(message["refused"])
        if "unfinished" in message:
            raise _UnfinishedError(str(message["unfinished"])[: LIMITS.name_length])
        shapes = [(str(kind), tuple(int(size) for size in shape)) for kind, shape in message["arrays"]]
        arrays, left = [], most_bytes
        for kind, shape in shapes:
            if kind not in _TYPES or len(shape) > LIMITS.dimensions or min((*shape, 0)) < 0:
                raise ValueError("an array of no kind that is taken")
            size = np.dtype(kind).itemsize
            for side in shape:
                size *= side
            left -= size
            if left < 0:
                raise ValueError("more than there is room for")
            arrays.append(filled(process.stdout, np.empty(shape, dtype=kind)))
        return Answer(message["value"], arrays)

    def _reason(self, label: str, seconds: float, room: int, problem: Exception, *, is_late: bool) -> str:
        """Return why there is no answer, and let go of the process."""
        process = self._process
        with suppress(subprocess.TimeoutExpired):
            if process is not None:
                process.wait(1)
        code = None if process is None else process.returncode
        self._drop()
        if is_late or code == _SIGXCPU:
            return (
                f"{label} takes more than {seconds:.0f} s to read, far more than a file of its size should; bring a "
                "smaller one, or save it again."
            )
        name = str(problem) if isinstance(problem, _UnfinishedError) else ""
        if name == _OUT_OF_MEMORY:
            return (
                f"{label} takes more than {megabytes(room)} of memory to read, far more than a file of its size "
                "should; bring a smaller one, or save it again."
            )
        # An exception of ours, or a module that could not even be imported.
        if name or (code or 0) > 0:
            return (
                f"{label} could not be read because of a fault in this program{f' ({name})' if name else ''}, not in "
                "the file; nothing is lost. What went wrong is in the server's log: please report it."
            )
        if process is None or code == _SIGKILL:
            return (
                f"{label} could not be read, because this machine has too little memory left at the moment; try again "
                "later, or bring a smaller one."
            )
        return (
            f"{label} made its reader end, which may take {megabytes(room)} of memory; it is damaged, or asks for more "
            "than a file of its size should: save it again."
        )


def _refusal(message: Mapping[str, Any]) -> NcvizError:
    """Return the error that a task raised: one of ours by its name, in one sentence."""
    kinds: dict[str, type[NcvizError]] = {kind.__name__: kind for kind in NcvizError.__subclasses__()}
    return kinds.get(str(message["kind"]), NcvizError)(str(message["text"])[:2_000])
