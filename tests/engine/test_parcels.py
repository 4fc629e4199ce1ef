"""Parcels of networks that are no chains: what travels is enough, and gives the numbers of this process."""

import pickle
from concurrent.futures import Executor, Future

import pytest
import torch

from ncviz import neural_curvature
from tests.examples.wired import WIRED, make


class Posted(Executor):
    """Runs each task at once, on a copy that went through the post."""

    def __init__(self):
        self.bytes = 0

    def submit(self, function, /, *arguments):
        parcel = pickle.dumps((function, arguments))
        self.bytes += len(parcel)
        called, given = pickle.loads(parcel)
        future = Future()
        future.set_result(pickle.loads(pickle.dumps(called(*given))))
        return future


@pytest.mark.parametrize(
    "options", [{}, {"keep_edges": True}, {"alpha": 0.3}, {"channels": 2, "seed": 1}], ids=str
)
@pytest.mark.parametrize("name", WIRED)
def test_parcels_give_what_this_process_gives(name, options):
    net, x = make(name, 3)
    inputs = torch.cat([x, 1 - x])
    here, there = (
        neural_curvature(net, inputs, **options),
        neural_curvature(net, inputs, executor=Posted(), **options),
    )
    for parameter, values in here.weights.items():
        assert torch.allclose(values, there.weights[parameter], atol=1e-12, rtol=0, equal_nan=True)
    if options.get("keep_edges"):
        for index in range(len(here.graph.connections)):
            assert torch.allclose(here.edges(index, 1)[2], there.edges(index, 1)[2], atol=1e-12, rtol=0)


def test_selected_layers_travel_alone():
    net, x = make("Residual", 3)
    whole, part = Posted(), Posted()
    everything = neural_curvature(net, x, executor=whole)
    some = neural_curvature(net, x, executor=part, layers=["head.weight"])
    assert part.bytes < whole.bytes / 2
    assert torch.equal(some.weights["head.weight"], everything.weights["head.weight"])
    assert some.weights["stem.weight"].isnan().all()
