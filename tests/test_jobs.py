"""Jobs: one run per key, a bounded number at once, honest progress, cancel, results whole or absent."""

from __future__ import annotations

import gc
import logging
import math
import os
import random
import sys
import threading
import weakref
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncviz.errors import CancelledError, ModelError
from ncviz.jobs import KEEP_FINISHED, Job, JobKind, JobRegistry

PATIENCE = 20.0


class Gate:
    """Work that says when it runs and goes on only when told."""

    def __init__(self):
        self.entered = threading.Event()
        self.released = threading.Event()
        self.runs = 0

    def __call__(self, handle):
        self.runs += 1
        self.entered.set()
        assert self.released.wait(PATIENCE)
        handle.progress(0.5, "half")
        return "result"


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.released.set()


def finish(job):
    assert job.wait(PATIENCE)
    return job


def test_result_is_published():
    job = finish(JobRegistry().start("k", "Curvature", lambda handle: 42))
    assert (job.state, job.result, job.fraction, job.error) == ("done", 42, 1.0, None)
    assert job.started is not None
    assert job.elapsed >= 0.0
    assert job.eta_seconds is None


@pytest.mark.parametrize(("most", "ran"), [(20.0, "21 s"), (120.0, "2 minutes")])
def test_work_that_runs_longer_than_it_may_fails_at_its_next_report(most, ran):
    clock = Clock()

    def work(handle):
        handle.progress(0.1)
        clock.now += most
        handle.progress(0.2)
        clock.now += 1.0
        handle.progress(0.3)
        pytest.fail("went on")

    job = finish(JobRegistry(clock=clock).start("k", "Curvature", work, most_seconds=most))
    assert (job.state, job.fraction, job.result) == ("failed", 0.2, None)
    # What is left may be little, since the session has computed before.
    assert f"Curvature was stopped after {ran}: with it, the session that began it" in job.error


def test_second_start_joins_the_running_job(gate):
    registry = JobRegistry()
    first = registry.start("k", "one", gate)
    assert gate.entered.wait(PATIENCE)
    assert registry.start("k", "two", gate) is first
    gate.released.set()
    finish(first)
    assert gate.runs == 1
    again = finish(registry.start("k", "three", gate))
    assert again is not first
    assert gate.runs == 2
    assert registry.jobs() == [again]


def test_no_more_than_max_workers_run_at_once():
    registry = JobRegistry(max_workers=2)
    lock = threading.Lock()
    running, most = 0, 0
    pair = threading.Barrier(2, timeout=PATIENCE)

    def work(handle):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        pair.wait()
        with lock:
            running -= 1

    for job in [registry.start(f"k{i}", "work", work) for i in range(8)]:
        assert finish(job).state == "done"
    assert most <= 2


def test_queued_until_a_worker_is_free(gate):
    registry = JobRegistry(max_workers=1)
    first = registry.start("a", "a", gate)
    second = registry.start("b", "b", lambda handle: "b")
    assert gate.entered.wait(PATIENCE)
    assert (first.state, second.state) == ("running", "queued")
    assert (second.started, second.elapsed, second.eta_seconds) == (None, 0.0, None)
    assert registry.active() == [first, second]
    gate.released.set()
    assert finish(second).result == "b"
    assert registry.active() == []


def test_cancel_while_running_publishes_nothing(gate):
    job = JobRegistry().start("k", "k", gate)
    assert gate.entered.wait(PATIENCE)
    job.cancel()
    assert job.is_cancelling
    gate.released.set()
    finish(job)
    assert (job.state, job.result, job.error, job.is_cancelling) == ("cancelled", None, None, False)


def test_cancel_wins_over_work_that_never_checks():
    entered, released = threading.Event(), threading.Event()

    def work(handle):
        entered.set()
        released.wait(PATIENCE)
        return "late"

    job = JobRegistry().start("k", "k", work)
    assert entered.wait(PATIENCE)
    job.cancel()
    released.set()
    finish(job)
    assert (job.state, job.result) == ("cancelled", None)


def test_cancel_while_queued_is_immediate_and_the_work_never_runs(gate):
    registry = JobRegistry(max_workers=1)
    registry.start("a", "a", gate)
    ran = []
    queued = registry.start("b", "b", ran.append)
    last = registry.start("c", "c", lambda handle: None)
    queued.cancel()
    assert queued.state == "cancelled"
    assert queued.wait(0)
    gate.released.set()
    finish(last)
    assert ran == []


