"""Closed forms, certificates and bounds in torch, against the compiled loops that solve every edge."""

import threading
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from ncviz.engine import kernels
from ncviz.engine.layers import around, ends_of
from ncviz.engine.minima import Least
from ncviz.engine.on_device import certificates
from ncviz.engine.on_device import certify as on_device
from ncviz.engine.on_device.certify import certify
from ncviz.engine.plan import make_plan
from ncviz.errors import CancelledError, DeviceError
from ncviz.graph import paths
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import build_graph
from ncviz.graph.positions import layer_grid
from ncviz.values import DEAD
from tests.examples.wired import WIRED
from tests.examples.wired import make as make_wired

has_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
SAMPLES = 3
BOUND = -1


def _lenet(act=nn.ReLU):
    return [nn.Conv2d(1, 3, 3, stride=2), act(), nn.Conv2d(3, 4, 3, stride=2), act(), nn.Flatten(),
            nn.Linear(16, 7), act(), nn.Linear(7, 5), act(), nn.Linear(5, 4)], (1, 11, 11)  # fmt: skip


def _padded():
    return [nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 4, 2, dilation=2), nn.ReLU(),
            nn.Conv2d(4, 3, 3, padding=1, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3)], (2, 6, 5)  # fmt: skip


def _grouped():
    return [nn.Conv2d(2, 4, 2, groups=2), nn.ReLU(), nn.Conv2d(4, 8, 2, groups=4), nn.Tanh(),
            nn.Conv2d(8, 4, 2, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)], (2, 5, 5)  # fmt: skip


def _mlp():
    return [nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 6)], (12,)


def _one_layer():
    return [nn.Linear(6, 4)], (6,)


def _two_layers():
    return [nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4)], (6,)


def _narrow():
    return [nn.Linear(4, 1), nn.Tanh(), nn.Linear(1, 5), nn.Tanh(), nn.Linear(5, 1), nn.Tanh(), nn.Linear(1, 6),
            nn.Tanh(), nn.Linear(6, 4)], (4,)  # fmt: skip


