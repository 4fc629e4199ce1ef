import networkx as nx
import pytest

from ncviz.plots.network.connected_parts import bottleneck_components, bottlenecks, letters

LAYERS = ("input", "hidden 1", "hidden 2", "classes")


def graph_of(edges):
    """A graph of (layer, unit) → (layer, unit) edges with their curvatures."""
    graph = nx.DiGraph()
    number = lambda layer, unit: 100 * layer + unit  # noqa: E731
    for (layer, unit), (to, other), kappa in edges:
        for at, index in ((layer, unit), (to, other)):
            graph.add_node(number(at, index), layer=at, unit=index, label=f"{LAYERS[at]} · {index}")
        graph.add_edge(number(layer, unit), number(to, other), curvature=kappa)
    return graph


def test_parts_are_what_bottlenecks_alone_hold_together():
    graph = graph_of(
        [
            ((0, 0), (1, 0), -1.0),
            ((0, 1), (1, 0), -2.0),
            ((1, 0), (2, 5), -0.5),
            ((2, 5), (3, 0), -0.25),
            ((2, 5), (3, 1), -0.25),
            ((0, 7), (1, 7), -3.0),
            ((1, 0), (2, 6), 0.5),
            ((1, 7), (2, 5), 0.0),
        ]
    )
    first, second = bottleneck_components(graph)
    assert (first.name, first.bottlenecks, first.layers, len(first.nodes)) == ("A", 5, 4, 6)
    assert first.lowest == -2.0
    assert first.narrowest == "hidden 1 · 0"
    assert first.description == "A: 6 units in 4 layers, 5 bottlenecks, narrowest at hidden 1 · 0"
    assert (second.name, second.narrowest) == ("B", "")
    assert second.description == "B: 2 units in 2 layers, 1 bottleneck"
    assert bottlenecks(graph).number_of_edges() == 6
    assert graph.number_of_edges() == 8, "the graph given is not changed"


def test_several_units_at_the_narrowest_place_are_counted():
    edges = [((0, unit), (1, unit % 2), -1.0) for unit in range(5)]
    edges += [((1, unit), (2, 0), -1.0) for unit in range(2)]
    (part,) = bottleneck_components(graph_of(edges))
    assert part.narrowest == "hidden 1 (2 units)"


def test_without_bottlenecks_there_is_no_part():
    assert bottleneck_components(graph_of([((0, 0), (1, 0), 0.5)])) == []
    assert bottleneck_components(nx.DiGraph()) == []


@pytest.mark.parametrize(
    ("number", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (702, "AAA")]
)
def test_letters(number, name):
    assert letters(number) == name
