"""Connections by positions against the plain list of edges."""

import numpy as np
import pytest
from torch import nn

from ncviz.graph.build import build_graph
from ncviz.graph.positions import PathTable, connection_taps, layer_grid
from tests.examples.networks import NETWORKS, make


@pytest.fixture(params=[(name, share) for name in NETWORKS for share in (0.0, 0.5)], ids=str)
def graph(request):
    name, zero_share = request.param
    net, x = make(name, 0, zero_share=zero_share)
    return build_graph(net, tuple(x.shape[1:]))


def test_channels_and_positions_of_a_layer():
    assert layer_grid((7,)) == (7, 1)
    assert layer_grid((3, 4, 5)) == (3, 20)


def test_a_table_has_the_lengths_of_all_edges_and_nothing_else(graph):
    for index, connection in enumerate(graph.connections):
        edges = connection.edges
        expected = np.full(graph.layer_sizes[index : index + 2], np.inf)
        expected[edges.source, edges.target] = edges.length
        assert np.array_equal(connection_taps(graph, connection).table.dense(), expected)


def test_a_slot_names_the_weight_of_an_edge(graph):
    for connection in graph.connections:
        taps, edges = connection_taps(graph, connection), connection.edges
        assert taps.slots == connection.weight.shape[2]
        before, after = taps.table.positions
        kind = taps.table.find(edges.source % before, edges.target % after)
        assert np.all(kind >= 0)
        slot = taps.slot[kind, edges.source // before]
        assert np.array_equal(edges.target // after * taps.slots + slot, edges.parameter)


def test_a_depthwise_convolution_keeps_its_channels_apart():
    graph = build_graph(
        nn.Sequential(nn.Conv2d(3, 6, 2, groups=3), nn.Flatten(), nn.Linear(24, 2)), (3, 3, 3)
    )
    taps = connection_taps(graph, graph.connections[0])
    assert taps.table.lengths.shape == (4, 3, 6)
    assert taps.slots == 4
    own_group = np.arange(3)[:, None] == np.arange(6) // 2
    assert np.array_equal(np.isfinite(taps.table.lengths), np.broadcast_to(own_group, (4, 3, 6)))
    assert np.array_equal(np.sort(taps.slot, axis=0), np.broadcast_to(np.arange(4)[:, None], (4, 3)))


def test_a_convolution_is_kept_as_small_as_its_kernel():
    graph = build_graph(
        nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.Flatten(), nn.Linear(768, 2)), (2, 16, 16)
    )
    table = connection_taps(graph, graph.connections[0]).table
    assert table.lengths.shape == (9, 2, 3)
    assert len(table.source) == (3 * 16 - 2) ** 2
    assert np.all(np.diff(table.source.astype(np.int64) * 256 + table.target) > 0)
    # Behind it a linear layer reads each position through a tap of its own.
    assert connection_taps(graph, graph.connections[1]).table.lengths.shape == (256, 3, 2)


def test_find_knows_which_positions_are_joined():
    source, target, kind = (np.array(x, dtype=np.int32) for x in ([0, 0, 2], [1, 3, 0], [1, 0, 1]))
    table = PathTable(source, target, kind, np.ones((2, 1, 1)), (3, 4))
    assert table.find(source, target).tolist() == [1, 0, 1]
    assert table.find(np.array([[0, 1], [2, 2]]), np.array([[0, 1], [3, 0]])).tolist() == [[-1, -1], [-1, 1]]
    assert table.find(np.array([0]), np.array([1])).dtype == np.int32
    nothing = np.empty(0, dtype=np.int32)
    assert (
        PathTable(nothing, nothing, nothing, np.ones((0, 1, 1)), (3, 4)).find(source, target).tolist()
        == [-1] * 3
    )
