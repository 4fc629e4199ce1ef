"""What a change of scale that the function does not see does to κ."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ncviz import neural_curvature
from ncviz.config import SCALES


def same(one, other):
    return {
        scale: all(
            torch.allclose(a, b, rtol=1e-9, atol=1e-9)
            for a, b in zip(
                *(neural_curvature(*each, scale=scale).weights.values() for each in (one, other)), strict=True
            )
        )
        for scale in SCALES
    }


@pytest.fixture
def normed():
    torch.manual_seed(4)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3, eps=0), nn.ReLU(), nn.Conv2d(3, 2, 2), nn.ReLU(), nn.Flatten(),
        nn.Linear(18, 3),
    ).double().eval()  # fmt: skip
    net[1].running_var.copy_(torch.rand(3) + 0.5)
    net[1].weight.data.copy_(torch.tensor([1.5, -0.5, 2.0]))
    return net, torch.rand(2, 1, 4, 4, dtype=torch.float64)


def test_a_network_and_its_folded_twin_have_the_same_curvature_by_channel(normed):
    net, x = normed
    twin = nn.Sequential(fuse_conv_bn_eval(net[0], net[1]), *net[2:])
    assert same((net, x), (twin, x)) == {"own": False, "fan-in": False, "channel-fan-in": True}


def test_a_scale_that_a_normalisation_undoes_does_not_count(normed):
    net, x = normed

    def times(factor):
        other = copy.deepcopy(net)
        other[0].weight.data *= factor[:, None, None, None]
        other[0].bias.data *= factor
        other[1].running_mean *= factor
        other[1].running_var *= factor**2
        assert torch.allclose(other(x), net(x))
        return other, x

    by_channel, by_layer = torch.tensor([3.0, 0.2, 7.0]).double(), torch.full((3,), 5.0).double()
    assert same((net, x), times(by_channel)) == {"own": False, "fan-in": False, "channel-fan-in": True}
    assert same((net, x), times(by_layer)) == {"own": False, "fan-in": True, "channel-fan-in": True}


def test_a_layer_of_relu_that_the_next_undoes_does_not_count_as_a_whole():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)).double()
    x = torch.rand(3, 5, dtype=torch.float64)

    def times(factor):
        other = copy.deepcopy(net)
        other[0].weight.data *= factor[:, None]
        other[0].bias.data *= factor
        other[2].weight.data /= factor
        assert torch.allclose(other(x), net(x))
        return other, x

    assert same((net, x), times(torch.full((4,), 6.0).double())) == {
        "own": False,
        "fan-in": True,
        "channel-fan-in": True,
    }
    # Of one unit alone it changes which of its layer's activations are large, and so the measures, whatever the scale.
    assert not any(same((net, x), times(torch.tensor([6.0, 1, 1, 1]).double())).values())
