"""A file that takes long holds up nobody else, and a process is there before the first file, not for the first page."""

import sys
import threading

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


def call(pool, task, progress=None):
    return pool.call(
        task, {}, [], "a.onnx", seconds=100.0, room=400_000_000, most_bytes=10**6, error=ModelError, progress=progress
    )  # fmt: skip


class Busy(threading.Thread):
    """A task that goes on until it is told to end."""

    def __init__(self, pool):
        super().__init__(daemon=True)
        self.pool, self.begun, self.ended = pool, threading.Event(), threading.Event()
        self.start()

    def run(self):
        def progress(done, text):
            if done:  # not while it waits for its turn
                self.begun.set()
            if self.ended.is_set():
                raise CancelledError

        with pytest.raises(CancelledError):
            call(self.pool, "wait", progress)

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


def test_it_knows_nothing_that_opens_the_server_or_its_results(pool, monkeypatch):
    for name in ("NCVIZ_TOKEN", "NCVIZ_STORE_KEY", "AWS_SECRET_ACCESS_KEY", "A_HARMLESS_SETTING"):
        monkeypatch.setenv(name, "x" * 30)
    told = call(pool, "environment").value
    assert {"A_HARMLESS_SETTING", "PATH", "OMP_NUM_THREADS"} <= set(told)
    assert not {"NCVIZ_TOKEN", "NCVIZ_STORE_KEY", "AWS_SECRET_ACCESS_KEY"} & set(told)


@pytest.mark.slow
def test_it_is_started_by_the_first_field_for_files_and_not_by_the_first_page(app, monkeypatch):
    own = ConfinedPool("ncviz.reading")
    monkeypatch.setattr(doors, "READER", own)
    app.run()
    assert own.running == 0
    app.switch_page("pages/model.py").run()
    assert not app.exception
    assert own.prepare("preparation") is None
    own.close()
