"""What the graph divides weights by: at borders, in rows that are zero, for a module that is used twice."""

import numpy as np
import pytest
import torch
from torch import nn

from ncviz import build_graph
from ncviz.errors import NcvizError


def dense_weights(graph):
    """Return the weight on each pair of units, by parameter and layers."""
    found = {}
    for each in graph.connections:
        matrix = np.zeros((graph.layer_sizes[each.source], graph.layer_sizes[each.target]))
        edges = each.edges
        matrix[edges.source, edges.target] = 1 / edges.length
        key = each.parameter, each.source, each.target
        found[key] = found.get(key, 0) + matrix
    return found


def test_pruned_rows_borders_and_groups():
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, groups=2, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2)
    )
    net[0].weight.data[1] = 0
    net[3].weight.data[:, 5] = 0
    (conv, _), size = (
        build_graph(net, (2, 2, 2), scale="channel-fan-in").connections,
        net[0].weight.detach().abs(),
    )
    # Each of the four units of a 2×2 map sees a corner of the kernel: those four corners' mean comes in.
    corners = torch.stack([size[:, :, i : i + 2, j : j + 2].sum((1, 2, 3)) for i in (0, 1) for j in (0, 1)])
    expected = corners.double().mean(0).numpy()
    expected[1] = 1  # all zero: no edges, nothing to divide
    assert conv.divisor == pytest.approx(expected, rel=1e-6)
    whole = build_graph(net, (2, 2, 2), scale="fan-in").connections[0]
    # The row that is all zero is no part of the mean.
    assert whole.divisor == pytest.approx(np.full(4, expected[[0, 2, 3]].mean()), rel=1e-6)


def test_a_module_that_is_used_twice_is_divided_at_each_place_by_what_it_brings_there():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.head = nn.Conv1d(2, 2, 3, padding=1), nn.Linear(4, 2)

        def forward(self, x):
            x = torch.relu(self.a(x))
            return self.head(torch.relu(self.a(x[..., ::2]) + self.a(x[..., 1::2])).flatten(1))

    graph = build_graph(Twice(), (2, 4), scale="channel-fan-in")
    assert [each.parameter for each in graph.connections] == ["a.weight"] * 3 + ["head.weight"]
    for each in graph.connections:
        reached = dense_weights(graph)[each.parameter, each.source, each.target].sum(axis=0)
        terms = 2 if each.target == 2 else 1  # each of two that end in one unit brings 1 on average
        assert reached.reshape(graph.layer_shapes[each.target][0], -1).mean(axis=1) == pytest.approx(terms)


def test_an_unknown_scale_is_refused():
    with pytest.raises(NcvizError, match=r"no scale .*'rms'; choose one of: own, fan-in, channel-fan-in"):
        build_graph(nn.Linear(2, 2), (2,), scale="rms")
