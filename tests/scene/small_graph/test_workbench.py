import json
import re

import numpy as np
import pytest

from ncviz.plots.small_graphs import PRESETS, preset
from ncviz.scene.small_graph.workbench import Workbench, curvature, flow, moves, problem
from ncviz.text import number
from ncviz.ui.components.bundle import bundle
from ncviz.ui.components.graph import component as graph_editor
from ncviz.ui.learn.page import lesson_link
from ncviz.ui.link.view_state import ViewState


@pytest.fixture
def bench():
    return Workbench.begin("bridge", 0.5)


def act(bench, action, **values):
    bench.take({"action": action, **values})


def test_it_begins_at_the_strongest_bottleneck(bench):
    assert bench.selected == (4, 5)
    assert bench.summary(0.5) == ""


def test_an_edge_that_is_added_says_what_changed_and_can_be_undone(bench):
    act(bench, "add_edge", u=4, v=6)
    assert bench.graph.edge(4, 6)
    assert bench.selected == (4, 5), "the edge that is looked at stays"
    assert re.match("Added 4–6: κ of 4–5: −1.00 → −0.45, ", bench.summary(0.5))
    assert (4, 6) not in bench.changes(0.5), "what is new has not changed"
    act(bench, "undo")
    assert bench.graph == preset("bridge")
    assert re.match("Undone: κ of 4–5: −0.45 → −1.00, ", bench.summary(0.5))
    act(bench, "redo")
    assert bench.graph.edge(4, 6)
    act(bench, "reset")
    assert bench.graph == preset("bridge")
    act(bench, "undo")
    assert bench.graph.edge(4, 6)


def test_an_edge_that_is_removed_is_selected_no_more(bench):
    act(bench, "remove_edge", u=5, v=4)
    assert bench.selected is None
    assert (1, 4) in bench.changes(0.5)
    act(bench, "undo")
    assert bench.selected == (4, 5)


def test_nodes_come_go_and_move(bench):
    act(bench, "add_node", x=0.5, y=0.9)
    assert bench.graph.places[9] == (0.5, 0.9)
    assert bench.summary(0.5) == "Added node 9: no other edge's κ changed."
    act(bench, "move_node", node=9, x=0.1, y=0.2)
    assert bench.graph.places[9] == (0.1, 0.2)
    assert bench.summary(0.5).startswith("Added node 9"), "moving a node is not what changed κ"
    act(bench, "remove_node", node=4)
    assert bench.selected is None
    act(bench, "add_node")
    assert 4 in bench.graph.places


def test_selecting(bench):
    act(bench, "select", u=2, v=1)
    assert bench.selected == (1, 2)
    act(bench, "clear")
    assert bench.selected is None


@pytest.mark.parametrize(
    "action",
    [{}, {"action": "explode"}, {"action": ["undo"]}, {"action": "add_edge"}, {"action": "add_edge", "u": 1, "v": [2]},
     {"action": "add_edge", "u": 1, "v": True}, {"action": "add_edge", "u": 1.5, "v": 2},
     {"action": "add_edge", "u": float("inf"), "v": 2}, {"action": "add_edge", "u": 1, "v": 99},
     {"action": "add_edge", "u": 1, "v": 2}, {"action": "select", "u": {}, "v": 1},
     {"action": "move_node", "node": 1, "x": "left", "y": 0},
     {"action": "move_node", "node": 1, "x": float("nan"), "y": 0},
     {"action": "add_node", "x": 0.5}, {"action": "remove_node", "node": None}, {"action": "undo"}, {"action": "redo"}],
)  # fmt: skip
def test_what_makes_no_sense_changes_nothing(bench, action):
    bench.take(action)
    assert bench.graph == preset("bridge")
    assert bench.selected == (4, 5)
    assert not bench.history.past


def test_a_refusal_is_said_once(bench):
    for _ in range(40):
        act(bench, "add_node")
    assert len(bench.graph.places) == 40
    assert "at most 40 nodes" in bench.summary(0.5)
    act(bench, "clear")
    assert "at most" not in bench.summary(0.5)


