"""Many problems in one call, against POT and rational arithmetic, their proofs checked as a stranger would."""

import threading
from fractions import Fraction

import numpy as np
import pytest

from ncviz.errors import CancelledError, NcvizError
from ncviz.transport import solve_many
from ncviz.transport.exact import optimal_value
from tests.readmes import ROOT, python_example
from tests.transport.test_simplex import MASSES, rational_value

COSTS = {
    "spread out": lambda rng, shape: rng.exponential(size=shape),
    "all equal": lambda rng, shape: np.ones(shape),
    "all 0": lambda rng, shape: np.zeros(shape),
    "with ties": lambda rng, shape: rng.integers(0, 4, shape).astype(float),
    "negative": lambda rng, shape: rng.normal(size=shape) - 0.5,
    "negative ties": lambda rng, shape: rng.integers(-3, 3, shape).astype(float),
    "from 1e-8 to 1e8": lambda rng, shape: 10.0 ** rng.uniform(-8, 8, shape),
}
GAP = 1e-9


def draw(seed, costs, masses, m=None, n=None, k=5):
    """Arguments of ``solve_many``, and what each problem's own cost is; shared or not, with a hub or without."""
    rng = np.random.default_rng(seed)
    m, n = m or int(rng.integers(1, 13)), n or int(rng.integers(1, 13))
    is_shared, has_hub, is_ragged, is_same = rng.random(4) < 0.5
    k = 1 if is_shared and is_same and not has_hub else k
    given = {"cost": COSTS[costs](rng, (m, n) if is_shared else (k, m, n))}
    for name, size in (("a", m), ("b", n)):
        own = np.array([MASSES[masses](rng, size) for _ in range(k)])
        if is_ragged:
            own *= (rng.random(own.shape) < 0.5) | (np.arange(size) == own.argmax(axis=1)[:, None])
        own /= own.sum(axis=1, keepdims=True)
        given[name] = own[0] if is_same else own
    plain = np.broadcast_to(given["cost"], (k, m, n))
    if has_hub:
        given |= {"A": COSTS[costs](rng, (k, m)), "B": COSTS[costs](rng, n), "t": COSTS[costs](rng, k)}
        if costs == "from 1e-8 to 1e8":
            given["t"] = 0.0
        through = given["A"][:, :, None] + (given["B"][None, None, :] - np.reshape(given["t"], (-1, 1, 1)))
        plain = np.minimum(plain, through)
    return given, plain, *(np.broadcast_to(given[name], (k, size)) for name, size in (("a", m), ("b", n)))


def check(result, plain, a, b, is_exact=True):
    """Everything that is claimed of the solutions, from the costs alone; returns sums of plan times |cost|."""
    assert result.is_exact.all() or not is_exact
    scale = (result.plan * np.abs(plain)).sum(axis=(1, 2))
    assert (result.plan >= 0).all()
    assert result.plan.sum(axis=2) == pytest.approx(a, abs=1e-14)
    assert result.plan.sum(axis=1) == pytest.approx(b, abs=1e-14)
    largest = np.abs(plain).max(axis=(1, 2)) + np.abs(result.f).max(axis=1) + np.abs(result.g).max(axis=1)
    above = (result.f[:, :, None] + result.g[:, None, :] - plain).max(axis=(1, 2))
    assert (above <= 1e-15 * largest).all()
    proved = (a * result.f).sum(axis=1) + (b * result.g).sum(axis=1)
    # Of the sums above.
    rounding = 8 * 2.0**-53 * largest
    assert (np.abs(proved - result.lower) <= rounding).all()
    assert (np.abs((result.plan * plain).sum(axis=(1, 2)) - result.value) <= 1e-12 * scale + rounding).all()
    assert (result.lower <= result.value).all()
    # Where costs are small whole numbers, plans may cost nothing but what the least masses do.
    assert (result.value - result.lower <= GAP * scale + (0.0 if is_exact else rounding)).all()
    return scale