def test_cancel_after_the_end_changes_nothing():
    job = finish(JobRegistry().start("k", "k", lambda handle: 1))
    job.cancel()
    assert (job.state, job.result) == ("done", 1)


def test_start_while_cancelling_waits_for_the_old_run_to_stop(gate):
    registry = JobRegistry(max_workers=2)
    old = registry.start("k", "old", gate)
    assert gate.entered.wait(PATIENCE)
    old.cancel()
    new = registry.start("k", "new", lambda handle: old.state)
    assert new is not old
    assert registry.get("k") is new
    other = finish(registry.start("other", "other", lambda handle: 0))
    assert (other.state, new.state) == ("done", "queued")
    gate.released.set()
    assert finish(new).result == "cancelled"


def test_cancel_event_is_the_one_the_work_sees():
    seen = threading.Event()

    def work(handle):
        seen.set()
        assert handle.cancel_event.wait(PATIENCE)
        raise CancelledError("stopped by the event")

    job = JobRegistry().start("k", "k", work)
    assert seen.wait(PATIENCE)
    job.cancel()
    assert finish(job).state == "cancelled"


def test_own_error_is_shown_as_it_is():
    def work(handle):
        raise ModelError("Layer conv1 is not supported.")

    job = finish(JobRegistry().start("k", "Curvature", work))
    assert (job.state, job.error, job.details) == ("failed", "Layer conv1 is not supported.", None)


@pytest.mark.parametrize("kind", [ZeroDivisionError, MemoryError, SystemExit, KeyboardInterrupt])
def test_other_error_becomes_one_sentence_and_a_logged_traceback(kind, caplog):
    def work(handle):
        raise kind("secret detail")

    registry = JobRegistry(max_workers=1)
    with caplog.at_level(logging.ERROR, logger="ncviz.jobs"):
        job = finish(registry.start("k", "Curvature", work))
    assert job.state == "failed"
    assert job.error == f"Curvature stopped at an unexpected {kind.__name__}; see the log for details."
    assert "secret detail" in job.details
    assert "secret detail" in caplog.text
    assert finish(registry.start("k", "Curvature", lambda handle: "fine")).result == "fine"


def test_progress_is_clamped_and_the_last_message_stays(gate):
    seen = []

    def work(handle: Job):
        for fraction, message in [(-1, "start"), (0.4, ""), (math.nan, "odd"), (7, "")]:
            handle.progress(fraction, message)
            snapshot = job.snapshot()
            seen.append((snapshot.fraction, snapshot.message))

    registry = JobRegistry(max_workers=1)
    registry.start("first", "first", gate)
    job = registry.start("k", "k", work)
    gate.released.set()
    assert finish(job).error is None
    assert seen == [(0.0, "start"), (0.4, "start"), (0.4, "odd"), (1.0, "odd")]


def run_with_clock(steps, kind=None):
    """Report each (seconds, fraction, message) step and return the ETA right after it."""
    clock, etas = Clock(), []
    ready = threading.Event()

    def work(handle):
        assert ready.wait(PATIENCE)
        for seconds, *told in steps:
            clock.now += seconds
            handle.progress(*told)
            etas.append(job.eta_seconds)
        clock.now += 2.0
        etas.append(job.eta_seconds)

    job = JobRegistry(clock=clock).start("k", "k", work, kind=kind or JobKind())
    ready.set()
    assert finish(job).state == "done", job.details
    assert job.elapsed == pytest.approx(sum(seconds for seconds, *_ in steps) + 2.0)
    return etas


def test_eta_appears_when_enough_is_known_and_counts_down():
    etas = run_with_clock([(0.1, 0.0), (0.4, 0.01), (0.5, 0.02), (9.0, 0.2)])
    assert etas[:2] == [None, None]
    assert etas[3] == pytest.approx(40.0, rel=0.05)
    assert etas[4] == pytest.approx(etas[3] - 2.0)


def test_what_tells_no_share_of_the_work_does_not_count_as_its_pace():
    etas = run_with_clock(
        [(0, 0.0, "paths"), (600, 0.01, "bounds"), (1, 0.02, "bounds"), (1, 0.03, "bounds")]
    )
    assert etas[:2] == [None, None]
    assert etas[3] == pytest.approx(97.0)
    etas = run_with_clock(
        [(1, 0.1, "a"), (1, 0.2, "a"), (0, 0.2, "b"), (600, 0.2, "c"), (1, 0.3, "c"), (1, 0.4, "c")]
    )
    assert etas[3] is None
    assert etas[5] == pytest.approx(6.0)


