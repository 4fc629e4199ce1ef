"""The compiled solver of a block of edges against POT, and against rational arithmetic where POT itself rounds."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncviz.transport.exact import optimal_value
from ncviz.transport.plans import greedy_plan
from ncviz.transport.simplex import solve_block
from ncviz.transport.tree import QUANTUM, quantise

CERTIFIED, SKIPPED, SOLVED, PIVOTS = range(4)
TOLERANCE = 1e-9

LENGTHS = {
    "spread out": lambda rng, shape: rng.exponential(size=shape),
    "equal": lambda rng, shape: np.ones(shape),
    "with ties": lambda rng, shape: rng.integers(1, 4, shape).astype(float),
    "from 1e-8 to 1e8": lambda rng, shape: 10.0 ** rng.uniform(-8, 8, shape),
    "some 1e30": lambda rng, shape: rng.uniform(1, 2, shape) * rng.choice([1, 1, 1, 1e30], shape),
}
MASSES = {
    "spread out": lambda rng, n: rng.dirichlet(np.ones(n)),
    "uniform": lambda rng, n: np.full(n, 1.0),
    "with ties": lambda rng, n: rng.integers(1, 4, n).astype(float),
    "down to 1e-15": lambda rng, n: 10.0 ** rng.uniform(-15, 0, n),
    "down to 1e-300": lambda rng, n: 10.0 ** rng.uniform(-300, 0, n),
}


class Block:
    """A block of edges; those of a layered net obey the triangle inequality, all others nothing at all."""

    def __init__(
        self, seed, sources, sinks, n=3, m=3, lengths="spread out", masses="spread out", layered=True
    ):
        rng = np.random.default_rng(seed)
        make = LENGTHS[lengths]
        if layered:
            first, middle, last = make(rng, (sources, n)), make(rng, (n, m)), make(rng, (m, sinks))
            through = (middle[:, :, None] + last[None]).min(axis=1)
            self.C = (first[:, :, None] + through[None]).min(axis=1)
            self.At = (first[:, :, None] + middle[None]).min(axis=1)
            self.Bt = np.ascontiguousarray(through.T)
            self.d = middle
        else:
            self.C, self.At = make(rng, (sources, sinks)), make(rng, (sources, m))
            self.Bt, self.d = make(rng, (sinks, n)), make(rng, (n, m))
        self.p, self.q = (np.sort(MASSES[masses](rng, k))[::-1] for k in (sources, sinks))
        self.p, self.q = self.p / self.p.sum(), self.q / self.q.sum()

    def solve(self, floor=None, pool=10_000, stop=False):
        self.value = np.empty(self.d.shape)
        self.counts = np.zeros(8, dtype=np.int64)
        if floor is None:
            floor = np.full(self.d.shape, -np.inf)
        trees = np.empty(pool, np.uint16), np.empty(pool, np.uint16), np.empty(pool)
        solve_block(
            self.p, self.q, self.C, self.At, self.Bt, self.d, floor, self.value, trees, np.array([stop]), self.counts
        )  # fmt: skip
        failed = int((np.isnan(self.value) & np.isfinite(self.d)).sum())
        edges = int(np.isfinite(self.d).sum())
        assert np.all(np.isnan(self.value[np.isinf(self.d)]))
        if not stop:
            assert self.counts[[CERTIFIED, SKIPPED, SOLVED]].sum() + failed == edges
            assert self.counts[SKIPPED] == (self.value == -np.inf).sum()
            assert failed == 0
            # Far below where the solver gives up: warm starts and ties must not make it wander.
            assert self.counts[PIVOTS] <= 40 * len(self.p) * len(self.q) * max(1, edges)
        return self.value

    def edges(self):
        return np.argwhere(np.isfinite(self.d)).tolist()

    def by_pot(self, i, j):
        tolls = self.At[:, j, None] + (self.Bt[:, i] - self.d[i, j])[None]
        return optimal_value(self.p, self.q, np.minimum(self.C, tolls))

    def check_by_pot(self):
        for i, j in self.edges():
            found, wanted = 1 - self.value[i, j] / self.d[i, j], 1 - self.by_pot(i, j) / self.d[i, j]
            assert abs(found - wanted) <= TOLERANCE * max(1, abs(wanted))

    def check_by_fractions(self):
        for i, j in self.edges():
            length = Fraction(self.d[i, j])
            tolls = [
                [Fraction(self.At[u, j]) + Fraction(self.Bt[v, i]) - length for v in range(len(self.q))]
                for u in range(len(self.p))
            ]
            cost = [
                [min(Fraction(direct), toll) for direct, toll in zip(*row, strict=True)]
                for row in zip(self.C.tolist(), tolls, strict=True)
            ]
            wanted = 1 - rational_value(self.p, self.q, cost) / length
            found = 1 - Fraction(self.value[i, j]) / length
            assert abs(found - wanted) <= Fraction(TOLERANCE) * max(1, abs(wanted)), (i, j, float(wanted))


def rational_value(p, q, cost):
    """Optimal transport by shortest augmenting paths, without any rounding."""
    supply, demand = (
        [x / sum(masses) for x in masses] for masses in (list(map(Fraction, p)), list(map(Fraction, q)))
    )
    P, Q = len(p), len(q)
    flow = [[Fraction(0)] * Q for _ in range(P)]
    while any(supply):
        away = [Fraction(0) if x else None for x in supply] + [None] * Q
        before = [None] * (P + Q)
        is_better = True
        while is_better:
            is_better = False
            for u in range(P):
                for v in range(Q):
                    if away[u] is not None and (away[P + v] is None or away[u] + cost[u][v] < away[P + v]):
                        away[P + v], before[P + v], is_better = away[u] + cost[u][v], u, True
                    if not flow[u][v] or away[P + v] is None:
                        continue
                    if away[u] is None or away[P + v] - cost[u][v] < away[u]:
                        away[u], before[u], is_better = away[P + v] - cost[u][v], P + v, True
        sink = min((v for v in range(Q) if demand[v]), key=lambda v: away[P + v])
        x, steps = P + sink, []
        while before[x] is not None:
            steps.append((before[x], x))
            x = before[x]
        moved = min([supply[x], demand[sink]] + [flow[b][a - P] for a, b in steps if a >= P])
        supply[x] -= moved
        demand[sink] -= moved
        for a, b in steps:
            if a < P:
                flow[a][b - P] += moved
            else:
                flow[b][a - P] -= moved
    return sum(flow[u][v] * cost[u][v] for u in range(P) for v in range(Q))


@given(
    st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 12),
    st.sampled_from(["spread out", "equal", "with ties"]), st.sampled_from([*MASSES]), st.booleans(),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_every_edge_is_solved_as_by_pot(seed, sources, sinks, lengths, masses, layered):
    block = Block(seed, sources, sinks, lengths=lengths, masses=masses, layered=layered)
    block.solve()
    block.check_by_pot()


@pytest.mark.parametrize("masses", MASSES)
@pytest.mark.parametrize("lengths", ["spread out", "from 1e-8 to 1e8"])
def test_lengths_and_masses_of_any_size_in_a_net(lengths, masses):
    for seed in range(25):
        rng = np.random.default_rng(seed)
        block = Block(seed, *rng.integers(1, 5, 2), *rng.integers(1, 4, 2), lengths, masses)
        block.solve()
        block.check_by_fractions()


@pytest.mark.parametrize("masses", ["spread out", "uniform", "with ties", "down to 1e-15"])
def test_lengths_of_any_size_without_the_triangle_inequality(masses):
    for seed in range(25):
        rng = np.random.default_rng(seed)
        block = Block(seed, *rng.integers(1, 5, 2), 2, 2, "from 1e-8 to 1e8", masses, layered=False)
        block.solve()
        block.check_by_fractions()


@pytest.mark.parametrize("masses", ["spread out", "uniform"])
def test_weights_decayed_to_almost_nothing_do_not_drown_the_others(masses):
    """Lengths of 1e30 lie beside lengths of 1, in one problem and in one block."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        block = Block(seed, *rng.integers(1, 6, 2), 3, 3, "some 1e30", masses)
        block.solve()
        block.check_by_fractions()


