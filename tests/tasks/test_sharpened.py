"""A curvature that is known within intervals: kept, replaced by a sharper one, never by a looser one."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from ncviz import tasks
from ncviz.config import ALGORITHM_VERSION, CurvatureConfig
from ncviz.errors import CancelledError, StoreError
from ncviz.tasks.curvature.intervals import Intervals, outward
from tests.examples.contexts import here


def test_a_sharper_result_replaces_a_looser_one_and_not_the_other_way_round(network, store):
    context, config = here(store), CurvatureConfig(seed=7)
    rough = tasks.Curvature(network, config, time_limit=0.0)
    exact = replace(rough, time_limit=None)
    first = context.run(rough).result
    assert first.intervals is not None
    assert "exact, the rest ±" in first.intervals.words()
    assert context.look_up(exact).intervals.mark == first.intervals.mark
    # A version that knows no intervals refuses it, as one of another algorithm.
    assert store.get(rough.key(context)).meta["algorithm"] != ALGORITHM_VERSION
    assert context.look_up(exact).meta["algorithm"] == ALGORITHM_VERSION
    whole = context.run(exact)
    assert not whole.is_stored
    assert whole.result.intervals is None
    assert whole.result.samples is not None
    for name, kappa in whole.result.weights.items():
        slack = 1e-6 * np.maximum(1.0, np.abs(kappa))
        assert (first.intervals.lower[name] <= kappa + slack).all()
        assert (kappa - slack <= first.intervals.upper[name]).all()
    assert context.run(rough).result.intervals is None
    assert rough.better(whole.result, first) is whole.result
    assert here(store).look_up(rough).intervals is None


def test_what_two_runs_know_is_brought_together():
    first = Intervals({"w": np.float32([0.0, 1.0])}, {"w": np.float32([2.0, 1.0])})
    second = Intervals({"w": np.float32([-1.0, 0.5])}, {"w": np.float32([1.0, 1.5])})
    both = first.sharper(second)
    assert both.lower["w"].tolist() == [0.0, 1.0]
    assert both.upper["w"].tolist() == [1.0, 1.0]
    assert both.words() == "50% exact, the rest ± 0.5 (median)"
    assert both.is_within(1.0)
    assert not both.is_within(0.5)
    assert both.mark != first.mark
    beside = np.nextafter(np.float32(1.0), np.float32(2.0))
    exact, other = (Intervals({"w": np.float32([own])}, {"w": np.float32([own])}) for own in (1.0, beside))
    assert exact.sharper(other).exact_share == other.sharper(exact).exact_share == 1.0


def test_ends_are_rounded_outward():
    value = np.array([0.1, 0.1, 0.3])
    wider = value + np.array([0.0, 1e-12, 0.4])
    low, up = outward(value, wider)
    assert low[0] == up[0] == np.float32(0.1)
    assert (low[1:] <= value[1:]).all()
    assert (up[1:] >= wider[1:]).all()


def test_what_a_run_shows_is_never_looser_than_what_was_known_and_is_kept_when_it_is_stopped(
    network, store, monkeypatch
):
    monkeypatch.setattr("ncviz.tasks.curvature.task._WATCHED_WEIGHTS", 0)
    context, task = here(store), tasks.Curvature(network)
    whole = here(tasks.open_store()).look_up(task)
    ends = [{name: values + np.float32(by) for name, values in whole.weights.items()} for by in (-0.01, 0.01)]
    context.desk.keep_best(task, context, replace(whole, samples=None, intervals=Intervals(*ends)))
    shown = []

    def stop(fraction, message):
        if shown and shown[0]:
            raise CancelledError

    context = here(store, show=shown.append, progress=stop)
    with pytest.raises(CancelledError):
        context.run(task)
    (last,) = shown[0]
    assert last.intervals.is_within(0.021)
    assert last.intervals.exact_share > 0
    kept = here(store).look_up(task)
    assert kept.key == last.key
    assert not task.is_complete(kept, context)


def test_of_two_runs_that_end_at_once_the_sharper_result_stays(network, store, monkeypatch):
    context, other, task = here(store), here(tasks.open_store()), tasks.Curvature(network)
    whole = here(tasks.open_store()).look_up(task)
    ends = [{name: values + np.float32(by) for name, values in whole.weights.items()} for by in (-0.01, 0.01)]
    exact = threading.Thread(target=other.desk.keep_best, args=(task, other, whole))
    put = context.store.put

    def put_late(*given):
        exact.start()
        exact.join(0.5)
        put(*given)

    monkeypatch.setattr(context.store, "put", put_late)
    context.desk.keep_best(task, context, replace(whole, samples=None, intervals=Intervals(*ends)))
    exact.join()
    assert here(store).look_up(task).intervals is None


def test_a_store_that_cannot_be_read_is_said_and_no_error(network, store, monkeypatch):
    context, task = here(store), tasks.Curvature(network)
    whole = here(tasks.open_store()).look_up(task)

    def fail(*given):
        raise StoreError("The result store is gone.")

    monkeypatch.setattr(context.store, "has", fail)
    monkeypatch.setattr(context.store, "put", fail)
    outcome = context.desk.keep_best(task, context, whole)
    assert outcome.result.key == whole.key
    assert outcome.problem == "The result store is gone."


def test_a_result_is_complete_once_it_has_all_that_is_asked_for(network, store):
    context, task = here(store), tasks.Curvature(network)
    whole = here(tasks.open_store()).look_up(task)
    ends = whole.weights, {name: values + np.float32(0.1) for name, values in whole.weights.items()}
    rough = replace(whole, samples=None, intervals=Intervals(*ends), meta={**whole.meta, "seconds": 2.0})
    bare = replace(whole, samples=None)
    assert task.is_complete(whole, context)
    assert not task.is_complete(bare, context)
    assert task.better(bare, whole) is task.better(whole, bare) is whole
    assert task.better(rough, bare) is bare
    assert replace(task, tolerance=0.01).is_complete(bare, context)
    for tolerance, seconds, is_complete in [
        (0.0, 1.0, True),
        (0.0, 60.0, False),
        (0.01, 60.0, False),
        (0.01, 1.0, True),
        (0.2, 60.0, True),
        (0.2, None, True),
    ]:
        asked = replace(task, tolerance=tolerance, time_limit=seconds)
        assert asked.is_complete(rough, context) == is_complete


def test_what_no_time_would_narrow_is_complete_and_said(network, store):
    context, task = here(store), tasks.Curvature(network)
    whole = here(tasks.open_store()).look_up(task)
    name = next(iter(whole.weights))

    def is_unproved(*at):
        found = np.zeros(whole.weights[name].size, bool)
        found[list(at)] = True
        return found.reshape(whole.weights[name].shape)

    upper = {own: values.copy() for own, values in whole.weights.items()}
    upper[name].reshape(-1)[:2] += 1.0
    open_still, final = (
        replace(whole, samples=None, intervals=Intervals(whole.weights, upper, {name: is_unproved(*own)}))
        for own in ([0], [0, 1])
    )
    assert not task.is_complete(open_still, context)
    assert task.is_complete(final, context)
    assert replace(task, tolerance=0.01).is_complete(final, context)
    assert "would not narrow those of 2 weights" in final.intervals.sentence()
    assert "narrow" not in Intervals(whole.weights, upper).sentence()
    kept = task.decode(task.encode(final))
    assert kept.intervals.unproved_count == 2
    assert task.better(kept, open_still).intervals.is_final
    assert task.better(open_still, kept).intervals.is_final


def test_what_another_run_could_narrow_is_not_taken_for_unproved():
    """Two weights that one run left open beside an unproved one, of which the other run settled one: two are open."""
    low = {"w": np.zeros(4, np.float32)}
    one = Intervals(low, {"w": np.float32([0, 1, 1, 1])}, {"w": np.array([False, False, False, True])})
    other = Intervals(low, {"w": np.float32([1, 1, 1, 0])})
    for both in (one.sharper(other), other.sharper(one)):
        assert both.widths.tolist() == [0, 1, 1, 0]
        assert both.unproved_count == 0
        assert not both.is_final
