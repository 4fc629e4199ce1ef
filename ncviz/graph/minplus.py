"""Min-plus products of small dense tables, compiled by numba: many outputs, each the best of many products."""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled


@compiled
def best_products(
    left: np.ndarray,
    right: np.ndarray,
    start: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write ``out[o] = min over the products x of o of left[first[x]] ⊗ right[second[x]]``.

    Args:
        left: float64 [a, I, K]; inf where there is no path.
        right: float64 [b, K, J].
        start: int64 [outputs + 1], which products belong to an output.
        first: int32 [products], index into ``left``.
        second: int32 [products], index into ``right``.
        out: float64 [outputs, I, J], written.
    """
    _, rows, inner = left.shape
    columns = right.shape[2]
    out[:] = np.inf
    for o in range(len(out)):
        for x in range(start[o], start[o + 1]):
            a, b = left[first[x]], right[second[x]]
            for i in range(rows):
                row = out[o, i]
                for k in range(inner):
                    length = a[i, k]
                    if length == np.inf:
                        continue
                    for j in range(columns):
                        total = length + b[k, j]
                        row[j] = total if total < row[j] else row[j]
