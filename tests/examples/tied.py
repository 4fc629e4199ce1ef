"""A network two of whose layers share a weight, by one module that is used twice or by one parameter in two."""

import torch
from torch import nn


def tied(kind, seed=0):
    """Return the network, which takes [n, 6], and masks by its weights' first names."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3)).eval()
        if kind == "module":
            net[2] = net[0]
        else:
            net[2].weight = net[0].weight
        return net, {"0.weight": torch.rand(6, 6) < 0.5, "4.weight": torch.rand(3, 6) < 0.8}
