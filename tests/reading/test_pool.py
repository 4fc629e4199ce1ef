"""A file that takes long holds up nobody else, and a process is there before the first file, not for the first page."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from ncviz.errors import CancelledError, ModelError
from ncviz.reading import doors
from ncviz.reading.pool import ConfinedPool

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="which has no such limits")


@pytest.fixture
def pool():
    own = ConfinedPool("tests.reading.small_tasks", patience=0.1)
    yield own
    own.close()
    assert own.running == 0


def call(pool, task, progress=None, visitor=None):
    return pool.call(
        task, {}, [], "a.onnx", seconds=100.0, room=400_000_000, most_bytes=10**6, error=ModelError, progress=progress,
        visitor=visitor,
    )  # fmt: skip


class Busy(threading.Thread):
    """A task that goes on until it is told to end."""

    def __init__(self, pool, visitor=None):
        super().__init__(daemon=True)
        self.visitor = visitor
        self.pool, self.begun, self.ended = pool, threading.Event(), threading.Event()
        self.start()

    def run(self):
        def progress(done, text):
            if done:  # not while it waits for its turn
                self.begun.set()
            if self.ended.is_set():
                raise CancelledError

        with pytest.raises(CancelledError):
            call(self.pool, "wait", progress, self.visitor)

    def stop(self):
        self.ended.set()
        self.join(60)
        assert not self.is_alive()


def test_one_process_is_enough_for_files_one_by_one(pool):
    assert pool.running == 0
    assert len({call(pool, "double").value["pid"] for _ in range(3)}) == 1
    assert pool.running == 1


@pytest.mark.slow
def test_another_is_started_for_whom_a_busy_one_keeps_waiting_and_no_third(pool):
    first = Busy(pool)
    assert first.begun.wait(60)
    call(pool, "double")
    assert pool.running == 2
    second = Busy(pool)
    assert second.begun.wait(60)
    told = []

    def cancel(done, text):
        told.append(text)
        raise CancelledError

    with pytest.raises(CancelledError):
        call(pool, "double", cancel)
    assert told == ["waiting until another file is read"]
    third = Busy(pool)
    assert not third.begun.wait(1)
    assert pool.running == 2
    first.stop()
    assert third.begun.wait(60)
    second.stop()
    third.stop()


@pytest.mark.slow
def test_a_visitor_has_one_process_and_whoever_waited_longest_is_next(pool):
    first = Busy(pool, "one")
    assert first.begun.wait(60)
    # The same visitor's next file waits, though there is room for another process.
    again = Busy(pool, "one")
    assert not again.begun.wait(1)
    assert pool.running == 1
    other = Busy(pool, "two")
    assert other.begun.wait(60)
    third = Busy(pool, "three")
    assert not third.begun.wait(0.5)
    first.stop()
    # It came before the third visitor's.
    assert again.begun.wait(60)
    assert not third.begun.is_set()
    other.stop()
    assert third.begun.wait(60)
    again.stop()
    third.stop()


def test_it_is_given_what_it_needs_of_the_environment_and_nothing_else(pool, monkeypatch):
    for name in ("NCVIZ_TOKEN", "NCVIZ_STORE_KEY", "AWS_SECRET_ACCESS_KEY", "A_SETTING", "LC_TIME"):
        monkeypatch.setenv(name, "C")
    told = set(call(pool, "environment").value)
    assert {"LC_TIME", "PATH", "OMP_NUM_THREADS"} <= told
    assert not {"NCVIZ_TOKEN", "NCVIZ_STORE_KEY", "AWS_SECRET_ACCESS_KEY", "A_SETTING"} & told


@pytest.mark.skipif(sys.platform != "linux", reason="which tells of no zombies so")
def test_one_that_ended_by_itself_leaves_nothing_behind(pool):
    pid = call(pool, "double").value["pid"]
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "it stays as a zombie"
        time.sleep(0.02)
    # Who takes it away counts it out a moment later.
    while pool.running:
        assert time.monotonic() < deadline, "it is counted for ever"
        time.sleep(0.02)


def test_it_is_got_ready_by_the_first_field_for_files_and_not_by_the_first_page(app, monkeypatch):
    asked = []
    monkeypatch.setattr(doors.READER, "prepare", asked.append)
    app.run()
    assert asked == []
    app.switch_page("pages/model.py").run()
    assert not app.exception
    assert set(asked) == {"preparation"}
