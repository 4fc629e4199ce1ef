"""The same numbers from every executor: threads, processes, and a dask cluster that loses a worker."""

import itertools
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from ncviz import neural_curvature
from ncviz.engine.parcels import cut_out
from ncviz.errors import CancelledError
from ncviz.graph.build import build_graph
from ncviz.graph.neural_graph import NeuralGraph
from tests.examples import wired


def network(activation=nn.ReLU):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), activation(), nn.Conv2d(4, 6, 3, stride=2), activation(), nn.Flatten(),
            nn.Linear(54, 12), activation(), nn.Linear(12, 5),
        )  # fmt: skip
        return net, torch.rand(3, 1, 8, 8)


def same(first, second):
    for name, values in first.weights.items():
        assert torch.allclose(values, second.weights[name], rtol=1e-12, atol=1e-12)
    assert first.dead_share == pytest.approx(second.dead_share)


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, protocol="tcp"
        ) as found,
        distributed.Client(found) as client,
    ):
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"keep_edges": True}, {"keep_samples": True}, {"alpha": 0.3}])
def test_a_process_pool_gives_what_threads_give(processes, options):
    net, x = network()
    here = neural_curvature(net, x, **options)
    there = neural_curvature(net, x, executor=processes, **options)
    same(here, there)
    if "keep_edges" in options:
        for index in range(4):
            for sample in range(3):
                assert torch.allclose(here.edges(index, sample)[2], there.edges(index, sample)[2], atol=1e-12)
    if "keep_samples" in options:
        for name, values in here.samples.items():
            assert np.allclose(values, there.samples[name], equal_nan=True)


def test_a_thread_pool_of_the_callers_is_left_open():
    net, x = network()
    with ThreadPoolExecutor(3) as pool:
        same(neural_curvature(net, x), neural_curvature(net, x, executor=pool))
        assert pool.submit(lambda: 1).result() == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_gives_what_threads_give(cluster):
    net, x = network(nn.Tanh)
    steps = []
    with cluster.get_executor(pure=False) as pool:
        found = neural_curvature(net, x, executor=pool, progress=lambda *step: steps.append(step))
    same(neural_curvature(net, x), found)
    assert steps[-1][0] == 1.0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_is_killed_loses_nothing(cluster):
    net, x = network(nn.Tanh)
    x = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    victim = next(iter(cluster.run(os.getpid).values()))
    killed = []

    def kill(fraction, message):
        if fraction > 0.1 and not killed:
            killed.append(victim)
            os.kill(victim, signal.SIGKILL)

    with cluster.get_executor(pure=False) as pool:
        found = neural_curvature(net, x, executor=pool, progress=kill)
    assert killed
    same(neural_curvature(net, x), found)


@pytest.mark.slow
def test_cancelling_leaves_at_once(processes):
    net, x = network(nn.Tanh)
    cancel = threading.Event()
    cancel.set()
    for executor in (processes, None):
        with pytest.raises(CancelledError):
            neural_curvature(net, x, executor=executor, cancel=cancel)


def test_cancelling_reaches_into_a_long_piece():
    """One linear layer with large supports: single pieces run for long, and end within a second all the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = (300, 300, 300, 300, 10)
        layers = [part for a, b in itertools.pairwise(sizes) for part in (nn.Linear(a, b), nn.Tanh())]
        net, x = nn.Sequential(*layers[:-1]), torch.rand(1, 300)
    cancel, ended = threading.Event(), []

    def compute():
        with pytest.raises(CancelledError):
            neural_curvature(
                net, x, keep_edges=True, cancel=cancel, progress=lambda *step: steps.append(step)
            )
        ended.append(time.monotonic())

    steps = []
    thread = threading.Thread(target=compute)
    thread.start()
    while not any(fraction > 0 for fraction, _ in steps) and thread.is_alive():
        time.sleep(0.05)
    asked = time.monotonic()
    cancel.set()
    thread.join(30)
    # Ten times the promise, for a machine that does other things: without the flag it would be minutes.
    assert ended[0] - asked < 10


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_is_sent_each_part_of_the_graph_once(cluster):
    net, x = network()
    x = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    sent = []
    with cluster.get_executor(pure=False) as pool:
        submit = pool._client.submit
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                pool._client, "submit", lambda *args, **kwargs: sent.append(args) or submit(*args, **kwargs)
            )
            found = neural_curvature(net, x, executor=pool)
    same(neural_curvature(net, x), found)
    parts = [args for args in sent if any(isinstance(each, NeuralGraph) for each in args)]
    assert (len(parts), len(sent)) == (4, 4 + 4 * 8)


def test_a_parcel_holds_only_its_neighbours():
    net, _ = network()
    graph = build_graph(net, (1, 8, 8))
    for index in range(4):
        part, own = cut_out(graph, index)
        assert part.connections[own].parameter == graph.connections[index].parameter
        assert len(part.connections) == 1 + (index > 0) + (index < 3)
        assert len(part.layer_shapes) == len(part.connections) + 1
        assert part.is_chain
        assert part.layer_names[part.connections[own].source] == graph.layer_names[index]


def test_a_parcel_of_a_residual_network_holds_the_skip_past_it():
    net, x = wired.make("Residual", 0)
    graph = build_graph(net, tuple(x.shape[1:]))
    index = [each.name for each in graph.connections].index("b")
    part, own = cut_out(graph, index)
    # From what its sources read (the skip's layer) to what reads its targets, and nothing else.
    assert part.layer_names == graph.layer_names[1:5]
    assert [each.name for each in part.connections] == ["a", "b"]
    assert [(each.source, each.target) for each in part.links] == [(0, 2), (2, 3)]
    assert own == 1
