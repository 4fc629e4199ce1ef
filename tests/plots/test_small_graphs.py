import math

import networkx as nx
import pytest

from ncviz.errors import NcvizError
from ncviz.plots.small_graphs import MAX_NODES, PRESETS, SmallGraph, preset


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_whole_and_have_a_place_for_every_node(name):
    graph = preset(name)
    assert sorted(graph.places) == list(range(1, len(graph.places) + 1))
    assert len(graph.places) <= MAX_NODES
    assert all(0 <= value <= 1 for place in graph.places.values() for value in place)
    places = list(graph.places.values())
    nearest = min(math.dist(a, b) for at, a in enumerate(places) for b in places[:at])
    assert nearest > 0.02
    drawn = graph.to_networkx()
    assert nx.is_weakly_connected(drawn) if graph.is_directed else nx.is_connected(drawn)
    assert preset(name) == graph, "the same every time"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("bridge", nx.barbell_graph(4, 0)), ("clique", nx.complete_graph(6)), ("cycle", nx.cycle_graph(6)),
     ("tree", nx.balanced_tree(2, 3)), ("grid", nx.grid_2d_graph(4, 5)), ("karate", nx.karate_club_graph())],
)  # fmt: skip
def test_presets_are_the_graphs_that_they_are_named_after(name, expected):
    assert nx.is_isomorphic(preset(name).to_networkx(), nx.Graph(expected.edges))


def test_the_layered_net_runs_from_left_to_right():
    graph = preset("layered")
    assert graph.is_directed
    assert all(graph.places[u][0] < graph.places[v][0] for u, v in graph.lengths)
    assert graph.to_networkx()[7][9]["length"] == 1.0


def test_edits_give_new_graphs_and_leave_the_old_one():
    graph = preset("bridge")
    kept = preset("bridge")
    joined = graph.add_edge(3, 6)
    assert joined.edge(6, 3) == (3, 6)
    assert joined.to_networkx()[6][3]["length"] == 1.0
    assert joined.remove_edge(6, 3) == graph
    assert graph.with_length(5, 4, 2.5).lengths[4, 5] == 2.5
    assert graph.move_node(1, (0.5, 7.0)).places[1] == (0.5, 1.0)
    without = graph.remove_node(4)
    assert 4 not in without.places
    assert all(4 not in edge for edge in without.lengths)
    assert without.add_node((0.2, 0.3)).places[4] == (0.2, 0.3), "the name that is free"
    assert graph == kept


def test_a_directed_graph_keeps_directions_and_one_edge_a_pair():
    graph = SmallGraph({1: (0, 0), 2: (1, 1)}, is_directed=True).add_edge(2, 1)
    assert list(graph.to_networkx().edges) == [(2, 1)]
    with pytest.raises(NcvizError, match="joined already"):
        graph.add_edge(1, 2)


def test_a_node_goes_where_there_is_room():
    graph = SmallGraph({1: (0.1, 0.1), 2: (0.2, 0.1)})
    assert graph.add_node().places[3] == (0.875, 0.875)
    assert len(SmallGraph().add_node().places) == 1


def test_what_cannot_be_done_is_a_sentence():
    graph = preset("cycle")
    for attempt in (
        lambda: graph.add_edge(1, 1),
        lambda: graph.add_edge(1, 2),
        lambda: graph.add_edge(1, 99),
        lambda: graph.remove_edge(1, 3),
        lambda: graph.remove_node(99),
        lambda: graph.move_node(99, (0, 0)),
        lambda: graph.with_length(1, 2, 0.0),
        lambda: graph.with_length(1, 2, math.nan),
        lambda: preset("no such graph"),
    ):
        with pytest.raises(NcvizError):
            attempt()


def test_there_is_a_most():
    graph = SmallGraph()
    for _ in range(MAX_NODES):
        graph = graph.add_node()
    with pytest.raises(NcvizError, match=f"at most {MAX_NODES} nodes"):
        graph.add_node()
