"""Where the time of a whole network's curvature goes: processor seconds of one thread, step by step, and what was done.

Shares of processor time mean something on a busy machine, too, where seconds by the clock do not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.engine.layers import around, ends_of, layers_of
from ncviz.engine.local import pieces
from ncviz.engine.minima import Least
from ncviz.engine.plan import make_plan
from ncviz.engine.prepared import forget
from ncviz.graph.paths import distances
from ncviz.progress import Progress
from ncviz.studies.benchmarks.cases.kinds import WEIGHTS, ProfileCase
from ncviz.studies.benchmarks.cases.networks import live_graph, prepare
from ncviz.studies.benchmarks.timing import Settings, run_ours, summary

if TYPE_CHECKING:
    from ncviz.engine.layers import Layers
    from ncviz.engine.plan import Plan

FORWARD, PATHS, PLANS, BOUNDS, FIRST, REST = (
    "forward pass and graph", "path lengths", "plans", "bounds", "most promising edges", "all others",
)  # fmt: skip
COUNTED = ("certified", "rejected", "solved", "pivots", "closed", "live")


def measure_profile(case: ProfileCase, settings: Settings, report: Progress) -> dict[str, Any]:
    """Measure each step of the least κ of each weight in one thread, and the whole on all cores."""
    net, inputs = prepare(case.network, case.samples, settings.data_dir)
    report(0.1, "first call")
    run_ours(net, inputs, WEIGHTS, "cpu")
    seconds = []
    for repeat in range(settings.repeats):
        report(0.2 + 0.5 * repeat / settings.repeats, "whole run")
        forget()  # else the path lengths would be those of the call before
        seconds.append(run_ours(net, inputs, WEIGHTS, "cpu")[0])
    spent: dict[str, float] = {}
    report(0.7, "step by step")
    with _timed(spent, FORWARD):
        graph, activity = live_graph(net, inputs)
        layers = layers_of(graph, activity)
    with _timed(spent, PATHS):
        lengths = distances(graph)
    with _timed(spent, PLANS):
        plans = [make_plan(lengths, graph, index) for index in range(len(graph.connections))]
    # Once untimed, so that its compiled code is loaded.
    _search(plans[-1], around(layers, graph, len(plans) - 1), ends_of(graph, len(plans) - 1), {})
    counts = np.zeros(8, dtype=np.int64)
    for index, plan in enumerate(plans):
        report(0.75 + 0.25 * index / len(plans), "step by step")
        counts += _search(plan, around(layers, graph, index), ends_of(graph, index), spent)
    held = {id(array): array.nbytes for plan in plans for array in plan.arrays()}
    return {
        "kind": "profile",
        "network": str(case.network),
        "samples": case.samples,
        "weights": sum(each.weight.size for each in graph.connections),
        "cpu_seconds": spent,
        "counts": dict(zip(COUNTED, counts[[0, 1, 2, 3, 4, 5]].tolist(), strict=True)),
        "table_bytes": sum(held.values()),
        "seconds": seconds,
        "summary": summary(seconds),
    }


@contextmanager
def _timed(spent: dict[str, float], step: str) -> Iterator[None]:
    begun = time.thread_time()
    try:
        yield
    finally:
        spent[step] = spent.get(step, 0.0) + time.thread_time() - begun


def _search(plan: Plan, layers: Layers, ends: tuple[bool, bool], spent: dict[str, float]) -> np.ndarray:
    """Do what ``local.search_part`` does, each of its steps timed; return the counts."""
    from ncviz.engine import kernels
    from ncviz.engine.anytime import lower
    from ncviz.engine.edges import promising

    best, low = Least.nothing(plan.weights), Least.nothing(plan.weights)
    stop, nothing = np.zeros(1, dtype=np.bool_), np.empty((0, 0, 0))
    samples, pairs = len(layers[0]), len(plan.pairs.source)
    with _timed(spent, BOUNDS):
        sides = lower.sides_of(plan, layers)
        if sides is not None:
            for part in pieces(plan):
                lower.bound_below(plan, layers, ends, sides, part, 0, (best, low), stop)
    for mode, step in ((kernels.BOUND, BOUNDS), (kernels.CHOSEN, FIRST), (kernels.BETTER, REST)):
        if any(ends) if mode != kernels.BOUND else sides is not None:
            continue
        if mode == kernels.BETTER and sides is not None:
            with _timed(spent, step):
                for part in pieces(plan):
                    promising.search_promising(plan, layers, ends, sides, part, 0, best, stop, np.zeros(1))
            continue
        # Of no length for all pairs.
        chosen = np.zeros((samples, pairs if mode == kernels.CHOSEN else 0), dtype=np.bool_)
        if mode == kernels.CHOSEN:
            named = low.curvature < best.curvature
            chosen[low.sample[named], low.pair[named]] = True
        with _timed(spent, step):
            for part in pieces(plan):
                for sample in range(samples):
                    own = tuple(layer[sample] for layer in layers)
                    kernels.scan(
                        plan, own, ends, part, sample, mode, best, low, chosen[sample, part[0] :], nothing, stop
                    )  # fmt: skip
    return best.counts