@pytest.mark.parametrize(("sources", "sinks"), [(5, 4), (30, 30)])
@pytest.mark.parametrize("layered", [True, False])
def test_a_decayed_weight_does_not_let_an_edge_be_skipped(sources, sinks, layered):
    for seed in range(20):
        block = Block(seed, sources, sinks, 3, 3, "some 1e30", layered=layered)
        exact = block.solve().copy()
        block.solve(exact - 1e-6 * np.maximum(block.d, np.abs(exact)))
        assert np.all(block.value > -np.inf)


@pytest.mark.parametrize(("sources", "sinks"), [(1, 1), (1, 9), (9, 1)])
def test_one_point_on_a_side(sources, sinks):
    for layered in (True, False):
        block = Block(3, sources, sinks, 4, 5, layered=layered)
        block.solve()
        block.check_by_pot()


@pytest.mark.parametrize("masses", ["spread out", "uniform", "down to 1e-15"])
@pytest.mark.parametrize(("sources", "sinks"), [(40, 30), (60, 75), (20, 120)])
def test_more_nodes_than_bits_in_a_word(sources, sinks, masses):
    block = Block(1, sources, sinks, 2, 3, masses=masses)
    block.solve()
    block.check_by_pot()


@pytest.mark.parametrize("pool", [0, 10, 25, 26, 60, 10_000])
@pytest.mark.parametrize("layered", [True, False])
def test_the_pool_may_be_too_small(pool, layered):
    block = Block(5, 12, 12, 6, 7, layered=layered)
    block.solve(pool=pool)
    assert block.counts[SOLVED] > 10
    block.check_by_pot()


