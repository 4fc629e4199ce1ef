"""A whole network through the engine: the way by a GPU, what the counts say, and progress."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ncviz import neural_curvature
from ncviz.engine import run
from ncviz.engine.anytime import rounds
from ncviz.engine.course import PATHS, SEARCH, SECONDS, Course
from ncviz.engine.layers import position_major
from ncviz.engine.local import pieces
from ncviz.engine.minima import Least
from ncviz.engine.on_device import certify as on_device
from ncviz.engine.prepared import forget, plans_of
from ncviz.engine.results import Settings
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import build_graph
from tests.examples import networks
from tests.examples.wired import WIRED
from tests.examples.wired import make as make_wired

NAMES = ["mlp", "mlp_tanh", "conv", "conv_stride_padding", "conv_dilation_groups"]


def prepared(name, samples=2, **options):
    import torch

    net, first = networks.make(name, 0, **options)
    x = torch.cat([first, *(networks.make(name, seed)[1] for seed in range(1, samples))])
    graph = build_graph(net, tuple(x.shape[1:]))
    return net, x, graph, [normalise(layer) for layer in layer_activations(net, graph, x)]


def by_gpu(graph, activity, keep_edges, keep_samples):
    """Each connection's curvature, as where there is a GPU."""
    with ThreadPoolExecutor(2) as pool:
        plans_of(graph, "cpu", pool)  # kept, so that the device below is not asked for the path lengths
        settings = Settings(0.9, "cuda:0", keep_edges, keep_samples)
        return run.run(graph, activity, settings, pool, lambda *step: None, None)


def check(found, here, graph, samples):
    """Whether all that was found is what the CPU finds."""
    for index, own in enumerate(found):
        curvature = np.where(np.isinf(own.curvature), 2.0, own.curvature)
        assert np.allclose(curvature, here.least[index][0].numpy(), rtol=1e-9, atol=1e-9)
        assert own.work.live == here.work[index].live
        present = graph.connections[index].present
        for sample in range(samples if own.grids else 0):
            values = own.grids[sample].reshape(present.shape)[present]
            expected = here.edges(index, sample)[2].numpy()
            assert np.allclose(np.where(np.isnan(values), 1.0, values), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("keep_edges", "keep_samples"), [(False, False), (True, False), (False, True), (True, True)]
)
@pytest.mark.parametrize("zero_share", [0.0, 0.4])
@pytest.mark.parametrize("name", NAMES)
def test_the_way_by_a_gpu_gives_the_same(name, zero_share, keep_edges, keep_samples, monkeypatch):
    """What a CUDA device does is torch code, which runs on the CPU as well; only the device's name differs."""
    net, x, graph, activity = prepared(name, zero_share=zero_share)
    here = neural_curvature(net, x, keep_edges=keep_edges, keep_samples=keep_samples)
    asked = []
    certify = on_device.certify

    def on_the_cpu(plan, layers, is_first, is_last, device, **options):
        asked.append(device)
        return certify(plan, layers, is_first, is_last, "cpu", **options)

    monkeypatch.setattr(on_device, "certify", on_the_cpu)
    found = by_gpu(graph, activity, keep_edges, keep_samples)
    check(found, here, graph, len(x))
    assert asked == ["cuda:0"] * len(graph.connections) * (len(x) if keep_samples or keep_edges else 1)
    assert sum(each.work.on_device for each in found) > 0
    for index, own in enumerate(found):
        if keep_samples:
            name = graph.connections[index].parameter
            expected = here.samples[name].numpy().reshape(len(x), -1)
            alone = np.where(np.isinf(own.samples), np.nan, own.samples)
            assert np.allclose(alone, expected, atol=1e-6, equal_nan=True)
        if keep_edges:
            assert own.work.closed + own.work.certified + own.work.solved == own.work.live


@pytest.mark.parametrize("name", NAMES)
def test_every_live_edge_is_settled_in_one_way(name):
    net, x, _, _ = prepared(name)
    for work in neural_curvature(net, x, keep_edges=True).work:
        assert work.closed + work.certified + work.solved == work.live
        assert work.skipped == work.on_device == 0
    for work in neural_curvature(net, x).work:
        assert work.closed + work.certified + work.solved <= work.live


