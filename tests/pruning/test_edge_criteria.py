"""Criteria on the edges of the neural graph against lists of all edges, walked one by one or given to networkx."""

import copy
import itertools
import math
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn

from ncviz import build_graph, pruning_scores
from ncviz.errors import NcvizError
from ncviz.pruning.criteria import betweenness, mlp_rank
from ncviz.pruning.criteria.betweenness import edge_betweenness

SHAPE = (2, 4, 4)


class Residual(nn.Module):
    """A grouped convolution, a skip around another, a pooling, and a linear layer."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 2, stride=2, padding=1, groups=2)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.pool = nn.AvgPool2d(2, stride=1)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = torch.relu(x + self.second(x))
        return self.head(self.pool(x).flatten(1))


@pytest.fixture(scope="module")
def net():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        found = Residual().eval()
    with torch.no_grad():
        found.second.weight[0, 1] = 0.0
        found.head.weight[1, 3] = 0.0
    return found


@pytest.fixture(scope="module")
def images():
    return torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def graph(net):
    return build_graph(net, SHAPE)


def edges_of(graph):
    """Every edge: its weight's name and place ("" for a skip or a pooling), both units, and its length."""
    for each in (*graph.connections, *graph.links):
        own = each.edges
        for at in range(len(own)):
            yield (
                (each.parameter, int(own.parameter[at])),
                (each.source, int(own.source[at])),
                (each.target, int(own.target[at])),
                float(own.length[at]),
            )


def flat(scores):
    """One value for each weight's name and place."""
    return {
        (name, at): float(value)
        for name, own in scores.items()
        for at, value in enumerate(np.asarray(own).reshape(-1))
    }


def test_forman_is_two_less_the_neighbours_roots(net, graph, images):
    edges = list(edges_of(graph))
    at_unit = {}
    for number, (_, source, target, _) in enumerate(edges):
        at_unit.setdefault(source, []).append(number)
        at_unit.setdefault(target, []).append(number)
    least = {}
    for number, (weight, source, target, length) in enumerate(edges):
        curvature = 2.0
        for other in at_unit[source] + at_unit[target]:
            if other != number:
                curvature -= math.sqrt(edges[other][3] / length)
        least[weight] = min(curvature, least.get(weight, math.inf))
    found = flat(pruning_scores(net, "forman", inputs=images[:1]))
    for weight, score in found.items():
        assert score == pytest.approx(-least.get(weight, 4.0))
    assert found["head.weight", 19] == -4.0


def by_networkx(graph):
    """Each edge as two, so that there are no parallel ones."""
    whole = nx.DiGraph()
    for number, (weight, source, target, length) in enumerate(edges_of(graph)):
        whole.add_edge(source, ("edge", number), length=length, weight=weight)
        whole.add_edge(("edge", number), target, length=0.0)
    last = len(graph.layer_sizes) - 1
    ends = [[(layer, unit) for unit in range(graph.layer_sizes[layer])] for layer in (0, last)]
    sources, targets = ([each for each in units if each in whole] for units in ends)
    found = nx.edge_betweenness_centrality_subset(whole, sources, targets, weight="length")
    total = {}
    for (one, other), value in found.items():
        if "weight" in whole[one][other]:
            own = whole[one][other]["weight"]
            total[own] = total.get(own, 0.0) + value
    return total


def test_betweenness_is_networkx(net, graph, images):
    expected = by_networkx(graph)
    found = {}
    for each, own in zip(graph.connections, edge_betweenness(graph), strict=True):
        found |= flat({each.parameter: each.as_parameter(own.reshape(-1))})
    assert {weight: pytest.approx(expected.get(weight, 0.0)) for weight in found} == found
    assert sum(value > 0 for value in found.values()) > 10
    scores = flat(pruning_scores(net, "betweenness", inputs=images[:1]))
    size = flat({name: own.detach().abs() for name, own in net.named_parameters()})
    by_both = sorted(scores, key=lambda weight: (round(expected.get(weight, 0.0), 9), size[weight]))
    in_order = [(round(expected.get(w, 0.0), 9), size[w], scores[w]) for w in by_both]
    assert all(a[2] < b[2] for a, b in itertools.pairwise(in_order) if a[:2] != b[:2])


