"""How our time grows with the samples, the channels and the image."""

from __future__ import annotations

from itertools import product
from typing import Any

from ncviz.progress import Progress
from ncviz.studies.benchmarks.cases.kinds import GrowthCase, GrowthPoint
from ncviz.studies.benchmarks.cases.networks import live_graph, prepare
from ncviz.studies.benchmarks.edges import live_counts
from ncviz.studies.benchmarks.timing import Settings, log_slope, run_ours, summary


def measure_growth(case: GrowthCase, settings: Settings, report: Progress) -> dict[str, Any]:
    """Measure our time at each size, all sizes in turn, and the power that it grows with."""
    ready, live = {}, {}
    for point in {point for _, points in case.series for point in points}:
        report(0, "loading")
        net, inputs = ready[point] = prepare(point.network, point.samples, settings.data_dir)
        live[point] = int(live_counts(*live_graph(net, inputs)).sum())
    jobs = [
        (title, point, device)
        for title, points in case.series
        for point in points
        for device in settings.devices
    ]
    seconds: dict[tuple[str, GrowthPoint, str], list[float]] = {job: [] for job in jobs}
    # The first round compiles or loads what is compiled, and is not counted.
    for repeat in range(settings.repeats + 1):
        for at, job in enumerate(jobs):
            _, point, device = job
            report((repeat + at / len(jobs)) / (settings.repeats + 1), f"{case.axis} {point.x}")
            taken, _ = run_ours(*ready[point], point.mode, device)
            if repeat:
                seconds[job].append(taken)
    found = []
    for (title, points), device in product(case.series, settings.devices):
        rows: list[dict[str, Any]] = []
        for point in points:
            values = seconds[title, point, device]
            row = {"x": point.x, "network": str(point.network), "live_edges": live[point], "seconds": values}
            rows.append({**row, **summary(values)})
        sizes, edges, medians = ([row[name] for row in rows] for name in ("x", "live_edges", "median"))
        slopes = {
            "slope": log_slope(sizes, medians),
            # What every run costs hides the growth at the small end.
            "slope_of_last_two": log_slope(sizes[-2:], medians[-2:]),
            "slope_over_live_edges": log_slope(edges, medians),
        }
        found.append({"title": title, "device": device, "points": rows, **slopes})
    return {"kind": "growth", "axis": case.axis, "series": found}
