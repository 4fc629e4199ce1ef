"""A weight that two layers share is one weight: counted once, κ the least over the edges of both, pruned once."""

import numpy as np
import pytest
import torch
from torch import nn

from ncviz.curvature import neural_curvature
from ncviz.graph.build import build_graph
from ncviz.pruning.masks import prune
from ncviz.pruning.scores import pruning_scores, weight_names
from tests.examples import brute_force


class Backwards(nn.Module):
    """Uses the layer first whose name comes last."""

    def __init__(self, layers):
        super().__init__()
        self.first, self.second, self.head = layers[2], layers[0], layers[4]
        self.wide = layers

    def forward(self, x):
        return self.wide(x)


def tied(kind):
    torch.manual_seed(3)
    layers = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3))
    if kind == "module":
        layers[2] = layers[0]
    else:
        layers[2].weight = layers[0].weight
    return layers.double().eval()


def expected(net, x, alpha):
    """The shared weight's κ by the definition: the least over the live edges of both layers."""
    found, least = brute_force.curvature(net, x, alpha), np.full((4, 4), 2.0)
    activity = brute_force.layer_outputs(net, x.double())
    for (level, i, j), kappa in found.items():
        is_dead = (level > 0 and activity[level][i] == 0) or (level < 2 and activity[level + 1][j] == 0)
        if level < 2 and not is_dead:
            least[j, i] = min(least[j, i], kappa)
    return least


@pytest.mark.parametrize("kind", ["module", "parameter"])
@pytest.mark.parametrize("alpha", [0.3, 0.9])
def test_the_least_over_the_edges_of_both_layers(kind, alpha):
    net, x = tied(kind), torch.rand(1, 4, dtype=torch.float64)
    graph = build_graph(net, (4,))
    assert graph.parameters == {"0.weight": (4, 4), "4.weight": (3, 4)}
    assert [each.parameter for each in graph.connections] == ["0.weight", "0.weight", "4.weight"]
    result = neural_curvature(net, x, alpha=alpha)
    assert list(result.weights) == ["0.weight", "4.weight"]
    np.testing.assert_allclose(result.weights["0.weight"].numpy(), expected(net, x, alpha), atol=1e-9)


@pytest.mark.parametrize("kind", ["module", "parameter"])
def test_it_is_ranked_and_pruned_once_and_stays_shared(kind):
    net = tied(kind)
    assert weight_names(net) == ("0.weight", "4.weight")
    scores = pruning_scores(net, "magnitude")
    assert {name: tuple(score.shape) for name, score in scores.items()} == {
        "0.weight": (4, 4),
        "4.weight": (3, 4),
    }
    pruned = prune(net, scores, sparsity=0.5, order="redundant")
    zeros = int((pruned[0].weight == 0).sum()) + int((pruned[4].weight == 0).sum())
    assert zeros == 14  # of 16 and 12
    assert pruned[2].weight is pruned[0].weight


def test_names_are_those_of_the_network_whatever_comes_first():
    layers = tied("parameter")
    net = Backwards(layers).eval()
    names = list(dict(net.named_parameters()))
    graph = build_graph(net, (4,))
    assert set(graph.parameters) <= set(names)
    assert set(graph.parameters) == set(weight_names(net))