def _make(layers, shape, change=None, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(*layers)
        for layer in net:
            if isinstance(layer, nn.Linear | nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight)
                nn.init.uniform_(layer.bias, -0.3, 0.3)
        x = torch.rand(SAMPLES, *shape)
        if change is not None:
            change(net)
    return net.eval(), x


def _sparse(net):
    for layer in net:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            layer.weight.data *= torch.rand_like(layer.weight) < 0.6


def _dead(net):
    """The second layer is silent."""
    layer = [layer for layer in net if isinstance(layer, nn.Linear | nn.Conv2d)][1]
    layer.weight.data.zero_()[0, 0] = 1e-3
    layer.bias.data.fill_(-9.0)


def _constant(net):
    layer = next(layer for layer in net if isinstance(layer, nn.Linear | nn.Conv2d))
    layer.weight.data.fill_(0.25)
    layer.bias.data.fill_(0.1)


def _shrunk(net):
    """Small spread of lengths, so that the hub is often best."""
    for layer in net:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            layer.weight.data = 1.0 + 0.3 * torch.rand_like(layer.weight)


def _wide(net):
    """Lengths of very different sizes."""
    for layer in net:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            layer.weight.data *= 10.0 ** (-8.0 * torch.rand_like(layer.weight) ** 2)


def _wired(name):
    """Return a network that is no chain, and some images for it."""
    net, x = make_wired(name, 3)
    return net, torch.cat([x * (k + 1) / SAMPLES for k in range(SAMPLES)])


CASES = {
    **{name: partial(_wired, name) for name in WIRED},
    "lenet": lambda: _make(*_lenet()),
    "lenet_tanh": lambda: _make(*_lenet(nn.Tanh)),
    "lenet_even": lambda: _make(*_lenet(nn.Tanh), _shrunk),
    "lenet_sparse": lambda: _make(*_lenet(), _sparse),
    "lenet_wide": lambda: _make(*_lenet(nn.Tanh), _wide),
    "lenet_dead": lambda: _make(*_lenet(), _dead),
    "lenet_constant": lambda: _make(*_lenet(), _constant),
    "padded": lambda: _make(*_padded()),
    "padded_sparse": lambda: _make(*_padded(), _sparse),
    "grouped": lambda: _make(*_grouped()),
    "grouped_sparse": lambda: _make(*_grouped(), _sparse),
    "mlp": lambda: _make(*_mlp()),
    "mlp_sparse": lambda: _make(*_mlp(), _sparse),
    "one_layer": lambda: _make(*_one_layer()),
    "two_layers": lambda: _make(*_two_layers()),
    "narrow": lambda: _make(*_narrow()),
}


def _connections(name):
    """Plan, layers and whether it is the first or last, for each connection of a case."""
    net, x = CASES[name]()
    graph = build_graph(net, tuple(x.shape[1:]))
    found = paths.distances(graph)
    levels = []
    for own, shape in zip(layer_activations(net, graph, x), graph.layer_shapes, strict=True):
        channels, positions = layer_grid(shape)
        activity = normalise(own).reshape(SAMPLES, channels, positions).transpose(0, 2, 1).copy()
        mass = np.exp(-1.0 / np.where(activity > 0, activity, 1.0) ** 2) * (activity > 0)
        levels.append((activity, mass))
    for index in range(len(graph.connections)):
        yield make_plan(found, graph, index), around(levels, graph, index), *ends_of(graph, index)


def _scan(plan, layers, is_first, is_last, mode):
    """What the compiled loops find: best, low, and the grid of every sample with NaN where nothing is live."""
    best, low = Least.nothing(plan.weights), Least.nothing(plan.weights)
    grids = np.full((SAMPLES, plan.length.shape[2], layers[4].shape[1], plan.slots), np.nan)
    part = (0, len(plan.pairs.source), 0, plan.length.shape[1])
    for sample in range(SAMPLES):
        kernels.scan(
            plan, tuple(layer[sample] for layer in layers), (is_first, is_last), part, sample, mode, best, low,
            np.zeros(0, np.bool_), grids[sample] if mode == kernels.ALL else np.empty((0, 0, 0)), np.zeros(1, np.bool_),
        )  # fmt: skip
    return best.curvature, low.curvature, grids, best.counts


def _same(one, other):
    assert np.allclose(one.best.curvature, other.best.curvature, rtol=1e-12, atol=1e-12)
    assert np.allclose(one.low.curvature, other.low.curvature, rtol=1e-12, atol=1e-12)
    assert np.allclose(one.grid, other.grid, rtol=1e-12, atol=1e-12, equal_nan=True)
    assert np.array_equal(one.counts, other.counts)


def _close(one, other):
    return np.abs(one - other) <= 1e-12 * np.maximum(1.0, np.abs(other))


def _no_less(one, other):
    return (one >= other - 1e-12 * np.maximum(1.0, np.abs(other))).all()


@pytest.mark.parametrize("name", CASES)
def test_what_is_certified_is_exact_and_the_rest_is_bounded(name):
    for plan, layers, is_first, is_last in _connections(name):
        true, _, expected, _ = _scan(plan, layers, is_first, is_last, kernels.ALL)
        closed, star, _, counts = _scan(plan, layers, is_first, is_last, BOUND)
        found = certify(plan, layers, is_first, is_last, "cpu", sample_begin=5, want_grid=True)
        live, known = ~np.isnan(expected), ~np.isnan(found.grid)
        assert _close(found.grid[live & known], expected[live & known]).all()
        assert (found.grid[~live] == DEAD).all()
        assert (known | live).all()
        assert found.counts[kernels.LIVE] == live.sum() == counts[kernels.LIVE]
        assert found.counts[kernels.CERTIFIED] + found.counts[kernels.CLOSED] == (live & known).sum()

        best, low = found.best.curvature, found.low.curvature
        has_best, has_low = np.isfinite(best), np.isfinite(low)
        assert np.array_equal(has_best | has_low, np.isfinite(true))
        assert np.array_equal(np.isfinite(star) | np.isfinite(closed), np.isfinite(true))
        assert _no_less(best[has_best], true[has_best])
        assert _no_less(low[has_low], star[has_low])
        has = has_best | has_low
        assert _no_less(true[has], np.minimum(best, low)[has])
        is_decided = has_best & ~(low < best)
        assert _close(best[is_decided], true[is_decided]).all()
        for pair, sample, has in ((found.best.pair, found.best.sample, has_best),
                                  (found.low.pair, found.low.sample, has_low)):  # fmt: skip
            assert (pair[~has] == -1).all()
            assert (sample[~has] == -1).all()
            assert pair.dtype == sample.dtype == np.int32
        slots = plan.slots
        for w in np.flatnonzero(has_best):
            sample, at = found.best.sample[w] - 5, plan.pairs.target[found.best.pair[w]]
            assert found.grid[sample, w // slots, at, w % slots] == best[w]
            assert w % slots in plan.slot[plan.pairs.tap[found.best.pair[w]]]
        for w in np.flatnonzero(has_low):
            sample, at = found.low.sample[w] - 5, plan.pairs.target[found.low.pair[w]]
            assert np.isnan(found.grid[sample, w // slots, at, w % slots])
            assert live[sample, w // slots, at, w % slots]


def test_every_way_of_knowing_is_taken():
    totals = np.zeros(8, dtype=np.int64)
    for name in ("lenet_even", "narrow"):
        for plan, layers, is_first, is_last in _connections(name):
            totals += certify(plan, layers, is_first, is_last, "cpu").counts
    assert totals[kernels.CERTIFIED] > 0
    assert totals[kernels.CLOSED] > 0
    assert totals[kernels.LIVE] > totals[kernels.CERTIFIED] + totals[kernels.CLOSED]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "free_bytes"), [("lenet", 20_000), ("padded_sparse", 0), ("grouped", 0)])
def test_chunks_change_nothing(name, free_bytes, monkeypatch):
    for arguments in _connections(name):
        whole = certify(*arguments, "cpu", want_grid=True)
        with monkeypatch.context() as patch:
            patch.setattr(certificates, "_STEP_ELEMENTS", 1)
            _same(certify(*arguments, "cpu", want_grid=True, free_bytes=free_bytes), whole)


def _failing(monkeypatch, name, fails):
    """Let a method of the tables run out of memory whenever ``fails`` says so; return the sizes it was asked for."""
    own, asked = getattr(on_device.Tables, name), []

    def replacement(self, *arguments):
        asked.append(arguments)
        if fails(asked):
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return own(self, *arguments)

    monkeypatch.setattr(on_device.Tables, name, replacement)
    return asked


@pytest.mark.parametrize("name", ["sides", "gather"])
def test_out_of_memory_halves_the_chunk(name, monkeypatch):
    arguments = list(_connections("lenet"))[1]
    whole = certify(*arguments, "cpu", want_grid=True)
    asked = _failing(
        monkeypatch, name, lambda asked: len(asked) in (1, 2) if name == "gather" else len(asked) == 1
    )
    _same(certify(*arguments, "cpu", want_grid=True), whole)
    if name == "gather":
        sizes = [len(arguments[2].pair) for arguments in asked]
        assert sizes[1] == sizes[0] // 2
        assert sizes[2] == sizes[1] // 2


@pytest.mark.parametrize("name", ["sides", "gather"])
def test_out_of_memory_for_a_single_block_is_one_sentence(name, monkeypatch):
    asked = _failing(monkeypatch, name, lambda asked: True)
    with pytest.raises(DeviceError, match="ran out of memory"):
        certify(*list(_connections("lenet"))[1], "cpu")
    if name == "gather":
        assert len(asked[-1][2].pair) == 1


def test_cancelling_between_chunks(monkeypatch):
    cancel = threading.Event()
    arguments = list(_connections("lenet"))[1]
    asked = _failing(monkeypatch, "gather", lambda asked: cancel.set() or False)
    with pytest.raises(CancelledError):
        certify(*arguments, "cpu", cancel=cancel, free_bytes=0)
    assert len(asked) == 1
    with pytest.raises(CancelledError):
        certify(*arguments, "cpu", cancel=cancel)


@pytest.mark.gpu
@has_gpu
@pytest.mark.parametrize("name", CASES)
def test_cpu_and_gpu_agree(name):
    """With the kernel or without it: a GPU knows all that torch on the CPU knows, and what it knows is right."""
    for arguments in _connections(name):
        true, _, expected, _ = _scan(*arguments, kernels.ALL)
        one, other = (certify(*arguments, device, want_grid=True) for device in ("cpu", "cuda:0"))
        known = ~np.isnan(other.grid) & ~np.isnan(expected)
        assert np.allclose(other.grid[known], expected[known], rtol=1e-9, atol=1e-9)
        assert np.isnan(other.grid).sum() <= np.isnan(one.grid).sum() + 2
        least = certify(*arguments, "cuda:0")
        bounds = np.minimum(least.best.curvature, least.low.curvature)
        assert np.allclose(bounds, np.minimum(one.best.curvature, one.low.curvature), rtol=1e-9, atol=1e-9)
        if least.left is not None and not least.left.any():
            assert np.allclose(least.best.curvature, true, rtol=1e-9, atol=1e-9)
        assert one.counts[kernels.LIVE] == other.counts[kernels.LIVE]
