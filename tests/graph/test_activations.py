"""What a graph and its activations are where a BatchNorm stands between the weights and the nonlinearity."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from ncviz import build_graph, neural_curvature
from ncviz.errors import ModelError
from ncviz.graph.activations import ActivationReader, layer_activations
from ncviz.pruning.masks import apply_masks
from tests.examples.wired import make


def trained(net, seed=0):
    """Give every BatchNorm statistics, γ and β as a training leaves them, far from 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    for layer in net.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.running_mean.normal_(generator=generator)
            layer.running_var.uniform_(0.05, 4, generator=generator)
            if layer.affine:
                nn.init.normal_(layer.weight, generator=generator)
                nn.init.normal_(layer.bias, generator=generator)
    return net.double().eval()


def fused(net):
    """Return PyTorch's own fusion of every BatchNorm into the layer before it, as a chain without them."""
    layers = []
    for layer in copy.deepcopy(net):
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            at = max(i for i, other in enumerate(layers) if isinstance(other, (nn.Linear, nn.Conv2d)))
            fuse = fuse_linear_bn_eval if isinstance(layers[at], nn.Linear) else fuse_conv_bn_eval
            layers[at] = fuse(layers[at], layer)
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


def conv_net():
    return nn.Sequential(
        nn.Conv2d(2, 4, 2), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
        nn.Conv2d(4, 6, 2, stride=2, padding=1, bias=False), nn.Identity(), nn.Dropout2d(0.5),
        nn.BatchNorm2d(6, eps=0.1, affine=False), nn.Tanh(),
        nn.Flatten(), nn.Linear(54, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3),
    ), (2, 6, 6)  # fmt: skip


def grouped_net():
    return nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 6, 2, groups=6), nn.BatchNorm2d(6),
        nn.LeakyReLU(), nn.Flatten(), nn.Linear(6, 3),
    ), (4, 4, 4)  # fmt: skip


def ending_in_norm():
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3), nn.Dropout(0.5), nn.BatchNorm1d(3)), (
        4,
    )


def twice_normed():
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)), (
        4,
    )


NETS = pytest.mark.parametrize("make", [conv_net, grouped_net, ending_in_norm, twice_normed])


@NETS
def test_a_norm_joins_nothing_and_weighs_nothing(make):
    net, shape = make()
    graph = build_graph(trained(net), shape)
    assert graph.batchnorm == "own"
    without = nn.Sequential(*(each for each in net if not isinstance(each, (nn.BatchNorm1d, nn.BatchNorm2d))))
    plain = build_graph(without, shape)
    assert graph.layer_shapes == plain.layer_shapes
    for one, other in zip(graph.connections, plain.connections, strict=True):
        assert (one.weight == other.weight).all()
        assert (one.weight.reshape(-1) == net.get_parameter(one.parameter).detach().numpy().reshape(-1)).all()
        assert (one.fields == other.fields).all()
    assert build_graph(without, shape, batchnorm="folded").batchnorm == plain.batchnorm == ""


@NETS
def test_the_folded_graph_is_that_of_the_fused_network(make):
    net, shape = make()
    graph, plain = build_graph(trained(net), shape, batchnorm="folded"), build_graph(fused(net), shape)
    assert graph.batchnorm == "folded"
    assert graph.layer_shapes == plain.layer_shapes
    weights = dict(net.named_parameters())
    for one, other in zip(graph.connections, plain.connections, strict=True):
        assert one.shape == tuple(weights[one.parameter].shape)
        assert one.weight == pytest.approx(other.weight, rel=1e-12)
        assert (one.fields == other.fields).all()
        assert (one.edges.parameter == other.edges.parameter).all()


@NETS
def test_the_activations_are_those_of_the_fused_network(make):
    net, shape = make()
    x = torch.randn(3, *shape)
    plain = fused(trained(net))
    one = layer_activations(net, build_graph(net, shape), x)
    other = layer_activations(plain, build_graph(plain, shape), x)
    assert [layer.shape for layer in one] == [layer.shape for layer in other]
    for a, b in zip(one, other, strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-12)
    assert torch.allclose(one[-1], net(x.double()).softmax(dim=1), rtol=1e-12)


def test_the_folded_curvature_is_that_of_the_fused_network():
    net, shape = conv_net()
    x = torch.randn(2, *shape)
    one, other = neural_curvature(trained(net), x, batchnorm="folded"), neural_curvature(fused(net), x)
    assert list(one.weights) == ["0.weight", "3.weight", "9.weight", "12.weight"]
    for a, b in zip(one.weights.values(), other.weights.values(), strict=True):
        assert torch.allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["Residual", "Dense", "Copied", "Shuffled"])
def test_a_network_that_stays_ready_is_pruned_and_whole_again(name):
    net, x = make(name, seed=2)
    graph = build_graph(net, tuple(x.shape[1:]))
    ready = ActivationReader(net, graph, x, "cpu", torch.float64)
    generator = torch.Generator().manual_seed(0)
    masks = {
        weight: torch.rand(shape, generator=generator) > 0.5 for weight, shape in graph.parameters.items()
    }
    steps = [(None, net), (masks, apply_masks(net, masks)), ({}, net)]
    for own, expected in steps:
        for a, b in zip(ready.read(x, own), layer_activations(expected, graph, x), strict=True):
            assert torch.equal(a, b)
    with pytest.raises(ModelError, match="reads no weight 'none'"):
        ready.read(x, {"none": masks[next(iter(masks))]})
