"""Selected layers and sampled channels: the first changes no number, the second is the network without the others."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ncviz import curvature, neural_curvature
from ncviz.errors import NcvizError
from ncviz.graph.activations import layer_activations
from ncviz.graph.build import build_graph
from tests.examples.networks import make as make_chain
from tests.examples.wired import WIRED, make


@pytest.mark.parametrize("name", ["Residual", "Fire", "Deep", "Transposed"])
def test_selected_layers_have_the_curvature_that_they_have_among_all(name):
    net, x = make(name, 3)
    whole = neural_curvature(net, x, keep_samples=True)
    chosen = list(whole.weights)[1:3]
    part = neural_curvature(net, x, keep_samples=True, layers=chosen)
    for parameter, values in part.weights.items():
        if parameter in chosen:
            assert torch.equal(values, whole.weights[parameter])
            assert torch.equal(part.samples[parameter].nan_to_num(), whole.samples[parameter].nan_to_num())
        else:
            assert values.isnan().all()
    edges = neural_curvature(net, x, keep_edges=True, layers=chosen)
    every = neural_curvature(net, x, keep_edges=True)
    for index, connection in enumerate(edges.graph.connections):
        if connection.parameter in chosen:
            assert torch.equal(edges.edges(index)[2], every.edges(index)[2])
        else:
            with pytest.raises(NcvizError, match="was not computed"):
                edges.edges(index)


def without(graph, sampled):
    """Return a graph whose left-out channels have no edge, dense and slow."""

    def cut(connection):
        is_kept = sampled.measured(connection).reshape(connection.weight.shape)
        return replace(connection, weight=np.where(is_kept, connection.weight, 0.0))

    return replace(
        graph, connections=tuple(map(cut, graph.connections)), links=tuple(map(cut, graph.links)), kept=()
    )


@pytest.mark.parametrize("alpha", [0.9, 0.3])
@pytest.mark.parametrize("name", [*WIRED, "mlp", "conv_dilation_groups"])
def test_sampled_channels_are_the_network_without_the_others(name, alpha, monkeypatch):
    net, x = make(name, 3) if name in WIRED else make_chain(name, 3)
    net = net.double()
    graph = build_graph(net, tuple(x.shape[1:]))
    sampled = graph.sampled(2, seed=4)
    assert sampled.kept or all(shape[0] <= 2 for shape in graph.layer_shapes[1:-1])
    found = neural_curvature(net, x, channels=2, seed=4, alpha=alpha, keep_samples=True)
    held = layer_activations(net, graph, x)
    monkeypatch.setattr(curvature, "build_graph", lambda *_, **__: without(graph, sampled))
    monkeypatch.setattr(curvature, "layer_activations", lambda *_: held)
    slow = neural_curvature(net, x, alpha=alpha, keep_samples=True)
    counted = 0
    for parameter, values in found.weights.items():
        is_measured = ~values.isnan()
        counted += int((~is_measured).sum())
        assert torch.allclose(values[is_measured], slow.weights[parameter][is_measured], atol=1e-12, rtol=0)
        live = found.samples[parameter].isfinite()
        assert torch.allclose(found.samples[parameter][live], slow.samples[parameter][live], atol=1e-6)
        # A weight that stands in several connections is known only where all of them are measured.
        if sum(each.parameter == parameter for each in graph.connections) == 1:
            assert not slow.samples[parameter][:, ~is_measured].isfinite().any()
    assert (counted > 0) == bool(sampled.kept)


def test_what_cannot_be_asked_for():
    net, x = make("Residual", 3)
    with pytest.raises(NcvizError, match="There is no weight 'b' with edges; choose from: stem.weight"):
        neural_curvature(net, x, layers=["b"])
    with pytest.raises(NcvizError, match="needs all channels"):
        neural_curvature(net, x, channels=2, keep_edges=True)
