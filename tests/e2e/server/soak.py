"""A day of visitors in a few minutes: ``python tests/e2e/server/soak.py [--minutes N] [--sessions N] [--out FILE]``.

Starts the app by itself with an empty store. Visitors without browsers come, look at pages and views, compute, bring a
network and images, take files away, and leave, each on its own; as many steps as so many sessions make in eight hours
with a step a minute. Prints, for each part of the time, the server's memory, threads, open files and what its sessions
held; then what changed after the first third, which is warm-up, and every exception, in the log or on a page.
"""

import argparse
import io
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
import traceback
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.e2e.server.running import Server
from tests.e2e.server.visitor import Visitor

HOURS, STEPS_AN_HOUR = 8, 60
MODELS = ("mlp-digits-relu", "lenet-mnist-relu", "mlp-digits-tanh")
PAGES = ("", "", "", "model", "curvature", "pruning", "edge", "learn")
VIEWS = ("", "show=matrix", "show=distribution", "flow=image-3", "flow=all", "order=bottlenecks", "compare=1")
SEEDS = 6
# Where a page is not drawn by then, something is stuck: other programs alone make no step that slow.
STEP_SECONDS = 300
# Memory may differ by so much between the first and the last part after warm-up.
FLAT = 0.05


class Counts:
    """What the visitors did and met, from all threads."""

    def __init__(self):
        self.done, self.met, self._lock = Counter(), Counter(), threading.Lock()
        self._seconds = []

    def note(self, what):
        with self._lock:
            self.done[what] += 1

    def took(self, seconds):
        with self._lock:
            self._seconds.append(seconds)

    def seconds(self):
        """Return how long steps took: the median, the 99th percentile and the longest."""
        ordered = sorted(self._seconds)
        return [round(ordered[int(share * (len(ordered) - 1))], 1) for share in (0.5, 0.99, 1)]

    def meet(self, problem):
        with self._lock:
            self.met[problem] += 1


def own_network(chance):
    """A small network of the visitor's own, as safetensors, and a zip of images for it."""
    from PIL import Image
    from safetensors.numpy import save

    from ncviz.models.loading import load_model

    arrays = {name: value.numpy() for name, value in load_model("mlp-digits-relu").state_dict().items()}
    first = next(iter(arrays))
    arrays[first] = arrays[first] * (1 + chance.random() / 100)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(20):
            png = io.BytesIO()
            Image.fromarray(np.full((8, 8), 12 * number, np.uint8)).save(png, "PNG")
            archive.writestr(f"{number % 10}/{number}.png", png.getvalue())
    return save({name: np.ascontiguousarray(value) for name, value in arrays.items()}), packed.getvalue()


def steps_of_visit(server, chance, counts):
    """Come, take some steps, leave; yields before each step."""
    model = chance.choice(MODELS)
    yield
    with Visitor(server, "", f"model={model}", STEP_SECONDS) as visitor:
        try:
            visitor.run()
            counts.note("first page")
            for _ in range(chance.randint(2, 6)):
                yield
                visitor.page = chance.choice(PAGES)
                removed = chance.choice(("", "removed=0.3", "removed=0.7"))
                fields = (f"model={model}", chance.choice(VIEWS), removed)
                visitor.query = "&".join(filter(None, fields))
                visitor.run()
                counts.note(f"page {visitor.page or 'explore'}")
                for place in visitor.downloads()[:2]:
                    visitor.fetch(place)
                    counts.note("download")
            kind = chance.random()
            if kind < 0.35:
                yield from compute(visitor, chance, counts)
            elif kind < 0.7:
                yield from bring(visitor, chance, counts)
        finally:
            for problem in visitor.problems:
                counts.meet(f"on a page: {problem}")


def compute(visitor, chance, counts):
    seed = 1000 + chance.randrange(SEEDS)
    visitor.page, visitor.query = "curvature", f"model=mlp-digits-relu&seed={seed}&samples=1"
    yield
    visitor.run()
    if visitor.press("Compute"):
        counts.note("computing begun")
    for _ in range(60):
        yield
        visitor.run()
        if not any(label.startswith(("Cancel", "Compute it")) for label in visitor.labels("button")):
            counts.note("result seen")
            return


