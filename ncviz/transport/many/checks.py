"""What ``solve_many`` is given, as arrays of one form, or one sentence that says why it cannot be used."""

from __future__ import annotations

from typing import Any

import numpy as np

from ncviz.errors import NcvizError
from ncviz.text import shorten
from ncviz.transport.many.batch import Problems

# Sums and differences of such costs neither overflow nor vanish.
LARGEST = 1e150
# Totals of ``a`` and ``b`` may differ by this share of them.
UNBALANCED = 1e-7


def checked(cost: Any, a: Any, b: Any, A: Any, B: Any, t: Any) -> Problems:
    """Return the problems, what they share with a first axis of 1.

    Raises:
        NcvizError: If they cannot be used.
    """
    costs = _array("cost", cost)
    if costs.ndim not in (2, 3) or 0 in costs.shape[-2:]:
        raise NcvizError(
            f"cost must be [m, n] or [k, m, n] with m and n at least 1, got {list(costs.shape)}."
        )
    costs = costs[None] if costs.ndim == 2 else costs
    m, n = costs.shape[1:]
    masses = [_masses("a", a, m), _masses("b", b, n)]
    if (A is None) != (B is None):
        raise NcvizError("A and B go together: what ways to the hub cost, and those from it.")
    if A is None:
        if np.ndim(t) or t != 0:
            raise NcvizError("t is what the hub takes off, so it needs A and B, the ways to it and from it.")
        hub = [np.empty((0, m)), np.empty((0, n)), np.empty(0)]
    else:
        off = _array("t", t)
        if off.ndim > 1:
            raise NcvizError(f"t must be one number or [k], got {list(off.shape)}.")
        hub = [_lines("A", A, m), _lines("B", B, n), off.reshape(-1)]
    found = Problems(costs, masses[0], masses[1], hub[0], hub[1], hub[2], A is not None)
    _check_number(found)
    _check_balance(*masses)
    return found


def _array(name: str, given: Any) -> np.ndarray:
    try:
        if np.iscomplexobj(given):
            raise TypeError
        found = np.ascontiguousarray(given, dtype=np.float64).reshape(np.shape(given))
    except (TypeError, ValueError, RuntimeError):
        raise NcvizError(
            f"{name} must be an array of real numbers on the CPU, a tensor without its gradient, got "
            f"{shorten(' '.join(repr(given).split()))}."
        ) from None
    if not np.all(np.abs(found) <= LARGEST):
        instead = " A way that there is not may cost more than all others." if name == "cost" else ""
        raise NcvizError(f"{name} must hold finite numbers of at most {LARGEST:g}.{instead}")
    return found


def _lines(name: str, given: Any, length: int) -> np.ndarray:
    found = _array(name, given)
    if found.ndim not in (1, 2) or found.shape[-1] != length:
        raise NcvizError(f"{name} must be [{length}] or [k, {length}] as cost is, got {list(found.shape)}.")
    return found.reshape(-1, length)


def _masses(name: str, given: Any, length: int) -> np.ndarray:
    found = _lines(name, given, length)
    if (found < 0).any():
        raise NcvizError(f"{name} must hold masses of at least 0, got {found.min():g}.")
    totals = found.sum(axis=1)
    if not np.all(totals >= 1 / LARGEST):
        raise NcvizError(
            f"{name} must hold some mass in each problem, got none in problem {totals.argmin()}."
        )
    return found


def _check_number(problems: Problems) -> None:
    """See that all arrays hold one problem, or the same number of them."""
    several = {name: len(each) for name, each in problems.arrays().items() if len(each) != 1}
    if len(set(several.values())) > 1:
        said = ", ".join(f"{name} for {count}" for name, count in several.items())
        raise NcvizError(f"All must be for the same number of problems, or shared by all; got {said}.")


def _check_balance(a: np.ndarray, b: np.ndarray) -> None:
    first, second = a.sum(axis=1), b.sum(axis=1)
    is_off = np.abs(first - second) > UNBALANCED * np.maximum(first, second)
    if is_off.any():
        at = int(np.flatnonzero(is_off)[0])
        sums = [float(totals[at % len(totals)]) for totals in (first, second)]
        raise NcvizError(
            f"a and b must hold the same mass; those of problem {at} sum to {sums[0]:g} and {sums[1]:g}."
        )
