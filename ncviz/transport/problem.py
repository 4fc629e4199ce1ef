"""The transport problem of a group of edges that share their neighbour measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class EdgeGroup:
    """Edges i→j whose sources share the measure ``a`` and whose targets share the measure ``b``.

    With u running over the support of ``a`` (in-neighbours of i), v over that of ``b`` (out-neighbours of j):

    Attributes:
        a: float64 [P], positive masses summing to 1; empty if the sources have no in-neighbours with mass.
        b: float64 [Q], likewise for the targets' out-neighbours.
        cost: float64 [P, Q], distance from u to v.
        to_target: float64 [m, P], distance from u to each target j.
        from_source: float64 [n, Q], distance from each source i to v.
        direct: float64 [n, m], distance from i to j, NaN where the pair is no edge to solve.
    """

    a: np.ndarray
    b: np.ndarray
    cost: np.ndarray
    to_target: np.ndarray
    from_source: np.ndarray
    direct: np.ndarray


def idle(alpha: float, mass: np.ndarray) -> np.ndarray:
    """Return alpha on the edge's end, then what its neighbours get; all of it on the end if there are none."""
    return np.concatenate([[alpha], (1 - alpha) * mass]) if len(mass) else np.ones(1)
