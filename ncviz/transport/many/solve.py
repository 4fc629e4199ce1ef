"""``solve_many``: many small exact transport problems in one call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np

from ncviz.config import check_whole
from ncviz.devices import cores
from ncviz.errors import CancelledError, DeviceError
from ncviz.transport.many.batch import Found, Problems, solve_range
from ncviz.transport.many.checks import checked
from ncviz.transport.many.one import TOLERANCE

# Problems that a thread solves one after the other, each from what the last one left.
_MOST_AT_ONCE = 64
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, eq=False)
class TransportResult:
    """The solutions of k transport problems.

    Attributes:
        value: float64 [k], the least costs: what plans cost at most that move ``a`` to ``b``.
        lower: float64 [k], what the potentials prove each to cost at least.
        is_exact: bool [k], whether ``value`` and ``lower`` agree to 1e-10 of the plan's mass times |cost|; what goes
            through the hub counts |A| to it and |B − t| from it, which is more than |A + B − t| if they cancel.
        f: float64 [k, m], potentials of the sources: f_u + g_v is nowhere above the cost from u to v, and
            a·f + b·g is ``lower``, both but for rounding.
        g: float64 [k, n], potentials of the sinks.
        plan: float64 [k, m, n], plans of that cost, their rows summing to ``a`` and their columns to ``b``, if need
            be scaled to the sum of ``a``; None unless they were asked for.
        pivots: int64 [k], steps of the simplex.
    """

    value: np.ndarray
    lower: np.ndarray
    is_exact: np.ndarray
    f: np.ndarray
    g: np.ndarray
    plan: np.ndarray | None
    pivots: np.ndarray


def solve_many(
    cost: Any,
    a: Any,
    b: Any,
    A: Any = None,
    B: Any = None,
    t: Any = 0.0,
    *,
    keep_plans: bool = False,
    device: str = "cpu",
    threads: int | None = None,
    cancel: threading.Event | None = None,
) -> TransportResult:
    """Solve k small transport problems exactly, each value with a proof.

    Each is min Σ x_uv c_uv over plans x ≥ 0 whose rows sum to ``a`` and columns to ``b``. With tolls mass may go
    through a hub instead: c_uv = min(cost_uv, A_u + B_v − t), of which no matrix is made. By a primal network simplex
    (Cunningham, *A network simplex method*, Math. Program. 11, 1976) on flows of whole quanta, so that ties do no
    harm; the value is then worked out in twice the precision for the masses that are given. A problem begins from the
    last one's tree where it differs in tolls alone, and from its potentials where it shares the cost and most of the
    masses. Costs may be negative, and of any size beside each other: potentials are kept in twice the precision. What
    is shared by all problems may be given once, without its first axis.

    Args:
        cost: [m, n] or [k, m, n], finite.
        a: [m] or [k, m], masses of the sources, at least 0; where they are 0, there is no such source.
        b: [n] or [k, n], masses of the sinks, likewise; of the same sum as ``a``, to 1e-7 of it, and scaled to it.
        A: [m] or [k, m], what it costs to the hub; None if there is no hub.
        B: [n] or [k, n], what it costs from the hub.
        t: One number or [k], what is taken off for the way through the hub.
        keep_plans: Whether the plans are wanted, 8·k·m·n bytes.
        device: Where to solve; a key of ``SOLVERS``.
        threads: On how many cores; None for all.
        cancel: Set it to stop.

    Raises:
        CancelledError: If ``cancel`` was set.
        DeviceError: If ``device`` is none of ``SOLVERS``.
        NcvizError: If something that is given cannot be used; the message says what.
    """
    solve = _solver(device)
    problems = checked(cost, a, b, A, B, t)
    workers = cores() if threads is None else check_whole("threads", threads, 1, 1024)
    k, (m, n) = problems.number(), problems.cost.shape[1:]
    found = Found(
        value=np.empty(k), short=np.empty(k), scale=np.empty(k), f=np.empty((k, m)), g=np.empty((k, n)),
        pivots=np.zeros(k, np.int64), plan=np.zeros((k if keep_plans else 0, m, n)),
    )  # fmt: skip
    solve(problems, found, workers, cancel)
    return TransportResult(
        value=found.value,
        lower=found.value - found.short,
        is_exact=found.short <= TOLERANCE * found.scale,
        f=found.f,
        g=found.g,
        plan=found.plan if keep_plans else None,
        pivots=found.pivots,
    )


def solve_on_cpu(problems: Problems, found: Found, workers: int, cancel: threading.Event | None) -> None:
    """Solve all problems on some threads; each solver writes everything that ``found`` has room for.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    k, stop = problems.number(), np.zeros(1, dtype=np.bool_)
    if workers == 1 and cancel is None and k <= _MOST_AT_ONCE:
        solve_range(problems, 0, k, found, stop)
        return
    step = max(1, min(_MOST_AT_ONCE, -(-k // (2 * workers))))
    with ThreadPoolExecutor(workers) as pool:
        try:
            pending = {
                pool.submit(solve_range, problems, begin, min(k, begin + step), found, stop)
                for begin in range(0, k, step)
            }
            while pending:
                done, pending = wait(pending, _LOOK_SECONDS, FIRST_EXCEPTION)
                for each in done:
                    each.result()
                if cancel is not None and cancel.is_set():
                    raise CancelledError
        finally:
            # What is under way ends soon, however the wait ended.
            stop[0] = True


# Where problems can be solved: by the first part of a device's name.
SOLVERS: dict[str, Callable[[Problems, Found, int, threading.Event | None], None]] = {"cpu": solve_on_cpu}


def _solver(device: str) -> Callable[[Problems, Found, int, threading.Event | None], None]:
    kind = str(device).split(":")[0]
    if kind not in SOLVERS:
        raise DeviceError(f"Transport problems are solved on {', '.join(SOLVERS)}, got '{device}'.")
    return SOLVERS[kind]
