import numpy as np
import pytest

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.scene import selection
from ncviz.scene.tables import parameter_offsets


def record_of(name):
    network = tasks.open_network(name)
    return tasks.stored_curvature(tasks.open_store("memory://chosen"), network, CurvatureConfig())


@pytest.fixture(scope="module")
def lenet():
    return record_of("lenet-mnist-relu")


def test_matrices_are_by_channel_where_there_are_channels(lenet):
    sides = [(g.targets, g.sources, g.source, g.target) for g in (selection.grid(lenet, i) for i in range(5))]
    assert sides == [
        (6, 1, "channel", "channel"),
        (16, 6, "channel", "channel"),
        (120, 16, "channel", "unit"),
        (84, 120, "unit", "unit"),
        (10, 84, "unit", "class"),
    ]
    digits = record_of("mlp-digits-relu")
    assert selection.grid(digits, 0).source == "unit", "one channel alone says nothing"


def test_a_weight_is_one_cell_of_one_matrix(lenet):
    starts = parameter_offsets(lenet)
    flat = int(np.ravel_multi_index((3, 2, 1, 5), (16, 6, 6, 6)))
    selected = f"weight-{starts[lenet.parameters[1]] + flat}"
    assert selection.cell_box(lenet, 1, selected) == (3, 4, 2, 3)
    assert selection.weights(lenet, 1, selected).tolist() == [flat]
    assert selection.cell_box(lenet, 0, selected) is None
    assert selection.weights(lenet, 2, selected).size == 0
    linear = f"weight-{starts[lenet.parameters[2]] + 7 * 256 + 33}"
    assert selection.cell_box(lenet, 2, linear) == (7, 8, 2, 3)


def test_a_slice_is_its_kernel(lenet):
    assert selection.cell_box(lenet, 1, "slice-1-3-2") == (3, 4, 2, 3)
    expected = np.arange(16 * 6 * 36).reshape(16, 6, 36)[3, 2]
    assert np.array_equal(selection.weights(lenet, 1, "slice-1-3-2"), expected)
    assert selection.cell_box(lenet, 1, "slice-1-99-2") is None


def test_a_channel_is_a_row_and_then_a_column(lenet):
    assert selection.cell_box(lenet, 1, "channel-2-5") == (5, 6, 0, 6)
    assert selection.cell_box(lenet, 2, "channel-2-5") == (0, 120, 5, 6)
    assert selection.cell_box(lenet, 3, "channel-2-5") is None
    assert selection.weights(lenet, 2, "channel-2-5").size == 120 * 16
    assert selection.units(lenet, "channel-2-5").size == 16


def test_a_unit_is_marked_in_its_channel_but_owns_its_own_weights(lenet):
    unit = "unit-2-83"  # channel 5, place 3
    assert selection.cell_box(lenet, 2, unit) == (0, 120, 5, 6)
    assert np.array_equal(selection.weights(lenet, 2, unit), np.arange(120) * 256 + 83)
    assert selection.cell_box(lenet, 1, unit) == (5, 6, 0, 6)
    assert selection.units(lenet, unit).tolist() == [784 + 864 + 83]
    assert selection.cell_box(lenet, 4, "unit-5-9") == (9, 10, 0, 84)


@pytest.mark.parametrize(
    "selected", ["", "unit-77-0", "channel-77-1", "unit-5-4000", "weight-999999999", "slice-9-9-9"]
)
def test_what_is_not_there_marks_nothing(lenet, selected):
    for connection in range(5):
        assert selection.cell_box(lenet, connection, selected) is None
        assert selection.weights(lenet, connection, selected).size == 0
    assert selection.units(lenet, selected).size == 0
