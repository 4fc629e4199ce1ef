"""Computing on other processes and machines: each connection and sample is a parcel of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait

import numpy as np

from ncviz.engine.layers import around
from ncviz.engine.local import POLL_SECONDS
from ncviz.engine.prepared import plans_of
from ncviz.engine.remote import Parcel, Solved, cut_out, solve_parcel
from ncviz.engine.results import ConnectionCurvature, Settings, joined
from ncviz.errors import CancelledError
from ncviz.graph.neural_graph import NeuralGraph


def run_elsewhere(
    graph: NeuralGraph,
    layers: list[tuple[np.ndarray, np.ndarray]],
    settings: Settings,
    executor: Executor,
    report: Callable[[float, str], None],
    cancel: threading.Event | None,
) -> list[ConnectionCurvature]:
    """Send each connection and sample as a parcel of its own, and merge what comes back."""
    samples = len(layers[0][0])
    futures: dict[Future[object], tuple[int, int]] = {}
    report(0.0, "sending the work")
    for index in range(len(graph.connections)):
        part, own = cut_out(graph, index)
        surrounding = around(layers, index)
        for sample in range(samples):
            parcel = Parcel(
                part, own, tuple(layer[sample : sample + 1] for layer in surrounding), sample, settings.alpha,
                settings.keep_edges,
            )  # fmt: skip
            futures[executor.submit(solve_parcel, parcel)] = (index, sample)
    results: dict[tuple[int, int], object] = {}
    pending = set(futures)
    try:
        while pending:
            finished, pending = wait(pending, timeout=POLL_SECONDS)
            for future in finished:
                results[futures[future]] = future.result()
            report(len(results) / len(futures), f"{len(results)} of {len(futures)} parcels solved")
            if cancel is not None and cancel.is_set():
                raise CancelledError
    finally:
        for future in pending:
            future.cancel()
    return _merged(graph, results, samples, settings)


def _merged(
    graph: NeuralGraph, results: dict[tuple[int, int], object], samples: int, settings: Settings
) -> list[ConnectionCurvature]:
    found = []
    with ThreadPoolExecutor(1) as pool:
        plans = plans_of(graph, "cpu", pool)
    for index, plan in enumerate(plans):
        own = [results[index, sample] for sample in range(samples)]
        solved = [each for each in own if isinstance(each, Solved)]
        minima = np.stack([each.least.curvature for each in solved]) if settings.keep_samples else None
        grids = tuple(grid for each in solved for grid in each.grids)
        found.append(joined(plan, [each.least for each in solved], minima, grids, None))
    return found
