"""Many small transport problems: `solve_many` beside a loop of POT's exact solver, and its entropic one in batches."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
import ot

from ncviz.progress import Progress
from ncviz.studies.benchmarks.agreement import difference, report_difference
from ncviz.studies.benchmarks.cases.kinds import TOLLS, TransportCase
from ncviz.studies.benchmarks.timing import Settings, ratios, summary
from ncviz.transport import TransportResult, solve_many

OURS, ONE_CORE, LOOP, BATCH = "ours", "ours, one core", "ot.emd2, one by one", "ot.batch, entropic"
# Of costs between 0 and the square root of 2.
REGULARISATION = 0.01


class Many(NamedTuple):
    """Problems as `solve_many` takes them; A, B and t None where there is no hub."""

    cost: np.ndarray
    a: np.ndarray
    b: np.ndarray
    A: np.ndarray | None
    B: np.ndarray | None
    t: np.ndarray | None

    def plain(self, at: int) -> np.ndarray:
        """Return one problem's costs without a hub."""
        if self.A is None or self.B is None or self.t is None:
            return self.cost[at]
        return np.minimum(self.cost, self.A[at][:, None] + (self.B[at] - self.t[at])[None, :])

    def solve(self, threads: int | None) -> TransportResult:
        """Solve them by ours."""
        hub = () if self.A is None else (self.A, self.B, self.t)
        return solve_many(self.cost, self.a, self.b, *hub, threads=threads)


def draw(kind: str, number: int, m: int, n: int) -> Many:
    """Return problems between random points of the unit square, with random masses.

    Each has points and masses of its own; with tolls all share them, and the hub is a way between two more points.
    """
    rng = np.random.default_rng(0)
    if kind != TOLLS:
        points, others = rng.random((number, m, 2)), rng.random((number, n, 2))
        cost = np.linalg.norm(points[:, :, None] - others[:, None], axis=-1)
        return Many(cost, rng.dirichlet(np.ones(m), number), rng.dirichlet(np.ones(n), number), *(None,) * 3)
    sources, sinks, first, second = (rng.random((size, 2)) for size in (m, n, number, number))
    cost = np.linalg.norm(sources[:, None] - sinks[None], axis=-1)
    to_hub = np.linalg.norm(first[:, None] - sources[None], axis=-1)
    from_hub = np.linalg.norm(second[:, None] - sinks[None], axis=-1)
    masses = rng.dirichlet(np.ones(m)), rng.dirichlet(np.ones(n))
    # As on an edge of a network: from one end to the other costs what is taken off.
    return Many(cost, *masses, to_hub, from_hub, np.linalg.norm(first - second, axis=-1))


def measure_transport(case: TransportCase, settings: Settings, report: Progress) -> dict[str, Any]:
    """Measure each size in turn, all ways to solve it one after the other."""
    rows = []
    for at, (kind, m, n) in enumerate(case.rows):
        report(at / len(case.rows), f"{m} × {n}")
        problems = draw(kind, case.number, m, n)
        rows.append({"kind": kind, "m": m, "n": n, **_measure(case, problems, settings.repeats)})
    return {"kind": "transport", "problems": case.number, "batched": case.batched, "rows": rows}


def _measure(case: TransportCase, problems: Many, repeats: int) -> dict[str, Any]:
    each = range(case.number)
    a, b = (np.broadcast_to(own, (case.number, own.shape[-1])) for own in (problems.a, problems.b))
    some = slice(case.batched)
    plain = [problems.plain(k) for k in each]
    batch = np.stack(plain[some])
    # POT calls negative costs infeasible; its cost per problem is the same without.
    shift = min([0.0, *(float(cost.min()) for cost in plain)])
    shifted = [cost - shift for cost in plain] if shift else plain
    seconds: dict[str, list[float]] = {name: [] for name in (OURS, ONE_CORE, LOOP, BATCH)}
    # The first round compiles or loads what is compiled, and is not counted.
    for repeat in range(repeats + 1):
        begun = [time.perf_counter()]
        found = problems.solve(None)
        begun.append(time.perf_counter())
        problems.solve(1)
        begun.append(time.perf_counter())
        exact = np.array([ot.emd2(a[k], b[k], shifted[k]) for k in each]) + shift
        begun.append(time.perf_counter())
        near = ot.batch.solve_batch(batch, REGULARISATION, a=a[some], b=b[some], method="sinkhorn")
        begun.append(time.perf_counter())
        if repeat:
            for name, taken, number in zip(
                seconds, np.diff(begun), [case.number] * 3 + [case.batched], strict=True
            ):
                seconds[name].append(float(taken) / number)
    moved = (np.asarray(near.plan) * batch).sum(axis=(1, 2))
    return {
        "seconds": seconds,
        "summary": {name: summary(values) for name, values in seconds.items()},
        "ratios": {name: ratios(seconds[name], seconds[OURS]) for name in (ONE_CORE, LOOP, BATCH)},
        "ratios_one_core": {name: ratios(seconds[name], seconds[ONE_CORE]) for name in (LOOP, BATCH)},
        "agreement": {OURS: report_difference(difference(found.value, exact))},
        "error_of_entropic": float(np.median(np.abs(moved - exact[some]) / np.abs(exact[some]))),
        "exact": int(found.is_exact.sum()),
        "pivots": float(found.pivots.mean()),
    }
