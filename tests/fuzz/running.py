"""Reads the fuzzer's files one after another in a process that may be killed, and says what each took."""

import contextlib
import gc
import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.fuzz.readers import SMALL, harmless, made, read

# What is promised, in seconds of computing and megabytes: of small files, and of all.
PROMISED, PROMISED_OF_ALL = (10.0, 300.0), (30.0, 1_000.0)
# A harmless file, too, takes so many times its size.
_COPIES = 3
# Beyond these the system ends whatever reads.
_MOST_SECONDS, _MOST_BYTES = 35, 5_000_000_000


def fuzz(files: Mapping[str, range], seed: int, seconds: float = float("inf")) -> Iterator[dict[str, Any]]:
    """Read the files of each reader's numbers, or what there are seconds of computing for; yield what they took.

    All are read in one process, and in another where that one ends: then the file that ended it is a fault, too.
    """
    process = _started()
    try:
        for reader, numbers in files.items():
            result: dict[str, Any] = {"reader": reader, "files": 0, "read": 0, "refused": 0, "seconds": 0.0,
                                      "slowest": [0.0], "largest": [0.0], "faults": []}  # fmt: skip
            for number in numbers:
                if result["seconds"] > seconds:
                    break
                _tell(process.stdin, [reader, seed, number])
                line = process.stdout.readline()
                if line:
                    _note(result, number, json.loads(line))
                    continue
                code = _end(process)
                if code > 0:
                    raise RuntimeError(f"what reads file {number} of {reader} has a fault of its own")
                what, _, content = made(reader, seed, number)
                taken = {"making": 0.0, "seconds": float(_MOST_SECONDS), "megabytes": 0.0}
                fault = f"the process was ended by signal {-code}"
                _note(result, number, taken | {"size": len(content), "what": what, "fault": fault})
                process = _started()
            result["seconds"] = round(result["seconds"], 1)
            yield result
    finally:
        _end(process)


def _started() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.running"],
        cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _end(process: subprocess.Popen[str]) -> int:
    """End a process, if it has not ended, and let go of it; return how it ended."""
    process.kill()
    # Closes what leads to it.
    with contextlib.suppress(OSError), process:
        pass
    return process.wait()


def _note(result: dict[str, Any], number: int, said: dict[str, Any]) -> None:
    result["files"] += 1
    result["seconds"] += said["seconds"] + said["making"]
    if said["fault"] in ("read", "refused"):
        result[said["fault"]] += 1
    about = [number, said["size"], said["what"]]
    taken = [round(said["seconds"], 2), round(said["megabytes"])]
    for place, value in zip(("slowest", "largest"), taken, strict=True):
        result[place] = max(result[place], [value, *about], key=lambda each: each[0])
    seconds, megabytes = PROMISED
    if said["size"] >= SMALL:
        seconds, megabytes = PROMISED_OF_ALL
        megabytes += _COPIES * said["size"] / 1e6
    if taken[0] > seconds or taken[1] > megabytes or said["fault"] not in ("read", "refused"):
        result["faults"].append([said["fault"], *taken, *about])


def serve() -> None:
    """Read the files whose numbers come in, and say what each took."""
    warnings.simplefilter("ignore")
    seen: set[str] = set()
    most = resource.RLIM_INFINITY
    for line in sys.stdin:
        reader, seed, number = json.loads(line)
        if reader not in seen:
            # What is imported for the first time is none of a file's.
            for file in harmless(reader):
                _taken(*file)
            seen.add(reader)
            # Nor is it looked at again before each file, which would take longer than most of them.
            gc.freeze()
            most = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + _MOST_BYTES
        # What a file is made of is no part of what reading it takes.
        _limit(resource.RLIMIT_AS, resource.RLIM_INFINITY)
        begun = time.process_time()
        what, name, content = made(reader, seed, number)
        making = time.process_time() - begun
        _limit(resource.RLIMIT_AS, most)
        _tell(sys.stdout, {"size": len(content), "what": what, "making": making, **_taken(name, content)})


def _taken(name: str, content: bytes) -> dict[str, Any]:
    from ncviz.errors import NcvizError

    gc.collect()
    _limit(resource.RLIMIT_CPU, int(time.process_time()) + _MOST_SECONDS)
    before, begun = _peak(is_new=True), time.process_time()
    fault = "read"
    try:
        with contextlib.redirect_stdout(sys.stderr):
            read(name, content)
    except NcvizError as error:
        fault = "refused" if "\n" not in str(error).strip() and len(str(error)) <= 1_000 else "no sentence"
    except BaseException as error:
        fault = f"{type(error).__name__}: {str(error)[:100]}"
    return {"seconds": time.process_time() - begun, "megabytes": (_peak() - before) / 1e3, "fault": fault}


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _tell(stream: Any, message: Any) -> None:
    stream.write(json.dumps(message) + "\n")
    stream.flush()


def _peak(*, is_new: bool = False) -> int:
    """Return the most memory that this process had, in kilobytes; from now on, if it is a new one."""
    if is_new:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    serve()
