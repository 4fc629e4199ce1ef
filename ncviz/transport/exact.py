"""Exact optimal transport by POT's network simplex: the oracle, and the solver for any idleness."""

from __future__ import annotations

import threading

import numpy as np
import ot

from ncviz.errors import CancelledError
from ncviz.transport.problem import EdgeGroup

MAX_ITERATIONS = 10_000_000


def idle(alpha: float, mass: np.ndarray) -> np.ndarray:
    """Return alpha on the edge's end, then what its neighbours get; all of it on the end if there are none."""
    return np.concatenate([[alpha], (1 - alpha) * mass]) if len(mass) else np.ones(1)


def optimal_value(a: np.ndarray, b: np.ndarray, cost: np.ndarray) -> float:
    """Return the optimal transport cost between two measures.

    Args:
        a: float64 [P], non-negative, summing to 1.
        b: float64 [Q], likewise.
        cost: float64 [P, Q], finite between points with mass; may be negative.

    Returns:
        The minimum of sum(plan · cost) over couplings of ``a`` and ``b``.

    Raises:
        RuntimeError: If the simplex does not reach the optimum.
    """
    rows, columns = a > 0, b > 0
    if not (rows.all() and columns.all()):
        a, b, cost = a[rows], b[columns], cost[np.ix_(rows, columns)]
    if len(a) == 1 or len(b) == 1:
        return float(a @ cost @ b)
    # The simplex reports negative costs as infeasible; total mass is 1, so a shift comes back exactly.
    shift = cost.min()
    value, log = ot.emd2(
        a, b, cost - shift, numItermax=MAX_ITERATIONS, log=True, center_dual=False, check_marginals=False
    )
    if log["warning"]:
        raise RuntimeError(f"Network simplex: {log['warning']}")
    return float(value + shift)


def optimal_plan(a: np.ndarray, b: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return a plan of least cost between two measures, float64 [P, Q]; arguments as for ``optimal_value``.

    Raises:
        RuntimeError: If the simplex does not reach the optimum.
    """
    return proved_plan(a, b, cost)[0]


def proved_plan(a: np.ndarray, b: np.ndarray, cost: np.ndarray) -> tuple[np.ndarray, float]:
    """Return a plan as ``optimal_plan`` does, and what it costs at most beyond what its potentials prove.

    Raises:
        RuntimeError: If the simplex does not reach the optimum.
    """
    rows, columns = np.flatnonzero(a > 0), np.flatnonzero(b > 0)
    if len(rows) == 1 or len(columns) == 1:
        return np.outer(a, b), 0.0
    plan = np.zeros(cost.shape)
    own = cost[np.ix_(rows, columns)]
    plan[np.ix_(rows, columns)], log = ot.emd(
        a[rows], b[columns], own - own.min(), numItermax=MAX_ITERATIONS, log=True, center_dual=False,
        check_marginals=False,
    )  # fmt: skip
    if log["warning"]:
        raise RuntimeError(f"Network simplex: {log['warning']}")
    # The highest potentials of the sinks that are feasible beside those of the sources.
    reduced = own - log["u"][:, None]
    reduced -= reduced.min(axis=0)
    return plan, float((plan[np.ix_(rows, columns)] * reduced).sum())


def solve_full(group: EdgeGroup, alpha: float, cancel: threading.Event | None = None) -> np.ndarray:
    """Solve the definition's problem for each edge of a group, with the mass that stays on i and on j.

    Args:
        group: The edges.
        alpha: Idleness in [0, 1).
        cancel: Checked before each edge.

    Returns:
        float64 [n, m], (W₁ − α·d)/(1 − α), so that the curvature is 1 − value/d for every α; NaN where
        there is no edge.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    source_mass, target_mass = idle(alpha, group.a), idle(alpha, group.b)
    value = np.full(group.direct.shape, np.nan)
    cost = np.empty((len(group.a) + 1, len(group.b) + 1))
    cost[1:, 1:] = group.cost
    for i, j in np.argwhere(~np.isnan(group.direct)):
        if cancel is not None and cancel.is_set():
            raise CancelledError
        direct = group.direct[i, j]
        cost[0, 0] = direct
        cost[0, 1:] = group.from_source[i]
        cost[1:, 0] = group.to_target[j]
        value[i, j] = (optimal_value(source_mass, target_mass, cost) - alpha * direct) / (1 - alpha)
    return value
