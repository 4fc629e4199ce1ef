"""Sentences about κ."""

import numpy as np
import pytest

import ncviz
from ncviz.scene.wording import way_words


@pytest.mark.parametrize(
    ("kappa", "alpha", "expected"),
    [
        (-2.2, 0.9, "goes 3.2 times the way between its ends"),
        (0.6, 0.5, "goes 0.4 times the way between its ends"),
        (0.97, 0.9, "goes 0.03 times the way between its ends"),
        (1.3, 0.9, "finds ways past it that are shorter than itself"),
        (1.0, 0.9, ""), (2.0, 0.9, ""), (float("nan"), 0.9, ""), (-2.2, 0.4, ""),
    ],
)  # fmt: skip
def test_what_the_mass_around_an_edge_does(kappa, alpha, expected):
    assert way_words(kappa, alpha) == expected


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.5, 0.9])
def test_the_mass_that_does_not_stay_really_goes_so_far(alpha):
    net = ncviz.load_model("mlp-digits-relu")
    inputs = ncviz.load_dataset("digits", split="train").inputs
    edge = ncviz.explain_edge(net, inputs[0], connection=1, source=27, target=14, alpha=alpha)
    plan, cost = np.asarray(edge.plan), np.asarray(edge.cost)
    # The share α straight from one end to the other, at d; what is left of the work is that of the rest.
    rest = (plan * cost).sum() - alpha * edge.direct
    assert rest / ((1 - alpha) * edge.direct) == pytest.approx(1 - edge.curvature, rel=1e-6)
