import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn

from ncviz import build_graph
from ncviz.errors import ModelError
from ncviz.graph import paths


def test_tables_are_shortest_paths():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.Conv2d(2, 2, 2, padding=1), nn.ReLU(), nn.Flatten(),
                            nn.Linear(32, 4), nn.ReLU(), nn.Linear(4, 3))  # fmt: skip
        net[2].weight.data[0, 1] = 0
    built = build_graph(net, (1, 4, 4))
    graph = nx.DiGraph()
    for level, connection in enumerate(built.connections):
        edges = connection.edges
        for i, j, length in zip(
            edges.source.tolist(), edges.target.tolist(), edges.length.tolist(), strict=True
        ):
            graph.add_edge((level, i), (level + 1, j), length=length)
    found = paths.distances(built)
    for hop, tables in ((2, found.two), (3, found.three)):
        assert len(tables) == len(built.connections) + 1 - hop
        for level, table in enumerate(tables):
            assert table.shape == (built.layer_sizes[level], built.layer_sizes[level + hop])
            for i in range(table.shape[0]):
                near = nx.single_source_dijkstra_path_length(graph, (level, i), weight="length")
                expected = [near.get((level + hop, v), np.inf) for v in range(table.shape[1])]
                assert np.allclose(table[i], expected, rtol=1e-12)


def test_chunks_do_not_change_the_product(monkeypatch):
    net = nn.Sequential(nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    graph = build_graph(net, (7,))
    whole = paths.distances(graph)
    monkeypatch.setattr(paths, "_CHUNK_ELEMENTS", 1)
    chunked = paths.distances(graph)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(whole.two + whole.three, chunked.two + chunked.three, strict=True)
    )


def test_tables_that_do_not_fit_are_refused_before_they_are_made(monkeypatch):
    monkeypatch.setattr(paths, "MAX_TABLE_BYTES", 100)
    graph = build_graph(nn.Sequential(nn.Linear(7, 6), nn.Linear(6, 5)), (7,))
    with pytest.raises(ModelError, match="distance tables"):
        paths.distances(graph)
