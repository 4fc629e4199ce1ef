"""The definition's own problem of an edge, with what stays on its ends: for any idleness, each value with a proof."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.transport.dense import UnprovedError
from ncviz.transport.problem import EdgeGroup


class FullSolution(NamedTuple):
    """What the edges of a group cost; NaN where there is none, or where it was stopped before.

    Attributes:
        value: float64 [n, m], (W₁ − α·d)/(1 − α), so that the curvature is 1 − value/d for every α: what a plan costs
            at most.
        lower: float64 [n, m], what potentials prove it to be at least; the same as ``value`` where that is exact, which
            is to 1e-10 of what the plan pays or of d.
    """

    value: np.ndarray
    lower: np.ndarray


def solve_full(group: EdgeGroup, alpha: float, stop: np.ndarray | None = None) -> FullSolution:
    """Solve the definition's problem for each edge of a group, with the mass that stays on i and on j.

    As `ncviz.transport.solve_many` solves it. It holds for every idleness, but from 1/2 on the closed form is far
    faster. Masses count as what ``group.a`` and ``group.b`` are of their sums, and
    idleness as the same on both ends, so that none of it has to go elsewhere by rounding alone: beside a weight of
    1e-30 the way may be 1e30 times as long.

    Args:
        group: The edges; ``direct`` is NaN, not inf, where there is none, and all other lengths are finite.
        alpha: Idleness in [0, 1).
        stop: bool [1], set from outside to end early; what is not solved by then is NaN.
    """
    if not len(group.a) or not len(group.b):
        # All the mass of one side lies on one point, so there is one plan only.
        value = np.zeros(group.direct.shape) if len(group.a) or len(group.b) else group.direct.copy()
        if len(group.a):
            value += group.to_target @ group.a
        if len(group.b):
            value += (group.from_source @ group.b)[:, None]
        value[np.isnan(group.direct)] = np.nan
        return FullSolution(value, value)
    value, lower, _ = _solved(group, alpha, False, stop)
    return FullSolution(value, lower)


def full_plan(group: EdgeGroup, alpha: float) -> np.ndarray:
    """Return a plan of least cost for the one edge of a group, float64 [1 + P, 1 + Q]: i and then the u by j and the v.

    Args:
        group: The edge, both of whose ends have neighbours with mass.
        alpha: Idleness in [0, 1).

    Raises:
        UnprovedError: If no plan could be proved to be the best.
    """
    value, lower, plan = _solved(group, alpha, True, None)
    if (lower < value).any():
        raise UnprovedError("The least cost of moving the mass could not be proved.")
    return (1.0 - alpha) * plan


def _solved(
    group: EdgeGroup, alpha: float, keep_plan: bool, stop: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # Not at the top: it brings numba along.
    from ncviz.transport.many.full import solve_full_group

    value, short = np.full(group.direct.shape, np.nan), np.zeros(group.direct.shape)
    plan = np.zeros((1 + len(group.a), 1 + len(group.b)) if keep_plan else (0, 0))
    a, b, cost, to_target, from_source, direct = map(
        np.ascontiguousarray,
        (group.a, group.b, group.cost, group.to_target, group.from_source, group.direct),
    )
    solve_full_group(
        a, b, cost, (to_target, from_source), direct, alpha / (1.0 - alpha), value, short, plan,
        np.zeros(1, dtype=np.bool_) if stop is None else stop,
    )  # fmt: skip
    return value, value - short, plan