def test_paths_of_equal_length_count_in_shares():
    net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Linear(3, 2, bias=False)).eval()
    with torch.no_grad():
        net[0].weight.fill_(1.0)
        net[1].weight.fill_(1.0)
        net[1].weight[1, 0] = 0.5
    graph = build_graph(net, (2,))
    found = flat(
        {each.parameter: own[0] for each, own in zip(graph.connections, edge_betweenness(graph), strict=True)}
    )
    assert found == pytest.approx(by_networkx(graph) | {("1.weight", 3): 0.0})
    # To the first class three ways of equal length from either pixel, to the second two.
    assert found["0.weight", 0] == pytest.approx(1 / 3)
    assert found["0.weight", 2] == pytest.approx(1 / 3 + 1 / 2)


def test_too_many_steps_are_refused(graph, monkeypatch):
    monkeypatch.setattr(betweenness, "LIMITS", replace(betweenness.LIMITS, path_steps=1000))
    with pytest.raises(NcvizError, match=r"more than 1\.0e\+03; choose another criterion"):
        edge_betweenness(graph)


def test_mlp_rank_is_page_rank_layer_by_layer(net, graph, images):
    net, inputs = net.double(), images.double()
    with torch.no_grad():
        first = torch.relu(net.first(inputs))
        second = torch.relu(first + net.second(first))
        pooled = net.pool(second)
        layers = [inputs, first, second, pooled, net(inputs).softmax(dim=1)]
    norms = [layer.flatten(1).norm(dim=0).numpy() for layer in layers]
    assert [len(norm) for norm in norms] == list(graph.layer_sizes)
    edges = list(edges_of(graph))
    strength, degree = {}, {}
    for _, source, _, length in edges:
        strength[source] = strength.get(source, 0.0) + 1 / length
        degree[source] = degree.get(source, 0) + 1
    rank = {(0, unit): norm / norms[0].sum() for unit, norm in enumerate(norms[0])}
    carried = {}
    for layer in range(1, len(norms)):
        came = np.zeros(len(norms[layer]))
        for weight, source, target, length in edges:
            if target[0] == layer:
                share = 0.5 / length / strength[source] + 0.5 / degree[source]
                came[target[1]] += share * rank[source]
                carried[weight] = carried.get(weight, 0.0) + share * rank[source]
        own = 0.9 * came + 0.1 * norms[layer] / norms[layer].sum()
        rank |= {(layer, unit): value / own.sum() for unit, value in enumerate(own)}
    net.float()
    found = flat(pruning_scores(net, "mlp-rank", inputs=images))
    assert found == {weight: pytest.approx(carried.get(weight, 0.0), abs=1e-15) for weight in found}
    assert found["head.weight", 19] == 0.0


@pytest.mark.parametrize("criterion", ["forman", "betweenness", "mlp-rank"])
@pytest.mark.parametrize("scale", ["fan-in", "channel-fan-in"])
def test_what_a_graph_divides_weights_by_is_followed(net, graph, images, criterion, scale, monkeypatch):
    """Scores on the divided graph are those of a network with divided weights whose activations stay the same."""
    divided = copy.deepcopy(net)
    for each in graph.connections:
        units = {}
        for group, channel, position, slot in np.ndindex(*each.weight.shape[:2], *each.fields.shape[1:]):
            size = abs(each.weight[group, channel, slot]) if each.fields[group, position, slot] >= 0 else 0.0
            number = group * each.weight.shape[1] + channel
            units[number, position] = units.get((number, position), 0.0) + size
        channels = max(number for number, _ in units) + 1
        came = [
            np.mean([value for (number, _), value in units.items() if number == at]) for at in range(channels)
        ]
        if scale == "fan-in":
            came = [np.mean(list(units.values()))] * channels
        weight = divided.get_parameter(each.parameter)
        with torch.no_grad():
            weight /= torch.tensor(np.array(came), dtype=weight.dtype).reshape(-1, *(1,) * (weight.ndim - 1))
    found = pruning_scores(net, criterion, inputs=images, scale=scale)
    usual = pruning_scores(net, criterion, inputs=images)
    assert any(not torch.equal(found[name], usual[name]) for name in found)
    norms = mlp_rank._norms
    monkeypatch.setattr(
        mlp_rank, "_norms", lambda given, _, inputs: norms(replace(given, net=net), graph, inputs)
    )
    expected = pruning_scores(divided, criterion, inputs=images)
    for name in found:
        if criterion == "betweenness":  # whose equals the network's own |w| orders
            assert torch.equal(torch.ceil(found[name]), torch.ceil(expected[name]))
        else:
            torch.testing.assert_close(found[name], expected[name], rtol=1e-5, atol=1e-9)
