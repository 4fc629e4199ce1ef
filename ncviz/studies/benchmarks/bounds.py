"""How soon there are certified bounds of all weights, and how narrow they are then and later.

Seconds by the clock say little on a busy machine; processor seconds of the whole process stand beside them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.engine.prepared import forget
from ncviz.progress import Progress
from ncviz.studies.benchmarks.cases.kinds import WEIGHTS, BoundsCase
from ncviz.studies.benchmarks.cases.networks import prepare
from ncviz.studies.benchmarks.timing import Settings, run_ours

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ncviz.curvature import CurvatureResult


def measure_bounds(case: BoundsCase, settings: Settings, report: Progress) -> dict[str, Any]:
    """Measure one run with a time limit, its path lengths anew, and the whole exact run if the case wants it."""
    from ncviz.curvature import neural_curvature

    net, inputs = prepare(case.network, case.samples, settings.data_dir)
    report(0.1, "first call")
    # On one image, so that the compiled code is loaded; its path lengths are not to help the next.
    neural_curvature(net, inputs[:1], time_limit=0)
    forget()
    report(0.2, "bounds")
    rows = results_in_time(net, inputs, case.seconds)
    whole = None
    if case.is_whole:
        forget()
        report(0.5, "whole run")
        begun = time.process_time()
        seconds, _ = run_ours(net, inputs, WEIGHTS, "cpu")
        whole = {"seconds": seconds, "cpu_seconds": time.process_time() - begun}
    return {
        "kind": "bounds",
        "network": str(case.network),
        "samples": case.samples,
        "rows": rows,
        "whole": whole,
    }


def results_in_time(net: nn.Module, inputs: Tensor, marks: tuple[float, ...]) -> list[dict[str, Any]]:
    """Return what the first result knows, and the last ones before so many seconds; the last of these is the limit."""
    from ncviz.curvature import neural_curvature

    seen: list[dict[str, Any]] = []
    begun, used = time.perf_counter(), time.process_time()

    def look(result: CurvatureResult) -> None:
        now = {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - used}
        seen.append({**now, **narrowness(result)})

    look(neural_curvature(net, inputs, time_limit=marks[-1], on_result=look))
    chosen = [
        0,
        *(max(at for at, row in enumerate(seen) if at == 0 or row["seconds"] <= mark) for mark in marks[:-1]),
    ]
    return [seen[at] for at in dict.fromkeys([*chosen, len(seen) - 1])]


def narrowness(result: CurvatureResult) -> dict[str, float]:
    """Return how many weights are live, the median width of their intervals, and the share that is exact."""
    width = np.concatenate(
        [
            (result.upper[name] - result.lower[name])[~result.never_active[name] & ~values.isnan()]
            .numpy()
            .reshape(-1)
            for name, values in result.weights.items()
        ]
    )
    return {"live": len(width), "median_width": float(np.median(width)), "exact": float(np.mean(width == 0))}