def bring(visitor, chance, counts):
    network, images = own_network(chance)
    visitor.page, visitor.query = "model", ""
    yield
    visitor.run()
    if "File of the network" not in visitor.labels("file_uploader"):
        counts.note("no field for a file")
        return
    yield
    counts.note(f"upload {visitor.upload('File of the network', 'mine.safetensors', network)}")
    visitor.run()
    # A file whose images are left out: whoever leaves now leaves it behind.
    yield
    place = f"/_stcore/upload_file/{visitor.session}/left-{chance.random()}"
    counts.note(f"upload {visitor.put(place, 'images.zip', images * 500)}")


def watch(server, ended, rows):
    began = time.monotonic()
    while not ended.wait(5):
        rows.append(
            {
                "s": round(time.monotonic() - began),
                "MB": server.memory() / 2**20,
                "threads": server.threads(),
                "handles": server.handles(),
                "cpu s": round(server.processor_seconds()),
                "load": os.getloadavg()[0],
            }
        )


def live(server, number, until, pause, counts):
    """Be one visitor after another until the time is over."""
    chance = random.Random(number)
    while time.monotonic() < until:
        begun = None
        try:
            for _ in steps_of_visit(server, chance, counts):
                if begun is not None:
                    counts.took(time.monotonic() - begun)
                counts.note("steps")
                time.sleep(chance.expovariate(1 / pause))
                if time.monotonic() > until:
                    return
                begun = time.monotonic()
        except Exception as error:
            text = "".join(traceback.format_exception_only(error)).strip()[:300]
            # Whether all wait then, or this visitor alone.
            state = "answers" if server.is_healthy() else "does not answer"
            counts.meet(f"to a visitor: {text}; the server {state}, load {os.getloadavg()[0]:.0f}")
            counts.note("visits broken off")


def summary(rows, before):
    """Return what stayed and what grew, by thirds of the time."""
    third = max(1, len(rows) // 3)
    parts = [rows[start : start + third] for start in (0, third, len(rows) - third)]
    memory = [round(statistics.median(row["MB"] for row in part)) for part in parts]
    return {
        "memory by thirds, MB": memory,
        "growth after warm-up": f"{memory[2] / memory[1] - 1:+.1%}",
        "is flat": memory[2] <= (1 + FLAT) * memory[1],
        "threads by thirds": [statistics.median(row["threads"] for row in part) for part in parts],
        "handles by thirds": [
            statistics.median(sum(row["handles"].values()) for row in part) for part in parts
        ],
        "load by thirds": [round(statistics.median(row["load"] for row in part), 1) for part in parts],
        "before": before,
    }


def tracebacks(log):
    """Return the last line of each traceback in a log, with how often."""
    found = Counter()
    for text in log.split("Traceback (most recent call last)")[1:]:
        lines = text.splitlines()[1:]
        found[next((line for line in lines if line and not line.startswith((" ", "\t"))), "?")[:300]] += 1
    return dict(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--settle", type=float, default=130.0, help="seconds after the last visitor has left")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows, counts, ended = [], Counts(), threading.Event()
    pause = given.minutes * 60 / (HOURS * STEPS_AN_HOUR)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.txt"
        with Server(Path(folder) / "cache", log) as server:
            with Visitor(server) as first:
                first.run()
                time.sleep(20)
            before = {
                "MB": server.memory() // 2**20,
                "threads": server.threads(),
                "handles": server.handles(),
            }
            threading.Thread(target=watch, args=(server, ended, rows), daemon=True).start()
            until = time.monotonic() + 60 * given.minutes
            threads = [
                threading.Thread(target=live, args=(server, number, until, pause, counts))
                for number in range(given.sessions)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            ended.set()
            time.sleep(given.settle)
            after = {"MB": server.memory() // 2**20, "threads": server.threads(), "handles": server.handles()}
            report = {
                "asked": f"{given.sessions} sessions, {given.minutes:g} minutes, a step every {pause:.1f} s each",
                **summary(rows, before),
                "after all have left": after,
                "peak, MB": server.peak // 2**20,
                "seconds of a step: median, 99 %, longest": counts.seconds(),
                "done": dict(counts.done),
                "met": dict(counts.met),
                "tracebacks in the log": tracebacks(log.read_text()),
            }
            if given.out:
                given.out.with_suffix(".log").write_text(log.read_text())
    print(json.dumps(report, indent=1))
    if given.out:
        given.out.write_text(json.dumps(report | {"rows": rows}, indent=1))


if __name__ == "__main__":
    main()
