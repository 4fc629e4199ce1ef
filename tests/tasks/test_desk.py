"""One desk for every kind of result: out of memory, the store or a run, else computed and kept."""

import threading
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from ncviz.errors import CancelledError, NcvizError, StoreError
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind, JobRegistry
from ncviz.store import Record, Store
from ncviz.tasks import Context, Desk, Series, StoredTask, Task
from ncviz.tasks.series import Whole

SECONDS = 20


@dataclass(frozen=True, eq=False)
class Squares(StoredTask[np.ndarray]):
    """The squares below a number, each time counted."""

    count: int
    runs: list

    kind: ClassVar[str] = "squares"
    what: ClassVar[str] = "row"
    job: ClassVar[JobKind] = JobKind(kept="rows that were finished are kept")
    most_known: ClassVar[int] = 2
    most_unstored: ClassVar[int] = 2

    def key(self, context):
        return digest("squares", self.count)

    def run(self, context):
        self.runs.append(self.count)
        if context.show is not None:
            context.show(self.runs)
        for number in range(self.count):
            context.say(number / self.count, f"row {number}")
        if self.count > 90:
            raise NcvizError("Too many.")
        return np.arange(self.count, dtype=np.int32) ** 2

    def encode(self, result):
        return Record({"row": result}, {"kind": self.kind})

    def decode(self, record):
        return record.arrays["row"]


@dataclass(frozen=True, eq=False)
class Waiting(Task[str]):
    """What no store keeps."""

    gate: threading.Event

    job: ClassVar[JobKind] = JobKind(is_private=True)

    def key(self, context):
        return "waiting"

    def run(self, context):
        while not self.gate.wait(0.01):
            context.say(0.5, "waiting")
        return "done"


@pytest.fixture
def full(store, monkeypatch):
    """A store whose disk is full."""

    def put(*_):
        raise StoreError("The disk is full.")

    monkeypatch.setattr(store, "put", put)
    return store


def wait(job):
    assert job.wait(SECONDS)
    return job.snapshot()


def test_a_result_is_computed_once_and_the_first_is_what_is_read_later(store):
    runs = []
    first = Context(Desk(store)).run(Squares(4, runs))
    again = Context(Desk(store)).run(Squares(4, runs))
    assert (first.is_stored, again.is_stored, runs) == (False, True, [4])
    assert first.problem is None
    assert first.result.dtype == again.result.dtype == np.int32
    assert first.result.tolist() == again.result.tolist() == [0, 1, 4, 9]
    assert Context(Desk(store)).look_up(Squares(5, runs)) is None


def test_memory_holds_the_results_used_last_where_it_is_asked_for(store):
    context, plain = Context(Desk(store, has_memory=True)), Context(Desk(store))
    for count in (3, 4, 5):
        context.run(Squares(count, []))
    assert plain.look_up(Squares(3, [])) is not plain.look_up(Squares(3, []))
    assert context.look_up(Squares(4, [])) is context.look_up(Squares(4, []))
    store.clear()
    # Of three only two are held.
    assert context.look_up(Squares(3, [])) is None
    assert context.look_up(Squares(5, [])) is not None


def test_what_cannot_be_stored_is_known_to_the_desk_up_to_a_bound(full):
    context = Context(Desk(full, JobRegistry()))
    found = [context.run(Squares(count, [])) for count in (3, 4, 5)]
    assert {each.problem for each in found} == {"The disk is full."}
    assert context.look_up(Squares(3, [])) is None
    assert context.look_up(Squares(5, [])).tolist() == [0, 1, 4, 9, 16]
    assert context.desk.has(Squares(5, []), context)
    context.desk.forget()
    assert not context.desk.has(Squares(5, []), context)


def test_a_record_of_another_kind_or_without_a_part_is_refused():
    for record in (Record({}, {"kind": "other"}), Record({}, {"kind": "squares"})):
        with pytest.raises(StoreError, match="A stored row lacks '(kind|row)'; clear it from the cache"):
            Squares(1, []).read(record)


def test_a_part_tells_its_share_and_cancelling_stops_it(store):
    said, cancel = [], threading.Event()
    context = Context(Desk(store), progress=lambda *now: said.append(now), cancel=cancel)
    context.part(0.5, 1.0, "second: ").part(0.0, 0.5).run(Squares(2, []))
    assert said == [(0.5, "second: row 0"), (0.625, "second: row 1")]
    cancel.set()
    with pytest.raises(CancelledError):
        context.check()
    with pytest.raises(CancelledError):
        context.part(0.0, 1.0).run(Squares(3, []))
    assert not Desk(store).has(Squares(3, []), context)


def test_what_one_task_made_ready_the_next_one_takes(store):
    context, made = Context(Desk(store)), []
    for key in (1, 1, 2, 1):
        assert context.part(0.0, 1.0).share("rows", key, lambda key=key: made.append(key) or key) == key
    assert made == [1, 2, 1]


