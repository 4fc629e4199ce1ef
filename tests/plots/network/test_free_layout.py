import re

import networkx as nx
import numpy as np
import pytest

from ncviz.plots.network.connected_parts import bottleneck_components
from ncviz.plots.network.free_layout import add_links, free_layout, graphml, links_between, to_graph
from ncviz.plots.network.free_places import free_places
from ncviz.plots.network.lines import Links, NetworkView


@pytest.fixture
def view():
    return NetworkView(
        layer_names=("input", "hidden 1", "classes"),
        layer_shapes=((3,), (2,), (2,)),
        classes=("cat", "</script><script>alert(1)</script>"),
        source=np.array([0, 2, 3, 4], np.int32),
        target=np.array([3, 4, 5, 6], np.int32),
        curvature=np.array([-1.5, 0.5, 1.0, 2.0], np.float32),
        weight=np.array([0.5, -2.0, 0.25, 1.0], np.float32),
        parameter=np.arange(4, dtype=np.int32),
        connection=np.array([0, 0, 1, 1], np.int32),
        connection_names=("a", "b"),
        parameter_count=4,
    )


def test_graph_has_units_edges_and_their_numbers(view):
    graph = to_graph(view, np.array([0, 2]))
    assert set(graph.nodes) == {0, 3, 5}
    assert graph.edges[0, 3] == {"curvature": -1.5, "weight": 0.5, "length": 2.0}
    assert graph.nodes[5]["label"] == "class cat"
    assert graph.nodes[3] == {"layer": 1, "unit": 0, "label": "hidden 1 · 0"}
    assert len(to_graph(view, np.empty(0, np.int64))) == 0


def test_graphml_is_read_back(view):
    graph = to_graph(view, np.arange(4))
    again = nx.parse_graphml(graphml(graph).decode())
    assert again.number_of_edges() == 4
    assert again.edges["2", "4"]["weight"] == -2.0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_page_holds_everything_and_escapes_names(view, theme):
    page = free_layout(to_graph(view, np.arange(4)), theme, 500)
    assert not re.findall(
        r"""(?:src|href)=["'][^"'#]""", re.sub(r"(?s)<script.*?</script>|<style.*?</style>", "", page)
    )
    assert not re.findall(r"<script[^>]+src=", page)
    assert "<link" not in page
    assert "cdn.jsdelivr" not in re.sub(r"(?s)<script type=\"text/javascript\">.*?</script>", "", page)
    assert "<script>alert(1)" not in page
    assert "network.fit(" in page


def test_the_page_has_legend_words_outlines_and_the_selection(view):
    graph = to_graph(view, np.arange(4))
    parts = bottleneck_components(graph)
    page = free_layout(graph, "light", 500, words=["showing 4 of 9 <edges>."], components=parts, selected={3})
    assert page.rstrip().endswith("</html>")
    own = page[page.rindex('<div id="legend">') :]
    assert "showing 4 of 9 &lt;edges&gt;." in own
    assert "bottleneck ≤ −2" in own
    assert '[{"name": "A", "nodes": [0, 3]}]' in own
    assert 'network.on("afterDrawing"' in own, "letters stand over the edges"
    assert '"label": "hidden 1 \\u00b7 0"' in page, "a selected unit says its name"
    assert "diamond" in page[page.index("new vis.DataSet") :]
    assert "drawParts" not in free_layout(graph, "dark", 500).rsplit("legend", 1)[1]
    assert '"layers": [{"name": "input", "node": 0}, {"name": "hidden 1", "node": 3}' in own
    assert '"nodes": [{"id": 0, "name": "0"}' in own, "a selected node has its name already"


