"""Files that are valid but for one number turned up, through every reader: python -m tests.fuzz --files 1000000

Prints one JSON line for each reader: how many files were read and refused, the worst time of computing and memory with
the numbers that took them, and every file that took more than is promised or gave no sentence. A file is made again by
its reader, seed and number: python -m tests.fuzz --readers onnx --seed 2026 --only 17
"""

import argparse
import contextlib
import gc
import json
import random
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fuzz import networks, pictures

SECONDS, MEGABYTES, SMALL = 10.0, 300.0, 1_000_000
# Up to what a number is turned; beyond, making the file takes longer than reading it.
UP = (2, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
Maker = Callable[..., tuple[str, bytes]]
# Reader → makers, each with the most that its numbers are turned up to.
READERS: dict[str, list[tuple[Maker, dict[str, int]]]] = {
    "png": [(pictures.png, {"width": 10**9, "height": 10**5, "texts": 10**5, "parts": 10**5})],
    "jpeg": [(pictures.jpeg, {"width": 5_000, "height": 5_000, "scans": 10**5, "segments": 10**5})],
    "tiff": [
        (
            pictures.tiff,
            {"width": 10**9, "height": 10**9, "tiles": 10**5, "comment": 10**9}
            | dict.fromkeys(("tile_width", "tile_height"), 10**9),
        )
    ],
    "gif": [(pictures.gif, {"width": 5_000, "height": 5_000, "comments": 10**5})],
    "zip": [(pictures.zipped, {"images": 1_000, "width": 5_000, "height": 5_000, "empty": 10**4})],
    "npz": [
        (pictures.npz, {"images": 10**6, "height": 5_000, "width": 5_000, "letters": 10**7, "is_stored": 1}
            | dict.fromkeys(("labels", "columns"), 10**7))
    ],
    "onnx": [
        (networks.onnx_arithmetic, {"rows": 10**9, "repeats": 10**4, "half": 1}),
        (networks.onnx_graph, {"layers": 10**4, "outputs": 10**4, "unused": 10**4, "circles": 10**3}),
    ],
    "pt2": [
        (
            networks.program,
            {"relus": 10**4, "is_reversed": 1, "views": 10**4, "held": 10**5, "past": 10**9, "in_place": 1},
        )
    ],
    "pt": [
        (networks.checkpoint, {"tensors": 10**3, "held": 10**7, "dicts": 10**3, "copies": 50}
            | {"entries": 10**4, "is_packed": 1})
    ],
    "safetensors": [(networks.safetensors, {"tensors": 10**4, "size": 10**5, "letters": 10**5, "copies": 50})],
}  # fmt: skip
KINDS = {"npz": {"kind": ("u1", "?", "f2", "f4", "i8"), "value": (0, 1, 255)},
         "onnx": {"operator": ("Exp", "copies", "ReduceProd", "Add", "Mul", "Softplus", "Transpose")}}  # fmt: skip


def made(reader: str, seed: int, number: int) -> tuple[dict[str, Any], str, bytes]:
    """Return what was turned up, and the file's name and content."""
    chance = random.Random(f"{reader} {seed} {number}")
    maker, most = chance.choice(READERS[reader])
    numbers: dict[str, Any] = {}
    # One number alone, or two: some work is the product of both.
    for name in chance.sample(sorted(most), chance.choice([1, 1, 2, 2, 3]) if len(most) > 2 else 1):
        top = most[name]
        numbers[name] = top if top == 1 else min(top, chance.choice([up for up in UP if up <= 10 * top]))
        if top > 1:
            numbers[name] = max(1, numbers[name] - chance.choice([0, 0, 1]))
    for name, kinds in KINDS.get(reader, {}).items():
        if name in maker.__code__.co_varnames:
            numbers[name] = chance.choice(kinds)
    if _cost(maker, numbers) > 60_000_000:
        # Two that are turned up far make a file that takes longer to make than any reader.
        numbers = dict(list(numbers.items())[:1])
    return {"maker": maker.__name__, **numbers}, *maker(**numbers)


def _cost(maker: Maker, numbers: dict[str, Any]) -> int:
    names = {"width": 8, "height": 8, "images": 2, "labels": 1, "columns": 1, "letters": 1, "tensors": 4, "dicts": 1,
             "size": 4, "views": 1}  # fmt: skip
    cost = 1
    for name, value in numbers.items():
        if name in names and isinstance(value, int) and maker is not pictures.tiff:
            cost *= value
    return cost


def read(name: str, content: bytes) -> None:
    """Read a file by its name as whoever brings it would."""
    if name.endswith((".onnx", ".pt", ".pt2", ".safetensors")):
        from ncviz.models.files.choices import SeveralFitError
        from ncviz.models.files.open_file import read_file
        from ncviz.models.files.write_file import write_file

        try:
            network = read_file(content, name)
        except SeveralFitError as question:
            # Activations have no weights, so that whole files of them leave this open.
            network = read_file(
                content, name, question.choices[0] if question.what == "architecture" else None
            )
        write_file(network, network.arrays)
        return
    from ncviz.data.image_settings import ImageSettings
    from ncviz.data.user_data.uploads import read_uploads, shared_size

    shared_size([(name, content)])
    read_uploads([(name, content)], ImageSettings(size=(8, 8), channels=1))


def main(reader: str, files: int, seed: int, most_seconds: float) -> dict[str, Any]:
    """Read so many files, or as many as there is time for, and return what was seen."""
    from ncviz.errors import NcvizError

    warnings.simplefilter("ignore")
    for maker, _ in READERS[reader]:
        with contextlib.suppress(NcvizError):
            read(*maker())
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + 3_000_000_000,) * 2)
    result: dict[str, Any] = {"reader": reader, "files": 0, "read": 0, "refused": 0, "slowest": [0.0], "largest": [0.0],
                              "faults": []}  # fmt: skip
    begun = time.process_time()
    for number in range(files):
        if time.process_time() - begun > most_seconds:
            break
        numbers, name, content = made(reader, seed, number)
        if len(content) >= SMALL:
            continue
        gc.collect()
        before, started = _peak(is_new=True), time.process_time()
        fault = ""
        try:
            read(name, content)
            result["read"] += 1
        except NcvizError as error:
            result["refused"] += 1
            if "\n" in str(error).strip() or len(str(error)) > 1_000:
                fault = "no sentence"
        except BaseException as error:
            fault = f"{type(error).__name__}: {str(error)[:100]}"
        seconds, megabytes = time.process_time() - started, (_peak() - before) / 1e3
        result["files"] += 1
        about = [number, len(content), numbers]
        result["slowest"] = max(result["slowest"], [round(seconds, 2), *about], key=lambda each: each[0])
        result["largest"] = max(result["largest"], [round(megabytes), *about], key=lambda each: each[0])
        if fault or seconds > SECONDS or megabytes > MEGABYTES:
            result["faults"].append([fault, round(seconds, 2), round(megabytes), *about])
    return result


