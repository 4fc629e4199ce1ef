import numpy as np
import pandas as pd
import pytest

from ncviz import tasks
from ncviz.scene.pruning_tables import bottleneck_table
from tests.examples.contexts import here


def test_classes_for_which_a_weight_is_never_active_are_counted_and_have_no_curvature(store, network):
    record = here(store).run(tasks.Curvature(network)).result
    curvature = np.full((3, record.total), 0.5)
    curvature[0, :3] = -1.0
    curvature[1, 0], curvature[2, 0] = 2.0, 0.25
    curvature[1:, 1] = 2.0
    table = bottleneck_table(record, curvature, np.arange(3), 0)
    assert table["κ for this class"].tolist() == [-1.0] * 3
    assert table["of them never active for"].tolist() == [1, 2, 0]
    assert table["mean κ for the others"][[0, 2]].tolist() == pytest.approx([0.25, 0.5])
    assert pd.isna(table["mean κ for the others"][1])