def test_a_fraction_of_the_time_tells_what_is_left_however_long_it_stood_still():
    etas = run_with_clock(
        [(10, 0.2, "a"), (10, 0.4, "a"), (30, 0.4, "b"), (10, 0.6, "b")], JobKind(is_by_time=True)
    )
    assert etas[1:4] == pytest.approx([30.0, 75.0, 40.0])


def test_an_eta_that_has_run_out_was_none():
    etas = run_with_clock([(1.0, 0.3), (1.0, 0.6), (1.0, 0.9)])
    assert 0 < etas[2] < 2.0
    assert etas[3] is None


@given(st.floats(0.5, 50.0), st.integers(5, 40))
def test_eta_of_steady_work_is_exact(step, count):
    etas = run_with_clock([(step, (i + 1) / count) for i in range(count)])
    for i, eta in enumerate(etas[:-1]):
        if eta is not None:
            assert eta == pytest.approx(step * (count - i - 1), rel=1e-6, abs=1e-6)
    assert etas[3] is not None


def test_eta_is_smoothed_but_follows_a_change_of_pace():
    slow = [(10.0, 0.1 + 0.01 * i) for i in range(1, 11)]
    etas = run_with_clock([(1.0, 0.05), (1.0, 0.1), *slow])
    assert etas[1] == pytest.approx(18.0)
    assert etas[1] < etas[2] < 0.5 * 890.0
    assert etas[-2] == pytest.approx(800.0, rel=0.1)


def test_eta_forgets_its_pace_when_the_work_begins_anew():
    etas = run_with_clock([(1.0, 0.3), (1.0, 0.6), (1.0, 0.0), (1.0, 0.1), (1.0, 0.2)])
    assert etas[1] is not None
    assert etas[2] is None
    assert etas[4] == pytest.approx(12.0, rel=0.1)


def test_snapshot_is_frozen_and_keeps_its_moment(gate):
    job = JobRegistry().start("k", "Label", gate)
    assert gate.entered.wait(PATIENCE)
    before = job.snapshot()
    gate.released.set()
    finish(job)
    assert (before.state, before.result, before.is_active, before.label) == ("running", None, True, "Label")
    assert (job.snapshot().state, job.snapshot().result) == ("done", "result")
    with pytest.raises(FrozenInstanceError):
        before.state = "done"


def test_wait_gives_up_after_its_timeout(gate):
    job = JobRegistry().start("k", "k", gate)
    assert not job.wait(0.01)


def test_forget_drops_finished_jobs_only(gate):
    registry = JobRegistry()
    running = registry.start("a", "a", gate)
    finish(registry.start("b", "b", lambda handle: None))
    assert not registry.forget("a")
    assert registry.forget("b")
    assert not registry.forget("b")
    assert registry.get("b") is None
    assert registry.jobs() == [running]


def test_only_the_last_finished_jobs_are_kept():
    registry = JobRegistry(max_workers=1)
    jobs = [registry.start(f"k{i}", "k", lambda handle: None) for i in range(KEEP_FINISHED + 10)]
    finish(jobs[-1])
    finish(registry.start("last", "last", lambda handle: None))
    kept = registry.jobs()
    assert KEEP_FINISHED <= len(kept) <= KEEP_FINISHED + 1
    assert kept[-1].key == "last"
    assert registry.get("k0") is None


def test_threads_end_with_the_work_and_let_go_of_it():
    class Payload:
        pass

    payload = Payload()
    released = weakref.ref(payload)
    before = set(threading.enumerate())
    registry = JobRegistry(max_workers=2)
    threads = []

    def work(handle, held=payload):
        threads.append(threading.current_thread())

    jobs = [registry.start(f"k{i}", "k", work) for i in range(6)]
    del work, payload
    for job in jobs:
        finish(job)
    for thread in threads:
        assert thread.daemon
        thread.join(PATIENCE)
    # One that was started and found nothing left to do ends a moment later.
    for thread in set(threading.enumerate()) - before:
        if thread.name == "ncviz-job":
            thread.join(PATIENCE)
            assert not thread.is_alive()
    gc.collect()
    assert released() is None


