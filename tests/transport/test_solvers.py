"""The hub form against the definition's full problem, and both against a linear program."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from ncviz.errors import CancelledError
from ncviz.transport.exact import optimal_value, solve_full
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


def hub_form(group):
    """The theorem, edge by edge: with more than half of the mass on i and j, the edge is a hub with tolls."""
    value = np.full(group.direct.shape, np.nan)
    for i, j in np.argwhere(~np.isnan(group.direct)):
        direct = group.direct[i, j]
        if len(group.a) and len(group.b):
            tolls = group.to_target[j][:, None] + group.from_source[i][None, :] - direct
            value[i, j] = optimal_value(group.a, group.b, np.minimum(group.cost, tolls))
        elif len(group.a):
            value[i, j] = group.to_target[j] @ group.a
        elif len(group.b):
            value[i, j] = group.from_source[i] @ group.b
        else:
            value[i, j] = direct
    return value


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
    hub, full = hub_form(group), solve_full(group, alpha)
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


def test_cancel_stops_at_the_next_edge():
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        solve_full(random_group(1, p=4, q=4, missing=0.0), 0.3, stop)
