"""How long others wait while a file is read that asks for much: ``python tests/e2e/server/waiting.py [KIND …]``.

Starts the app and asks for its health every 20 ms, from a process of its own: with nothing else to do, then while one
visitor brings a file and a page reads it. Prints one JSON line for each kind: the file's size, how long the reading
took, and the median, the 99th percentile and the longest of the answers, in milliseconds, beside those before it.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.e2e.server.asking import Asking
from tests.e2e.server.running import Server
from tests.e2e.server.visitor import Visitor
from tests.fuzz import networks, pictures, programs

NETWORK, IMAGES = "File of the network", "Images"
# Each as large, and turned up as far, as is still read, or as is refused only after work.
KINDS = {
    "one-hot labels": (IMAGES, pictures.npz, {"images": 10, "labels": 10, "columns": 50_000_000, "grows": 100}),
    "a TIFF's tiles": (IMAGES, pictures.tiff, {"side": 4_900, "tile": 4_912, "tiles": 1}),
    "a picture of 24 megapixels": (IMAGES, pictures.jpeg, {"side": 4_900, "scans": 60}),
    "an archive of pictures": (IMAGES, pictures.zipped, {"images": 20_000, "side": 64}),
    "arrays of 180 MB": (IMAGES, pictures.npz, {"images": 180_000, "side": 32}),
    "copies in ONNX": (NETWORK, networks.onnx_arithmetic, {"rows": 40_000, "repeats": 40, "operator": "copies"}),
    "products in half precision": (
        NETWORK, networks.onnx_arithmetic, {"rows": 20_000, "repeats": 60, "operator": "ReduceProd", "half": 1},
    ),
    "a chain in ONNX": (NETWORK, networks.onnx_graph, {"unused": 9_000}),
    "a long program": (NETWORK, programs.program, {"relus": 1_900}),
    "a long program backwards": (NETWORK, programs.program, {"relus": 9_900, "is_reversed": 1}),
    "views over one entry": (NETWORK, programs.program, {"views": 50, "held": 1_000_000}),
    "an entry beyond its size": (NETWORK, programs.program, {"past": 1_900_000_000}),
    "entries of a directory": (NETWORK, networks.checkpoint, {"listed": 3_000_000}),
    "weights of 190 MB": (NETWORK, networks.checkpoint, {"tensors": 1, "held": 47_000_000}),
    "names of 90 MB": (NETWORK, networks.safetensors, {"tensors": 9_000, "letters": 10_000}),
}  # fmt: skip


def told(taken):
    """Return median, 99th percentile and maximum of what was taken, sorted, and how many there are."""
    if not taken:
        return {"asked": 0}
    places = {"median": len(taken) // 2, "99 %": int(0.99 * (len(taken) - 1)), "longest": -1}
    return {name: round(taken[at], 1) for name, at in places.items()} | {"asked": len(taken)}


def warm(server):
    """Have the server read a harmless file of each kind first: what is imported then is no file's doing."""
    for maker in (networks.onnx_graph, programs.program):
        with Visitor(server, "model", seconds=300) as visitor:
            visitor.run()
            visitor.upload(NETWORK, *maker())
            visitor.run()
    time.sleep(5)


def measure(server, kind, alone=3.0):
    """Have a visitor bring a file of a kind; return what others waited meanwhile, in milliseconds, and what was said.

    Args:
        server: Where.
        kind: Which.
        alone: Seconds for which nothing is done first.
    """
    field, maker, numbers = KINDS[kind]
    name, content = maker(**numbers)
    with Visitor(server, "model", seconds=300) as visitor:
        visitor.run()
        offer(visitor, field)
        with Asking(server) as asking:
            times = [time.monotonic()]
            time.sleep(alone)
            times.append(time.monotonic())
            status = visitor.upload(field, name, content)
            times.append(time.monotonic())
            visitor.run()
            if field == IMAGES:
                wait_until_read(visitor)
            times.append(time.monotonic())
        said = [each.alert.body for each in visitor.elements if each.WhichOneof("type") == "alert"]
    parts = zip(("alone", "while it comes", "while it is read"), times, times[1:], strict=False)
    return {
        "kind": kind, "MB": round(len(content) / 1e6, 2), "status": status, "s": round(times[-1] - times[-2], 1),
        **{part: told(asking.taken(*between)) for part, *between in parts},
        "said": [each[:150] for each in said], "problems": visitor.problems,
    }  # fmt: skip


def offer(visitor, label):
    """Have the page offer the field for a file: that for images comes with a network for which they are."""
    if label == NETWORK:
        return
    visitor.upload(NETWORK, *networks.onnx_graph())
    visitor.run()
    group = visitor.labels("button_group")["Which images"]
    visitor.states[group.id] = ("strings", ["Your files"])
    visitor.run()


def wait_until_read(visitor):
    """Have images read, which happens beside the page."""
    if visitor.press("Use these images"):
        while "Cancel" in visitor.labels("button"):
            time.sleep(0.2)
            visitor.run()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder) / "cache", Path(folder) / "log.txt") as server,
    ):
        warm(server)
        for kind in given.kinds or KINDS:
            load = f"{os.getloadavg()[0]:.1f}"
            print(json.dumps({**measure(server, kind), "load": load}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