@pytest.mark.parametrize("masses", [*MASSES])
@pytest.mark.parametrize("costs", [each for each in COSTS if each != "from 1e-8 to 1e8"])
def test_they_are_solved_as_by_pot(costs, masses):
    for seed in range(12):
        given, plain, a, b = draw(seed, costs, masses)
        result = solve_many(**given, keep_plans=True, threads=1)
        scale = check(result, plain, a, b, is_exact=masses != "down to 1e-300")
        wanted = [optimal_value(*each) for each in zip(a, b, plain, strict=True)]
        rounding = 8 * 2.0**-53 * np.ptp(plain)
        between = result.value - result.lower
        assert (np.abs(result.value - wanted) <= GAP * scale + between + rounding).all()


def without_rounding(a, b, cost):
    """The value for these very masses, those of ``b`` scaled to the sum of ``a``."""
    rows, columns = a > 0, b > 0
    fractions = [[Fraction(x) for x in row] for row in cost[np.ix_(rows, columns)].tolist()]
    return rational_value(a[rows], b[columns], fractions) * sum(map(Fraction, a))


@pytest.mark.parametrize("masses", [*MASSES])
def test_costs_of_any_size_in_one_problem(masses):
    """POT rounds here; what is said is true of the masses as they are given, and nearly always exact."""
    exact = []
    for seed in range(25):
        given, plain, a, b = draw(seed, "from 1e-8 to 1e8", masses, k=2)
        result = solve_many(**given, keep_plans=True, threads=1)
        exact += [*result.is_exact]
        for k in range(len(a)):
            wanted = float(without_rounding(a[k], b[k], plain[k]))
            slack = 1e-14 * abs(wanted)
            assert result.lower[k] - slack <= wanted <= result.value[k] + slack
            if result.is_exact[k]:
                assert result.value[k] == pytest.approx(wanted, rel=1e-10)
    assert np.mean(exact) > 0.8, np.mean(exact)


TINY = 1e-14


@pytest.mark.parametrize(
    ("cost", "a", "b"),
    [
        ([[0, 1], [1, 0]], [0.5 + TINY, 0.5 - TINY], [0.5, 0.5]),
        ([[0, 1e12], [1e12, 1e12]], [1, 1e-20], [1, 1e-20]),
        # Here the tree that is best for whole quanta is not that for these masses.
        ([[0, 1e12, 5], [1e12, 1e12, 3], [2, 1, 1e9]], [3, 1e-20, 1e-17], [3, 1e-18, 1e-21]),
        ([[0, 1, 2], [1, 0, 1], [2, 1, 0]], [0.3, 0.3, 0.4], [0.3 + TINY, 0.3 - TINY, 0.4 + 3e-17]),
    ],
)
@pytest.mark.parametrize("has_hub", [False, True])
def test_masses_are_those_that_are_given(cost, a, b, has_hub):
    cost, a, b = (np.array(given, dtype=float) for given in (cost, a, b))
    hub = {"A": cost.max(axis=1), "B": cost.max(axis=0) + 1, "t": 0.5} if has_hub else {}
    plain = np.minimum(cost, hub["A"][:, None] + hub["B"] - 0.5) if has_hub else cost
    found = solve_many(cost, a, b, **hub, keep_plans=True)
    wanted = float(without_rounding(a, b, plain))
    assert found.lower[0] <= wanted * (1 + 1e-12)
    assert wanted <= found.value[0] * (1 + 1e-12)
    if len(a) == 2:
        assert found.is_exact.all()
    if found.is_exact[0]:
        assert found.value == pytest.approx([wanted], rel=1e-10)
        assert (found.plan[0] * plain).sum() == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize(("m", "n"), [(134, 76), (1, 90), (70, 1), (64, 64)])
def test_larger_ones(m, n):
    for seed, costs in enumerate(["spread out", "with ties", "negative", "from 1e-8 to 1e8"]):
        given, plain, a, b = draw(seed, costs, "spread out", m, n, k=3)
        check(solve_many(**given, keep_plans=True, threads=1), plain, a, b)