def test_earlier_trees_save_pivots():
    cold, warm = Block(2, 20, 20, 12, 12), Block(2, 20, 20, 12, 12)
    cold.solve(pool=0)
    warm.solve()
    assert warm.counts[SOLVED] == cold.counts[SOLVED] > 20
    assert warm.counts[PIVOTS] < cold.counts[PIVOTS] / 2


@pytest.mark.parametrize("masses", ["spread out", "uniform"])
def test_missing_edges(masses):
    block = Block(8, 7, 6, 5, 6, masses=masses)
    block.d[np.random.default_rng(0).random(block.d.shape) < 0.4] = np.inf
    block.d[:, 2] = np.inf
    block.At[:, 2] = np.inf  # nothing leads to a target that no source of the block reads from
    block.d[3] = np.inf
    block.Bt[:, 3] = np.inf
    block.solve()
    assert len(block.edges()) > 5
    block.check_by_pot()
    block.d[:] = np.inf
    block.solve()
    assert not block.counts.any()


@given(
    st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9), st.sampled_from(["spread out", "with ties"]),
    st.sampled_from([*MASSES]), st.booleans(), st.sampled_from([0, 60, 10_000]),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_a_floor_skips_what_lies_below_it_and_nothing_else(
    seed, sources, sinks, lengths, masses, layered, pool
):
    block = Block(seed, sources, sinks, 4, 4, lengths, masses, layered)
    exact = block.solve().copy()
    rng = np.random.default_rng(seed)
    offset = rng.choice([-np.inf, -1, -1e-6, 0, 1e-6, 1, np.inf], exact.shape)
    floor = exact + offset * block.d
    rounding = 1e-12 * (block.d + np.abs(exact))
    value = block.solve(floor, pool)
    skipped = value == -np.inf
    assert np.all(exact[skipped] <= floor[skipped] + rounding[skipped])
    assert np.all(np.abs(value - exact)[~skipped] <= rounding[~skipped])
    assert np.all(skipped[offset == np.inf])


def test_most_of_what_lies_far_below_its_floor_is_not_solved():
    block = Block(4, 20, 20, 10, 10, masses="uniform")
    exact = block.solve().copy()
    block.solve(exact + 0.5 * block.d)
    assert block.counts[SKIPPED] == exact.size - block.counts[CERTIFIED]
    assert block.counts[SOLVED] == 0


def test_the_stop_flag_ends_it():
    block = Block(5, 12, 12, 6, 7)
    block.solve(stop=True)
    assert block.counts[SOLVED] == block.counts[PIVOTS] == 0
    assert np.isnan(block.value).any()


def test_what_is_handed_in_stays_as_it_is():
    block, same = Block(6, 8, 9), Block(6, 8, 9)
    block.solve(np.zeros(block.d.shape))
    for name in ("p", "q", "C", "At", "Bt", "d"):
        assert np.array_equal(getattr(block, name), getattr(same, name))


def test_the_first_plan_moves_all_mass():
    """A plan that left some behind would look too cheap, and edges would be skipped for it."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        block = Block(seed, *rng.integers(1, 60, 2))
        room = len(block.p) + len(block.q)
        source, sink, mass = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room)
        arcs = greedy_plan(block.p, block.q, block.C, (source, sink, mass))
        assert np.bincount(source[:arcs], mass[:arcs]) == pytest.approx(block.p, abs=1e-14)
        assert np.bincount(sink[:arcs], mass[:arcs]) == pytest.approx(block.q, abs=1e-14)


@given(st.integers(0, 2**32), st.sampled_from([1, 2, 3, 100, 5000]), st.sampled_from([*MASSES]))
@settings(max_examples=60, deadline=None)
def test_quantised_masses_are_whole_quanta_and_sum_to_exactly_1(seed, n, masses):
    given_masses = MASSES[masses](np.random.default_rng(seed), n)
    given_masses = given_masses / given_masses.sum()
    found = quantise(given_masses)
    quanta = found / QUANTUM
    assert np.all(quanta >= 1)
    assert np.array_equal(quanta, np.rint(quanta))
    assert quanta.astype(np.int64).sum() == 2**50
    *others, most = np.sort(np.abs(found - given_masses))
    assert max(others, default=0) <= QUANTUM
    assert most <= (n + 8) * QUANTUM


def test_thousands_of_points_below_one_quantum():
    found = quantise(np.array([1.0, *np.full(20_000, 1e-300)]))
    assert (found / QUANTUM).astype(np.int64).sum() == 2**50
    assert np.all(found[1:] == QUANTUM)
