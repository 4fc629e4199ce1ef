"""What must hold for every network: no slow computation to compare with."""

import pytest
import torch
from torch import nn

from ncviz import neural_curvature
from ncviz.engine import results
from ncviz.errors import NcvizError
from ncviz.graph.activations import layer_activations
from ncviz.graph.build import build_graph
from tests.examples import networks


@pytest.mark.parametrize("name", ["mlp", "mlp_tanh", "conv", "conv_stride_padding", "conv_dilation_groups"])
def test_no_dependence_on_alpha_from_one_half_on(name, monkeypatch):
    """The closed form against the full problem, which is solved for each alpha as if there were none."""
    net, x = networks.make(name, 5)
    closed = neural_curvature(net, x, alpha=0.5, keep_edges=True)
    monkeypatch.setattr(results, "CLOSED_FROM", 1.0)
    for alpha in (0.5, 0.7, 0.99):
        full = neural_curvature(net, x, alpha=alpha, keep_edges=True)
        for index in range(len(closed.graph.connections)):
            assert torch.allclose(closed.edges(index)[2], full.edges(index)[2], atol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.9])
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_never_above_two(name, alpha):
    for seed in range(3):
        result = neural_curvature(*networks.make(name, seed), alpha=alpha)
        assert all(float(values.max()) <= 2 + 1e-12 for values in result.weights.values())


def test_scaling_every_length_changes_nothing():
    net, x = networks.make("mlp_tanh", 4)
    graph = build_graph(net, tuple(x.shape[1:]))
    first = neural_curvature(net, x, keep_edges=True)
    from unittest import mock

    held = layer_activations(net, graph, x)
    scaled, _ = networks.make("mlp_tanh", 4)
    for layer in scaled:
        if isinstance(layer, nn.Linear):
            layer.weight.data *= 8.0
    with mock.patch("ncviz.curvature.layer_activations", return_value=held):
        second = neural_curvature(scaled, x, keep_edges=True)
    for index in range(len(graph.connections)):
        assert torch.allclose(first.edges(index)[2], second.edges(index)[2], atol=1e-12)


@pytest.mark.parametrize("alpha", [0.3, 0.9])
def test_permuting_hidden_units_permutes_the_curvature(alpha):
    net, x = networks.make("mlp_tanh", 6)
    order = torch.tensor([3, 0, 4, 1, 2])
    moved, _ = networks.make("mlp_tanh", 6)
    moved[0].weight.data, moved[0].bias.data = moved[0].weight.data[order], moved[0].bias.data[order]
    moved[2].weight.data = moved[2].weight.data[:, order]
    first, second = neural_curvature(net, x, alpha=alpha), neural_curvature(moved, x, alpha=alpha)
    assert torch.allclose(first.weights["0.weight"][order], second.weights["0.weight"], atol=1e-9)
    assert torch.allclose(first.weights["2.weight"][:, order], second.weights["2.weight"], atol=1e-9)
    assert torch.allclose(first.weights["4.weight"], second.weights["4.weight"], atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"executor": 4}, "executor must be a concurrent.futures.Executor, got int"),
        ({"cancel": True}, "cancel must be a threading.Event, got bool"),
        ({"progress": 3}, "progress must be a function of a fraction and a message, got int"),
        ({"net": 3}, "net must be an nn.Module, got int"),
    ],
)
def test_wrong_arguments_are_one_sentence(arguments, expected):
    net, x = networks.make("mlp", 0)
    given = {"net": net, "inputs": x, **arguments}
    with pytest.raises(NcvizError, match=expected):
        neural_curvature(given.pop("net"), given.pop("inputs"), **given)
