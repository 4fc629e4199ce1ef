import numpy as np
import pytest

from ncviz.ui.components.live.scale import positions, removed_at, slider_stops


@pytest.mark.parametrize(("total", "zeros"), [(1, 0), (10, 0), (2720, 0), (2720, 2000), (1_452_032, 0)])
def test_the_ends_are_exact_and_every_weight_has_a_place(total, zeros):
    near = np.unique(
        np.clip([zeros, zeros + 1, zeros + 2, (total + zeros) // 2, total - 1, total], zeros, total)
    )
    found = positions(near, total, zeros)
    assert (found[0], found[-1]) == (0, 1)
    assert np.all(np.diff(found) > 0)
    np.testing.assert_array_equal(removed_at(found, total, zeros), near)


def test_the_browser_has_the_same_scale():
    # As in scale.test.mjs.
    at = np.array([0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.95, 1])
    assert removed_at(at, 2720, 20).tolist() == [20, 23, 32, 268, 1370, 2472, 2717, 2720]


def test_stops_are_whole_weights_each_once():
    assert slider_stops(4).tolist() == [0, 1, 2, 3, 4]
    assert slider_stops(0).tolist() == [0]
    assert slider_stops(5, 5).tolist() == [5]
    stops = slider_stops(1_452_032)
    assert stops[:3].tolist() == [0, 1, 2]
    assert len(stops) > 900
