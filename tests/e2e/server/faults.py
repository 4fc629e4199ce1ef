"""What is lost when the worst comes at the worst moment: ``python tests/e2e/server/faults.py [FAULT …]``; needs root.

The store lies on a small file system of its own, in memory. While the server computes, takes an upload, gives a file
or makes room in its store, it is killed (kill -9), its disk fills up, or its disk becomes read-only. Afterwards it is
started again where it was killed, and the disk is as before: every finished result has to be there and whole, nothing
half written may remain or be believed, no page may have shown more than a sentence, and work goes on.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from websockets.exceptions import WebSocketException

from tests.e2e.server.running import Server
from tests.e2e.server.soak import tracebacks
from tests.e2e.server.visitor import Visitor

# What a visitor meets whose server goes away.
GONE = (OSError, HTTPException, WebSocketException)
MEGABYTES, UPLOAD_BYTES = 60, 20_000_000
SEED = 4000
ADDRESS = "model=mlp-digits-relu&samples=1&seed={}"
# Puts records beyond a store's cap until it is ended, so that each put removes others.
EVICT = """
import sys, numpy as np
from ncviz.errors import NcvizError
from ncviz.store import Store
store, number = Store(sys.argv[1], max_bytes=6_000_000), 0
while True:
    number += 1
    try:
        store.put(f"{number:064x}", {"x": np.full(200_000, number % 250, np.uint8)}, {"kind": "filler"})
    except (NcvizError, OSError) as error:
        print(type(error).__name__, error, flush=True)
"""


@contextmanager
def small_disk(folder):
    """A file system of a few megabytes at a folder."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    with suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while file.write(b"\0" * 2**16):
            pass


def remount(folder, how):
    # While somebody writes it is busy, and becomes read-only all the same a moment later.
    for _ in range(200):
        if not subprocess.run(
            ["mount", "-o", f"remount,{how}", folder], stderr=subprocess.DEVNULL
        ).returncode:
            return
        time.sleep(0.02)
    raise RuntimeError(f"{folder} could not be made {how}")


FAULTS = {
    "kill": (lambda server, folder: server.kill(), lambda server, folder: server.start()),
    "full": (lambda server, folder: fill(folder), lambda server, folder: (folder / "filler").unlink()),
    "read-only": (lambda server, folder: remount(folder, "ro"), lambda server, folder: remount(folder, "rw")),
}


def press_compute(server, seed, problems):
    """Compute one result; return whether its page says that it is there, or None where the server went away."""
    try:
        with Visitor(server, "curvature", ADDRESS.format(seed)) as visitor:
            visitor.run().press("Compute")
            deadline = time.monotonic() + 150
            while time.monotonic() < deadline:
                time.sleep(0.3)
                visitor.run()
                buttons = visitor.labels("button")
                if not any(label.startswith(("Cancel", "Compute it")) for label in buttons):
                    return True
            problems.append(f"after 150 s: {sorted(buttons)}")
            return False
    except GONE as error:
        return problems.append(f"{type(error).__name__}: {error}"[:200])
    finally:
        problems += [f"on a page: {each}" for each in getattr(locals().get("visitor"), "problems", [])]


def begin_computation(server, folder, met):
    press = threading.Thread(target=press_compute, args=(server, SEED + 1, met), daemon=True)
    press.start()
    time.sleep(4)
    return press.join


def begin_upload(server, folder, met):
    def send(visitor):
        # Until it is whole an upload lies among the temporary files, on the same disk.
        for number in range(20):
            place = f"/_stcore/upload_file/{visitor.session}/big{number % 2}"
            try:
                note(met, f"upload {visitor.put(place, 'a.onnx', bytes(UPLOAD_BYTES))}")
            except OSError:
                # Answered before all of it was sent.
                note(met, "upload broken off")
                time.sleep(0.5)

    return begin_talk(server, "model", send)


