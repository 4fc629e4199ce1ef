"""The definition's full problem against the hub form, POT and rational arithmetic; POT against a linear program."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from ncviz.transport.exact import optimal_value
from ncviz.transport.full import solve_full
from ncviz.transport.problem import EdgeGroup, idle
from tests.transport.test_simplex import MASSES, rational_value


def random_group(seed, p=4, q=3, n=3, m=2, masses="spread out", missing=0.3, extreme=1.0):
    """A group whose distances are those of a real layered graph, so that they obey the triangle inequality.

    A third of its weights are ``extreme`` times as large as the others.
    """
    rng = np.random.default_rng(seed)

    def lengths(*shape):
        return 1.0 / (rng.exponential(size=shape) * np.where(rng.random(shape) < 1 / 3, extreme, 1.0))

    first, middle, last = lengths(p, n), lengths(n, m), lengths(m, q)
    two_in = (first[:, :, None] + middle[None]).min(axis=1)
    two_out = (middle[:, :, None] + last[None]).min(axis=1)
    three = (first[:, :, None] + two_out[None]).min(axis=1) if n else np.empty((p, q))
    a, b = (MASSES[masses](rng, k) if k else np.empty(0) for k in (p, q))
    direct = np.where(rng.random(middle.shape) < missing, np.nan, middle)
    return EdgeGroup(a / a.sum(), b / b.sum(), three, two_in.T, two_out, direct)


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


def definition(group, alpha, i, j):
    """The measures and costs of one edge's full problem."""
    cost = np.block(
        [[group.direct[i, j], group.from_source[i][None]], [group.to_target[j][:, None], group.cost]]
    )
    a, b = idle(alpha, group.a), idle(alpha, group.b)
    return a, b, cost[: len(a), : len(b)]


MANY_MASSES = st.sampled_from([*MASSES])


@given(
    st.integers(0, 10_000), st.integers(0, 6), st.integers(0, 6), MANY_MASSES, st.sampled_from([0.5, 0.75, 0.95])
)  # fmt: skip
@settings(max_examples=60)
def test_hub_form_equals_the_full_problem(seed, p, q, masses, alpha):
    group = random_group(seed, p, q, masses=masses)
    hub, (full, lower) = hub_form(group), solve_full(group, alpha)
    assert np.array_equal(np.isnan(hub), np.isnan(group.direct))
    assert np.allclose(hub, full, rtol=1e-9, atol=1e-9, equal_nan=True)
    assert np.array_equal(full, lower, equal_nan=True)


@pytest.mark.parametrize(("p", "q"), [(0, 0), (0, 3), (1, 1), (1, 5), (7, 1), (30, 12), (60, 45)])
@pytest.mark.parametrize("alpha", [0.0, 1e-300, 0.1, 0.3, 0.49])
def test_full_problems_are_solved_as_by_pot(p, q, alpha):
    for seed, masses in enumerate(MASSES):
        group = random_group(seed, p, q, 4, 3, masses)
        value, lower = solve_full(group, alpha)
        assert np.array_equal(np.isnan(value), np.isnan(group.direct))
        assert np.array_equal(value, lower, equal_nan=True)
        for i, j in np.argwhere(~np.isnan(group.direct)):
            wanted = (optimal_value(*definition(group, alpha, i, j)) - alpha * group.direct[i, j]) / (
                1 - alpha
            )
            assert value[i, j] == pytest.approx(wanted, rel=1e-9, abs=1e-9 * group.direct[i, j])


def without_rounding(group, alpha, i, j):
    """What the edge costs for these very masses, but that they sum to exactly 1 on either side."""
    alpha, (_, _, cost) = Fraction(alpha), definition(group, 0.5, i, j)
    a, b = ([Fraction(x) / sum(map(Fraction, own)) for x in own] for own in (group.a, group.b))
    a, b = ([alpha, *((1 - alpha) * x for x in own)] for own in (a, b))
    first = 0 if alpha else 1
    fractions = [[Fraction(x) for x in row[first:]] for row in cost.tolist()[first:]]
    value = rational_value(a[first:], b[first:], fractions)
    return (value - alpha * Fraction(group.direct[i, j])) / (1 - alpha)


@given(
    st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6), MANY_MASSES,
    st.sampled_from([0.0, 0.1, 0.3, 0.49]), st.sampled_from([1e-30, 1e-9, 1e9, 1e30]),
)  # fmt: skip
@settings(max_examples=150)
def test_weights_of_any_size_beside_each_other(seed, p, q, masses, alpha, extreme):
    """POT misses the least cost here; what is said is true, and where it is said to be exact, it is."""
    group = random_group(seed, p, q, 2, 2, masses, 0.0, extreme)
    value, lower = solve_full(group, alpha)
    i, j = seed % 2, seed // 2 % 2
    direct, wanted = Fraction(group.direct[i, j]), without_rounding(group, alpha, i, j)
    kappa, low, high = (1 - Fraction(x) / direct for x in (wanted, value[i, j], lower[i, j]))
    slack = Fraction(1e-9) * max(1, abs(kappa))
    assert low - slack <= kappa <= high + slack
    if masses != "down to 1e-300" and 1e-9 <= extreme <= 1e9:
        assert low == high


@pytest.mark.parametrize("extreme", [1e-9, 1e-30])
@pytest.mark.parametrize("masses", ["uniform", "with ties", "down to 1e-15"])
def test_masses_with_ties_are_proved_beside_small_weights(masses, extreme):
    for seed in range(4):
        group = random_group(seed, 30, 20, 4, 4, masses, 0.0, extreme)
        for alpha in (0.0, 0.3):
            value, lower = solve_full(group, alpha)
            assert np.array_equal(value, lower)


@pytest.mark.parametrize("extreme", [1e-20, 1e-30])
def test_what_masses_in_doubt_could_cost_is_part_of_the_interval(extreme, monkeypatch):
    """Masses that twofold precision does not tell from nothing beside others, where a way is that much longer."""
    monkeypatch.setitem(
        MASSES, "tiny", lambda rng, n: np.concatenate([[1.0], 10.0 ** rng.uniform(-40, -20, n - 1)])
    )
    is_exact = []
    for seed in range(60):
        group, alpha = random_group(seed, 4, 4, 2, 2, "tiny", 0.0, extreme), (0.0, 0.3)[seed % 2]
        value, lower = solve_full(group, alpha)
        for i, j in np.argwhere(~np.isnan(group.direct))[:2]:
            direct, wanted = Fraction(group.direct[i, j]), without_rounding(group, alpha, i, j)
            kappa, low, high = (1 - Fraction(x) / direct for x in (wanted, value[i, j], lower[i, j]))
            slack = Fraction(1e-9) * max(1, abs(kappa))
            assert low - slack <= kappa <= high + slack
            is_exact.append(low == high)
    assert np.mean(is_exact) > 0.7


@given(st.integers(0, 10_000), st.floats(-5, 5))
@settings(max_examples=40)
def test_optimal_value_is_the_linear_programs(seed, shift):
    rng = np.random.default_rng(seed)
    a, b = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(4))
    a[rng.integers(5)] = 0
    a /= a.sum()
    cost = rng.normal(size=(5, 4)) + shift
    assert optimal_value(a, b, cost) == pytest.approx(linear_program(a, b, cost), abs=1e-8)


def test_it_stops_at_the_next_edge():
    value, lower = solve_full(random_group(1, p=4, q=4, missing=0.0), 0.3, np.ones(1, dtype=np.bool_))
    assert np.isnan(value).all()
    assert np.isnan(lower).all()
