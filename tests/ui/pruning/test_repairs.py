"""The control that repairs: what is measured with it, what the table says, and what a link and a plan keep of it."""

from dataclasses import replace

import numpy as np
import pytest

from ncviz.scene.comparison import Comparison, comparison_table, repaired_column
from ncviz.tasks.criteria import Spread
from ncviz.ui.link.view_state import ViewState, from_query
from ncviz.ui.pruning.comparison import read

SPARSITY = np.array([0.0, 0.5, 0.8, 1.0])


def spread(*accuracy):
    return Spread(SPARSITY, np.array([accuracy]))


def compared(repair):
    return Comparison(("magnitude", "lamp"), (0,), 1, 0.9, "global", "redundant", (), 0.8, repair=repair)


def test_a_link_carries_the_repair_into_every_curve():
    state, problems = from_query({"lab_repair": "layerwise"})
    assert not problems
    assert state.to_query() == {"lab_repair": "layerwise"}
    found = read(state, ("magnitude", "curvature"), {"a": (100, 10)})
    assert found.config("magnitude").repair == "layerwise"
    assert found.as_pruned == read(ViewState(), ("magnitude", "curvature"), {"a": (100, 10)})
    _, problems = from_query({"lab_repair": "magic"})
    assert len(problems) == 1
    assert problems[0].startswith("The link's lab_repair was left out: ")


def test_the_table_has_a_column_for_each_repair_that_is_measured():
    plain = {"magnitude": spread(0.9, 0.88, 0.5, 0.1), "lamp": spread(0.9, 0.895, 0.6, 0.1)}
    by_repair = {"none": plain, "layerwise": {"magnitude": spread(0.9, 0.9, 0.895, 0.1)}}
    shown = compared("layerwise")
    found = comparison_table(shown, by_repair["layerwise"], 1.0, 10, by_repair).set_index("criterion")
    names = [repaired_column(shown, 1.0, way) for way in by_repair]
    assert names == ["removed at ≤ 1 point lost", "… updated layer by layer"]
    assert found.loc["Magnitude", names].tolist() == [0.0, 0.8]
    assert found.loc["Magnitude", "accuracy at 80%"] == pytest.approx(0.895)
    # Where one of the criteria is not measured, nothing is said of it.
    found = comparison_table(replace(shown, repair="none"), plain, 1.0, 10, by_repair).set_index("criterion")
    assert found.loc["LAMP", names[0]] == 0.5
    assert np.isnan(found.loc["LAMP", names[1]])