def _peak(*, is_new: bool = False) -> int:
    """Return the most memory that this process had, in kilobytes; from now on, if it is a new one."""
    if is_new:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def parsed() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=20_000, help="of all readers together")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of computing, of each reader")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--readers", nargs="*", default=list(READERS), choices=list(READERS))
    parser.add_argument("--only", type=int, help="one file of one reader, kept as found-NUMBER-NAME")
    parser.add_argument("--here", action="store_true", help="in this process, for one reader")
    return parser.parse_args()


if __name__ == "__main__":
    given = parsed()
    if given.only is not None:
        what, called, data = made(given.readers[0], given.seed, given.only)
        Path(f"found-{given.only}-{called}").write_bytes(data)
        print(what, len(data))
    elif given.here:
        print(json.dumps(main(given.readers[0], given.files, given.seed, given.seconds)))
    else:
        each = -(-given.files // len(given.readers))
        for one in given.readers:
            # A process for each: one that is killed is a find, too.
            done = subprocess.run(
                [sys.executable, "-m", "tests.fuzz", "--here", "--readers", one, "--files", str(each), "--seed",
                 str(given.seed), "--seconds", str(given.seconds)], check=False, capture_output=True, text=True,
            )  # fmt: skip
            print(
                done.stdout.strip() or f"{one}: ended with {done.returncode}: {done.stderr[-500:]}",
                flush=True,
            )
