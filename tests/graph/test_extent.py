"""What is foretold of the path tables against the tables themselves."""

import pytest

from ncviz.graph.build import build_graph
from ncviz.graph.extent import extent_of
from ncviz.graph.paths import distances
from tests.examples.networks import NETWORKS
from tests.examples.networks import make as make_chain
from tests.examples.wired import WIRED, make


@pytest.mark.parametrize("channels", [0, 2])
@pytest.mark.parametrize("name", [*WIRED, *(name for name in NETWORKS if name != "conv_same")])
def test_the_tables_are_as_large_as_foretold(name, channels):
    net, x = make(name, 3) if name in WIRED else make_chain(name, 3)
    graph = build_graph(net, tuple(x.shape[1:]))
    extent = extent_of(graph)
    sampled = graph.sampled(channels, 1) if channels else graph
    found = distances(sampled)
    assert {(t.source, t.target): t.kinds for t in extent.tables} == {
        pair: len(table.lengths) for pair, table in found.tables.items()
    }
    assert extent.bytes(channels=channels) == sum(table.lengths.nbytes for table in found.tables.values())
    some = [0, len(graph.connections) - 1]
    part = distances(sampled, connections=some)
    assert extent.bytes(some, channels) <= sum(table.lengths.nbytes for table in part.tables.values())
    assert extent.largest(some, channels) <= extent.largest(channels=channels)
    assert extent.edges() == graph.number_of_edges
