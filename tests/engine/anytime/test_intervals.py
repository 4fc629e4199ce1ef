"""Intervals contain the exact value, always: at every result in between, on hundreds of random networks."""

import itertools
import threading
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch
from torch import nn

from ncviz import neural_curvature
from ncviz.engine.anytime import rounds, until
from ncviz.engine.anytime.interval import MARGIN
from ncviz.errors import CancelledError, NcvizError
from tests.examples import networks, wired


class Clock:
    """A clock that goes on by one at each look."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """Time goes on with each look at it, and every look gives a result."""
    own = Clock()
    monkeypatch.setattr(until, "clock", own)
    monkeypatch.setattr(until, "SECONDS_BETWEEN", 6.0)
    monkeypatch.setattr(until, "MOST_SHARE", 1e9)
    monkeypatch.setattr("ncviz.engine.local.POLL_SECONDS", 0.002)
    monkeypatch.setattr(rounds, "_FEW_WEIGHTS", 0)
    return own


def make(name, seed, zero_share=0.0, extreme=1.0):
    """A network and three inputs."""
    pool = networks if name in networks.NETWORKS else wired
    net, x = pool.make(name, seed, zero_share=zero_share)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed + 1)
        for own in net.parameters():
            if extreme != 1 and own.ndim > 1:
                own[torch.rand(own.shape) < 0.1] *= extreme
        return net, torch.cat([x, torch.rand(2, *x.shape[1:])])


def check(exact, result, tolerance=0.0):
    """Whether all of a result's intervals contain the exact values, and are as narrow as wanted."""
    for name, kappa in exact.weights.items():
        lower, upper, value = result.lower[name], result.upper[name], result.weights[name]
        slack = 2 * MARGIN * kappa.abs().clamp(min=1)
        assert (lower <= upper).all()
        assert (lower <= kappa + slack).all(), name
        assert (kappa - slack <= upper).all(), name
        assert ((lower <= value) & (value <= upper)).all()
        same = result.is_exact[name]
        assert torch.equal(same, lower == upper)
        assert torch.allclose(value[same], kappa[same], rtol=1e-9, atol=1e-9)
        if tolerance is not None:
            wide = (upper - lower) / torch.maximum(upper.abs(), torch.ones(()))
            assert (wide <= tolerance * (1 + 1e-9)).all()


NAMES = [*networks.NETWORKS, *wired.WIRED]


@pytest.mark.parametrize(("name", "alpha"), [(name, 0.9) for name in NAMES] + [("mlp", 0.3), ("conv", 0.3)])
def test_every_interval_contains_the_exact_value(name, alpha, clock):
    check_all(name, alpha, range(2 if name in networks.NETWORKS else 1))


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.9, 0.3])
@pytest.mark.parametrize("name", NAMES)
def test_so_it_does_on_hundreds_of_networks(name, alpha, clock):
    check_all(name, alpha, range(2, 8 if name in networks.NETWORKS else 4))


@pytest.mark.slow
@pytest.mark.parametrize("extreme", [1e-30, 1e-9, 1e12])
@pytest.mark.parametrize("name", ["mlp", "mlp_tanh", "conv", "Residual"])
def test_so_it_does_where_what_is_paid_is_far_more_than_what_is_left_of_it(name, extreme, clock):
    check_all(name, 0.9, range(20, 24), extreme)
    check_all(name, 0.3, range(30, 31), extreme)


def test_a_time_limit_may_come_in_the_middle_of_a_solution(clock):
    torch.manual_seed(0)
    layers = [[nn.Linear(n, 80), nn.Tanh()] for n in (36, 80, 80)]
    net = nn.Sequential(nn.Flatten(), *itertools.chain(*layers), nn.Linear(80, 10)).double().eval()
    x = torch.rand(4, 1, 6, 6).double()
    exact = neural_curvature(net, x)
    for limit in range(1, 81, 20):
        check(exact, neural_curvature(net, x, time_limit=limit), None)


def check_all(name, alpha, seeds, extreme=1.0):
    for seed in seeds:
        net, x = make(name, seed, zero_share=0.3 * (seed % 2), extreme=extreme)
        exact = neural_curvature(net, x, alpha=alpha)
        seen = []
        whole = neural_curvature(net, x, alpha=alpha, on_result=seen.append)
        rough = neural_curvature(net, x, alpha=alpha, tolerance=0.05)
        early = neural_curvature(net, x, alpha=alpha, time_limit=0)
        check(exact, whole)
        check(exact, rough, 0.05)
        check(exact, early, None)
        assert seen
        for result in seen:
            check(exact, result, None)
        for before, after in zip(seen, [*seen[1:], whole], strict=True):
            for weight in exact.weights:
                assert (before.lower[weight] <= after.lower[weight]).all()
                assert (after.upper[weight] <= before.upper[weight]).all()


def test_each_samples_own_least_comes_once_it_is_exact(clock):
    net, x = make("conv", 0)
    exact = neural_curvature(net, x, keep_samples=True)
    seen = []
    result = neural_curvature(net, x, keep_samples=True, on_result=seen.append)
    check(exact, result)
    assert seen[0].samples is None
    assert result.samples is not None
    assert torch.allclose(
        exact.samples["2.weight"], result.samples["2.weight"], rtol=1e-6, atol=1e-6, equal_nan=True
    )


def test_the_time_limit_holds_once_there_are_bounds(clock):
    net, x = make("mlp_tanh", 0)
    ticks = {limit: _ticks(net, x, clock, limit) for limit in (0, 10**9)}
    assert ticks[0] <= 3 < ticks[10**9]


def _ticks(net, x, clock, limit):
    before = clock.now
    result = neural_curvature(net, x, time_limit=limit)
    assert all(bool(own.all()) for own in result.is_exact.values()) == (limit > 0)
    return clock.now - before


def test_it_can_be_cancelled_between_two_results(clock):
    net, x = make("conv", 0)
    cancel = threading.Event()
    with pytest.raises(CancelledError):
        neural_curvature(net, x, cancel=cancel, on_result=lambda result: cancel.set())


def test_what_has_no_intervals_is_one_sentence():
    net, x = make("mlp", 0)
    with ProcessPoolExecutor(1) as pool, pytest.raises(NcvizError, match="executor of other processes"):
        neural_curvature(net, x, time_limit=1.0, executor=pool)
    for given, words in (
        ({"tolerance": 0.1, "keep_edges": True}, "keep_edges gives exact values only"),
        ({"tolerance": 0.1, "keep_samples": True}, "keep_samples gives exact values only"),
        ({"tolerance": 1.0}, "tolerance must lie in 0"),
        ({"time_limit": -1}, "time_limit must be a number of seconds"),
        ({"on_result": 3}, "on_result must be a function of a result, got int"),
    ):
        with pytest.raises(NcvizError, match=words):
            neural_curvature(net, x, **given)