def begin_download(server, folder, met):
    def fetch(visitor):
        (place, *_) = visitor.downloads()
        until = time.monotonic() + 6
        while time.monotonic() < until:
            note(met, f"download of {len(visitor.fetch(place)):,} bytes")

    return begin_talk(server, "curvature", fetch)


def note(met, what):
    """Count what was met, one line for each kind."""
    for at, line in enumerate(met):
        if line.startswith(what):
            met[at] = f"{what}, × {int(line.rpartition('× ')[2]) + 1}"
            return
    met.append(f"{what}, × 1")


def begin_talk(server, page, talk):
    """Have a visitor begin something on a page; return what waits for its end."""
    is_there = threading.Event()

    def visit():
        with suppress(*GONE), Visitor(server, page, ADDRESS.format(SEED)) as visitor:
            visitor.run()
            is_there.set()
            talk(visitor)

    press = threading.Thread(target=visit, daemon=True)
    press.start()
    is_there.wait(60)
    time.sleep(0.2)
    return press.join


def begin_eviction(server, folder, met):
    writer = subprocess.Popen(
        [sys.executable, "-c", EVICT, str(server.cache)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    deadline = time.monotonic() + 120
    while len(list(Path(server.cache).glob("*.ncviz"))) < 25 and time.monotonic() < deadline:
        time.sleep(0.05)

    def end():
        writer.kill()
        met.extend(sorted({line[:200] for line in writer.communicate()[0].splitlines()}))

    return end


MOMENTS = {
    "computation": begin_computation,
    "upload": begin_upload,
    "download": begin_download,
    "eviction": begin_eviction,
}


def survive(fault, moment):
    """Let a fault happen at a moment; return what was met, and what is wrong afterwards."""
    from ncviz.store import Store

    strike, lift = FAULTS[fault]
    met, wrong = [], []
    with tempfile.TemporaryDirectory() as mount, tempfile.TemporaryDirectory() as place, small_disk(mount):
        folder, log = Path(mount), Path(place) / "log.txt"
        temporary = folder / "tmp"
        temporary.mkdir()
        with Server(folder / "cache", log, TMPDIR=str(temporary)) as server:
            if not press_compute(server, SEED, wrong):
                wrong.append("nothing could be computed before")
            kept = {entry.key for entry in Store(str(server.cache)).entries() if entry.kind != "filler"}
            end = MOMENTS[moment](server, folder, met)
            strike(server, folder)
            time.sleep(3)
            if fault != "kill":
                if not server.is_healthy():
                    wrong.append("the server did not answer")
                with Visitor(server, "", "model=mlp-digits-relu") as visitor:
                    visitor.run()
                    wrong += visitor.problems
            if moment == "eviction":
                end()
            lift(server, folder)
            if moment != "eviction":
                end()
            store = Store(str(server.cache))
            # What makes room may take anything; all else leaves every result.
            if moment != "eviction" and (lost := kept - {entry.key for entry in store.entries()}):
                wrong.append(f"{len(lost)} of {len(kept)} results are lost")
            broken = [entry.key for entry in store.entries() if store.get(entry.key) is None]
            wrong += [f"{len(broken)} records cannot be read"] if broken else []
            if not press_compute(server, SEED + 2, wrong):
                wrong.append("nothing can be computed afterwards")
            wrong += [f"{count} × {line}" for line, count in tracebacks(log.read_text()).items()]
    return met, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=", ".join(FAULTS))
    parser.add_argument("--moment", choices=list(MOMENTS), action="append")
    given = parser.parse_args()
    if os.geteuid():
        sys.exit("A small file system can be mounted by root alone.")
    failed = 0
    for fault in given.faults or FAULTS:
        for moment in given.moment or MOMENTS:
            met, wrong = survive(fault, moment)
            failed += bool(wrong)
            print(json.dumps({"fault": fault, "during": moment, "met": met[:6], "wrong": wrong}), flush=True)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
