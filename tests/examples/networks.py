"""Small random networks, each with one thing that can go wrong, and one with many."""

import torch
from torch import nn


def _mlp():
    return nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), (5,)


def _mlp_tanh():
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(),
                         nn.Linear(4, 3)), (4,)  # fmt: skip


def _one_layer():
    return nn.Sequential(nn.Linear(4, 3)), (4,)


def _two_layers():
    return nn.Sequential(nn.Linear(4, 5), nn.Sigmoid(), nn.Linear(5, 3)), (4,)


def _no_activation():
    return nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.5), nn.Linear(5, 4), nn.Identity(), nn.Linear(4, 3)), (
        4,
    )


def _conv():
    return nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.Conv2d(2, 2, 2), nn.ReLU(), nn.Flatten(),
                         nn.Linear(8, 3)), (1, 4, 4)  # fmt: skip


def _conv_stride_padding():
    return nn.Sequential(nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Tanh(), nn.Conv2d(2, 3, 2, padding=(0, 1)),
                         nn.ReLU(), nn.Flatten(), nn.Linear(30, 4), nn.ReLU(), nn.Linear(4, 2)), (1, 5, 7)  # fmt: skip


def _conv_dilation_groups():
    return nn.Sequential(nn.Conv2d(2, 4, 2, dilation=2, groups=2), nn.ReLU(), nn.Conv2d(4, 4, (1, 2), groups=4),
                         nn.LeakyReLU(), nn.Flatten(), nn.Linear(8, 3)), (2, 4, 4)  # fmt: skip


def _conv_same():
    return nn.Sequential(nn.Conv2d(1, 2, (2, 3), padding="same", dilation=(1, 2)), nn.ReLU(),
                         nn.Conv2d(2, 1, 2, padding="valid", bias=False), nn.ReLU(), nn.Flatten(),
                         nn.Linear(6, 2)), (1, 3, 4)  # fmt: skip


NETWORKS = {
    make.__name__.strip("_"): make
    for make in (_mlp, _mlp_tanh, _one_layer, _two_layers, _no_activation, _conv, _conv_stride_padding,
                 _conv_dilation_groups, _conv_same)
}  # fmt: skip


def make(name, seed, *, zero_share=0.0, constant=False):
    """Return a seeded network in eval mode and one input [1, …] for it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net, shape = NETWORKS[name]()
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter)
        x = torch.rand(1, *shape)
        if zero_share:
            for layer in net:
                if isinstance(layer, (nn.Linear, nn.Conv2d)):
                    layer.weight.data *= torch.rand_like(layer.weight) >= zero_share
        if constant:
            weighted = [layer for layer in net if isinstance(layer, (nn.Linear, nn.Conv2d))]
            x = torch.full_like(x, 0.7)
            if len(weighted) > 1:
                weighted[0].weight.data.fill_(0.3)
                weighted[0].bias.data.fill_(0.1)
    return net.eval(), x
