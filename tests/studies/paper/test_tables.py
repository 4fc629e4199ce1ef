from types import SimpleNamespace

import numpy as np

from ncviz.studies.paper.tables import at


def measured(*sparsities):
    return [SimpleNamespace(spread=SimpleNamespace(sparsity=np.array(sparsities)))]


def test_a_column_is_a_sparsity_that_was_measured_but_for_whole_weights():
    assert at(measured(0.0, 1 / 1210, 0.00199, 0.5), (0.001, 0.01, 0.5)) == [0.001, 0.5]
    # The nearest one measured is another sparsity, not this one rounded.
    assert at(measured(0.0, 0.0019987, 0.5), (0.001, 0.5)) == [0.5]


def test_without_any_of_those_asked_for_all_measured_are_columns():
    assert at(measured(0.0, 0.33, 0.66), (0.2, 0.8)) == [0.33, 0.66]
