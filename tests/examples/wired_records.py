"""Networks that are no chains with what the store keeps of their curvature."""

import numpy as np
import torch
from torch import nn

from ncviz import neural_curvature
from ncviz.config import ALGORITHM_VERSION
from ncviz.tasks import from_result
from ncviz.tasks.curvature.pictures import take_pictures
from tests.examples import wired


class Twice(nn.Module):
    """One layer used twice, with a skip past the second time."""

    shape = (4,)

    def __init__(self):
        super().__init__()
        self.same, self.head = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        x = torch.tanh(self.same(x))
        return self.head(torch.tanh(x + self.same(x)))


def network(name, seed=1):
    if name != "Twice":
        return wired.make(name, seed)
    torch.manual_seed(seed)
    return Twice().double().eval(), torch.rand(1, 4, dtype=torch.float64)


META = {"config": {}, "key": "k", "algorithm": ALGORITHM_VERSION}


def kept(name, batchnorm="own", scale="own"):
    """The result with every edge, the parameters, and what is kept of them."""
    net, first = network(name)
    inputs = torch.cat([first, torch.rand(1, *first.shape[1:], dtype=torch.float64)])
    result = neural_curvature(
        net, inputs, keep_edges=True, keep_samples=True, batchnorm=batchnorm, scale=scale
    )
    arrays = {name: values.detach().numpy() for name, values in net.state_dict().items()}
    pictures = take_pictures(net, result.graph, inputs)
    number = np.arange(len(inputs))
    return (
        result,
        arrays,
        from_result(result, arrays, number, number, pictures, {**META, "config": {"scale": scale}}),
    )
