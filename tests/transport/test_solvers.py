"""The hub form against the definition's full problem, and both against a linear program."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from ncviz.errors import CancelledError
from ncviz.transport.exact import optimal_value, solve_full
from ncviz.transport.hub import hub_excess, solve_hub
from ncviz.transport.problem import EdgeGroup


def random_group(seed, p=4, q=3, n=3, m=2, uniform=False, missing=0.3):
    """A group whose distances are those of a real layered graph, so that they obey the triangle inequality."""
    rng = np.random.default_rng(seed)
    first, middle, last = (
        rng.exponential(size=(p, n)),
        rng.exponential(size=(n, m)),
        rng.exponential(size=(m, q)),
    )
    two_in = (first[:, :, None] + middle[None]).min(axis=1)
    two_out = (middle[:, :, None] + last[None]).min(axis=1)
    three = (first[:, :, None] + two_out[None]).min(axis=1) if n else np.empty((p, q))
    a = np.full(p, 1 / p) if uniform else rng.dirichlet(np.ones(p)) if p else np.empty(0)
    b = np.full(q, 1 / q) if uniform else rng.dirichlet(np.ones(q)) if q else np.empty(0)
    direct = np.where(rng.random(middle.shape) < missing, np.nan, middle)
    return EdgeGroup(a, b, three, two_in.T, two_out, direct)


def linear_program(a, b, cost):
    p, q = cost.shape
    rows = np.kron(np.eye(p), np.ones(q))
    columns = np.kron(np.ones(p), np.eye(q))
    found = linprog(cost.reshape(-1), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b]))
    assert found.success
    return found.fun


@given(
    st.integers(0, 10_000),
    st.integers(0, 6),
    st.integers(0, 6),
    st.booleans(),
    st.sampled_from([0.5, 0.75, 0.95]),
)
@settings(max_examples=60, deadline=None)
def test_hub_form_equals_the_full_problem(seed, p, q, uniform, alpha):
    group = random_group(seed, p, q, uniform=uniform and p > 0 and q > 0)
    hub, full = solve_hub(group), solve_full(group, alpha)
    assert np.array_equal(np.isnan(hub), np.isnan(group.direct))
    assert np.allclose(hub, full, rtol=1e-9, atol=1e-9, equal_nan=True)


@given(st.integers(0, 10_000), st.floats(-5, 5))
@settings(max_examples=40, deadline=None)
def test_optimal_value_is_the_linear_programs(seed, shift):
    rng = np.random.default_rng(seed)
    a, b = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(4))
    a[rng.integers(5)] = 0
    a /= a.sum()
    cost = rng.normal(size=(5, 4)) + shift
    assert optimal_value(a, b, cost) == pytest.approx(linear_program(a, b, cost), abs=1e-8)


def test_the_certificate_is_right_and_is_used():
    settled = 0
    for seed in range(40):
        group = random_group(seed, p=3, q=3, missing=0.0)
        excess = hub_excess(group)
        through = (group.to_target @ group.a)[None] + (group.from_source @ group.b)[:, None] - group.direct
        certified = excess <= 0
        settled += int(certified.sum())
        exact = solve_full(group, 0.8)
        assert np.allclose(exact[certified], through[certified])
        assert np.all(exact <= through + 1e-9)
    assert settled > 0


@pytest.mark.parametrize("solve", [solve_hub, lambda group, cancel: solve_full(group, 0.3, cancel)])
def test_cancel_stops_at_the_next_edge(solve):
    stop = threading.Event()
    stop.set()
    # Costs far below the hub's, so that every edge needs the simplex.
    group = random_group(1, p=4, q=4, missing=0.0)
    mixed = EdgeGroup(group.a, group.b, group.cost * 0.5, group.to_target, group.from_source, group.direct)
    with pytest.raises(CancelledError):
        solve(mixed, stop)


def test_rows_are_the_same_problem():
    group = random_group(3, n=5)
    whole = solve_hub(group)
    parts = np.vstack([solve_hub(group.rows(0, 2)), solve_hub(group.rows(2, 5))])
    assert np.array_equal(np.nan_to_num(whole), np.nan_to_num(parts))
