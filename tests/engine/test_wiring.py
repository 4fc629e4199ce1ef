"""Which channels share their neighbours."""

import numpy as np
import pytest

from ncviz.engine.wiring import distinct_rows


@pytest.mark.parametrize("columns", [0, 1, 3, 8, 9, 40])
def test_distinct_rows_come_in_lexicographic_order(columns):
    rows = np.random.default_rng(columns).random((30, columns)) < 0.5
    expected, where = np.unique(rows, axis=0, return_inverse=True)
    first, label = distinct_rows(rows)
    assert np.array_equal(rows[first], expected)
    assert np.array_equal(label, where.reshape(-1))
    assert all(
        (rows[: first[at]] != rows[first[at]]).any(axis=1).all() for at in range(len(first)) if columns
    )
