"""How good the estimates of a computation's time are: the preflight's before it begins, the job's while it runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.engine.prepared import forget
from ncviz.jobs import Job, JobKind, JobRegistry
from ncviz.progress import Progress
from ncviz.studies.benchmarks.cases.kinds import EstimatesCase
from ncviz.studies.benchmarks.cases.networks import prepare
from ncviz.studies.benchmarks.timing import Settings

if TYPE_CHECKING:
    from torch import Tensor, nn

# How far an estimate may be off, as a factor.
FACTOR = 1.5
# What is said of a run is looked at from here on, as shares of the time that it took.
MARKS = (0.1, 0.25, 0.5, 0.75)
_LOOK_SECONDS = 0.05


def measure_estimates(case: EstimatesCase, settings: Settings, report: Progress) -> dict[str, Any]:
    """Run each network's preflight and then its curvature, and compare what was said with what was taken."""
    from ncviz.curvature import neural_curvature

    rows = []
    for at, run in enumerate(case.runs):
        report(at / len(case.runs), str(run.network))
        net, inputs = prepare(run.network, run.samples, settings.data_dir)
        if not at:
            # So that what the first run loads is no part of its time.
            neural_curvature(net, inputs[:1])
        rows.append({"network": str(run.network), "samples": run.samples, **estimates_of(net, inputs)})
    return {"kind": "estimates", "rows": rows, "factor": FACTOR}


def estimates_of(net: nn.Module, inputs: Tensor) -> dict[str, Any]:
    """Return what a run as a page begins it took, what the preflight said, and what the job expected at each mark.

    Returns:
        ``seconds``; ``before``, the preflight's, or None; ``expected``, by mark, None where nothing was said.
    """
    from ncviz.curvature import neural_curvature
    from ncviz.preflight.look import preflight

    forget()
    before = preflight(net, tuple(inputs.shape[1:]), inputs).seconds
    # The path lengths that the preflight has left would be found again.
    forget()

    def work(job: Job) -> None:
        neural_curvature(
            net, inputs, progress=job.progress, cancel=job.cancel_event, on_result=lambda result: None
        )

    begun = time.perf_counter()
    job = JobRegistry(1).start("estimates", "curvature", work, kind=JobKind(is_by_time=True))
    said: list[tuple[float, float | None]] = []
    while not job.wait(_LOOK_SECONDS):
        left, now = job.eta_seconds, time.perf_counter() - begun
        said.append((now, None if left is None else now + left))
    seconds = time.perf_counter() - begun
    if job.error is not None:
        raise RuntimeError(job.details or job.error)
    return {"seconds": seconds, "before": before, "expected": expected_at(said, seconds)}


def expected_at(said: list[tuple[float, float | None]], seconds: float) -> dict[str, float | None]:
    """Return the whole time that was expected last before each mark.

    Args:
        said: When, and the whole time expected then; None where nothing was.
        seconds: What was taken in the end.
    """
    found: dict[str, float | None] = {}
    for mark in MARKS:
        until = [whole for when, whole in said if when <= mark * seconds]
        found[f"{mark:.0%}"] = until[-1] if until else None
    return found


def share_within(values: list[tuple[float | None, float]]) -> tuple[int, int]:
    """Return how many estimates lie within the factor of what was taken, and how many were made."""
    made = np.array([[guess, taken] for guess, taken in values if guess is not None]).reshape(-1, 2)
    off = np.abs(np.log(made[:, 0] / made[:, 1]))
    return int((off <= np.log(FACTOR)).sum()), len(made)
