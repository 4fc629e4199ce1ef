"""Two sides of a comparison: each with a step of its own, one history over both."""

import ast

import pytest
from streamlit.testing.v1 import AppTest

SECONDS = 60


def page():
    import streamlit as st

    from ncviz.ui.explore import compare, panel
    from ncviz.ui.explore.by_hand import surgery
    from ncviz.ui.session import address, session
    from ncviz.ui.session.results import current_results
    from ncviz.ui.session.subject import Subject, first_side

    def draw(subject):
        st.text(f"canvas {subject.side.name} {subject.network.name} {subject.removed}")
        panel.draw_panel(subject)

    session.begin()
    for name in ("undo", "redo"):
        st.button(
            name, key=name, on_click=getattr(session, name), disabled=not getattr(session, f"can_{name}")()
        )
    network = session.network()
    subject = Subject(network, *current_results(network), first_side())
    compare.draw_controls()
    if session.view().compare:
        surgery.draw_surgery(subject, compare.draw_both(subject, draw))
    address.write_link()


@pytest.fixture
def app(from_here):
    made = AppTest.from_function(page, default_timeout=SECONDS)
    made.query_params["model"] = "mlp-digits-relu"
    return made


def canvases(app):
    return [text.value for text in app.text]


def view(app):
    return app.session_state["latest"].view


def step(app, **values):
    """A pruning step as a panel makes it."""
    from dataclasses import replace

    from ncviz.ui.session.session import OTHER_STEP, PRUNING_STEP

    latest, names = app.session_state["latest"], PRUNING_STEP + OTHER_STEP
    before = tuple(getattr(latest.view, name) for name in names)
    latest.view = replace(latest.view, **values)
    after = tuple(getattr(latest.view, name) for name in names)
    app.session_state["history"].push(before, after)
    app.run()


def test_without_comparing_there_is_one_switch(app):
    app.run()
    assert not app.exception
    assert [toggle.label for toggle in app.toggle] == ["Compare"]
    assert canvases(app) == []


def test_switching_on_gives_the_right_side_the_same_fraction_from_the_other_end(app):
    app.query_params["removed"] = "0.5"
    app.run()
    app.toggle[0].set_value(True).run()
    assert not app.exception
    assert canvases(app) == ["canvas explore mlp-digits-relu 1360", "canvas other mlp-digits-relu 1360"]
    assert (view(app).order, view(app).other_order) == ("redundant", "bottlenecks")
    assert app.query_params["compare"] == "1"


def test_two_whole_networks_are_no_comparison(app):
    app.run()
    app.toggle[0].set_value(True).run()
    assert [text.rsplit(" ", 1)[0] for text in canvases(app)] == [
        "canvas explore mlp-digits-relu", "canvas other mlp-digits-relu",
    ]  # fmt: skip
    # Much of what is redundant costs little, little of the bottlenecks costs half.
    redundant, bottlenecks = (int(text.rsplit(" ", 1)[1]) for text in canvases(app))
    assert redundant > 0.3 * 2720
    assert 0 < bottlenecks < 0.1 * 2720


def test_the_right_side_can_be_another_network(app):
    app.query_params["compare"] = "1"
    app.run()
    app.selectbox[0].select("lenet-mnist-relu").run()
    assert not app.exception
    assert canvases(app) == ["canvas explore mlp-digits-relu 0", "canvas other lenet-mnist-relu 0"]


def test_the_second_network_stays_the_same_as_the_first_when_that_changes(app):
    app.query_params["compare"] = "1"
    app.run()
    before = app.selectbox[0]
    from dataclasses import replace

    latest = app.session_state["latest"]
    latest.view = replace(latest.view, model="lenet-mnist-relu")
    app.run()
    assert app.selectbox[0].key != before.key, "a message of the old widget must not reach the new one"
    assert canvases(app) == ["canvas explore lenet-mnist-relu 0", "canvas other lenet-mnist-relu 0"]


