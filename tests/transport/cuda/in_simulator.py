"""The kernel in CUDA's simulator, against the CPU's solver and POT; run by test_kernel.py in a process of its own."""

import itertools
import os

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"  # before numba is imported

import sys

import numpy as np
import pytest
import torch

from ncviz.transport.cuda import proof, solve
from tests.transport.cuda.blocks import TOLERANCE, edges_of, errors, problems
from tests.transport.test_simplex import MASSES, Block

# The simulator's threads wait for each other by looking again and again.
sys.setswitchinterval(1e-5)


def answer(blocks, floor=None, threads=4):
    found = solve.solve_edges(problems(blocks), edges_of(blocks), floor, threads=threads)
    ends = np.cumsum([block.d.size for block in blocks])[:-1]
    return [np.split(part.numpy(), ends) for part in found[:3]]


@pytest.mark.parametrize("lengths", ["spread out", "equal", "with ties", "from 1e-8 to 1e8"])
def test_edges_are_solved_as_by_the_cpu_and_by_pot(lengths):
    rng = np.random.default_rng(0)
    blocks = [
        Block(seed, *rng.integers(1, 8, 2), 2, 2, lengths, masses, layered)
        for seed, (masses, layered) in enumerate(itertools.product(MASSES, (True, False)))
    ]
    solved = 0
    for block, value, is_solved in zip(blocks, *answer(blocks)[:2], strict=True):
        own, pot = errors(block, value)
        assert own[is_solved].max(initial=0) <= TOLERANCE
        assert pot[is_solved].max(initial=0) <= (TOLERANCE if lengths != "from 1e-8 to 1e8" else 1e-6)
        solved += is_solved.sum()
    # What spans sixteen powers of ten may be too rounded to be proved.
    assert solved >= (0.8 if lengths == "from 1e-8 to 1e8" else 1.0) * sum(block.d.size for block in blocks)


@pytest.mark.parametrize(("sources", "sinks"), [(1, 1), (1, 9), (9, 1)])
def test_one_point_on_a_side(sources, sinks):
    blocks = [Block(3, sources, sinks, 2, 3, layered=layered) for layered in (True, False)]
    for block, value, is_solved in zip(blocks, *answer(blocks)[:2], strict=True):
        assert is_solved.all()
        assert max(map(np.max, errors(block, value))) <= TOLERANCE


def test_any_number_of_threads_gives_the_same_values():
    block = Block(5, 9, 12, 2, 2, masses="uniform")
    for threads in (1, 3, 32):
        (value,), (is_solved,), _ = answer([block], threads=threads)
        assert is_solved.all()
        assert max(map(np.max, errors(block, value))) <= TOLERANCE


def test_trees_that_do_not_fit_into_shared_memory(monkeypatch):
    blocks = [Block(seed, 7, 8, 2, 2) for seed in range(3)]
    monkeypatch.setattr(solve, "SHARED_BYTES", 100)
    monkeypatch.setattr(solve, "SPARE_BYTES", 3000)  # a launch for each stream
    for block, value, is_solved in zip(blocks, *answer(blocks)[:2], strict=True):
        assert is_solved.all()
        assert max(map(np.max, errors(block, value))) <= TOLERANCE


def test_rows_are_kept_as_far_as_there_is_room(monkeypatch):
    block = Block(5, 9, 12, 3, 3, layered=False)
    for room in (0, 300):
        monkeypatch.setattr(solve, "ROW_BYTES", room)
        (value,), (is_solved,), _ = answer([block])
        assert is_solved.all()
        assert max(map(np.max, errors(block, value))) <= TOLERANCE


def test_the_tree_before_saves_pivots(monkeypatch):
    block = Block(2, 10, 10, 1, 8, layered=False)
    block.At = block.At[:, :1] * (1 + 0.01 * np.random.default_rng(0).random(block.At.shape))
    block.d[:] = block.d[0, 0]
    count = [solve.solve_edges(problems([block]), edges_of([block]), threads=2).pivots]
    monkeypatch.setattr(solve, "LEAST_EDGES", 1)
    count.append(solve.solve_edges(problems([block]), edges_of([block]), threads=2).pivots)
    assert 0 < count[0] < 0.7 * count[1]


def test_a_floor_skips_what_lies_below_it_and_nothing_else():
    rng = np.random.default_rng(1)
    blocks = [Block(seed, 6, 7, 3, 3, masses="uniform", layered=seed > 1) for seed in range(3)]
    exact = [block.solve().copy().reshape(-1) for block in blocks]
    offset = [rng.choice([-np.inf, -1, -1e-6, 0, 1e-6, 1, np.inf], len(own)) for own in exact]
    floor = [own + more * block.d.reshape(-1) for own, more, block in zip(exact, offset, blocks, strict=True)]
    found = answer(blocks, torch.from_numpy(np.concatenate(floor)))
    for own, limit, more, value, is_solved, is_skipped in zip(exact, floor, offset, *found, strict=True):
        assert (is_solved ^ is_skipped).all()
        assert (own <= limit + 1e-12)[is_skipped].all()
        assert np.allclose(value[is_solved], own[is_solved], rtol=TOLERANCE, atol=TOLERANCE)
        assert is_skipped[more >= 1e-6].all()


def test_too_many_pivots_or_an_unproved_end_leave_an_edge(monkeypatch):
    block = Block(5, 9, 12, 2, 2, masses="uniform")
    monkeypatch.setattr(proof, "PROVED", -1.0)
    _, (is_solved,), (is_skipped,) = answer([block])
    assert not (is_solved | is_skipped).any()
    monkeypatch.undo()
    monkeypatch.setattr(solve, "most_pivots", lambda nodes: 2)
    (value,), (is_solved,), _ = answer([block])
    assert not is_solved.all()
    assert np.isnan(value[~is_solved]).all()
    monkeypatch.setattr(solve, "MOST_NODES", 20)
    assert not answer([block])[1][0].any()
