"""A process of its own for work on what nobody trusts: it may take so much memory and time, and lives on between files.

Some libraries cannot be bounded from inside: a decoder allocates what a file tells it to, and goes on until it is done.
Here such work is done where the system ends it: on Linux and macOS the process has a limit on its time of computing, on
Linux also on its memory; on Windows, and on macOS for memory, there is only the time by the clock, after which it is
killed. What comes back is numbers and JSON, never a pickle, and its sizes are checked before anything is allocated. It
is no sandbox against code that a library's fault would let a file run, but while it works no other visitor waits.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ncviz.errors import NcvizError
from ncviz.limits import LIMITS
from ncviz.progress import Progress
from ncviz.text import megabytes

_MAX_MESSAGE = 64_000_000
# What arrays may be of; all else is refused.
_TYPES = ("float32", "int64", "uint8")
_SIGXCPU = -24
# By the clock a busy machine may take so much longer than by the time of computing.
_SLOWER, _START_SECONDS = 6, 300.0
# What the names of settings hold whose values open something, such as NCVIZ_TOKEN and NCVIZ_STORE_KEY.
_SECRETS = ("TOKEN", "KEY", "SECRET", "PASSWORD", "CREDENTIAL")
LENGTH = 8


@dataclass(frozen=True)
class Answer:
    """What a task gave.

    Attributes:
        value: Plain JSON.
        arrays: Its arrays, each with memory of its own.
    """

    value: Any
    arrays: list[np.ndarray]


class ConfinedProcess:
    """A process that does tasks one by one; started by the first, and anew where it ended.

    Args:
        module: What ``python -m`` runs: it calls ``ncviz.reading.child.serve`` with its tasks.
    """

    def __init__(self, module: str) -> None:
        self._module, self._lock = module, threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_late = False

    @property
    def is_running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def call(
        self,
        task: str,
        arguments: Mapping[str, Any],
        blobs: Sequence[bytes],
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
            process = self._started()
            clock = self._clock(_START_SECONDS)
            try:
                try:
                    self._send(process, request, blobs)
                except OSError:
                    # It ended since the last file, as it does when there is nothing to do for a while.
                    process = self._started(is_anew=True)
                    self._send(process, request, blobs)
                assert process.stdout is not None
                receive(process.stdout)
                clock.cancel()
                clock = self._clock(_SLOWER * seconds)
                return self._answer(process, most_bytes, progress)
            except (OSError, EOFError, ValueError) as problem:
                if isinstance(problem, NcvizError):
                    raise
                raise error(self._reason(label, seconds, room)) from problem
            except BaseException:
                self._drop()
                raise
            finally:
                clock.cancel()

    def close(self) -> None:
        """End the process; the next task starts another."""
        with self._lock:
            self._drop()

    def _started(self, *, is_anew: bool = False) -> subprocess.Popen[bytes]:
        if self._process is None or is_anew or self._process.poll() is not None:
            self._drop()
            root = str(Path(__file__).parents[2])
            self._process = subprocess.Popen(
                # Without the folder that the server was started in, whose modules would be imported.
                [sys.executable, "-P", "-m", self._module],
                env={
                    **_without_secrets(os.environ),
                    "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]),
                    # One thread, whose time is all that is counted, and little memory laid by.
                    "OMP_NUM_THREADS": "1",
                    "MALLOC_ARENA_MAX": "2",
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._is_late = False
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

    def _clock(self, seconds: float) -> threading.Timer:
        """Return what kills the process after so long, started; whoever waits for it then lets go of it."""

        def kill() -> None:
            self._is_late = True
            if self._process is not None:
                self._process.kill()

        clock = threading.Timer(seconds, kill)
        clock.daemon = True
        clock.start()
        return clock

    @staticmethod
    def _send(process: subprocess.Popen[bytes], request: dict[str, Any], blobs: Sequence[bytes]) -> None:
        assert process.stdin is not None
        send(process.stdin, {**request, "blobs": [len(blob) for blob in blobs]})
        for blob in blobs:
            process.stdin.write(blob)
        process.stdin.flush()

    def _answer(self, process: subprocess.Popen[bytes], most_bytes: int, progress: Progress | None) -> Answer:
        assert process.stdout is not None
        while True:
            message = receive(process.stdout)
            if "progress" in message:
                if progress is not None:
                    done, text = message["progress"]
                    progress(float(done), str(text)[: LIMITS.name_length])
                continue
            if "refused" in message:
                raise _refusal(message["refused"])
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
                arrays.append(_filled(process.stdout, np.empty(shape, dtype=kind)))
            return Answer(message["value"], arrays)

    def _reason(self, label: str, seconds: float, room: int) -> str:
        """Return why there is no answer, and let go of the process."""
        process = self._process
        with suppress(subprocess.TimeoutExpired):
            if process is not None:
                process.wait(1)
        code = None if process is None else process.returncode
        self._drop()
        if self._is_late or code == _SIGXCPU:
            return (
                f"{label} takes more than {seconds:.0f} s to read, far more than a file of its size should; bring a "
                "smaller one, or save it again."
            )
        return (
            f"{label} made its reader end, which may take {megabytes(room)} of memory; it is damaged, or asks for more "
            "than a file of its size should: save it again."
        )


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment but for what reading a file has no use for."""
    return {
        name: value
        for name, value in environment.items()
        if not any(each in name.upper() for each in _SECRETS)
    }


def send(file: Any, message: Mapping[str, Any]) -> None:
    """Write a message: its length, then JSON."""
    content = json.dumps(message, separators=(",", ":")).encode()
    file.write(len(content).to_bytes(LENGTH, "little") + content)
    file.flush()


def receive(file: Any) -> dict[str, Any]:
    """Return a message.

    Raises:
        EOFError: If the other side has ended.
        ValueError: If it is no such message.
    """
    length = int.from_bytes(read_exactly(file, LENGTH), "little")
    if length > _MAX_MESSAGE:
        raise ValueError("a message that is too long")
    message = json.loads(read_exactly(file, length))
    if not isinstance(message, dict):
        raise ValueError("no message")
    return message


def read_exactly(file: Any, size: int) -> bytes:
    """Return so many bytes.

    Raises:
        EOFError: If there are fewer.
    """
    content: bytes = file.read(size)
    if len(content) < size:
        raise EOFError("the other side has ended")
    return content


def _filled(file: Any, values: np.ndarray) -> np.ndarray:
    view: Any = memoryview(values.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
    while len(view):
        count = file.readinto(view)
        if not count:
            raise EOFError("the other side has ended")
        view = view[count:]
    return values


def _refusal(message: Mapping[str, Any]) -> NcvizError:
    """Return the error that a task raised: one of ours by its name, in one sentence."""
    kinds: dict[str, type[NcvizError]] = {kind.__name__: kind for kind in NcvizError.__subclasses__()}
    return kinds.get(str(message["kind"]), NcvizError)(str(message["text"])[:2_000])