def test_layers_stand_side_by_side_and_parts_that_meet_a_layer_under_each_other(view):
    graph = to_graph(view, np.arange(4))
    graph.edges[4, 6]["curvature"] = -1.0
    parts = bottleneck_components(graph)
    assert [part.nodes for part in parts] == [(0, 3), (4, 6)]
    places = free_places(graph, parts)
    assert set(places) == set(graph)
    layers = dict(graph.nodes(data="layer"))
    columns = {layer: {x for node, (x, _) in places.items() if layers[node] == layer} for layer in range(3)}
    assert [len(xs) for xs in columns.values()] == [1, 1, 1]
    assert max(columns[0]) < min(columns[1]) < min(columns[2])
    rows = {part.name: [places[node][1] for node in part.nodes] for part in parts}
    assert max(rows["A"]) < min(rows["B"]), "both reach over the middle layer"
    # Joined straight across, no two lines of a matching cross.
    ladder = nx.DiGraph(noun="units")
    for at in range(8):
        ladder.add_node(at, layer=0, unit=at, label=f"input · {at}")
        ladder.add_node(8 + at, layer=1, unit=at, label=f"out · {at}")
        ladder.add_edge(at, 8 + (at * 5) % 8, curvature=0.5)
    there = free_places(ladder)
    assert all(there[source][1] == pytest.approx(there[target][1]) for source, target in ladder.edges)


def test_of_two_edges_between_the_same_nodes_the_stronger_bottleneck_is_drawn():
    view = NetworkView(
        layer_names=("input", "classes"),
        layer_shapes=((1,), (1,)),
        classes=(),
        source=np.zeros(2, np.int32),
        target=np.ones(2, np.int32),
        curvature=np.array([-1.0, 0.5], np.float32),
        weight=np.array([2.0, 3.0], np.float32),
        parameter=np.arange(2, dtype=np.int32),
        connection=np.arange(2, dtype=np.int32),
        connection_names=("1", "2"),
        parameter_count=2,
    )
    for edges in ([0, 1], [1, 0]):
        graph = to_graph(view, np.array(edges))
        assert graph.number_of_edges() == 1
        assert graph.edges[0, 1]["curvature"] == -1.0
        assert graph.edges[0, 1]["weight"] == 2.0


@pytest.fixture
def linked():
    """Three layers of two units; a skip and a pooling beside the edges."""
    return NetworkView(
        layer_names=("input", "middle", "out"),
        layer_shapes=((2,), (2,), (2,)),
        classes=(),
        source=np.array([0, 1, 2], np.int32),
        target=np.array([2, 3, 4], np.int32),
        curvature=np.array([-1, 1, -0.5], np.float32),
        weight=np.ones(3, np.float32),
        parameter=np.arange(3, dtype=np.int32),
        connection=np.array([0, 0, 1], np.int32),
        connection_names=("a", "b"),
        parameter_count=3,
        links=Links(
            np.array([0, 1, 0], np.int32),
            np.array([4, 5, 2], np.int32),
            np.array([0, 0, 1], np.int32),
            ("add <1>", "max"),
            ("skip", "pool"),
            (2, 1),
        ),
    )


def test_links_between_what_is_drawn_are_drawn_and_count_for_nothing(linked):
    graph = to_graph(linked, np.arange(3))
    links = links_between(linked, graph.nodes)
    # Unit 5 has no edge, so the skip to it would end nowhere.
    assert links == [(0, 4, "add <1>", "skip"), (0, 2, "max", "pool")]
    assert [part.bottlenecks for part in bottleneck_components(graph)] == [2]
    page = free_layout(graph, "light", 400, links=links)
    assert page.count("no weight, no \\u03ba") == 2
    assert "add <1>" not in page
    assert "no weight" not in free_layout(graph, "light", 400)


def test_graphml_has_the_links_without_a_curvature(linked):
    graph = to_graph(linked, np.arange(3))
    add_links(graph, linked)
    again = nx.parse_graphml(graphml(graph).decode())
    assert again.edges["0", "4"] == {"link": "skip"}
    assert again.edges["0", "2"]["link"] == "pool"
    assert again.edges["0", "2"]["curvature"] == -1
    assert "link" not in again.edges["1", "3"]


def test_a_network_without_links_has_none(view):
    assert links_between(view, range(view.node_count)) == []
