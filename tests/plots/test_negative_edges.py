import numpy as np
import pytest

from ncviz.plots.negative_edges import negative_edges_figure


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_image_is_a_point_and_those_that_nothing_fools_are_hollow(theme):
    share, radius = np.array([0.3, 0.4, 0.5]), np.array([0.1, 0.2, 64 / 255])
    figure = negative_edges_figure(
        share, radius, np.array([True, True, False]), ["a", "<b>", "c"], "ρ = 1", theme
    )
    fooled, never = figure.data
    assert list(fooled.x) == [0.3, 0.4]
    assert np.allclose(fooled.y, [25.5, 51])
    assert list(fooled.text) == ["a", "&lt;b&gt;"]
    assert list(never.y) == [64]
    assert never.marker.symbol == "triangle-up-open"
    assert figure.layout.title.text == "ρ = 1"
    assert figure.layout.showlegend


def test_without_any_there_is_no_legend():
    figure = negative_edges_figure(np.ones(2), np.ones(2), np.ones(2, bool), ["a", "b"], "")
    assert len(figure.data) == 1
    assert not figure.layout.showlegend
