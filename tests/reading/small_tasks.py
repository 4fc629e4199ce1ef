"""Tasks that take too much, each in its own way; run as a process by the tests beside it."""

import ctypes
import os
import time

import numpy as np

from ncviz.errors import DataError
from ncviz.reading.child import serve


def double(arguments, blobs, progress):
    progress(0.5, "half")
    return {"pid": os.getpid(), "of": len(blobs)}, [2 * np.frombuffer(blob, dtype=np.uint8) for blob in blobs]


def refuse(arguments, blobs, progress):
    raise DataError("The images are none; bring others.")


def compute(arguments, blobs, progress):
    while True:
        pass


def wait(arguments, blobs, progress):
    while True:
        progress(0.1, "waiting")
        time.sleep(0.05)


def grow(arguments, blobs, progress):
    return None, [np.zeros(arguments["size"], dtype=np.uint8)]


def environment(arguments, blobs, progress):
    return sorted(os.environ), []


def lie(arguments, blobs, progress):
    """Say what no honest process says, in place of the one that a file has taken over."""
    content, answers = arguments["message"].encode(), progress.__closure__[0].cell_contents
    answers.write(len(content).to_bytes(8, "little") + content)
    answers.flush()
    os._exit(0)


def crash(arguments, blobs, progress):
    ctypes.string_at(0)


def stumble(arguments, blobs, progress):
    return {}["nothing"], []


TASKS = {
    name: ("tests.reading.small_tasks", name)
    for name in ("double", "refuse", "compute", "wait", "grow", "environment", "lie", "crash", "stumble")
}

if __name__ == "__main__":
    serve(TASKS)
