import json
import re

import pytest
from streamlit.testing.v1 import AppTest

from ncviz.ui.components import Order, bundle
from ncviz.ui.components.bundle import read_asset
from ncviz.ui.components.live import component as live

ENTRIES = ("network/component.js", "live/component.js")
ORDERS = [Order("redundant", "Redundant first"), Order("bottlenecks", "Bottlenecks first")]


def page():
    import numpy as np
    import streamlit as st

    from ncviz.plots.network.lines import NetworkView
    from ncviz.plots.network.payload import payload
    from ncviz.ui.components import (
        Answer,
        Order,
        Sweep,
        live_panel,
        live_requests,
        network_canvas,
        panel_data,
    )

    edges = np.arange(6, dtype=np.int32)
    view = NetworkView(
        layer_names=("<b>in</b>", "out"),
        layer_shapes=((3,), (2,)),
        classes=("a", "b"),
        source=edges // 2,
        target=3 + edges % 2,
        curvature=np.linspace(-1, 1, 6).astype(np.float32),
        weight=np.ones(6, np.float32),
        parameter=edges,
        connection=np.zeros(6, np.int32),
        connection_names=("fc",),
        parameter_count=6,
    )
    selection = network_canvas(
        payload(view, {"redundant": edges[::-1]}),
        channel="c",
        height=100,
        key="net",
        removed=2,
        order="redundant",
    )
    orders = [Order("redundant", "Redundant first", "removes κ > {value}", tone="redundant")]
    request = live_requests("live", total=6, orders=orders)
    data = panel_data(
        channel="c",
        total=6,
        removed=np.int64(2),
        order="redundant",
        seq=request.seq if request else 0,
        orders=orders,
        sweeps={"redundant": Sweep(np.array([0, 3, 6]), [0.9, float("nan"), None], [np.inf, 0.5, -1.0])},
        baseline=0.9,
        answer=Answer(0, 2, "redundant", np.float32(0.75), True, 360, float("-inf")),
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
    data = json.loads(protos["ncviz_live"].json, parse_constant=pytest.fail)
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
        "exact": True,
        "images": 360,
        "threshold": None,
    }
    assert set(data["tones"]["dark"]) == {"bottleneck", "redundant"}


def test_a_drag_answers_with_little(protos):
    proto = protos["ncviz_live"]
    assert proto.ByteSize() < 64_000


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


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_joined_module_loads(node, tmp_path, entry):
    assert node(bundle.bundle(entry), tmp_path) == ""


def module(name):
    """A source module's text with its exports as plain names, dependencies included."""
    return bundle.bundle(name)


def test_one_request_is_in_flight_and_releases_are_never_lost(node, tmp_path):
    script = """
let time = 1000, tasks = [], sent = [];
const clock = {
  now: () => time,
  later: (task, wait) => { const item = { task, at: time + wait }; tasks.push(item); return item; },
  cancel: (item) => { tasks = tasks.filter((other) => other !== item); },
};
const pass = (ms) => {
  const end = time + ms;
  for (;;) {
    tasks.sort((a, b) => a.at - b.at);
    if (!tasks.length || tasks[0].at > end) break;
    const { at, task } = tasks.shift();
    time = at;
    task();
  }
  time = end;
};
const sender = new Sender((request) => sent.push(request), clock);
for (let i = 0; i < 20; i += 1) { sender.push({ removed: i, dragging: true }); pass(5); }
const atFirst = sent.map((r) => r.removed);           // only the first: no answer yet
sender.answered(1); pass(60);
const afterAnswer = sent.map((r) => r.removed);       // then the newest, the others are dropped
sender.push({ removed: 20, dragging: true });
sender.push({ removed: 21, dragging: false });        // a release overtakes its own drag and does not wait
const afterRelease = sent.map((r) => r.removed);
sender.push({ action: "undo", dragging: false });
sender.push({ action: "redo", dragging: false });
const waiting = sent.length;
sender.answered(2); pass(10);                         // an old answer changes nothing
const stillWaiting = sent.length;
sender.answered(3); pass(1);
const afterUndo = sent.at(-1).action;
pass(5000);                                           // no answer at all: patience ends
const afterPatience = sent.at(-1).action;
sender.answered(5);
console.log(JSON.stringify({ atFirst, afterAnswer, afterRelease, waiting, stillWaiting, afterUndo, afterPatience,
  idle: sender.isIdle, seqs: sent.map((r) => r.seq), earlier: sent.map((r) => r.earlier.map((e) => e.seq)) }));
"""
    told = json.loads(node(module("live/sender.js") + script, tmp_path))
    assert told == {
        "atFirst": [0],
        "afterAnswer": [0, 19],
        "afterRelease": [0, 19, 21],
        "waiting": 3,
        "stillWaiting": 3,
        "afterUndo": "undo",
        "afterPatience": "redo",
        "idle": True,
        "seqs": [1, 2, 3, 4, 5],
        "earlier": [[], [], [], [], [4]],  # the undo had no answer, so it goes along with the redo
    }


