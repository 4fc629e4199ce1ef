"""Before accuracy curves are known the network is drawn whole, however the link would prune it."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ncviz import tasks
from ncviz.tasks import SweepRecord
from ncviz.ui.components.network.component import Picked
from ncviz.ui.explore import canvas, flows
from ncviz.ui.explore import page as explore
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.session.subject import Side, Subject
from tests.examples import shipped


def page():
    import streamlit as st

    from ncviz.ui.explore.before_curves import draw_whole, whole_network
    from ncviz.ui.session import session
    from ncviz.ui.session.results import current_results

    session.begin()
    network = session.network()
    whole = whole_network(network, current_results(network)[0])
    st.session_state["seen"] = (whole.removed, whole.by_hand, whole.total, whole.sweep.accuracy)
    draw_whole(whole)


@pytest.mark.parametrize(("show", "drawn"), [("network", "bidi_component"), ("matrix", "plotly_chart"),
                                             ("distribution", "plotly_chart"), ("free", "iframe")])  # fmt: skip
def test_the_network_is_drawn_whole(from_here, show, drawn):
    app = AppTest.from_function(page, default_timeout=60)
    app.query_params |= {"model": "mlp-digits-relu", "removed": "0.7", "show": show, "hand": "cut:weight-3"}
    app.run()
    assert not app.exception
    assert app.session_state["seen"] == (0, None, 2720, {})
    assert app.get(drawn)


@pytest.fixture
def pictured(monkeypatch):
    """What the canvas is given, and how the session's view is changed."""
    given, changes = {}, []
    monkeypatch.setattr(canvas, "network_canvas", lambda *_, **told: given.update(told) or Picked("", None))
    monkeypatch.setattr(canvas.session, "change", lambda **values: changes.append(values))
    monkeypatch.setattr(canvas.session, "context", tasks.open_context)
    monkeypatch.setattr(canvas, "change", lambda _, **values: changes.append(values))
    monkeypatch.setattr(canvas, "slider_step", lambda _: None)
    monkeypatch.setattr(canvas, "browser_forward", lambda _: None)
    monkeypatch.setattr(canvas, "own_image", lambda _: None)
    monkeypatch.setattr(canvas, "flow_basis", lambda _: "")
    return given, changes


def subject_of(name, **view):
    record, at = shipped.curvature(name), ViewState(model=name, **view)
    none = SweepRecord(np.zeros(0, np.int64), {}, {"total": record.total})
    return Subject(tasks.open_network(name), record, none, Side("explore", at))


def test_a_still_picture_offers_nothing_that_would_not_be_seen_in_it(pictured):
    given, changes = pictured
    subject = subject_of("mlp-digits-relu")
    last = f"unit-{len(subject.record.layer_shapes) - 1}-3"
    canvas.draw_network(subject, is_still=True)
    assert "operate" not in given["on"]
    assert given["flows"]["can_bring"]
    given["on"]["selection"](last)
    assert changes == [{"selected": last}]
    canvas.draw_network(subject)
    assert "operate" in given["on"]
    given["on"]["selection"](last)
    assert changes[1:] == [{"selected": last}, {"group": "class-3"}]


def test_a_still_picture_of_what_no_browser_follows_takes_no_own_image(pictured):
    given, _ = pictured
    canvas.draw_network(subject_of("vgg9-cifar10-relu"), is_still=True)
    assert (given["flows"]["drawing"], given["flows"]["can_bring"]) == (None, False)


def test_what_a_link_asks_for_in_vain_is_not_drawn_either(from_here, monkeypatch):
    drawn = []
    monkeypatch.setattr(explore, "draw_whole", lambda subject: drawn.append(subject.view))
    monkeypatch.setattr(explore.results, "offer_curves", lambda *_: None)
    known = explore.results.current_results
    monkeypatch.setattr(explore.results, "current_results", lambda of: (known(of)[0], None))

    def run():
        from ncviz.ui.explore.page import draw_page
        from ncviz.ui.session import session

        session.begin()
        draw_page()

    app = AppTest.from_function(run, default_timeout=60)
    app.query_params |= {"model": "mlp-digits-relu", "selected": "unit-9-9", "flow": "own", "zoom": "nowhere"}
    app.run()
    assert not app.exception
    assert (drawn[0].selected, drawn[0].flow, drawn[0].zoom) == ("", "all", "")
    assert len(app.toast) == 3


def test_what_flows_is_there_again_after_a_look_at_all_images_unless_another_was_chosen(monkeypatch):
    kept, at = {}, [ViewState(flow="image-3")]
    monkeypatch.setattr(flows.st, "session_state", kept)
    monkeypatch.setattr(flows.session, "view", lambda: at[-1])
    monkeypatch.setattr(flows.session, "change", lambda **values: at.append(replace(at[-1], **values)))
    flows.lay_flow_aside()
    assert at[-1].flow == "all"
    flows.take_flow_up()
    assert at[-1].flow == "image-3"
    flows.lay_flow_aside()
    at.append(replace(at[-1], flow="class-2"))
    flows.take_flow_up()
    assert at[-1].flow == "class-2"
    at.append(replace(at[-1], flow="all"))
    flows.take_flow_up()
    assert at[-1].flow == "all"
