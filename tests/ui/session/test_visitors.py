"""What only the server's owner may do, and who may stop a run."""

import threading
import time
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from ncviz.errors import NcvizError
from ncviz.jobs import JobRegistry
from ncviz.limits import Limits
from ncviz.ui.server import resources
from ncviz.ui.session import session, visitors


def test_who_is_not_the_owner_needs_the_owners_word(from_elsewhere, monkeypatch):
    with pytest.raises(NcvizError, match="^Naming a folder is for the server's owner"):
        visitors.check_trusted("Naming a folder")
    monkeypatch.setattr(visitors, "LIMITS", Limits(trusts_visitors=True))
    visitors.check_trusted("Naming a folder")


def test_the_owner_may(from_here):
    visitors.check_trusted("Naming a folder")


def test_a_run_that_others_wait_for_goes_on(from_elsewhere, monkeypatch):
    gate, registry = threading.Event(), JobRegistry(1)

    def ask(owner):
        return registry.start("key", "label", lambda handle: gate.wait(10), owner)

    visits = {}
    monkeypatch.setattr(visitors, "_visits", lambda: visits)
    monkeypatch.setattr(session, "token", lambda: "mine")
    job = ask("theirs")
    try:
        # A session that is gone, such as this one's own before a reload, waits for nothing.
        assert visitors.may_stop(job)
        visits["theirs"] = time.monotonic()
        assert not visitors.may_stop(job)
        assert ask("mine") is job
        assert job.askers == {"theirs", "mine"}
        visits["mine"] = time.monotonic()
        assert not visitors.may_stop(job)
        visits["theirs"] -= visitors.VISIT_SECONDS + 1
        assert visitors.may_stop(job)
    finally:
        gate.set()
    assert job.wait(10)


def test_a_run_that_somebody_else_waits_for_has_no_button(from_elsewhere, monkeypatch):
    def page():
        from ncviz.ui.server import resources
        from ncviz.ui.session import jobs

        jobs.progress_here(resources.registry().get("theirs"))

    gate, visits = threading.Event(), {"somebody else": time.monotonic()}
    monkeypatch.setattr(visitors, "_visits", lambda: visits)
    job = resources.registry().start("theirs", "Curvature", lambda handle: gate.wait(20), "somebody else")
    try:
        app = AppTest.from_function(page, default_timeout=20).run()
        assert not app.exception
        assert "Somebody else waits for this too, so it cannot be stopped." in [
            each.value for each in app.caption
        ]
        assert not app.button
        # Whoever only looks on is here, too.
        assert app.session_state["token"] in visits
        visits.pop("somebody else")
        assert [button.label for button in app.run().button] == ["Cancel"]
    finally:
        gate.set()
        job.wait(20)
        resources.registry().forget("theirs")


def test_the_owner_may_stop_what_others_wait_for(from_here, monkeypatch):
    monkeypatch.setattr(visitors, "_visits", lambda: {"theirs": time.monotonic()})
    assert visitors.may_stop(SimpleNamespace(askers=frozenset({"theirs"})))


def test_a_run_is_stopped_by_whoever_began_it(from_elsewhere, monkeypatch):
    monkeypatch.setattr(session, "token", lambda: "mine")
    assert visitors.may_cancel(SimpleNamespace(owner="mine"))
    assert not visitors.may_cancel(SimpleNamespace(owner="theirs"))
    assert not visitors.may_cancel(SimpleNamespace(owner=None))


def test_a_run_of_anybodys_is_stopped_by_the_owner(from_here, monkeypatch):
    monkeypatch.setattr(session, "token", lambda: "mine")
    assert visitors.may_cancel(SimpleNamespace(owner="theirs"))
