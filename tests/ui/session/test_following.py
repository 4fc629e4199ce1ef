"""A run is shown in the page, and what it has come to with it."""

import threading

import pytest
from streamlit.testing.v1 import AppTest

from ncviz.jobs import JobRegistry
from ncviz.ui.server import resources

SECONDS = 60


def page():
    import streamlit as st

    from ncviz.ui.server import resources
    from ncviz.ui.session import session
    from ncviz.ui.session.following import follow

    session.begin()
    job = resources.registry().get("run")
    st.session_state["looks"] = st.session_state.get("looks", 0) + 1
    if job.is_active:
        follow(job, lambda: st.write("so far"), has_news=lambda: st.session_state["looks"] == 2)
    else:
        st.write("done")


@pytest.fixture
def job(monkeypatch):
    registry, stop = JobRegistry(), threading.Event()
    monkeypatch.setattr(resources, "registry", lambda: registry)
    job = registry.start("run", "A *run*", lambda _: stop.wait(SECONDS), "somebody else")
    yield job, stop
    stop.set()
    job.wait(SECONDS)


def words(app):
    return [each.value for each in app.markdown]


def test_a_run_is_followed_to_its_end(from_here, job):
    job, stop = job
    app = AppTest.from_function(page, default_timeout=SECONDS).run()
    assert not app.exception
    # The sidebar is told of it first; at the second look there was news.
    assert app.session_state["jobs"] == ["run"]
    assert app.session_state["looks"] == 3
    assert words(app) == [r"**A \*run\***", "so far"]
    stop.set()
    job.wait(SECONDS)
    assert words(app.run()) == ["done"]