def test_a_right_side_without_curvature_names_the_next_click_and_leaves_the_left(app, monkeypatch):
    from ncviz.ui.session import results

    known = results.find_results
    monkeypatch.setattr(
        results, "find_results", lambda of, side: (None, None) if side.is_other else known(of, side)
    )
    app.query_params["compare"] = "1"
    app.query_params["other_model"] = "lenet-mnist-relu"
    app.run()
    assert not app.exception
    assert canvases(app) == ["canvas explore mlp-digits-relu 0"]
    assert any("No curvature yet for LeNet" in info.value for info in app.info)
    assert any(button.label == "Compute it now" for button in app.button)


def test_unreadable_data_on_the_right_is_a_sentence_and_leaves_the_left(app, monkeypatch):
    from ncviz.errors import DataError
    from ncviz.ui.session import results

    known = results.find_results

    def broken(of, side):
        if side.is_other:
            raise DataError("The folder holds no MNIST.")
        return known(of, side)

    monkeypatch.setattr(results, "find_results", broken)
    app.query_params["compare"] = "1"
    app.run()
    assert not app.exception
    assert canvases(app) == ["canvas explore mlp-digits-relu 0"]
    assert [error.value for error in app.error] == ["The folder holds no MNIST."]


@pytest.mark.slow
def test_undo_and_redo_walk_the_steps_of_both_sides_in_their_order(app):
    app.query_params["compare"] = "1"
    app.run()
    step(app, removed=0.2)
    step(app, other_removed=0.3)
    step(app, other_criterion="magnitude", other_order="redundant")
    step(app, other_model="lenet-mnist-relu")
    step(app, removed=0.4)
    last = view(app)
    seen = []
    while not app.button(key="undo").disabled:
        app.button(key="undo").click().run()
        now = view(app)
        seen.append((now.removed, now.other_removed, now.other_criterion, now.other_model))
    assert seen == [
        (0.2, 0.3, "magnitude", "lenet-mnist-relu"),
        (0.2, 0.3, "magnitude", ""),
        (0.2, 0.3, "curvature", ""),
        (0.2, 0.0, "curvature", ""),
        (0.0, 0.0, "curvature", ""),
    ]
    for _ in seen:
        app.button(key="redo").click().run()
    assert view(app) == last
    assert app.button(key="redo").disabled


def test_with_one_side_shown_undo_passes_over_the_other_ones_steps(app):
    app.query_params["compare"] = "1"
    app.run()
    step(app, removed=0.2)
    step(app, other_removed=0.3)
    app.toggle[0].set_value(False).run()
    app.button(key="undo").click().run()
    assert view(app).removed == 0.0
    assert app.button(key="undo").disabled
    app.button(key="redo").click().run()
    assert view(app).removed == 0.2
    assert app.button(key="redo").disabled


def test_swapping_exchanges_steps_and_networks(app):
    app.query_params.update(
        {"compare": "1", "removed": "0.5", "other_removed": "0.25", "other_criterion": "magnitude"}
    )
    app.query_params.update({"other_model": "lenet-mnist-relu", "layer": "1", "selected": "unit-1-3"})
    app.run()
    before = view(app)
    app.button(key="swap-sides").click().run()
    after = view(app)
    assert (after.model, after.criterion, after.order, after.removed) == (
        "lenet-mnist-relu", "magnitude", "bottlenecks", 0.25,
    )  # fmt: skip
    assert (after.other_model, after.other_criterion, after.other_order, after.other_removed) == (
        "mlp-digits-relu", "curvature", "redundant", 0.5,
    )  # fmt: skip
    assert (after.layer, after.selected) == ("", "")
    app.button(key="swap-sides").click().run()
    assert view(app).to_query().items() <= before.to_query().items()


