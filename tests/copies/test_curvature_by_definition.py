"""The curvature of networks whose weights are computed before each pass, by the definition done slowly.

The slow way pushes unit vectors through the layers as they are, hooks and all; it reads no weight.
"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm

import ncviz
from ncviz.copies.own_copy import plain_copy
from tests.examples import brute_force
from tests.examples.computed_weights import EqualisedRate, Sign, weight_norm

X = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def small():
    torch.manual_seed(6)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3)
    ).double()


def all_pruned(net):
    prune.global_unstructured([(net[at], "weight") for at in (0, 3, 5)], prune.L1Unstructured, amount=0.4)


def stale(net):
    all_pruned(net)
    # As load_state_dict leaves it: the weight that stands there is of another network until the first pass.
    net[3].weight = torch.randn(5, 8, dtype=torch.float64)


def all_normed(net):
    for at in (0, 3):
        weight_norm(net[at])


def all_spectral(net):
    for at in (0, 3, 5):
        spectral_norm(net[at])


def all_parametrised(net):
    parametrizations.spectral_norm(net[0])
    parametrizations.orthogonal(net[3])
    parametrize.register_parametrization(net[5], "weight", Sign())


MAKERS = {make.__name__: make for make in (all_pruned, stale, all_normed, all_spectral, all_parametrised)}
MAKERS["equalised"] = lambda net: EqualisedRate(net[3])


@pytest.mark.parametrize("name", MAKERS)
def test_every_edge_has_the_curvature_of_the_weight_that_the_forward_uses(name):
    net = small()
    MAKERS[name](net)
    result = ncviz.neural_curvature(net, X, keep_edges=True)
    expected = brute_force.curvature(net, X, 0.9)
    found = {}
    for at, connection in enumerate(result.graph.connections):
        for source, target, kappa in zip(*result.edges(at), strict=True):
            found[at, int(source), int(target)] = float(kappa)
        assert connection.parameter == f"{(0, 3, 5)[at]}.weight"
    assert found.keys() == expected.keys()
    assert max(abs(found[edge] - expected[edge]) for edge in expected) < 1e-7


def test_a_pruned_copy_loses_the_weights_of_the_highest_curvature():
    net = small()
    all_normed(net)
    scores = ncviz.pruning_scores(net, "curvature", inputs=X)
    found = ncviz.prune(net, scores, sparsity=0.3)
    by_hand = copy.deepcopy(plain_copy(net))
    flat = torch.cat([score.reshape(-1) for score in scores.values()])
    gone = torch.zeros(len(flat), dtype=torch.bool)
    gone[flat.argsort(stable=True)[: round(0.3 * len(flat))]] = True
    for name, own in zip(scores, gone.split([score.numel() for score in scores.values()]), strict=True):
        by_hand.get_parameter(name).data[own.reshape(scores[name].shape)] = 0
    with torch.no_grad():
        assert torch.equal(found.eval()(X), by_hand.eval()(X))