def test_what_the_last_one_left_is_used():
    rng = np.random.default_rng(0)
    cost, a, b = rng.random((30, 30)), rng.dirichlet(np.ones(30)), rng.dirichlet(np.ones(30))
    k = 20
    tolls = {"A": rng.random(30) * rng.uniform(0.95, 1.05, (k, 30)), "B": rng.random(30), "t": 0.6}
    warm = solve_many(cost, a, b, **tolls, threads=1)
    cold = solve_many(np.tile(cost, (k, 1, 1)), a, b, **tolls, threads=1)
    assert warm.value == pytest.approx(cold.value, rel=1e-12)
    assert warm.pivots[1:].sum() < cold.pivots[1:].sum() / 2
    near = a * rng.uniform(0.95, 1.05, (k, 30))
    near /= near.sum(axis=1, keepdims=True)
    warm, cold = (
        solve_many(cost, near, b, threads=1),
        solve_many(np.tile(cost, (k, 1, 1)), near, b, threads=1),
    )
    assert warm.value == pytest.approx(cold.value, rel=1e-12)
    assert warm.pivots[1:].sum() < cold.pivots[1:].sum()


def test_any_total_and_any_number():
    cost, a, b = [[1.0, 3.0], [2.0, 1.0]], [30.0, 10.0], [20.0, 20.0]
    one = solve_many(cost, a, b, keep_plans=True)
    assert one.value == pytest.approx([20 + 30 + 10])
    assert one.plan == pytest.approx(np.array([[[20.0, 10.0], [0.0, 10.0]]]))
    assert solve_many(cost, a, b).plan is None
    none = solve_many(cost, np.empty((0, 2)), b)
    assert none.value.shape == (0,)
    assert none.f.shape == (0, 2)
    several = solve_many(np.tile(cost, (300, 1, 1)), a, b, threads=3)
    assert np.array_equal(several.value, np.repeat(one.value, 300))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cost": [1.0, 2.0]}, r"cost must be \[m, n\]"),
        ({"cost": np.empty((0, 2))}, r"cost must be \[m, n\]"),
        ({"cost": [[1.0, np.inf], [1.0, 2.0]]}, "may cost more than all others"),
        ({"cost": [[1.0, 2.0], [3.0]]}, "cost must be an array of real numbers"),
        ({"cost": "near"}, "cost must be an array of real numbers"),
        ({"cost": [[1j, 2.0], [1.0, 2.0]]}, "cost must be an array of real numbers"),
        ({"a": [0.5, 0.25, 0.25]}, r"a must be \[2\] or \[k, 2\]"),
        ({"a": [1.5, -0.5]}, "a must hold masses of at least 0"),
        ({"b": [0.0, 0.0]}, "b must hold some mass in each problem"),
        ({"b": [0.5, np.nan]}, "b must hold finite numbers"),
        ({"b": [0.5, 0.6]}, "a and b must hold the same mass; those of problem 0 sum to 1 and 1.1"),
        ({"a": np.full((2, 2), 0.5), "b": np.full((3, 2), 0.5)}, "same number of problems.*a for 2, b for 3"),
        ({"A": [1.0, 1.0]}, "A and B go together"),
        ({"t": 1.0}, "t is what the hub takes off"),
        ({"A": [1.0, 1.0], "B": [1.0, 1.0], "t": [[1.0]]}, "t must be one number"),
        ({"A": np.empty((0, 2)), "B": [1.0, 1.0], "a": np.full((3, 2), 0.5)}, "A for 0"),
        ({"A": np.empty((0, 3)), "B": [1.0, 1.0]}, r"A must be \[2\]"),
        ({"A": np.empty((0, 2)), "B": [1.0]}, r"B must be \[2\]"),
        ({"threads": 0}, "threads must be a whole number"),
        ({"device": "abacus"}, "solved on cpu"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said(changed, said):
    given = {"cost": [[1.0, 2.0], [2.0, 1.0]], "a": [0.5, 0.5], "b": [0.5, 0.5]}
    with pytest.raises((NcvizError), match=said):
        solve_many(**{**given, **changed})


def test_it_can_be_cancelled():
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        solve_many(np.random.default_rng(0).random((500, 40, 40)), np.ones(40), np.ones(40), cancel=stop)


def test_the_readmes_example(capsys):
    code, printed = python_example((ROOT / "ncviz/transport/README.md").read_text("utf-8"))
    exec(code, {})  # what stands in the README
    assert capsys.readouterr().out == printed
    assert printed