def test_the_readout_prefers_what_was_measured_here_and_never_an_older_value(node, tmp_path):
    script = """
const sweeps = { a: { removed: [0, 10, 20], accuracy: [1, 0.5, null], threshold: [2, 1, 0] } };
const answer = { removed: 4, order: "a", accuracy: 0.83, exact: true, images: 360, threshold: 1.7 };
const base = { answer, answeredAt: 0, sweeps, order: "a", removed: 4, isDragging: false, isLive: true, now: 9e9 };
const show = (change) => { const r = readout({ ...base, ...change }); return [r.accuracy, r.source]; };
console.log(JSON.stringify([
  show({}), show({ removed: 5 }), show({ removed: 5, isDragging: true, now: 100 }),
  show({ removed: 5, isDragging: true, isLive: false, now: 100 }),
  show({ removed: 5, isDragging: true, now: 900 }), show({ order: "b" }), show({ answer: { ...answer, exact: false } }),
  show({ answer: null, removed: 99 }), [thresholdAt(base), thresholdAt({ ...base, removed: 5 })],
]));
"""
    told = json.loads(node(module("live/curve.js") + script, tmp_path))
    assert told == [
        [0.83, "measured"],
        [0.75, "curve"],
        [0.83, "measured"],
        [0.75, "curve"],
        [0.75, "curve"],
        [None, "unknown"],
        [0.8, "curve"],
        [None, "unknown"],
        [1.7, 1.5],
    ]


def test_a_panel_without_python_keeps_its_own_history(node, tmp_path):
    script = """
let data = { removed: 0, order: "a", is_offline: true };
const history = new OfflineHistory();
const said = [];
const ask = (action, removed, order = "a", dragging = false) => {
  data = history.answer(data, { action, removed, order, dragging, seq: said.length + 1 });
  said.push([data.removed, data.order, data.can_undo, data.can_redo]);
};
ask("threshold", 3, "a", true);
ask("threshold", 5);
ask("threshold", 5);
ask("threshold", 5, "b");
ask("reset", 5, "b");
ask("undo", 0, "b");
ask("undo", 5, "b");
ask("redo", 5, "a");
ask("threshold", 7, "b");
ask("redo", 7, "b");
for (let i = 0; i < 4; i += 1) ask("undo", 0);
console.log(JSON.stringify(said));
"""
    told = json.loads(node(module("live/history.js") + script, tmp_path))
    assert told == [
        [0, "a", False, False],  # a passing position is no step
        [5, "a", True, False],
        [5, "a", True, False],  # nor is one that changes nothing
        [5, "b", True, False],
        [0, "b", True, False],
        [5, "b", True, True],
        [5, "a", True, True],
        [5, "b", True, True],
        [7, "b", True, False],
        [7, "b", True, False],
        [5, "b", True, True],
        [5, "a", True, True],
        [0, "a", False, True],
        [0, "a", False, True],
    ]


