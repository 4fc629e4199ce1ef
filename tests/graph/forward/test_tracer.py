"""One thread traces while others use networks of their own, or trace too."""

import threading

import pytest
import torch
from torch import fx, nn

from ncviz import build_graph
from ncviz.graph.forward.tracer import symbolic_trace


def network(width=4):
    return nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 3)).eval()


class Sliced(nn.Module):
    """Calls a slice of its layers, which is a module of no name."""

    def __init__(self):
        super().__init__()
        self.layers = network()

    def forward(self, x):
        return self.layers[2:](self.layers[:2](x))


class BySize(nn.Module):
    """Only exported, which takes longer."""

    def __init__(self):
        super().__init__()
        self.layers = network()

    def forward(self, x):
        return self.layers(x if x.shape[-1] > 2 else -x)


class Pausing(nn.Module):
    """Lets another thread work in the middle of a trace."""

    def __init__(self, middle):
        super().__init__()
        self.a, self.b, self.middle = nn.Linear(4, 4), nn.Linear(4, 3), middle

    def forward(self, x):
        x = self.a(x)
        self.middle()
        return self.b(x)


def test_a_slice_is_followed_under_the_names_of_its_layers():
    traced = symbolic_trace(Sliced())
    called = [node.target for node in traced.graph.nodes if node.op == "call_module"]
    assert called == ["layers.0", "layers.1", "layers.2", "layers.3"]


def test_a_network_runs_in_another_thread_in_the_middle_of_a_trace():
    other, x, found = network(), torch.rand(5, 4), []
    expected = other(x)
    original = nn.Module.__call__

    def meanwhile():
        assert nn.Module.__call__ is not original
        worker = threading.Thread(target=lambda: found.append(other(x)))
        worker.start()
        worker.join()

    traced = symbolic_trace(Pausing(meanwhile))
    assert [node.op for node in traced.graph.nodes] == ["placeholder", "call_module", "call_module", "output"]
    assert torch.equal(found[0], expected)
    assert nn.Module.__call__ is original


def test_without_it_that_fails():
    other, x, failures = network(), torch.rand(5, 4), []

    def run():
        try:
            other(x)
        except Exception as error:
            failures.append(error)

    def meanwhile():
        worker = threading.Thread(target=run)
        worker.start()
        worker.join()

    fx.symbolic_trace(Pausing(meanwhile))
    assert "not installed as a submodule" in str(failures[0])


@pytest.mark.slow
def test_evaluations_and_traces_side_by_side_never_fail():
    nets, x, failures, stop = [network(8) for _ in range(3)], torch.rand(64, 4), [], threading.Event()
    expected = [net(x) for net in nets]
    original = nn.Module.__call__, nn.Module.__getattr__

    def evaluate():
        while not stop.is_set():
            for net, own in zip(nets, expected, strict=True):
                if not torch.equal(net(x), own):
                    failures.append("other numbers")

    def trace(make):
        for _ in range(4):
            build_graph(make(), (4,))

    def watched(work, *args):
        try:
            work(*args)
        except Exception as error:
            failures.append(error)

    evaluating = [threading.Thread(target=watched, args=(evaluate,)) for _ in range(2)]
    tracing = [
        threading.Thread(target=watched, args=(trace, make)) for make in (network, Sliced, BySize, network)
    ]
    for worker in evaluating + tracing:
        worker.start()
    for worker in tracing:
        worker.join()
    stop.set()
    for worker in evaluating:
        worker.join()
    assert failures == []
    assert (nn.Module.__call__, nn.Module.__getattr__) == original
