"""What a page is given of a curvature while a run computes it, and when it is to be drawn anew."""

import threading
from dataclasses import replace

import pytest

from ncviz import tasks
from ncviz.jobs import JobRegistry
from ncviz.tasks.curvature.intervals import Intervals
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.session import jobs
from tests.examples.contexts import here


@pytest.fixture
def gate():
    event = threading.Event()
    yield event
    event.set()


def test_a_page_has_what_a_run_shows_in_its_own_words_until_the_result_is_kept(
    network, store, monkeypatch, gate
):
    view, context = ViewState(model=network.name), here(store)
    curvature, curves = tasks.Curvature(network, view.config), tasks.Sweep(network, view.config)
    log = tasks.SeriesLog((curvature, curves))
    job = JobRegistry().start("curvature", "Curvature", lambda _: gate.wait(), log=log)
    monkeypatch.setattr(jobs, "job_for", lambda of, view: job)
    monkeypatch.setattr(jobs.session, "context", lambda: context)
    assert jobs.results(network, view) == (None, None)
    assert not jobs.is_newer(network, view, None)
    whole = here(tasks.open_store()).look_up(curvature)
    ends = {name: values - 1 for name, values in whole.weights.items()}, whole.weights
    told = {"title": "Somebody else's", "model": "theirs"}
    rough = replace(whole, samples=None, intervals=Intervals(*ends), meta={**whole.meta, **told})
    log.shown[curvature] = [rough]
    assert jobs.is_newer(network, view, None)
    found, _ = jobs.results(network, view)
    assert found.intervals is rough.intervals
    assert found.title == network.title
    assert found.meta["model"] == network.name
    assert not jobs.is_newer(network, view, found)
    # All minima are exact before each image's own are.
    log.shown[curvature] = [replace(whole, samples=None)]
    assert jobs.is_newer(network, view, found)
    bare, _ = jobs.results(network, view)
    # The curves are still measured when the curvature is kept.
    context.desk.keep_best(curvature, context, whole)
    log.done = 1
    assert job.is_active
    assert jobs.is_newer(network, view, bare)
    assert jobs.results(network, view)[0].samples is not None
