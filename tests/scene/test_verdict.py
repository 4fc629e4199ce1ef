"""What the Pruning page begins with: each sentence as the numbers have it."""

import numpy as np
import pytest

from ncviz.config import ORDERS
from ncviz.scene.comparison import Comparison
from ncviz.scene.verdict import draw_words, other_end, verdict
from ncviz.tasks import SweepRecord
from ncviz.tasks.criteria import Spread

SPARSITY = np.array([0.0, 0.4, 0.6, 0.8, 1.0])


def compared(order=ORDERS[0]):
    return Comparison(("curvature", "magnitude"), (0, 1), 1, 0.9, "global", order, (), 0.8)


def spreads(curvature, magnitude, **others):
    curves = {"curvature": curvature, "magnitude": [magnitude], **others}
    return {name: Spread(SPARSITY, np.array(each)) for name, each in curves.items()}


@pytest.mark.parametrize(
    ("curvature", "magnitude", "words"),
    [
        # One draw below 99% from 60% on, the other from 80%: 40 to 60%, where magnitude lies.
        (
            [[1, 0.995, 0.98, 0.8, 0.1], [1, 0.995, 0.995, 0.84, 0.1]],
            [1, 1, 0.995, 0.82, 0.1],
            "magnitude tie",
        ),
        ([[1, 1, 1, 0.9, 0.1]] * 2, [1, 1, 0.9, 0.5, 0.1], "prunes better than magnitude"),
        ([[1, 1, 0.9, 0.5, 0.1]] * 2, [1, 1, 1, 0.9, 0.1], "prunes worse than magnitude"),
        ([[1, 1, 1, 0.5, 0.1]] * 2, [1, 0.9, 0.9, 0.8, 0.1], "better than magnitude in one place and worse"),
        # A tie in what may be removed, and worse at 80%.
        ([[1, 1, 1, 0.5, 0.1]] * 2, [1, 1, 1, 0.8, 0.1], "prunes worse than magnitude"),
    ],
)
def test_it_says_who_is_ahead_and_where_nobody_is(curvature, magnitude, words):
    (first, *_) = verdict(compared(), spreads(curvature, magnitude), 1.0, 1000)
    assert words in first
    assert ("looks at no image" in first) == ("tie.**" in first)
    mean = np.mean([curve[3] for curve in curvature])
    assert f"{mean:.1%} against {magnitude[3]:.1%}" in first


def test_few_images_cannot_tell_two_accuracies_apart():
    found = spreads([[1, 1, 1, 0.80, 0.1]] * 2, [1, 1, 1, 0.77, 0.1])
    assert "magnitude tie" in verdict(compared(), found, 1.0, 300)[0]
    assert "prunes better" in verdict(compared(), found, 1.0, 30_000)[0]


def test_a_tie_of_unlike_means_shows_the_draws_that_make_it():
    found = spreads([[1, 1, 1, 0.3, 0.1], [1, 1, 1, 0.52, 0.1]], [1, 1, 1, 0.5, 0.1])
    first = verdict(compared(), found, 1.0, 1000)[0]
    assert "tie.**" in first
    assert "41.0% (30% to 52% by draw) against 50.0%" in first


def test_the_best_is_named_where_it_is_another_one():
    found = spreads([[1, 1, 1, 0.5, 0.1]] * 2, [1, 1, 1, 0.5, 0.1], wanda=[[1, 1, 1, 0.7, 0.1]])
    assert verdict(compared(), found, 1.0, 1000)[-1] == "The best at 80% is Wanda with 70.0%."
    nearly = spreads([[1, 1, 1, 0.5, 0.1]] * 2, [1, 1, 1, 0.5, 0.1], wanda=[[1, 1, 1, 0.51, 0.1]])
    assert len(verdict(compared(), nearly, 1.0, 1000)) == 1


def test_bottlenecks_first_the_faster_fall_is_the_better():
    found = spreads([[1, 0.1, 0.1, 0.1, 0.1]] * 2, [1, 0.9, 0.8, 0.6, 0.1])
    assert "curvature breaks it faster" in verdict(compared(ORDERS[1]), found, 1.0, 1000)[0]


def test_without_both_nothing_is_said():
    assert verdict(compared(), {"curvature": Spread(SPARSITY, np.ones((1, 5)))}, 1.0, 1000) == []


@pytest.mark.parametrize(
    ("ours", "plain", "words"),
    [(0.3, 0.8, "curvature finds better"), (0.8, 0.3, "magnitude finds more"), (0.5, 0.51, "No different")],
)
def test_the_other_end_is_told_as_it_was_measured(ours, plain, words):
    accuracy = {
        (name, order): np.array([0.98, value, 0.1])
        for name, value in (("curvature", ours), ("magnitude", plain))
        for order in ORDERS
    }
    sweep = SweepRecord(np.array([0, 5, 1000]), accuracy, {"total": 1000, "images": 1000})
    told = other_end(sweep)
    assert words in told
    assert f"from 98.0%, the accuracy falls to **{ours:.1%}** without the 0.5% strongest" in told


def test_a_number_of_one_draw_is_said_to_be_of_one():
    spread = Spread(SPARSITY, np.array([[1, 1, 1, 0.938, 0], [1, 1, 1, 0.91, 0]]))
    assert draw_words(spread, 0.8) == " (first of 2 draws; Compare shows their mean, 92.40%)"
    assert draw_words(Spread(SPARSITY, np.ones((1, 5))), 0.8) == ""
