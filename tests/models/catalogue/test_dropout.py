"""The stand-in for dropout: what it keeps, how it scales, and that nothing of it stays behind."""

import pytest
import torch
from torch import nn
from torchvision.ops import StochasticDepth

from ncviz.errors import ModelError
from ncviz.models.catalogue.dropout import check_random_layers, restore_dropout, seed_dropout


def network():
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.0)))


def test_it_drops_as_often_as_it_should_and_keeps_the_mean():
    net = nn.Sequential(nn.Dropout(0.3))
    seed_dropout(net, torch.Generator().manual_seed(0))
    found = net(torch.full((400, 500), 2.0))
    assert float((found == 0).double().mean()) == pytest.approx(0.3, abs=0.005)
    assert torch.allclose(found[found != 0], torch.tensor(2.0 / 0.7))
    assert torch.equal(net.eval()(torch.ones(5)), torch.ones(5))


def test_the_generator_alone_decides():
    before = torch.get_rng_state()
    results = []
    for seed in (1, 1, 2):
        net = nn.Sequential(nn.Dropout(0.3))
        seed_dropout(net, torch.Generator().manual_seed(seed))
        results.append(net(torch.ones(3, 50)))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert torch.equal(before, torch.get_rng_state())


def test_gradients_pass_the_kept_values_alone():
    net = nn.Sequential(nn.Dropout(0.5))
    seed_dropout(net, torch.Generator().manual_seed(0))
    inputs = torch.ones(200, requires_grad=True)
    found = net(inputs)
    found.sum().backward()
    assert torch.equal(inputs.grad, found.detach())


def test_the_layers_come_back():
    net = network()
    layers, keys = [net[1], net[2][1]], list(net.state_dict())
    names = seed_dropout(net, torch.Generator())
    assert names == ["1", "2.1"]
    assert list(net.state_dict()) == keys
    assert net[1] is not layers[0]
    restore_dropout(net, names)
    assert net[1] is layers[0]
    assert net[2][1] is layers[1]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Dropout2d(0.1),
        nn.AlphaDropout(0.5),
        StochasticDepth(0.2, "row"),
        nn.MultiheadAttention(4, 2, dropout=0.1),
    ],
)
def test_what_no_seed_decides_is_refused(layer):
    with pytest.raises(ModelError, match="net cannot be trained here, because `0` .* draws random numbers"):
        check_random_layers(nn.Sequential(layer), "net")


@pytest.mark.parametrize(
    "layer", [nn.Dropout(0.5), nn.Dropout2d(0.0), StochasticDepth(0.0, "row"), nn.MultiheadAttention(4, 2)]
)
def test_what_drops_nothing_or_follows_the_seed_is_not(layer):
    check_random_layers(nn.Sequential(layer), "net")