def test_a_series_keeps_each_task_and_says_how_far_it_is(store):
    desk, runs = Desk(store, JobRegistry()), []
    context = Context(desk)
    tasks = [Squares(count, runs) for count in (2, 3)]
    job = desk.start(Series(tasks, prefixes=("a: ", "b: ")), context, "Rows", owner="me")
    now = wait(job)
    assert (now.state, now.message, now.problem, job.owner) == ("done", "b: row 2", None, "me")
    assert now.result.tolist() == [0, 1, 4]
    assert job.kind.kept == "rows that were finished are kept"
    assert (job.log.done, job.log.failures, list(job.log.shown)) == (2, {}, tasks)
    assert desk.job(tasks[1], context) is job
    assert all(Context(Desk(Store(store.where))).look_up(task) is not None for task in tasks)


def test_a_series_ends_at_a_failure_unless_it_is_lenient(store):
    desk, failing = Desk(store, JobRegistry()), Squares(91, [])
    strict = wait(desk.start(Series([failing, Squares(2, [])]), Context(desk), "Rows"))
    assert (strict.state, strict.error) == ("failed", "Too many.")
    job = desk.start(Series([failing, Squares(2, [])], "other", is_lenient=True), Context(desk), "Rows")
    assert wait(job).state == "done"
    assert (job.log.done, job.log.failures) == (2, {failing: "Too many."})


def test_a_problem_of_storing_is_told_with_the_job(full):
    desk = Desk(full, JobRegistry())
    now = wait(desk.start(Series([Squares(2, [])]), Context(desk), "Rows"))
    assert (now.state, now.problem) == ("done", "The disk is full.")


def test_a_run_under_way_is_joined_and_what_is_nowhere_else_is_not_forgotten(store):
    desk, gate = Desk(store, JobRegistry()), threading.Event()
    context = Context(desk)
    job = desk.start(Series([Waiting(gate)]), context, "Waiting", owner="one")
    assert desk.start(Series([Waiting(gate)]), context, "Waiting", owner="other") is job
    assert job.askers == {"one", "other"}
    gate.set()
    assert wait(job).result == "done"
    rows = desk.start(Series([Squares(2, [])]), context, "Rows")
    wait(rows)
    desk.forget()
    assert desk.jobs.jobs() == [job]


def test_a_desk_without_jobs_says_so(store):
    with pytest.raises(RuntimeError, match="nothing in the background"):
        Desk(store).jobs  # noqa: B018


@dataclass(frozen=True, eq=False)
class Timed(Task[None]):
    """What takes its time on a clock of the test's own, and knows before how long, or does not."""

    steps: tuple
    passes: list
    told: float | None = None

    def key(self, context):
        return digest("timed", self.steps)

    def seconds(self, context):
        return self.told

    def run(self, context):
        for fraction, seconds in self.steps:
            self.passes.append(seconds)
            context.say(fraction, "working")


def fractions_of(series, monkeypatch):
    """Run a series; return how far it said that it was."""
    passed = series.tasks[0].passes
    monkeypatch.setattr("ncviz.tasks.series.clock", lambda: sum(passed))
    told = []
    whole = Whole(series, Context(Desk(None), progress=lambda fraction, message: told.append(fraction)))
    for number, task in enumerate(series.tasks):
        task.run(whole.part(number))
    return told


def test_a_series_goes_by_time_where_what_comes_later_is_foretold(monkeypatch):
    passed = []
    first, second = (
        Timed(((0.0, 0), (0.25, 1), (0.5, 1), (1.0, 2)), passed),
        Timed(((0.5, 3), (1.0, 3)), passed, 6.0),
    )
    series = Series((first, second), ends=(0.9, 1.0), is_by_time=True)
    assert fractions_of(series, monkeypatch) == pytest.approx([0.0, 0.1, 0.2, 0.4, 0.7, 1.0])


def test_a_series_never_goes_back_when_it_takes_longer_than_was_foretold(monkeypatch):
    passed = []
    first, second = Timed(((0.5, 4), (1.0, 4)), passed), Timed(((0.1, 4), (0.5, 16), (1.0, 20)), passed, 2.0)
    told = fractions_of(Series((first, second), is_by_time=True), monkeypatch)
    assert told == pytest.approx([0.4, 0.8, 0.8, 0.8, 1.0])


def test_what_cannot_be_foretold_fails_in_its_turn_and_what_comes_before_is_kept(store):
    class Untellable(Squares):
        def seconds(self, context):
            raise NcvizError("No images.")

    desk, first = Desk(store, JobRegistry()), Squares(2, [])
    now = wait(desk.start(Series((first, Untellable(91, [])), is_by_time=True), Context(desk), "Rows"))
    assert (now.state, now.error) == ("failed", "Too many.")
    assert desk.has(first, Context(desk))


def test_ends_say_how_the_rest_of_a_series_is_shared(monkeypatch):
    passed = []
    first, second = Timed(((0.5, 1), (1.0, 1)), passed), Timed(((0.5, 3),), passed)
    told = fractions_of(Series((first, second), ends=(0.9, 1.0)), monkeypatch)
    assert told == pytest.approx([0.45, 0.9, 0.95])