@pytest.mark.parametrize("name", ["conv_dilation_groups", "Beside", "Projected", "Residual"])
def test_pieces_share_no_weight(name):
    """Threads lower the minima without a lock, so no weight may belong to two pieces."""
    if name in WIRED:
        net, x = make_wired(name, 3)
        graph = build_graph(net, tuple(x.shape[1:]))
    else:
        graph = prepared(name)[2]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        plans = plans_of(graph, "cpu", pool)
    for plan in plans:
        seen = set()
        pairs = 0
        for begin, end, low, high in pieces(plan):
            taps = set(plan.pairs.tap[begin:end].tolist())
            slots = {(int(plan.slot[tap, channel]), channel) for tap in taps for channel in range(low, high)}
            assert not seen & slots
            seen |= slots
            pairs += (end - begin) * (high - low)
        assert pairs == len(plan.pairs.source) * plan.length.shape[1]


def test_merging_is_associative_and_keeps_the_least():
    draw = np.random.default_rng(0)
    nine = [(draw.random(9), draw.integers(0, 5, 9).astype(np.int32), draw.random(9)) for _ in range(3)]
    parts = [
        Least(least, pair, np.full(9, k, np.int32), np.full(8, k), short)
        for k, (least, pair, short) in enumerate(nine)
    ]
    a, b, c = parts
    first, second = a.merge(b).merge(c), a.merge(b.merge(c))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(first.curvature, np.min([part.curvature for part in parts], axis=0))
    assert np.array_equal(Least.nothing(9).merge(a).curvature, a.curvature)


def test_progress_never_goes_back_and_ends_at_one():
    net, x, _, _ = prepared("conv")
    for options in ({}, {"keep_edges": True}, {"keep_samples": True}, {"alpha": 0.2}):
        fractions = []
        neural_curvature(
            net, x, progress=lambda fraction, _, seen=fractions: seen.append(fraction), **options
        )
        assert fractions == sorted(fractions)
        assert fractions[0] == 0.0
        assert fractions[-1] == 1.0


@pytest.mark.parametrize(
    "options", [{}, {"keep_samples": True}, {"on_result": id}, {"alpha": 0.2, "on_result": id}]
)
@pytest.mark.parametrize("few", [1, 2_000])
def test_nothing_is_foreseen_any_more_when_all_is_done(options, few, monkeypatch):
    monkeypatch.setattr(rounds, "_FEW_WEIGHTS", few)
    courses, begun = [], {}

    class Seen(Course):
        def __post_init__(self):
            super().__post_init__()
            courses.append(self)

        def begin(self, kind, cost, message):
            begun[kind] = begun.get(kind, 0.0) + cost
            # All work is foreseen before it is begun, but for what the first paths are.
            assert self._left.get(kind, 0.0) == pytest.approx(cost) or kind in (PATHS, SEARCH, SECONDS)
            return super().begin(kind, cost, message)

    monkeypatch.setattr(run, "Course", Seen)
    net, x, _, _ = prepared("conv")
    forget()
    neural_curvature(net, x, **options)
    (course,) = courses
    assert not any(course._left.values())
    assert all(cost == pytest.approx(begun[kind]) for kind, (cost, _) in course._done.items())
    assert (SEARCH in begun) != (SECONDS in begun)


@pytest.mark.parametrize(
    "options", [(0.9, False, False), (0.9, True, False), (0.9, False, True), (0.2, False, False)]
)
def test_an_estimate_grows_with_the_samples(options):
    from concurrent.futures import ThreadPoolExecutor

    alpha, keep_edges, keep_samples = options
    _, _, graph, activity = prepared("conv_stride_padding")
    settings = Settings(alpha, "cpu", keep_edges, keep_samples)
    with ThreadPoolExecutor(1) as pool:
        seconds = []
        for times in (1, 500):
            layers = [
                position_major(np.tile(layer, (times, 1)), shape)
                for layer, shape in zip(activity, graph.layer_shapes, strict=True)
            ]
            tasks = run.tasks_of(graph, layers, settings, pool, None)
            shares, total = run.shares_of_work(tasks, settings, pool, None)
            assert sum(shares) == pytest.approx(1)
            assert all(share > 0 for share in shares)
            seconds.append(total)
    assert 0 < seconds[0] < seconds[1]


def test_plans_of_other_weights_are_other_plans():
    from concurrent.futures import ThreadPoolExecutor

    _, _, graph, _ = prepared("mlp")
    other = build_graph(networks.make("mlp", 9)[0], graph.layer_shapes[0])
    with ThreadPoolExecutor(1) as pool:
        first, second, again = (plans_of(each, "cpu", pool) for each in (graph, other, graph))
    assert first is again
    assert not np.array_equal(first[0].length, second[0].length)
