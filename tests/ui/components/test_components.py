import json
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ncviz.ui.components import bundle
from ncviz.ui.components.bundle import read_asset
from ncviz.ui.components.live import component as live
from ncviz.ui.components.live.data import Order

ENTRIES = ("network/component.js", "live/component.js")
FOLDER = Path(bundle.__file__).parent
MOUNTED = sorted(
    page.with_suffix(".js").relative_to(FOLDER).as_posix()
    for page in FOLDER.glob("*/*.html")
    if page.with_suffix(".js").exists()
)
ORDERS = [Order("redundant", "Redundant first"), Order("bottlenecks", "Bottlenecks first")]


def page():
    import numpy as np
    import streamlit as st

    from ncviz.plots.network.payload import payload
    from ncviz.ui.components.live.component import live_panel, live_requests
    from ncviz.ui.components.live.data import Answer, Curves, Order, SliderStep, Sweep, panel_data
    from ncviz.ui.components.network.component import network_canvas
    from tests.examples.three_by_two import three_by_two

    edges = np.arange(6, dtype=np.int32)
    view = three_by_two(layer_names=("<b>in</b>", "out"))
    selection = network_canvas(
        payload(view, {"redundant": edges[::-1]}),
        SliderStep("c", 6, 2, "redundant"),
        height=100,
        key="net",
    )
    orders = [Order("redundant", "Redundant first", "removes κ > {value}", tone="redundant")]
    request = live_requests("live", total=6, orders=orders)
    data = panel_data(
        SliderStep("c", 6, np.int64(2), "redundant"),
        orders,
        Curves(
            {"redundant": Sweep(np.array([0, 3, 6]), [0.9, float("nan"), None], [np.inf, 0.5, -1.0])}, 0.9
        ),
        seq=request.seq if request else 0,
        answer=Answer(0, 2, "redundant", np.float32(0.75), 360, float("-inf")),
    )
    live_panel(data, key="live")
    st.text(f"{selection} {request}")


@pytest.fixture(scope="module")
def protos():
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    assert app.text[0].value == "Picked(selection='', open=None) []"
    found = {}
    for element in app.main:
        proto = getattr(element, "proto", None)
        name = getattr(proto, "component_name", None)
        if name:
            found[name] = proto
    return found


def test_the_canvas_gets_one_binary_message(protos):
    from ncviz.plots.network.payload import unpack

    proto = protos["ncviz_network"]
    header, arrays = unpack(proto.bytes)
    assert (header["channel"], header["removed"], header["order"]) == ("c", 2, "redundant")
    assert header["height"] == 240, "too low a canvas is raised"
    assert header["selection"] == ""
    assert arrays["source"].size == 6
    assert proto.isolate_styles


def test_the_panel_gets_plain_json_without_infinities(protos):
    (data,) = json.loads(protos["ncviz_live"].json, parse_constant=pytest.fail)
    assert data["sweeps"]["redundant"] == {
        "removed": [0, 3, 6],
        "accuracy": [0.9, None, None],
        "threshold": [None, 0.5, -1.0],
        "images": 0,
    }
    assert data["answer"] == {
        "seq": 0,
        "removed": 2,
        "order": "redundant",
        "accuracy": 0.75,
        "images": 360,
        "threshold": None,
    }
    assert set(data["tones"]["dark"]) == {"bottleneck", "redundant"}


def test_a_drag_answers_with_little(protos):
    proto = protos["ncviz_live"]
    assert proto.ByteSize() < 70_000


def test_nothing_is_fetched_from_the_net(protos):
    for proto in protos.values():
        text = proto.js_content + proto.css_content + proto.html_content
        links = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not links
        assert "innerHTML" not in proto.js_content
        assert "import " not in re.sub(r"//.*", "", proto.js_content)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "text",
        {},
        {"request": None},
        {"request": {"seq": 1, "action": "rm -rf", "removed": 1, "order": "redundant"}},
        {"request": {"seq": 1, "action": "undo", "removed": 1, "order": "unknown"}},
        {"request": {"seq": "1", "action": "undo", "removed": 1, "order": "redundant"}},
        {"request": {"seq": 1, "action": "undo", "removed": 0.5, "order": "redundant"}},
        {"request": {"seq": True, "action": ["undo"], "removed": 1, "order": ["redundant"]}},
        {"request": {"seq": 1, "action": "undo", "removed": float("nan"), "order": "redundant"}},
    ],
)
def test_a_request_that_makes_no_sense_is_none(monkeypatch, raw):
    monkeypatch.setattr(live.st, "session_state", {"live": raw})
    assert live.live_requests("live", total=10, orders=ORDERS) == []


@pytest.mark.parametrize(("sent", "used"), [(-4, 0), (7.0, 7), (10**9, 10)])
def test_a_request_is_brought_into_range(monkeypatch, sent, used):
    raw = {"seq": 3, "action": "threshold", "removed": sent, "order": "bottlenecks", "dragging": True}
    monkeypatch.setattr(live.st, "session_state", {"live": {"request": raw}})
    requests = live.live_requests("live", total=10, orders=ORDERS)
    assert requests == [live.LiveRequest(3, "threshold", used, "bottlenecks", True)]


def test_steps_without_an_answer_come_before_the_newest_request(monkeypatch):
    step = {"action": "threshold", "removed": 4, "order": "redundant", "dragging": False}
    newest = {"seq": 9, "action": "undo", "removed": 4, "order": "redundant", "dragging": False}
    raw = {
        **newest,
        "earlier": [{**step, "seq": 8}, "junk", {**step, "seq": 7, "order": "none"}, {**step, "seq": 6}],
    }
    monkeypatch.setattr(live.st, "session_state", {"live": {"request": raw}})
    requests = live.live_requests("live", total=10, orders=ORDERS)
    assert [request.seq for request in requests] == [6, 8, 9]
    assert requests[-1].action == "undo"


def test_modules_are_joined_dependencies_first():
    for entry in ENTRIES:
        joined = bundle.bundle(entry)
        assert re.findall(r"^export (\w+)", joined, re.MULTILINE) == ["default"]
        assert joined.index("function openChannel") < joined.index(
            "openChannel("
        )  # defined before it is used
        for name in re.findall(r"^// ---- ([\w/]+\.js)$", joined, re.MULTILINE):
            assert joined.count(f"// ---- {name}\n") == 1


def test_a_missing_asset_is_an_error():
    with pytest.raises(FileNotFoundError):
        read_asset("network/missing.js")


@pytest.mark.parametrize("entry", MOUNTED)
def test_the_joined_module_loads(node, tmp_path, entry):
    assert node(bundle.bundle(entry), tmp_path) == ""
