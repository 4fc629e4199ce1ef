"""Our curvature beside POT's: in turn, in one process, on the same edges, every raw time kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.graph.paths import distances
from ncviz.progress import Progress
from ncviz.studies.benchmarks import edges as live_edges
from ncviz.studies.benchmarks.agreement import compare_edges, compare_weights, difference, report_difference
from ncviz.studies.benchmarks.baselines import CLOSED_FORM, FULL, METHODS
from ncviz.studies.benchmarks.cases.kinds import EDGES, CurvatureCase
from ncviz.studies.benchmarks.cases.networks import live_graph, prepare
from ncviz.studies.benchmarks.edges import Edges
from ncviz.studies.benchmarks.peak import peak_memory
from ncviz.studies.benchmarks.pool import BaselinePool, Solved, baseline_pool
from ncviz.studies.benchmarks.timing import Settings, ours, ratios, run_ours, summary

if TYPE_CHECKING:
    from ncviz.curvature import CurvatureResult
    from ncviz.graph.neural_graph import NeuralGraph


def measure_curvature(case: CurvatureCase, settings: Settings, report: Progress) -> dict[str, Any]:
    """Measure our curvature beside POT's, full problem and closed form, on the same live edges."""
    steps = 3 + settings.repeats
    report(0, "loading")
    net, inputs = prepare(case.network, case.samples, settings.data_dir)
    graph, activity = live_graph(net, inputs)
    live = live_edges.live_counts(graph, activity)
    is_full = settings.is_full and case.mode == EDGES
    drawn = live_edges.draw(graph, activity, live, None if is_full else case.drawn, case.least)
    report(0.5 / steps, "first call")
    first, results = {}, {}
    for device in settings.devices:
        first[device], results[device] = run_ours(net, inputs, case.mode, device)
    # After the first call, so that the new process finds everything compiled.
    report(1 / steps, "peak memory")
    memory = peak_memory(case.name, settings.is_quick, settings.data_dir)
    report(2 / steps, "baselines start")
    times: dict[str, list[float]] = {ours(device): [] for device in settings.devices}
    passes: dict[str, list[Solved]] = {method: [] for method in METHODS}
    with baseline_pool(graph, distances(graph), activity) as pool:
        agreement = _agreement(case, results, graph, activity, pool, drawn)
        results.clear()
        for repeat in range(settings.repeats):
            report((3 + repeat) / steps, f"repetition {repeat + 1} of {settings.repeats}")
            for device in settings.devices:
                times[ours(device)].append(run_ours(net, inputs, case.mode, device)[0])
            for method in METHODS:
                passes[method].append(pool.solve(method, drawn))
    errors = {}
    for method in METHODS:
        scaled = [_scaled(solved, drawn, live.sum(axis=1), pool.workers) for solved in passes[method]]
        times[method] = [one.wall for one in passes[method]] if is_full else [one[0] for one in scaled]
        errors[method] = 0.0 if is_full else float(np.median([one[1] for one in scaled]))
    return {
        "kind": "curvature",
        "network": str(case.network),
        "mode": case.mode,
        "samples": case.samples,
        "edges": graph.number_of_edges,
        "live_edges": int(live.sum()),
        "drawn_edges": len(drawn),
        "is_scaled": not is_full,
        "workers": pool.workers,
        "first_seconds": first,
        "seconds": times,
        "drawn_wall_seconds": {method: [one.wall for one in passes[method]] for method in METHODS},
        "sampling_error": errors,
        "summary": {name: summary(values) for name, values in times.items()},
        "per_sample": {name: summary(values)["median"] / case.samples for name, values in times.items()},
        "ratios": {
            device: {method: ratios(times[method], times[ours(device)]) for method in METHODS}
            for device in settings.devices
        },
        "agreement": agreement,
        "memory": memory,
    }


def _scaled(solved: Solved, drawn: Edges, live: np.ndarray, workers: int) -> tuple[float, float]:
    """Return the seconds that all live edges would take, and the relative standard error of that.

    The workers are taken to be busy to the end with nothing to hand over, which is more than a pool ever reaches.
    """
    total, variance = 0.0, 0.0
    for index, number in enumerate(live.tolist()):
        own = solved.seconds[drawn.connection == index]
        if len(own):
            total += number * float(own.mean())
            unseen = 1 - len(own) / number
            variance += unseen * number**2 * float(own.var()) / len(own)
    return total / workers, float(np.sqrt(variance) / total) if total else 0.0


def _agreement(
    case: CurvatureCase,
    results: dict[str, CurvatureResult],
    graph: NeuralGraph,
    activity: list[np.ndarray],
    pool: BaselinePool,
    drawn: Edges,
) -> dict[str, Any]:
    """Compare ours on every device, and the closed form, with the full problem."""
    full = pool.solve(FULL, drawn).curvature
    found: dict[str, Any] = {
        CLOSED_FORM: report_difference(difference(pool.solve(CLOSED_FORM, drawn).curvature, full))
    }
    for device, result in results.items():
        if case.mode == EDGES:
            found[ours(device)] = compare_edges(result, graph, drawn, full)
        else:
            found[ours(device)] = compare_weights(result, graph, activity, pool, drawn, full, case.checked)
    return found