@pytest.mark.parametrize("length", [-3.0, 0.0, 1000.0, float("inf"), float("nan")])
def test_a_length_that_is_not_possible_is_said_and_not_taken(bench, length):
    bench.lengthen(length)
    assert bench.graph == preset("bridge")
    assert not bench.history.past
    assert "must lie between 0.1 and 10" in bench.refused_length
    assert bench.refused_length.endswith("; 4–5 keeps its length.")
    bench.lengthen(2.5)
    assert bench.refused_length == ""
    assert bench.graph.lengths[4, 5] == 2.5
    assert bench.summary(0.5).startswith("Length of 4–5 set to 2.5: κ of 4–5: ")
    bench.lengthen(length)
    act(bench, "select", u=1, v=2)
    assert bench.refused_length == ""


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("name", PRESETS)
def test_the_flow_along_the_steps_is_the_work(name, alpha):
    graph = preset(name)
    kappas = curvature(graph, alpha)
    assert list(kappas) == list(graph.lengths)
    for edge in list(graph.lengths)[:6]:
        found = problem(graph, edge, alpha)
        assert found.curvature / (1 - alpha) == pytest.approx(kappas[edge])
        moved = flow(graph, found)
        lengths = [graph.lengths[graph.edge(*step)] for step in moved]
        assert np.dot(lengths, list(moved.values())) == pytest.approx(found.value)
        assert sum(mass for *_, mass, _ in moves(found)) == pytest.approx(1)


def test_numbers_have_a_real_minus_and_no_negative_zero():
    assert (number(-0.5, 2), number(-0.001, 2), number(0.254, 2)) == ("−0.50", "0.00", "0.25")


def test_links():
    view = ViewState(graph="karate", idleness=0.25, lesson=2)
    assert lesson_link("http://a:8501/learn", 3, [], view) == "http://a:8501/?lesson=3"
    assert (
        lesson_link("https://b.org/app/learn", 6, ["sidebar", "tabs"], view)
        == "https://b.org/app/?lesson=6&hide=sidebar,tabs"
    )
    assert lesson_link("http://a/learn?lesson=2", 0, [], view) == "http://a/learn?graph=karate&idleness=0.25"
    assert lesson_link("http://a/learn", 0, [], ViewState()) == "http://a/learn"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(None, []), ("x", []), ({"actions": 3}, []), ({"actions": [3, {}, {"seq": "9"}, {"seq": True}]}, []),
     ({"actions": [{"seq": 5, "action": "redo"}, {"seq": 2}, {"seq": 4.0, "action": "undo"}]}, ["undo", "redo"])],
)  # fmt: skip
def test_actions_of_the_browser(monkeypatch, raw, expected):
    monkeypatch.setattr(graph_editor.st, "session_state", {"key": raw})
    assert [action.get("action") for action in graph_editor.graph_actions("key", 3)] == expected


def test_the_editor_gets_plain_json(monkeypatch):
    sent = {}
    monkeypatch.setattr(graph_editor, "component", lambda *_: lambda **given: sent.update(given))
    bench = Workbench.begin("layered", 0.5)
    act(bench, "add_edge", u=8, v=12)
    found = problem(bench.graph, bench.selected, 0.5)
    graph_editor.graph_editor(
        bench.graph,
        curvature(bench.graph, 0.5),
        key="key",
        height=430,
        seq=1,
        on_actions=lambda: None,
        selected=graph_editor.SelectedEdge(bench.selected, flow=flow(bench.graph, found)),
        changed=bench.changes(0.5),
    )
    data = json.loads(json.dumps(sent["data"], allow_nan=False))
    assert data["directed"]
    assert data["selected"] == [7, 9]
    changed = {(edge["u"], edge["v"]): edge["was"] for edge in data["edges"] if edge["was"] is not None}
    assert changed[7, 9] == pytest.approx(-3.5)
    assert sum(step["mass"] for step in data["flow"]) > 0


@pytest.mark.parametrize(
    ("nodes", "edges", "selected", "expected"),
    [(0, 0, False, "Add a node, or double-click in the picture."), (1, 0, False, "Add another node, to join the two."),
     (2, 0, False, "Click two nodes to join them."), (3, 1, False, "Click an edge, or two nodes to join them."),
     (3, 1, True, "Click two nodes to join them; drag nodes about."), (3, 3, False, "Click an edge."),
     (3, 3, True, "All nodes are joined; drag them about."), (40, 9, True, "40 nodes are the most that fit here.")],
)  # fmt: skip
def test_the_hint_fits_what_there_is(node, tmp_path, nodes, edges, selected, expected):
    data = {
        "nodes": [{}] * nodes,
        "edges": [{}] * edges,
        "selected": [1, 2] if selected else None,
        "most_nodes": 40,
    }
    script = f"process.stdout.write(hintWords({json.dumps(data)}, null));"
    assert node(bundle("graph/words.js") + script, tmp_path) == expected
