"""A small graph as text that stands in a link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncviz.errors import NcvizError
from ncviz.plots.small_graphs import PRESETS, SmallGraph, preset
from ncviz.scene.small_graph.text import read_graph, write_graph


@pytest.mark.parametrize("name", PRESETS)
def test_a_graph_comes_back_as_it_was_to_a_thousandth_of_the_picture(name):
    graph = preset(name)
    found = read_graph(write_graph(graph))
    assert found.lengths == graph.lengths
    assert found.is_directed == graph.is_directed
    assert list(found.places) == list(graph.places)
    for node, place in graph.places.items():
        assert found.places[node] == pytest.approx(place, abs=0.00051)
    # What was read is written as it was.
    assert write_graph(found) == write_graph(graph)


def test_an_edited_one_and_an_empty_one():
    graph = preset("bridge").remove_node(8).add_edge(3, 6).with_length(4, 5, 2.5).add_node((0.5, 0.25))
    assert write_graph(graph).endswith("~1-2_1-3_1-4_2-3_2-4_3-4_4-5-2.5_6-7_5-7_5-6_3-6")
    assert read_graph(write_graph(graph)).lengths == graph.lengths
    assert read_graph(write_graph(SmallGraph())) == SmallGraph()
    assert read_graph("") is None


@pytest.mark.parametrize(
    "text",
    ["x~~", "u~1-2-3", "u~1-2-3~~", "u~0-1-1~", "u~1-1001-5~", "u~1-5-5_1-6-6~", "u~41-5-5~", "u~1-5-5~1-1",
     "u~1-5-5_2-5-5~1-2_2-1", "u~1-5-5_2-5-5~1-3", "u~1-5-5_2-5-5~1-2-0.01", "u~1-5-5_2-5-5~1-2-11",
     "u~1-5-5_2-5-5~1-2-nan", "u~١-5-5~", "u~1-5-5~1-2;drop", "u~" + "1-5-5_" * 9000 + "~"],
)  # fmt: skip
def test_what_is_no_graph_is_refused_in_a_sentence(text):
    with pytest.raises(NcvizError) as refused:
        read_graph(text)
    assert len(str(refused.value)) < 200


@given(st.text(alphabet="ud~-_0123456789.", max_size=60))
def test_any_text_is_a_graph_or_refused(text):
    try:
        found = read_graph(text)
    except NcvizError:
        return
    if found is not None:
        assert read_graph(write_graph(found)) == found
