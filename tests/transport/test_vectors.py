"""The vectors of the simplex against numpy."""

import numpy as np
import pytest

from ncviz.compiled import compiled
from ncviz.transport.vectors import STEP, least_reduced


@compiled
def _least(cost, first, rows, potential, at_f, at_g, count):
    return least_reduced(cost, first * cost.shape[1], cost.shape[1], rows, potential, at_f, at_g, count)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_least_reduced_cost_and_its_place_are_numpys(steps):
    random = np.random.default_rng(steps)
    P, Q = 7, steps * STEP
    cost, potential = random.standard_normal((P, Q)), random.standard_normal(1 + P + Q)
    cost[random.random((P, Q)) < 0.3] = np.inf
    for first, rows, count in [(0, P, Q), (2, 3, Q), (6, 1, STEP)]:
        own = cost[first : first + rows, :count]
        reduced = own - (potential[1 + first : 1 + first + rows, None] + potential[1 + P : 1 + P + count])
        least, at = _least(cost, first, rows, potential, 1 + first, 1 + P, count)
        assert least == reduced.min()
        assert divmod(at - first * Q, Q) == np.unravel_index(reduced.argmin(), reduced.shape)


def test_nothing_is_infinitely_dear():
    assert _least(np.full((2, STEP), np.inf), 0, 2, np.zeros(3 + STEP), 1, 3, STEP)[0] == np.inf
    assert _least(np.zeros((2, STEP)), 0, 0, np.zeros(3 + STEP), 1, 3, STEP)[0] == np.inf
