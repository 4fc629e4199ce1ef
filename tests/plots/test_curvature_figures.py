"""The figures of the Curvature page, as data."""

import numpy as np
import pytest

from ncviz.plots.curvature_figures import compressed, expanded, histograms


def test_the_axis_is_linear_near_zero_and_logarithmic_far_below():
    kappa = np.array([-2000.0, -200, -20, -2, -1, 0, 2])
    places = compressed(kappa)
    assert np.allclose(places, [-6.5, -5, -3.5, -2, -1, 0, 2])
    assert np.allclose(expanded(places), kappa)


@pytest.mark.parametrize("low", [-1.5, -9.6, -983.12])
def test_every_active_weight_is_in_a_bar(low):
    generator = np.random.default_rng(1)
    kappa = np.append(generator.uniform(low, 1.9, 999), [low, 2, 2]).astype(np.float32)
    figure = histograms({"a": kappa, "b": np.full((2, 2), 2.0, np.float32)}, ["a", "b"])
    first, second = figure.data
    assert first.customdata[:, 0].sum() == 1000
    assert sum(first.y) == pytest.approx(1)
    assert sum(second.y) == 0


def test_layers_that_were_not_measured_have_no_histogram():
    kappa = {"a": np.full((3, 2), np.nan), "b": np.linspace(-2, 1, 6).reshape(2, 3), "c": np.full(4, 2.0)}
    figure = histograms(kappa, ["1 · a", "2 · b", "3 · c"])
    assert [note.text for note in figure.layout.annotations] == ["2 · b", "3 · c"]
    assert len(figure.data) == 2
    assert figure.data[0].customdata[:, 0].sum() == 6
