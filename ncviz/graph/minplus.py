"""Min-plus products of small dense tables, compiled by numba: many outputs, each the best of many products."""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled

# From so many rows on it is worth while to look whether one entry in so many of the right factor is finite at most.
_MANY_ROWS = 8
_SPARSE = 8


@compiled
def best_products(
    left: np.ndarray,
    right: np.ndarray,
    start: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    out: np.ndarray,
    is_begun: bool = False,
) -> None:
    """Write ``out[o] = min over the products x of o of left[first[x]] ⊗ right[second[x]]``.

    Args:
        left: float64 [a, I, K]; inf where there is no path.
        right: float64 [b, K, J].
        start: int64 [outputs + 1], which products belong to an output.
        first: int32 [products], index into ``left``.
        second: int32 [products], index into ``right``.
        out: float64 [outputs, I, J], written.
        is_begun: Whether ``out`` holds lengths already, which are only lowered.
    """
    _, rows, inner = left.shape
    columns = right.shape[2]
    ks, js = np.empty(inner * columns, dtype=np.int32), np.empty(inner * columns, dtype=np.int32)
    for o in range(len(out)):
        if not is_begun:
            out[o] = np.inf
        for x in range(start[o], start[o + 1]):
            a, b = left[first[x]], right[second[x]]
            if rows >= _MANY_ROWS:
                found = 0
                for k in range(inner):
                    for j in range(columns):
                        # Written in any case, and written over unless it counts.
                        ks[found], js[found] = k, j
                        found += b[k, j] < np.inf
                        if found * _SPARSE > inner * columns:
                            break
                    if found * _SPARSE > inner * columns:
                        break
                if found * _SPARSE <= inner * columns:
                    for i in range(rows):
                        row, to = out[o, i], a[i]
                        for e in range(found):
                            total = to[ks[e]] + b[ks[e], js[e]]
                            row[js[e]] = total if total < row[js[e]] else row[js[e]]
                    continue
            for i in range(rows):
                row = out[o, i]
                for k in range(inner):
                    length = a[i, k]
                    if length == np.inf:
                        continue
                    for j in range(columns):
                        total = length + b[k, j]
                        row[j] = total if total < row[j] else row[j]


@compiled
def longest(lengths: np.ndarray) -> float:
    """Return the longest finite one of some lengths, float64 [any, any, any]; 0 if there is none."""
    found = 0.0
    for table in lengths:
        for row in table:
            for own in row:
                found = own if own > found and own < np.inf else found
    return found
