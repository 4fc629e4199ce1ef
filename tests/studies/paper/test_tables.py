from types import SimpleNamespace

import numpy as np

from ncviz.studies.paper.report import _twins
from ncviz.studies.paper.tables import at, repairs_table


def measured(*sparsities):
    return [SimpleNamespace(spread=SimpleNamespace(sparsity=np.array(sparsities)))]


def test_a_column_is_a_sparsity_that_was_measured_but_for_whole_weights():
    assert at(measured(0.0, 1 / 1210, 0.00199, 0.5), (0.001, 0.01, 0.5)) == [0.001, 0.5]
    # The nearest one measured is another sparsity, not this one rounded.
    assert at(measured(0.0, 0.0019987, 0.5), (0.001, 0.5)) == [0.5]


def test_without_any_of_those_asked_for_all_measured_are_columns():
    assert at(measured(0.0, 0.33, 0.66), (0.2, 0.8)) == [0.33, 0.66]


def group(within, **settings):
    known = {"alpha": 0.9, "batchnorm": "own", "scale": "own", "repair": "none", "criterion": "curvature"}
    return SimpleNamespace(
        config=SimpleNamespace(**known | {"order": "redundant", "scope": "global"} | settings),
        within=np.array([within]), samples=5, has_curvature=True, has_graph=True,
    )  # fmt: skip


def test_repairs_of_networks_pruned_in_several_ways_have_a_row_each():
    two = {"scale": "fan-in", "alpha": 0.1}
    measured = [
        group(0.1), group(0.2, repair="recalibrate"), group(0.3, **two), group(0.4, **two, repair="recalibrate")
    ]  # fmt: skip
    rows = repairs_table(measured).splitlines()[2:]
    assert [row.split(" | ")[-2:] for row in rows] == [["0.100", "0.200 |"], ["0.300", "0.400 |"]]
    assert len({row.split(" | ")[0] for row in rows}) == 2
    # What it is set beside differs in the repair alone.
    assert _twins(measured, measured[3], "repair") == [measured[2]]
