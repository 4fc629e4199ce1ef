"""Files of steps by hand: all of one is done, or nothing; and links that leave their steps to such a file."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from ncviz.models.network import open_network
from ncviz.scene.surgery.files import StepsFile
from ncviz.scene.surgery.steps import read_steps
from ncviz.ui.link.by_hand import IN_FILE
from ncviz.ui.session import address

MLP, SECONDS = "mlp-digits-relu", 60
ORDER = ("curvature", "layer", "bottlenecks", "first")


def page():
    import streamlit as st

    from ncviz.ui.explore.by_hand import own_groups, steps_file, surgery
    from ncviz.ui.session import address, networks, session
    from ncviz.ui.session.results import current_results
    from ncviz.ui.session.subject import Subject, first_side

    if session.has_begun():
        address.follow_history()
    session.begin()
    st.button("undo", key="undo", on_click=session.undo)
    st.button("lenet", key="lenet", on_click=networks.select_model, args=("lenet-mnist-relu",))
    network = session.network()
    subject = Subject(network, *current_results(network), first_side())
    if own_groups.settle_by_hand(subject):
        steps_file.tell_of_link(subject)
        surgery.draw_surgery(subject)
    address.write_link()


@pytest.fixture
def make(from_here):
    def made(**query):
        app = AppTest.from_function(page, default_timeout=SECONDS)
        for name, value in {"model": MLP, **query}.items():
            app.query_params[name] = value
        return app.run()

    return made


def file_of(steps, model=MLP):
    return StepsFile("mine", open_network(model).fingerprint, read_steps(steps), 900, ORDER).to_bytes()


def drop(app, content, place="sidebar"):
    field = next(each for each in app.file_uploader if each.key.startswith(f"steps {place} explore"))
    field.set_value(("steps.json", content, "application/json"))
    return app.run()


def view(app):
    return app.session_state["latest"].view


def look(app, **values):
    from dataclasses import replace

    app.session_state["latest"].view = replace(view(app), **values)
    return app.run()


def link(app):
    # One value may stand in a list or alone.
    return {name: "".join(value) for name, value in app.query_params.items()}


def go_back(app, query):
    app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(address, "get_script_run_ctx", lambda: SimpleNamespace(is_history_navigation=True))
        app.run()


def seen(app):
    now = view(app)
    return (now.criterion, now.scope, now.order, now.never), now.hand, now.hand_name


def test_a_file_is_one_step_and_what_is_not_known_yet_is_offered(make, monkeypatch):
    monkeypatch.setattr("ncviz.ui.session.by_hand.own_bottlenecks", lambda *_: None)
    app = make()
    before = view(app)
    drop(app, file_of("cut:class-3:50,cut:weight-7"))
    assert not app.exception
    assert not app.error
    assert seen(app) == (ORDER, "cut:class-3:50,cut:weight-7", "mine")
    assert view(app).removed == pytest.approx(900 / 2720)
    assert "Compute it" in [button.label for button in app.button]
    look(app, scope="global")
    assert view(app).scope == "global", "what is picked later stays"
    look(app, scope="layer")
    app.button(key="undo").click().run()
    assert (view(app).scope, view(app).order, view(app).hand) == (before.scope, before.order, "")


def test_a_file_that_is_refused_changes_nothing_and_is_not_taken_later(make):
    app = make()
    before = seen(app)
    drop(app, file_of("cut:weight-7,cut:unit-99-1"))
    assert len(app.error) == 1
    assert seen(app) == before
    told = app.error[0].value
    look(app, scope="layer")
    assert (view(app).scope, app.error[0].value) == ("layer", told)
    drop(app, file_of("cut:weight-7", "lenet-mnist-relu"))
    assert "another network" in app.error[0].value
    app.button(key="lenet").click().run()
    assert view(app).hand == "", "it waits to be asked for"
    app.button(key="steps sidebar explore again").click().run()
    assert seen(app) == (ORDER, "cut:weight-7", "mine")
    assert not app.error
    assert not app.exception


def test_a_link_that_leaves_its_steps_to_a_file_stays_one_until_they_are_there(make):
    app = make(hand=IN_FILE)
    for at in (app, make(**link(app))):
        assert "too many to be in it" in at.warning[0].value
        assert link(at)["hand"] == IN_FILE
    drop(app, file_of("cut:unit-99-1"), "picture")
    assert app.warning, "what is refused is no step"
    drop(app, file_of("cut:weight-7"), "picture")
    assert not app.warning
    assert link(app)["hand"] == "cut:weight-7"
    for leave in ("lenet", "without-steps-explore"):
        app = make(hand=IN_FILE)
        app.button(key=leave).click().run()
        assert not app.warning
        assert "hand" not in app.query_params


def test_beside_a_network_of_the_sessions_own_the_usual_one_keeps_its_steps_on_a_reload(make):
    from dataclasses import replace as changed

    from ncviz.ui.link.view_state import DEFAULT_MODEL

    app = make(model=DEFAULT_MODEL)
    many = ",".join(f"cut:weight-{at * 7919 % 45_000}" for at in range(1, 380))
    app.session_state["networks"] = {"mine": changed(open_network(MLP), name="mine")}
    look(app, hand=many, hand_name="mine", compare=True, other_model="mine")
    told = link(app)
    assert (told["hand"], told["brought"]) == (IN_FILE, "1")
    assert "other_model" not in told
    for _ in range(2):
        app = make(**told)
        assert any("too many to be in it" in each.value for each in app.warning)
        told = link(app)
        assert (told["model"], told["hand"]) == (DEFAULT_MODEL, IN_FILE)


def test_a_step_that_is_refused_loses_nothing(make):
    from ncviz.errors import NcvizError
    from ncviz.ui.explore.by_hand import operate

    app = make(hand=IN_FILE)

    def refuse(*_):
        raise NcvizError("not known yet.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operate, "removed_with", refuse)
        next(each for each in app.slider if each.key.startswith("share of layer 0")).set_value(30).run()
    assert view(app).hand == ""
    assert app.warning
    assert link(app)["hand"] == IN_FILE


def test_going_back_to_such_a_link_says_so_again(make):
    app = make(hand=IN_FILE)
    app.button(key="lenet").click().run()
    assert not app.warning
    for query in (
        {"model": MLP, "hand": IN_FILE},
        {"model": MLP, "hand": IN_FILE, "edges": "500", "seed": "x"},
    ):
        go_back(app, query)
        assert app.warning
        assert link(app)["hand"] == IN_FILE
    assert any("seed" in toast.value for toast in app.toast)
    go_back(app, {"model": MLP, "hand": "cut:weight-7"})
    go_back(app, {"model": MLP, "hand": IN_FILE})
    assert app.warning
    app.button(key="undo").click().run()
    assert link(app)["hand"] == "cut:weight-7"
    assert not app.warning
    assert not app.exception


def test_what_is_looked_at_again_keeps_what_is_done_to_the_same_network_beside_it(make):
    app = make(compare="1", other_hand="cut:weight-7")
    then = link(app)
    look(app, compare=False, other_hand="")
    go_back(app, then)
    assert (view(app).compare, view(app).other_hand) == (True, "cut:weight-7")
