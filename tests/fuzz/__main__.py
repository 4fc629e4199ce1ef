"""Files that are valid but for a few numbers turned up, through every reader: python -m tests.fuzz --files 1000000

Prints one JSON line for each reader: how many files were read and refused, the worst time of computing and memory with
the numbers that took them, and every file that took more than is promised or gave no sentence. A file is made again by
its reader, seed and number: python -m tests.fuzz --readers onnx --seed 2026 --only 17
"""

import argparse
import json
from pathlib import Path

from tests.fuzz.readers import READERS, made
from tests.fuzz.running import fuzz


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=20_000, help="of all readers together")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of computing, of each reader")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--first", type=int, default=0, help="number of the first file of each reader")
    parser.add_argument("--readers", nargs="*", default=list(READERS), choices=list(READERS))
    parser.add_argument("--only", type=int, help="one file of one reader, kept as found-NUMBER-NAME")
    given = parser.parse_args()
    if given.only is not None:
        what, called, data = made(given.readers[0], given.seed, given.only)
        Path(f"found-{given.only}-{called}").write_bytes(data)
        print(what, len(data))
        return
    numbers = range(given.first, given.first - -given.files // len(given.readers))
    for result in fuzz(dict.fromkeys(given.readers, numbers), given.seed, given.seconds):
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
