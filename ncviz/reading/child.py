"""The other side of ``ncviz.reading.confined``: tasks within limits that the system keeps, until its input ends."""

from __future__ import annotations

import importlib
import os
import select
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ncviz.errors import CancelledError, NcvizError
from ncviz.progress import Progress
from ncviz.reading.wire import read_exactly, receive, send

if sys.platform != "win32":
    import resource

Task = Callable[[dict[str, Any], list[bytes], Progress], tuple[Any, list[np.ndarray]]]
_IDLE_SECONDS = 600
# What a large file leaves behind is given back by ending.
_MAX_LEFT = 500_000_000


def serve(tasks: Mapping[str, tuple[str, str]]) -> None:
    """Do one task after another; end where there is nothing to do, nobody to do it for, or much memory left over.

    Args:
        tasks: Name → module and name of the function that does it, imported when it is first asked for. Its module's
            ``prepare`` gets the arguments and files, too, and returns whether nothing is left to be built once for all.
    """
    given, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What a library prints is no answer.
    with Path(os.devnull).open("r+b") as nowhere:
        os.dup2(nowhere.fileno(), 0)
        os.dup2(nowhere.fileno(), 1)
    loaded: dict[str, Task] = {}
    prepared: set[str] = set()
    _offer_itself()
    least = 0
    while _is_asked(given):
        try:
            request = receive(given)
        except EOFError:
            return
        blobs = [read_exactly(given, int(size)) for size in request["blobs"]]
        name = request["task"]
        if name not in loaded:
            module, function = tasks[name]
            loaded[name] = getattr(importlib.import_module(module), function)
            least = 0
        # What is imported or built for the first time is none of the file's time.
        prepare = getattr(sys.modules[tasks[name][0]], "prepare", None)
        if prepare is not None and name not in prepared and prepare(request["arguments"], blobs):
            prepared.add(name)
            least = 0
        least = least or _memory()[1]
        send(answers, {"begun": True})
        _bound(request["seconds"], request["room"])
        if not _is_done(loaded[name], request["arguments"], blobs, answers):
            return
        del request, blobs
        _bound(None, None)
        if _memory()[1] > least + _MAX_LEFT:
            return


def _is_done(task: Task, arguments: dict[str, Any], blobs: list[bytes], answers: Any) -> bool:
    """Do a task and answer; False where it ended by an exception that is no refusal, after which little is known."""

    def progress(done: float, text: str) -> None:
        send(answers, {"progress": [done, text]})

    try:
        value, arrays = task(arguments, blobs, progress)
        # Nothing more is unpacked, and what is there must get out.
        _bound(None, None)
    except (NcvizError, CancelledError) as error:
        send(answers, {"refused": {"kind": type(error).__name__, "text": str(error)}})
        return True
    except Exception as error:
        _bound(None, None)
        traceback.print_exc()
        send(answers, {"unfinished": type(error).__name__})
        return False
    send(answers, {"value": value, "arrays": [[values.dtype.name, values.shape] for values in arrays]})
    for values in arrays:
        answers.write(np.ascontiguousarray(values).data)
    answers.flush()
    return True


def _is_asked(given: Any) -> bool:
    """Wait for the next request; False if none came for a while."""
    if sys.platform == "win32":  # which cannot wait for a pipe
        return True
    return bool(select.select([given], [], [], _IDLE_SECONDS)[0])


def _bound(seconds: float | None, room: int | None) -> None:
    """Let the system end this process, or refuse it memory, beyond so much more than it has; None for no bound."""
    if sys.platform == "win32":
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit(resource.RLIMIT_CPU, None if seconds is None else int(time.process_time() + seconds) + 2)
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, None if room is None else _memory()[0] + room)


def _limit(kind: int, most: int | None) -> None:
    """Set a limit, as far as that of the user's own allows; None for as much as that."""
    hard = resource.getrlimit(kind)[1]
    if most is None or hard != resource.RLIM_INFINITY:
        most = hard if most is None else min(most, hard)
    resource.setrlimit(kind, (most, hard))


def _offer_itself() -> None:
    """Where memory runs out, Linux is to end this process before the server."""
    with suppress(OSError):
        if sys.platform == "linux":
            Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _memory() -> tuple[int, int]:
    """Return the bytes that this process has reserved, and those that are in memory; 0 where nobody tells."""
    if sys.platform != "linux":
        return 0, 0
    sizes = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return tuple(int(size) * os.sysconf("SC_PAGE_SIZE") for size in sizes[:2])  # type: ignore[return-value]
