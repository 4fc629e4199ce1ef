"""The search for each weight's least κ, which rejects most edges by cheap plans, against the solution of every edge."""

import numpy as np
import pytest
import torch
from torch import nn

from ncviz.engine import kernels
from ncviz.engine.anytime import lower
from ncviz.engine.layers import around, ends_of, layers_of
from ncviz.engine.local import search_part
from ncviz.engine.minima import Least
from ncviz.engine.plan import make_plan
from ncviz.graph import paths
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import build_graph

SAMPLES = 4


class Residual(nn.Module):
    """Each channel after the addition has an in-neighbour that no other one has, so that each is a class of its own."""

    def __init__(self, act):
        super().__init__()
        self.first, self.one, self.two, self.three = (
            nn.Conv2d(maps, 4, 3, padding=1) for maps in (2, 4, 4, 4)
        )
        self.acts = nn.ModuleList(act() for _ in range(4))
        self.flatten, self.head = nn.Flatten(), nn.Linear(4 * 36, 3)

    def forward(self, x):
        x = self.acts[0](self.first(x))
        x = self.acts[2](self.two(self.acts[1](self.one(x))) + x)
        return self.head(self.flatten(self.acts[3](self.three(x))))


def _networks():
    for act in (nn.ReLU, nn.Tanh):
        yield Residual(act)
        yield nn.Sequential(
            nn.Conv2d(2, 4, 3), act(), nn.Conv2d(4, 6, 3, padding=1), act(), nn.Conv2d(6, 5, 2), act(),
            nn.Flatten(), nn.Linear(45, 8), act(), nn.Linear(8, 3),
        )  # fmt: skip
        # Between poolings channels share no neighbours at all.
        yield nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), act(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 2), act(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(6, 8), act(), nn.Linear(8, 3),
        )  # fmt: skip


def _minima(plan, layers, ends, sides):
    """Each weight's least κ by search and by every edge, and the counts of the search."""
    part = (0, len(plan.pairs.source), 0, plan.length.shape[1])
    stop, all_pairs = np.zeros(1, dtype=np.bool_), np.zeros(0, dtype=np.bool_)
    found, low, every = (Least.nothing(plan.weights) for _ in range(3))
    search_part(plan, layers, ends, sides, part, (found, low), stop, np.zeros(1))
    for sample in range(SAMPLES):
        own = tuple(layer[sample] for layer in layers)
        kernels.scan(
            plan, own, ends, part, sample, kernels.ALL, every, low, all_pairs, np.empty((0, 0, 0)), stop
        )  # fmt: skip
    return found.curvature, every.curvature, found.counts


@pytest.mark.slow
@pytest.mark.parametrize(("extreme", "active"), [(0.0, 1.0), (1e-30, 1.0), (1e12, 1.0), (0.0, 0.26)])
def test_what_is_rejected_could_not_be_the_least(extreme, active):
    """Where all activity is low some measures are uniform, and others are not."""
    rejected = []
    # Far above the others nearly every edge has to be proved at twofold precision, which takes seconds a network.
    networks = list(_networks())[1:3] if extreme > 1.0 else _networks()
    for seed, net in enumerate(networks):
        torch.manual_seed(seed)
        with torch.no_grad():
            for own in net.parameters():
                nn.init.normal_(own, std=0.3)
                if extreme and own.ndim > 1:
                    own[torch.rand(own.shape) < 0.1] *= extreme
        x = torch.rand(SAMPLES, 2, 6, 6)
        graph = build_graph(net, (2, 6, 6))
        layers = layers_of(graph, [active * normalise(own) for own in layer_activations(net, graph, x)])
        lengths = paths.distances(graph)
        own_rejected = {True: 0, False: 0}
        for index in range(len(graph.connections)):
            plan = make_plan(lengths, graph, index)
            own = around(layers, graph, index)
            # All edges of a pair at once, and block by block.
            for sides in (lower.sides_of(plan, own), None):
                least, true, counts = _minima(plan, own, ends_of(graph, index), sides)
                assert np.array_equal(np.isinf(least), np.isinf(true))
                live = np.isfinite(true)
                assert (np.abs(least[live] - true[live]) <= 1e-9 * np.maximum(1.0, np.abs(true[live]))).all()
                own_rejected[sides is None] += counts[kernels.SKIPPED]
        rejected.append(own_rejected)
    assert min(sum(own[way] for own in rejected) for way in (True, False)) > 1000
    assert min(min(own.values()) for own in rejected) > 0, rejected