def test_many_threads_starting_the_same_key_get_one_run(gate):
    registry = JobRegistry()
    barrier = threading.Barrier(8, timeout=PATIENCE)
    found = []

    def caller():
        barrier.wait()
        found.append(registry.start("k", "k", gate))

    callers = [threading.Thread(target=caller) for _ in range(8)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(PATIENCE)
    gate.released.set()
    finish(found[0])
    assert len(set(map(id, found))) == 1
    assert gate.runs == 1


def test_at_least_one_worker():
    with pytest.raises(ValueError, match="at least 1"):
        JobRegistry(max_workers=0)


def held(registry, key, owner, gate):
    """Start a job that waits for a gate."""

    def work(handle):
        gate.wait(10)
        return key

    return registry.start(key, key, work, owner=owner)


def running(jobs):
    return [job.key for job in jobs if job.state == "running"]


def until(condition):
    for _ in range(500):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come to that")


def test_nobody_waits_for_all_that_another_asked_for():
    registry, gate = JobRegistry(4), threading.Event()
    greedy = [held(registry, f"greedy-{k}", "greedy", gate) for k in range(6)]
    until(lambda: len(running(greedy)) == 2)
    modest = [held(registry, f"modest-{k}", f"owner-{k}", gate) for k in range(2)]
    until(lambda: len(running(modest)) == 2)
    # All workers are busy; the next free one goes to whoever runs nothing yet.
    late = held(registry, "late", "late", gate)
    assert late.state == "queued"
    assert len(running(greedy)) == 2
    gate.set()
    assert all(job.wait(10) for job in (*greedy, *modest, late))
    assert {job.state for job in (*greedy, *modest, late)} == {"done"}
    assert late.started <= min(job.started for job in greedy[2:])


def test_one_owner_alone_gets_two_workers_and_jobs_of_nobody_are_not_held_back():
    registry, gate = JobRegistry(8), threading.Event()
    own = [held(registry, f"own-{k}", "one", gate) for k in range(4)]
    until(lambda: len(running(own)) == 2)
    free = [held(registry, f"free-{k}", None, gate) for k in range(4)]
    until(lambda: len(running(free)) == 4)
    assert len(running(own)) == 2
    gate.set()
    assert all(job.wait(10) for job in (*own, *free))


def test_a_job_that_two_owners_want_runs_once():
    registry, gate = JobRegistry(4), threading.Event()
    first, second = held(registry, "same", "one", gate), held(registry, "same", "other", gate)
    assert first is second
    gate.set()
    assert first.wait(10)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives threads a priority of their own")
def test_the_work_and_its_threads_step_aside():
    def priority():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def work(handle):
        found = []
        thread = threading.Thread(target=lambda: found.append(priority()))
        thread.start()
        thread.join()
        return priority(), found[0]

    before = priority()
    job = JobRegistry(1).start("key", "label", work)
    assert job.wait(10)
    assert job.result == (max(10, before), max(10, before))
    assert priority() == before


def test_the_time_left_is_right_within_half_in_nine_runs_of_ten():
    """On a machine that others use as well, in bursts, for a while, or from some moment on."""
    draw = random.Random(0)
    right, looks = 0, 0
    for run in range(100):
        clock = Clock()
        job = Job("key", "A run", clock)
        assert job._begin()
        work, done = 10 ** draw.uniform(1.3, 3.0), 0.0
        share, until = 1.0, 0.0
        begun, told = clock.now, []
        slower_at = draw.uniform(0.1, 0.9) if run % 5 == 0 else 2.0
        while done < work:
            if clock.now >= until:
                share, until = draw.choice((1.0, 0.5, 0.5, 0.33)), clock.now + draw.uniform(1.0, 20.0)
            step = draw.uniform(0.1, 1.0)
            clock.now += step
            done += step * share * (0.6 if done / work > slower_at else 1.0)
            job.progress(done / work, "working")
            if done / work > 0.1 and done < 0.95 * work and job.eta_seconds is not None:
                told.append((clock.now, job.eta_seconds))
        at, left = told[len(told) // 3] if told else (begun, clock.now - begun)
        looks += 1
        right += 1 / 1.5 <= (clock.now - at) / max(left, 1e-9) <= 1.5
    assert right >= 0.9 * looks, right
