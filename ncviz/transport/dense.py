"""One transport problem and its plan: by the compiled solver, or where it is not compiled yet, by a linear program."""

from __future__ import annotations

import numpy as np
from scipy.sparse import eye_array, kron, vstack

from ncviz.errors import NcvizError

# A plan is proved when no other one costs less by this share of it, or of what it is beside.
TOLERANCE = 1e-10
# So many ways are soon looked through without compiled code.
_FEW = 10_000


class UnprovedError(NcvizError):
    """A plan of which nobody knows whether it is the best."""


# What it costs from each source to a hub, from there to each sink, and what is taken off for that way.
Hub = tuple[np.ndarray, np.ndarray, float]


def proved_plan(
    a: np.ndarray, b: np.ndarray, cost: np.ndarray, hub: Hub | None = None, beside: float = 0.0
) -> np.ndarray:
    """Return a plan of least cost between two measures, float64 [P, Q], after it was proved to be one.

    Args:
        a: float64 [P], non-negative, summing to 1.
        b: float64 [Q], likewise.
        cost: float64 [P, Q], finite; may be negative.
        hub: Another way, where it is cheaper.
        beside: What the cost is seen beside: a share of 1e-10 of this does not count either.

    Raises:
        UnprovedError: If no plan could be proved to be the best.
    """
    if np.count_nonzero(a) == 1 or np.count_nonzero(b) == 1:
        return np.outer(a, b)
    price = cost if hub is None else np.minimum(cost, hub[0][:, None] + (hub[1] - hub[2]))
    if cost.size <= _FEW and not is_compiled():
        found = _by_linear_program(a, b, price, beside)
        if found is not None:
            return found
    from ncviz.transport.many.solve import solve_many

    solved = solve_many(cost, a, b, *(hub or ()), keep_plans=True, threads=1)
    assert solved.plan is not None
    plan = solved.plan[0]
    # What of the mass the plan may misplace is part of what its proof falls short by.
    paid = max(float((plan * np.abs(price)).sum()), beside)
    if solved.is_exact[0] or solved.value[0] - solved.lower[0] <= TOLERANCE * paid:
        return plan
    raise UnprovedError("The least cost of moving the mass could not be proved.")


def _is_proved(plan: np.ndarray, cost: np.ndarray, f: np.ndarray, beside: float, elsewhere: float) -> bool:
    """Return whether nothing is left to gain beside what the plan pays, by the best potentials beside ``f``.

    Of its mass ``elsewhere`` may lie wherever that costs most.
    """
    # The highest potentials of the sinks that are feasible beside those of the sources.
    reduced = cost - f[:, None]
    reduced -= reduced.min(axis=0)
    short = float((plan * reduced).sum()) + elsewhere * float(np.ptp(cost))
    return short <= TOLERANCE * max(float((plan * np.abs(cost)).sum()), beside)


def is_compiled() -> bool:
    """Whether the solver runs at once."""
    # Not at the top: it brings numba along.
    from ncviz.compiled import is_cached
    from ncviz.transport.many.batch import solve_range

    return bool(solve_range.signatures) or is_cached(solve_range)


def compile_ahead() -> None:
    """Compile or load the solver."""
    from ncviz.transport.many.solve import solve_many

    solve_many(np.eye(2), np.ones(2), np.ones(2), threads=1)


def _by_linear_program(a: np.ndarray, b: np.ndarray, cost: np.ndarray, beside: float) -> np.ndarray | None:
    """Return a plan by HiGHS, or None if what it says of the constraints does not prove it.

    Source: Huangfu, Hall, *Parallelizing the dual revised simplex method*, Math. Program. Comput. 10 (2018).
    """
    # Importing it takes longer than most problems.
    from scipy.optimize import linprog

    P, Q = cost.shape
    ends = vstack([kron(eye_array(P), np.ones((1, Q))), kron(np.ones((1, P)), eye_array(Q))])
    scale = np.abs(cost).max() or 1.0
    found = linprog(
        (cost / scale).reshape(-1), A_eq=ends, b_eq=np.concatenate([a, b * (a.sum() / b.sum())]), method="highs-ds",
        options={"primal_feasibility_tolerance": TOLERANCE, "dual_feasibility_tolerance": TOLERANCE},
    )  # fmt: skip
    if not found.success:
        return None
    plan = np.maximum(0.0, found.x.reshape(P, Q))
    elsewhere = max(np.abs(plan.sum(axis=1) - a).sum(), np.abs(plan.sum(axis=0) - b).sum())
    return plan if _is_proved(plan, cost, scale * found.eqlin.marginals[:P], beside, elsewhere) else None
