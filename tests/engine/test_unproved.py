"""Edges that could not be proved: solved anew, or known within an interval; no work is thrown away for them."""

import numpy as np
import pytest
import torch

from ncviz import neural_curvature
from ncviz.engine import full, kernels
from ncviz.engine.anytime import full as anytime
from ncviz.engine.edges import promising
from ncviz.engine.edges.alone import solve_alone
from ncviz.transport.full import FullSolution
from tests.examples import networks


def given():
    net, x = networks.make("conv", 3, zero_share=0.2)
    return net, torch.cat([x, torch.rand(1, *x.shape[1:], generator=torch.Generator().manual_seed(1))])


def give_up(monkeypatch):
    """Let the solver of blocks give up at every edge."""

    def nothing(p, q, C, At, Bt, d, floor, value, pool, stop, counts):
        value[:] = np.nan

    for name in ("search", "scan", "_settle", "solve"):
        monkeypatch.setattr(kernels, name, getattr(kernels, name).py_func)
    monkeypatch.setattr(promising, "solve_edges", promising.solve_edges.py_func)
    monkeypatch.setattr(promising, "solve", kernels.solve)
    monkeypatch.setattr(promising, "search_promising", promising.search_promising.py_func)
    monkeypatch.setattr(kernels, "solve_block", nothing)
    monkeypatch.setattr("ncviz.compiled.is_cached", lambda function: True)


def by_little(*arguments):
    """As ``by_half``, by little: less than what a tolerance leaves open."""
    value, _ = solve_alone(*arguments)
    return value + 5e-5 * arguments[5], 1e-4 * arguments[5]


def by_half(*arguments):
    """A solver whose proofs fall short, by 0.1 at every edge."""
    value, _ = solve_alone(*arguments)
    return value + 0.05 * arguments[5], 0.1 * arguments[5]


def check_open(result, exact, left):
    """Whether what is not exact is an interval around the exact value, and is said to stay so."""
    for name, kappa in exact.weights.items():
        assert (result.lower[name] <= kappa + 1e-9).all()
        assert (kappa <= result.upper[name] + 1e-9).all()
        assert torch.equal(result.unproved[name], ~result.is_exact[name])
        same = result.is_exact[name]
        assert torch.allclose(result.weights[name][same], kappa[same])
    assert any(own.any() for own in result.unproved.values()) == left
    assert sum(work.unproved for work in result.work) == sum(
        int(own.sum()) for own in result.unproved.values()
    )
    assert (result.samples is None) or not left


HOW = [{}, {"on_result": lambda result: None}, {"keep_samples": True}]


@pytest.mark.parametrize("options", [*HOW, {"keep_samples": True, "on_result": lambda result: None}])
def test_an_edge_at_which_a_block_is_given_up_is_solved_alone(options, monkeypatch):
    net, x = given()
    exact = neural_curvature(net, x, keep_samples=True)
    give_up(monkeypatch)
    result = neural_curvature(net, x, **options)
    check_open(result, exact, left=False)
    if options.get("keep_samples"):
        for name, kappa in exact.samples.items():
            assert torch.allclose(result.samples[name], kappa, equal_nan=True)
    monkeypatch.setattr(kernels, "solve_alone", by_half)
    check_open(neural_curvature(net, x, **options), exact, left=True)


@pytest.mark.parametrize("tolerance", [0.2, 0.5])
def test_what_is_not_proved_above_what_a_tolerance_asks_leaves_the_interval_as_it_is(tolerance, monkeypatch):
    net, x = given()
    exact = neural_curvature(net, x)
    give_up(monkeypatch)
    monkeypatch.setattr(kernels, "solve_alone", by_little)
    result = neural_curvature(net, x, tolerance=tolerance)
    for name, kappa in exact.weights.items():
        assert (result.lower[name] <= kappa + 1e-9).all()
        assert (kappa <= result.upper[name] + 1e-9).all()


@pytest.mark.parametrize("options", HOW)
def test_below_idleness_one_half_too(options, monkeypatch):
    net, x = given()
    exact = neural_curvature(net, x, alpha=0.3)
    solve = full.solve_full

    def within(group, alpha, stop=None):
        value, lower = solve(group, alpha, stop)
        if not len(group.a) or not len(group.b):
            return FullSolution(value, lower)
        return FullSolution(value + 0.05 * group.direct, lower - 0.05 * group.direct)

    for module in (full, anytime):
        monkeypatch.setattr(module, "solve_full", within)
    check_open(neural_curvature(net, x, alpha=0.3, **options), exact, left=True)


@pytest.mark.parametrize("alpha", [0.3, 0.9])
def test_no_value_is_told_of_an_edge_that_could_not_be_proved(alpha, monkeypatch):
    net, x = given()
    exact = neural_curvature(net, x, alpha=alpha, keep_edges=True)
    give_up(monkeypatch)
    monkeypatch.setattr(kernels, "solve_alone", by_half)
    solve = full.solve_full

    def within(*arguments):
        value, lower = solve(*arguments)
        return FullSolution(value + 0.1, lower)

    monkeypatch.setattr(full, "solve_full", within)
    result = neural_curvature(net, x, alpha=alpha, keep_edges=True)
    wanted, kappa = (
        torch.cat([each.edges(at)[2] for at in range(len(each.work))]) for each in (exact, result)
    )
    is_told = ~kappa.isnan()
    assert is_told.any()
    assert not is_told.all()
    assert torch.allclose(kappa[is_told], wanted[is_told])
    assert result.count_edges() == (int((kappa < 0).sum()), exact.count_edges()[1])