def test_a_curve_with_a_point_for_every_step_needs_no_answer(node, tmp_path):
    script = """
const fine = { removed: [0, 3, 5, 9], accuracy: [0.9, 0.8, null, 0.1], threshold: [], images: 360 };
const base = { answer: null, answeredAt: 0, order: "a", isDragging: true, isLive: false, now: 0 };
const show = (removed, images) => readout({ ...base, removed, sweeps: { a: { ...fine, images } } });
console.log(JSON.stringify([
  [0, 3, 9].map((removed) => show(removed, 360)),
  [4, 5, 12].map((removed) => measuredAt(fine, removed)),
  show(3, 0).source, show(4, 360).source, measuredAt(undefined, 3), measuredAt({ ...fine, removed: [] }, 3) ?? null,
]));
"""
    told = json.loads(node(module("live/curve.js") + script, tmp_path))
    assert told[0] == [
        {"accuracy": accuracy, "source": "measured", "images": 360} for accuracy in (0.9, 0.8, 0.1)
    ]
    assert told[1:] == [[None, None, None], "curve", "curve", None, None]


def test_keys_ask_for_steps_unless_text_is_typed(node, tmp_path):
    script = """
const none = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
const asks = (key, held = {}) => wish({ ...none, key, ...held });
const slides = (key, held = {}) => slide({ ...none, key, ...held });
console.log(JSON.stringify({
  undo: [asks("z", { ctrlKey: true }), asks("z", { metaKey: true }), asks("z"),
    asks("z", { ctrlKey: true, altKey: true })],
  redo: [asks("Z", { ctrlKey: true, shiftKey: true }), asks("y", { ctrlKey: true })],
  step: [asks("["), asks("]"), asks("}", { shiftKey: true }), asks("[", { ctrlKey: true }),
    asks("[", { ctrlKey: true, altKey: true })],
  slide: [slides("ArrowRight"), slides("ArrowDown", { shiftKey: true }), slides("PageUp"), slides("Home"),
    slides("End"), slides("a"), slides("ArrowLeft", { ctrlKey: true })],
  typed: [{ tagName: "INPUT", type: "text" }, { tagName: "TEXTAREA" }, { tagName: "SELECT" },
    { tagName: "DIV", isContentEditable: true }].map(takesText),
  free: [{ tagName: "INPUT", type: "range" }, { tagName: "BUTTON" }, { tagName: "BODY" }, undefined].map(takesText),
}));
"""
    told = json.loads(node(module("live/keys.js") + script, tmp_path))
    assert told == {
        "undo": [{"action": "undo"}, {"action": "undo"}, None, None],
        "redo": [{"action": "redo"}, {"action": "redo"}],
        "step": [
            {"sign": -1, "size": 0.1},
            {"sign": 1, "size": 0.1},
            {"sign": 1, "size": 1},
            None,
            {"sign": -1, "size": 0.1},
        ],
        "slide": [
            {"sign": 1, "size": 0.1},
            {"sign": -1, "size": 1},
            {"sign": 1, "size": 1},
            {"to": 0},
            {"to": 1},
            None,
            None,
        ],
        "typed": [True] * 4,
        "free": [False] * 4,
    }


def test_only_what_has_left_the_page_is_torn_down(node, tmp_path):
    script = """
const log = [];
let made = 0;
const run = keepInstance(() => {
  const id = (made += 1);
  return { update: ({ data }) => log.push(`${id} ${data}`), destroy: () => log.push(`${id} gone`) };
});
const root = { isConnected: true };
const late = run({ parentElement: root, data: "new" });
const overtaken = run({ parentElement: root, data: "old, come late" });
overtaken();                       // Streamlit cleans up after a call that was overtaken: the picture stays
run({ parentElement: root, data: "next" });
root.isConnected = false;
late();
late();                            // once is enough
root.isConnected = true;
run({ parentElement: root, data: "back" });
console.log(JSON.stringify(log));
"""
    told = json.loads(node(module("shared/instances.js") + script, tmp_path))
    assert told == ["1 new", "1 old, come late", "1 next", "1 gone", "2 back"]