def test_what_is_done_by_hand_is_listed_undone_and_taken_away_on_each_side(app):
    app.query_params.update(
        {"compare": "1", "hand": "cut:weight-1", "other_hand": "cut:weight-2,x2:weight-3"}
    )
    app.run()
    assert not app.exception
    assert [each.label for each in app.expander] == [
        "By hand, left picture (1)",
        "By hand, right picture (2)",
    ]
    dropped = [button.key for button in app.button if (button.key or "").startswith("drop-")]
    assert dropped == [
        "drop-explore-cut:weight-1", "drop-all-steps-explore", "drop-other-cut:weight-2", "drop-other-x2:weight-3",
        "drop-all-steps-other",
    ]  # fmt: skip
    assert len(app.get("download_button")) == 2
    app.button(key="drop-other-cut:weight-2").click().run()
    assert (view(app).hand, view(app).other_hand) == ("cut:weight-1", "x2:weight-3")
    assert view(app).other_removed == 0.0
    names = [each for each in app.text_input if each.label == "Name"]
    names[1].set_value("right one").run()
    assert (view(app).hand_name, view(app).other_hand_name) == ("", "right one")
    app.button(key="swap-sides").click().run()
    assert (view(app).hand, view(app).hand_name) == ("x2:weight-3", "right one")
    assert (view(app).other_hand, view(app).other_hand_name) == ("cut:weight-1", "")
    app.button(key="drop-all-steps-other").click().run()
    assert view(app).other_hand == ""
    assert view(app).hand == "x2:weight-3"


def test_the_right_can_be_given_the_fraction_of_the_left(app):
    app.query_params.update({"compare": "1", "removed": "0.5"})
    app.run()
    app.button(key="same-fraction").click().run()
    assert view(app).other_removed == 0.5
    assert app.button(key="same-fraction").disabled


@pytest.mark.parametrize("side", ["first", "second"])
def test_a_panels_step_changes_its_own_side_alone(side):
    def run(name):
        import streamlit as st

        from ncviz.ui.components.live.component import LiveRequest
        from ncviz.ui.explore import panel
        from ncviz.ui.session import results, session, subject

        session.begin()
        where = getattr(subject, f"{name}_side")()
        network = where.network
        this = subject.Subject(network, *results.find_results(network, where), where)
        panel._commit(LiveRequest(1, "threshold", 680, "magnitude/bottlenecks", False), this)
        st.text(session.view().to_query())
        panel._commit(LiveRequest(2, "reset", 680, "magnitude/bottlenecks", False), this)
        st.text(session.view().to_query())
        panel._commit(LiveRequest(3, "undo", 0, "magnitude/bottlenecks", False), this)
        st.text(session.view().removed + session.view().other_removed)

    app = AppTest.from_function(run, args=(side,), default_timeout=SECONDS)
    app.query_params.update({"model": "mlp-digits-relu", "compare": "1"})
    app.run()
    assert not app.exception
    prefix = "other_" if side == "second" else ""
    step = {"model": "mlp-digits-relu", "compare": "1", f"{prefix}criterion": "magnitude"}
    # "Bottlenecks first" is what the right side shows by itself.
    step |= {} if prefix else {"order": "bottlenecks"}
    assert ast.literal_eval(app.text[0].value) == step | {f"{prefix}removed": "0.25"}
    assert ast.literal_eval(app.text[1].value) == step
    assert app.text[2].value == "0.25"


def lost(app):
    return app.session_state["lost-steps"]


def test_steps_that_a_link_left_to_a_file_are_lost_where_their_picture_is(app):
    from ncviz.ui.link.by_hand import IN_FILE

    app.query_params["compare"] = "1"
    app.query_params["other_hand"] = IN_FILE
    app.run()
    assert lost(app) == {"other"}
    app.button(key="swap-sides").click().run()
    assert lost(app) == {"explore"}
    assert "".join(app.query_params["hand"]) == IN_FILE
    assert "other_hand" not in app.query_params
    app.button(key="swap-sides").click().run()
    app.selectbox[0].select("lenet-mnist-relu").run()
    assert lost(app) == set()
    assert "other_hand" not in app.query_params
    assert not app.exception
