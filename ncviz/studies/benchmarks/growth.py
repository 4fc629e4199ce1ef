"""How our time grows with the samples, the channels and the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ncviz.progress import Progress
from ncviz.studies.benchmarks.cases import GrowthCase, GrowthPoint, prepare
from ncviz.studies.benchmarks.edges import live_counts
from ncviz.studies.benchmarks.statistics import log_slope, summary
from ncviz.studies.benchmarks.timing import Settings, run_ours

if TYPE_CHECKING:
    from torch import Tensor, nn


def measure_growth(case: GrowthCase, settings: Settings, report: Progress) -> dict[str, Any]:
    """Measure our time at each size, all sizes in turn, and the power that it grows with."""
    ready, live = {}, {}
    for point in {point for _, points in case.series for point in points}:
        report(0, "loading")
        net, inputs = ready[point] = prepare(point.network, point.samples, settings.data_dir)
        live[point] = _live_edges(net, inputs)
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
    lines = [
        _line(title, device, points, [seconds[title, point, device] for point in points], live)
        for title, points in case.series
        for device in settings.devices
    ]
    return {"kind": "growth", "axis": case.axis, "series": lines}


def _live_edges(net: nn.Module, inputs: Tensor) -> int:
    from ncviz.graph.activations import layer_activations, normalise
    from ncviz.graph.build import build_graph

    graph = build_graph(net, tuple(inputs.shape[1:]))
    activity = [normalise(layer) for layer in layer_activations(net, graph, inputs)]
    return int(live_counts(graph, activity).sum())


def _line(
    title: str,
    device: str,
    points: tuple[GrowthPoint, ...],
    seconds: list[list[float]],
    live: dict[GrowthPoint, int],
) -> dict[str, Any]:
    medians = [summary(values)["median"] for values in seconds]
    return {
        "title": title,
        "device": device,
        "points": [
            {
                "x": point.x,
                "network": str(point.network),
                "live_edges": live[point],
                "seconds": values,
                **summary(values),
            }
            for point, values in zip(points, seconds, strict=True)
        ],
        "slope": log_slope([point.x for point in points], medians),
        # What every run costs hides the growth at the small end.
        "slope_of_last_two": log_slope([point.x for point in points[-2:]], medians[-2:]),
        "slope_over_live_edges": log_slope([live[point] for point in points], medians),
    }
