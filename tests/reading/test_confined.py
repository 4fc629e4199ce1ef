"""Work that takes too much ends in one sentence, and the next is done as if nothing had been."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from ncviz.errors import CancelledError, DataError, ModelError
from ncviz.reading.confined import ConfinedProcess

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="which has no such limits")


@pytest.fixture(scope="module")
def process():
    own = ConfinedProcess("tests.reading.small_tasks")
    assert not own.is_running
    yield own
    own.close()


def call(process, task, blobs=(), *, seconds=20.0, most_bytes=10**9, progress=None, **arguments):
    return process.call(
        task, arguments, blobs, "a.onnx", seconds=seconds, room=400_000_000, most_bytes=most_bytes, error=ModelError,
        progress=progress,
    )  # fmt: skip


def works(process):
    told = []
    answer = call(
        process, "double", [b"\1\2\3", b"", b"\7"], progress=lambda done, text: told.append((done, text))
    )
    assert [values.tolist() for values in answer.arrays] == [[2, 4, 6], [], [14]]
    assert answer.value["of"] == 3
    assert told == [(0.5, "half")]
    assert answer.arrays[0].flags.writeable
    return answer.value["pid"]


def test_it_lives_on_between_files_and_after_a_refusal(process):
    first = works(process)
    with pytest.raises(DataError, match=r"^The images are none; bring others\.$"):
        call(process, "refuse")
    assert works(process) == first


@pytest.mark.parametrize(
    ("task", "arguments", "expected"),
    [
        ("compute", {"seconds": 0.2}, "takes more than 0 s to read"),
        ("crash", {}, "made its reader end"),
        ("stumble", {}, r"could not be read because of a fault in this program \(KeyError\), not in the file"),
        pytest.param("grow", {"size": 10**9}, "takes more than 400 MB of memory", marks=pytest.mark.skipif(
            sys.platform != "linux", reason="which bounds no memory")),
        ("grow", {"size": 1_000, "most_bytes": 999}, "made its reader end"),
    ],
)  # fmt: skip
def test_what_takes_too_much_is_one_sentence_and_another_process_goes_on(process, task, arguments, expected):
    first = works(process)
    with pytest.raises(ModelError, match=f"^a.onnx {expected}") as caught:
        call(process, task, **arguments)
    assert "\n" not in str(caught.value)
    assert works(process) != first


@pytest.mark.parametrize(
    "message",
    ['{"value": 1}', "[" * 5_000, '{"value": 1, "arrays": [["uint8", [Infinity]]]}', '{"progress": [NaN, ""]}', "[]",
     '{"refused": 1}', '{"value": 1, "arrays": [["object", [1]]]}'],
)  # fmt: skip
def test_what_a_process_says_that_was_taken_over_is_one_sentence(process, message):
    with pytest.raises(ModelError, match=r"^a.onnx made its reader end"):
        call(process, "lie", message=message, progress=lambda done, text: None)


def test_one_that_is_about_to_end_takes_no_file_with_it(process):
    first = works(process)
    # It stops reading as it does after a while of nothing to do, and ends while the next file is on its way.
    os.kill(first, signal.SIGSTOP)
    killer = threading.Timer(0.3, os.kill, (first, signal.SIGKILL))
    killer.start()
    assert works(process) != first


@pytest.mark.skipif(sys.platform != "linux", reason="which sets no such limit")
def test_a_limit_of_the_users_own_is_none_on_every_file():
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (36_000, 36_000))\n"
        "resource.setrlimit(resource.RLIMIT_AS, (64 << 30, 64 << 30))\n"
        "from tests.reading.test_confined import ConfinedProcess, works\n"
        "process = ConfinedProcess('tests.reading.small_tasks')\n"
        "assert works(process) == works(process)\n"
        "process.close()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)


def test_what_is_cancelled_ends_at_once(process):
    works(process)

    def cancel(done, text):
        raise CancelledError

    begun = time.perf_counter()
    with pytest.raises(CancelledError):
        call(process, "wait", seconds=1_000.0, progress=cancel)
    assert not process.is_running
    assert time.perf_counter() - begun < 30
    works(process)


def test_large_arrays_come_whole(process):
    values = np.random.default_rng(0).integers(0, 100, 5_000_000, dtype=np.uint8)
    answer = call(process, "double", [values.tobytes()])
    np.testing.assert_array_equal(answer.arrays[0], 2 * values)
