"""The comparison's numbers against the same done slowly and obviously."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncviz.errors import NcvizError
from ncviz.pruning.compare import (
    GRID,
    Spread,
    area_under,
    class_accuracy,
    confusion,
    flips,
    layer_sparsity,
    mean_and_deviation,
    nearest,
    overlap,
    removable_within,
)

CURVES = st.lists(st.integers(0, 1000), min_size=2, max_size=len(GRID)).map(
    lambda counts: (np.array(GRID[: len(counts)]), np.array(counts) / 1000)
)


@given(CURVES, st.sampled_from([0.0, 0.5, 1.0, 5.0, 100.0]))
def test_removable_within_is_the_last_point_before_the_first_fall(curve, points):
    sparsity, accuracy = curve
    expected = 0.0
    for at, value in zip(sparsity.tolist(), accuracy.tolist(), strict=True):
        if round(1000 * accuracy[0]) - round(1000 * value) > 10 * points + 1e-6:
            break
        expected = at
    assert removable_within(sparsity, accuracy, points) == expected


def test_a_fall_of_exactly_the_points_still_counts_and_a_later_recovery_does_not():
    sparsity = np.array([0.0, 0.1, 0.2, 0.3])
    assert removable_within(sparsity, np.array([0.98, 0.97, 0.9, 0.98]), 1) == 0.1
    assert removable_within(sparsity, np.array([0.98, 0.99, 0.98, 0.98]), 0) == 0.3


@given(CURVES)
def test_the_area_is_the_sum_of_trapezoids_and_lies_within_the_curve(curve):
    sparsity, accuracy = curve
    slow = 0.0
    for left, right in zip(range(len(sparsity) - 1), range(1, len(sparsity)), strict=True):
        slow += (accuracy[left] + accuracy[right]) / 2 * (sparsity[right] - sparsity[left])
    found = area_under(sparsity, accuracy)
    assert found == pytest.approx(slow / sparsity[-1])
    assert accuracy.min() - 1e-12 <= found <= accuracy.max() + 1e-12


def test_the_area_of_a_constant_is_the_constant_whatever_the_width():
    assert area_under(np.array([0.0, 0.3, 0.5]), np.full(3, 0.7)) == pytest.approx(0.7)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_mean_and_deviation_are_those_of_the_standard_library(values):
    mean, deviation = mean_and_deviation(values)
    assert mean == pytest.approx(statistics.fmean(values))
    assert deviation == pytest.approx(statistics.stdev(values), abs=1e-12)


def test_one_draw_has_no_deviation():
    mean, deviation = mean_and_deviation([0.5])
    assert mean == 0.5
    assert math.isnan(deviation)


def test_a_spread_lies_between_its_draws():
    spread = Spread(np.array([0.0, 0.5, 1.0]), np.array([[1.0, 0.8, 0.1], [1.0, 0.6, 0.1]]))
    assert spread.mean.tolist() == pytest.approx([1.0, 0.7, 0.1])
    assert (spread.low[1], spread.high[1], spread.draws) == (0.6, 0.8, 2)
    assert spread.at(0.55).tolist() == [0.8, 0.6]


@given(st.permutations(range(12)), st.integers(0, 12))
def test_layer_sparsity_counts_layer_by_layer(order, removed):
    ranks, sizes = np.array(order), [5, 1, 6]
    expected, start = [], 0
    for size in sizes:
        expected.append(sum(rank < removed for rank in order[start : start + size]) / size)
        start += size
    assert layer_sparsity(ranks, removed, sizes).tolist() == pytest.approx(expected)


@given(st.permutations(range(12)), st.permutations(range(12)), st.integers(1, 12))
def test_overlap_is_that_of_the_sets(one, other, removed):
    first = {at for at, rank in enumerate(one) if rank < removed}
    second = {at for at, rank in enumerate(other) if rank < removed}
    found = overlap(np.array(one), np.array(other), removed)
    assert found.shared == pytest.approx(len(first & second) / removed)
    assert found.jaccard == pytest.approx(len(first & second) / len(first | second))
    assert found.chance == pytest.approx(removed / 12)


@given(st.permutations(range(12)), st.permutations(range(12)), st.integers(0, 8), st.integers(0, 4))
def test_overlap_of_what_is_kept_leaves_out_what_may_not_go(one, other, removed, held):
    first, second = np.array([*one, *range(12, 12 + held)]), np.array([*other, *range(12, 12 + held)])
    kept = [{at for at, rank in enumerate(order) if rank >= removed} for order in (one, other)]
    found = overlap(first, second, removed, 12)
    assert found.kept == pytest.approx(len(kept[0] & kept[1]) / (12 - removed))
    assert found.kept_jaccard == pytest.approx(len(kept[0] & kept[1]) / len(kept[0] | kept[1]))
    assert found.kept_chance == pytest.approx((12 - removed) / 12)


def test_random_orders_overlap_by_chance_among_what_may_go():
    generator = np.random.default_rng(0)
    size, held, removed = 20000, 5000, 6000
    orders = []
    for _ in range(2):
        ranks = np.empty(size, dtype=np.int64)
        ranks[generator.permutation(size - held)] = np.arange(size - held)
        ranks[size - held :] = np.arange(size - held, size)
        orders.append(ranks)
    found = overlap(*orders, removed, size - held)
    assert found.chance == pytest.approx(0.4)
    assert found.shared == pytest.approx(found.chance, abs=0.02)


def test_nothing_removed_has_nothing_in_common():
    assert overlap(np.arange(3), np.arange(3), 0).jaccard == 0
    assert overlap(np.arange(3), np.arange(3), 0).kept == 1
    assert overlap(np.arange(3), np.arange(3), 3).kept == 0


LABELS = st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=60)


@given(LABELS)
def test_confusion_and_flips_count_image_by_image(images):
    labels, before, after = np.array(images, dtype=np.int64).reshape(-1, 3).T
    table = confusion(labels, after, 4)
    for row in range(4):
        for column in range(4):
            assert table[row, column] == sum(a == row and c == column for a, _, c in images)
        own = [c == a for a, _, c in images if a == row]
        share = class_accuracy(table)[row]
        assert math.isnan(share) if not own else share == pytest.approx(sum(own) / len(own))
    found = flips(labels, before, after)
    assert found.lost.tolist() == [i for i, (a, b, c) in enumerate(images) if b == a != c]
    assert found.gained.tolist() == [i for i, (a, b, c) in enumerate(images) if b != a == c]
    assert found.moved.tolist() == [i for i, (a, b, c) in enumerate(images) if a not in (b, c) and b != c]


@pytest.mark.parametrize(("asked", "found"), [(0.8, 0.8), (0.0, 0.0), (0.813, 0.8), (1.0, 1.0), (0.54, 0.5)])
def test_the_nearest_measured_sparsity(asked, found):
    assert nearest(asked) == found


@pytest.mark.parametrize(
    "call",
    [
        lambda: removable_within(np.array([]), np.array([]), 1),
        lambda: removable_within(np.array([0.0, 0.5]), np.array([1.0]), 1),
        lambda: removable_within(np.array([0.0]), np.array([1.0]), -1),
        lambda: area_under(np.array([0.0]), np.array([1.0])),
        lambda: layer_sparsity(np.arange(3), 1, [1, 1]),
        lambda: overlap(np.arange(3), np.arange(4), 1),
        lambda: overlap(np.arange(3), np.arange(3), 3, 2),
        lambda: confusion(np.array([0]), np.array([2]), 2),
        lambda: confusion(np.array([0]), np.array([0, 1]), 2),
    ],
)
def test_bad_input_is_a_sentence(call):
    with pytest.raises(NcvizError, match=r"^[A-Z].*\.$"):
        call()
