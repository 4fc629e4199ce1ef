"""Where a computation is, told in equal times."""

import pytest

from ncviz.engine import course
from ncviz.engine.course import BOUNDS, PATHS, SEARCH, SECONDS, Course


@pytest.fixture
def now(monkeypatch):
    """A clock that the test turns."""
    time = [0.0]
    monkeypatch.setattr(course, "clock", lambda: time[0])
    return time


def _take(now, followed, said, seconds, steps=10):
    """Let some work take its time, and return where the bar was after each step of it."""
    for step in range(1, steps + 1):
        now[0] += seconds / steps
        followed(step / steps)
    return said[-1][0]


def test_it_goes_by_time_whatever_the_guesses_were(now):
    said = []
    told = Course(lambda at, text: said.append((at, text)), threads=2)
    # All of it takes seven times as long as is guessed.
    units = 10.0 / course.GUESSES[BOUNDS], 30.0 / course.GUESSES[SEARCH]
    told.expect(BOUNDS, units[0])
    told.expect(SEARCH, units[1])
    assert _take(now, told.begin(BOUNDS, units[0], "bounds"), said, 70.0) == pytest.approx(0.25, rel=0.1)
    part = told.begin(SEARCH, units[1] / 3, "search")
    assert _take(now, part, said, 70.0) == pytest.approx(0.5, rel=0.05)
    assert _take(now, told.begin(SEARCH, units[1] * 2 / 3, "search"), said, 140.0) == pytest.approx(1.0)
    assert said[0] == (0.0, "bounds")
    told.end("done")
    assert said[-1] == (1.0, "done")


def test_a_kind_that_is_slower_than_the_others_is_found_out(now):
    said = []
    told = Course(lambda at, _: said.append((at, "")))
    fair, slow = 10.0 / course.GUESSES[BOUNDS], 10.0 / course.GUESSES[SEARCH]
    told.expect(BOUNDS, fair)
    told.expect(SEARCH, slow)
    _take(now, told.begin(BOUNDS, fair, ""), said, 10.0)
    # It was to take ten seconds, and takes ninety: at a tenth of it that is clear.
    at = _take(now, told.begin(SEARCH, slow / 10, ""), said, 9.0)
    assert at == pytest.approx(0.5, rel=0.05), (
        "half is behind it by what was guessed, and more cannot be told back"
    )
    assert _take(now, told.begin(SEARCH, slow * 4 / 10, ""), said, 36.0) == pytest.approx(0.55, rel=0.05)


def test_it_never_goes_back_when_there_is_more_than_was_expected(now):
    said = []
    told = Course(lambda at, _: said.append((at, "")))
    told.expect(SECONDS, 10.0)
    _take(now, told.begin(SECONDS, 5.0, ""), said, 5.0)
    assert said[-1][0] == pytest.approx(0.5)
    told.expect(SECONDS, 100.0)
    _take(now, told.begin(SECONDS, 50.0, ""), said, 50.0)
    assert [at for at, _ in said] == sorted(at for at, _ in said)
    assert said[-1][0] == pytest.approx(55 / 105)


def test_what_ends_by_the_clock_is_told_by_the_clock(now):
    said = []
    told = Course(lambda at, _: said.append((at, "")), time_limit=20.0)
    told.expect(SECONDS, 1_000.0)
    assert _take(now, told.begin(SECONDS, 100.0, ""), said, 10.0) == pytest.approx(0.5)
    assert _take(now, told.begin(SECONDS, 100.0, ""), said, 20.0) == 1.0


def test_what_it_costs_may_be_known_only_once_it_is_under_way(now):
    said = []
    told = Course(lambda at, _: said.append((at, "")))
    told.expect(SECONDS, 30.0)
    note = told.begin_once(PATHS, "")
    now[0] += 1.0
    note(0.0, 9.0 / course.GUESSES[PATHS])
    assert said[-1][0] == pytest.approx(1 / 40)
    now[0] += 9.0
    note(1.0, 9.0 / course.GUESSES[PATHS])
    assert said[-1][0] == pytest.approx(10 / 40)
