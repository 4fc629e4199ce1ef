import pytest

from ncviz.scene.selection import (
    Channel,
    Edge,
    Flow,
    KernelSlice,
    Unit,
    Weight,
    read_edge,
    read_flow,
    read_selection,
)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (read_selection, "", None),
        (read_selection, "unit-1-7", Unit(1, 7)),
        (read_selection, "channel-2-5", Channel(2, 5)),
        (read_selection, "weight-42", Weight(42)),
        (read_selection, "slice-1-15-5", KernelSlice(1, 15, 5)),
        (read_edge, "", None),
        (read_edge, "1-20-7", Edge(1, 20, 7)),
        (read_flow, "all", Flow()),
        (read_flow, "own", Flow("own")),
        (read_flow, "image-3", Flow("image", 3)),
        (read_flow, "class-7", Flow("class", 7)),
    ],
)
def test_what_is_read_is_written_as_it_was(read, text, value):
    assert read(text) == value
    assert value is None or str(value) == text


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_selection, "unit-1"),
        (read_selection, "unit-1-2-3"),
        (read_selection, "weight-٣"),
        (read_selection, "layer-1"),
        (read_edge, "1-2"),
        (read_edge, "unit-1-7"),
        (read_flow, "image"),
        (read_flow, "all-1"),
        (read_flow, "class--1"),
    ],
)
def test_what_is_none_is_refused(read, text):
    with pytest.raises(ValueError, match="neither"):
        read(text)


def test_a_unit_is_no_channel_of_the_same_numbers():
    assert Unit(1, 3) != Channel(1, 3)
