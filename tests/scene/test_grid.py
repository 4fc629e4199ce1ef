import numpy as np
import pytest

from ncviz.scene.grid import connection_grid, selected_cells, selected_units, selected_weights
from ncviz.scene.selection import read_selection
from ncviz.scene.tables import parameter_offsets
from tests.examples import shipped


@pytest.fixture
def lenet():
    return shipped.curvature("lenet-mnist-relu")


def test_matrices_are_by_channel_where_there_are_channels(lenet):
    sides = [
        (g.targets, g.sources, g.source, g.target) for g in (connection_grid(lenet, i) for i in range(5))
    ]
    assert sides == [
        (6, 1, "channel", "channel"),
        (16, 6, "channel", "channel"),
        (120, 16, "channel", "unit"),
        (84, 120, "unit", "unit"),
        (10, 84, "unit", "class"),
    ]
    digits = shipped.curvature("mlp-digits-relu")
    assert connection_grid(digits, 0).source == "unit", "one channel alone says nothing"


def test_a_weight_is_one_cell_of_one_matrix(lenet):
    starts = parameter_offsets(lenet)
    flat = int(np.ravel_multi_index((3, 2, 1, 5), (16, 6, 6, 6)))
    selected = f"weight-{starts[lenet.parameters[1]] + flat}"
    assert selected_cells(lenet, 1, read_selection(selected)) == (3, 4, 2, 3)
    assert selected_weights(lenet, 1, read_selection(selected)).tolist() == [flat]
    assert selected_cells(lenet, 0, read_selection(selected)) is None
    assert selected_weights(lenet, 2, read_selection(selected)).size == 0
    linear = f"weight-{starts[lenet.parameters[2]] + 7 * 256 + 33}"
    assert selected_cells(lenet, 2, read_selection(linear)) == (7, 8, 2, 3)


def test_a_slice_is_its_kernel(lenet):
    assert selected_cells(lenet, 1, read_selection("slice-1-3-2")) == (3, 4, 2, 3)
    expected = np.arange(16 * 6 * 36).reshape(16, 6, 36)[3, 2]
    assert np.array_equal(selected_weights(lenet, 1, read_selection("slice-1-3-2")), expected)
    assert selected_cells(lenet, 1, read_selection("slice-1-99-2")) is None


def test_a_channel_is_a_row_and_then_a_column(lenet):
    assert selected_cells(lenet, 1, read_selection("channel-2-5")) == (5, 6, 0, 6)
    assert selected_cells(lenet, 2, read_selection("channel-2-5")) == (0, 120, 5, 6)
    assert selected_cells(lenet, 3, read_selection("channel-2-5")) is None
    assert selected_weights(lenet, 2, read_selection("channel-2-5")).size == 120 * 16
    assert selected_units(lenet, read_selection("channel-2-5")).size == 16


def test_a_unit_is_marked_in_its_channel_but_owns_its_own_weights(lenet):
    unit = "unit-2-83"  # channel 5, place 3
    assert selected_cells(lenet, 2, read_selection(unit)) == (0, 120, 5, 6)
    assert np.array_equal(selected_weights(lenet, 2, read_selection(unit)), np.arange(120) * 256 + 83)
    assert selected_cells(lenet, 1, read_selection(unit)) == (5, 6, 0, 6)
    assert selected_units(lenet, read_selection(unit)).tolist() == [784 + 864 + 83]
    assert selected_cells(lenet, 4, read_selection("unit-5-9")) == (9, 10, 0, 84)


@pytest.mark.parametrize(
    "selected", ["", "unit-77-0", "channel-77-1", "unit-5-4000", "weight-999999999", "slice-9-9-9"]
)
def test_what_is_not_there_marks_nothing(lenet, selected):
    for connection in range(5):
        assert selected_cells(lenet, connection, read_selection(selected)) is None
        assert selected_weights(lenet, connection, read_selection(selected)).size == 0
    assert selected_units(lenet, read_selection(selected)).size == 0
