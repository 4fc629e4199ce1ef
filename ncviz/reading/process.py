"""The start and the end of a process that reads: what it is given of this one, and what ends it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

# Settings that reading a file needs: where programs, libraries and temporary files are, in which language, and how
# libraries of arithmetic work. Anything else may open something, as NCVIZ_TOKEN and a cloud's credentials do.
_NAMES = frozenset(
    ["PATH", "HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TMPDIR", "TEMP", "TMP", "LANG", "LANGUAGE", "TZ",
     "SYSTEMROOT", "WINDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX"]
)  # fmt: skip
_PREFIXES = ("LC_", "PYTHON", "OPENBLAS_", "MKL_", "OMP_", "KMP_")


def start_process(module: str) -> subprocess.Popen[bytes]:
    """Start ``python -m`` with a module; when it ends, the system keeps nothing of it."""
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        # Without the folder that the server was started in, whose modules would be imported.
        [sys.executable, "-P", "-m", module],
        env={
            **_needed(os.environ),
            "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]),
            # One thread, whose time is all that is counted, and little memory laid by.
            "OMP_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "2",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    # It may end by itself when nobody looks, and would stay as a zombie.
    threading.Thread(target=process.wait, name="reading-end", daemon=True).start()
    return process


def _needed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a process that reads is given of the environment."""
    return {
        name: value
        for name, value in environment.items()
        if name.upper() in _NAMES or name.upper().startswith(_PREFIXES)
    }


class Clock:
    """What kills a process after so long; whoever waits for it then lets go of it."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.process, self.is_late = process, False
        self._is_over, self._lock = False, threading.Lock()
        self._timer = threading.Timer(seconds, self._kill)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """Let the process live; after this nothing is killed."""
        with self._lock:
            self._is_over = True
        self._timer.cancel()

    def _kill(self) -> None:
        with self._lock:
            if not self._is_over:
                self.is_late = True
                self.process.kill()
