"""The most memory that one computation of ours takes, measured in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from ncviz.studies.benchmarks.cases.kinds import CurvatureCase
from ncviz.studies.benchmarks.cases.networks import prepare
from ncviz.studies.benchmarks.cases.registry import find_case


def peak_memory(case: str, is_quick: bool = False, data_dir: str | None = None) -> dict[str, Any]:
    """Run one curvature case once in a fresh process on the CPU.

    Returns:
        ``peak_bytes``, the largest resident size of the whole process, and ``before_bytes``, the largest before
        the computation began, with the network loaded; both None where the system does not tell.

    Raises:
        RuntimeError: If the process fails.
    """
    wanted = json.dumps({"case": case, "is_quick": is_quick, "data_dir": data_dir})
    done = subprocess.run(
        [sys.executable, "-m", "ncviz.studies.benchmarks.peak", wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The process that measures memory failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def largest_resident() -> int | None:
    """Return the largest resident size of this process so far in bytes, None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux hands getrusage's peak on from the process that started this one; this one is its own.
        match = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        if match:
            return int(match[1]) * 1024
    try:
        import resource  # Windows has none.
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _main(wanted: str) -> None:
    # The process that asks for a measurement does not need it.
    from ncviz.studies.benchmarks.timing import run_ours

    asked = json.loads(wanted)
    case = find_case(asked["case"], asked["is_quick"])
    assert isinstance(case, CurvatureCase)
    net, inputs = prepare(case.network, case.samples, asked["data_dir"])
    before = largest_resident()
    seconds, _ = run_ours(net, inputs, case.mode, "cpu")
    print(json.dumps({"peak_bytes": largest_resident(), "before_bytes": before, "seconds": seconds}))


if __name__ == "__main__":
    _main(sys.argv[1])
