"""The engine's compiled code, made before anyone asks for it: ``python -m ncviz.engine`` in a process of its own.

Compiling takes most of a minute, once for each machine, and holds the interpreter for long stretches of it.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from ncviz.errors import CancelledError
from ncviz.progress import Progress

FOLLOW = "--end-with-stdin"
PREPARING = "preparing the engine (first time only)"
_LOOK_SECONDS = 0.2
_lock = threading.Lock()
_process: subprocess.Popen[bytes] | None = None
_is_ready = threading.Event()


def begin() -> None:
    """Start to compile, unless that was done before on this machine or is under way; returns at once."""
    # Not at the top: the pages load without numba.
    from ncviz.compiled import cache_folder, is_cached
    from ncviz.engine.edges.promising import search_promising
    from ncviz.ricci.solving import solve_edges

    global _process
    with _lock:
        if (
            _process is not None
            or not cache_folder()
            or (is_cached(search_promising) and is_cached(solve_edges))
        ):
            return
        with suppress(OSError):
            _process = subprocess.Popen(
                [sys.executable, "-m", "ncviz.engine", FOLLOW],
                cwd=Path(__file__).parents[2],
                env={**os.environ, "NUMBA_CACHE_DIR": cache_folder()},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            atexit.register(_process.kill)
            threading.Thread(target=_await_line, args=(_process, _is_ready), daemon=True).start()


def _await_line(process: subprocess.Popen[bytes], is_ready: threading.Event) -> None:
    """Note when the process says that what a network's curvature needs is compiled, or ends."""
    if process.stdout is not None:
        process.stdout.readline()
    is_ready.set()


def end_with_stdin() -> None:
    """End this process as soon as the other end of its standard input is closed: a killed server says no good-bye."""

    def watch() -> None:
        # Not by sys.stdin: Python ends with a fatal error while a thread waits inside of it.
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def wait(report: Progress, cancel: threading.Event | None = None) -> None:
    """Wait for what ``begin`` has started, as far as a network's curvature needs it; twice at once would take longer.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    if _process is None or _is_ready.is_set():
        return
    report(0.0, PREPARING)
    while not _is_ready.wait(_LOOK_SECONDS):
        if cancel is not None and cancel.is_set():
            raise CancelledError
