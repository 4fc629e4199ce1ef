"""A whole network: all connections side by side, on this machine's threads, with a GPU, or on other machines."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from ncviz.engine.elsewhere import run_elsewhere
from ncviz.engine.layers import Layers, around, position_major
from ncviz.engine.local import Least, Search, follow, search, search_all
from ncviz.engine.plan import Plan
from ncviz.engine.prepared import plans_of
from ncviz.engine.results import ConnectionCurvature, Settings, joined
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.positions import layer_grid

if TYPE_CHECKING:
    from ncviz.engine.batched import Certified

Progress = Callable[[float, str], None]
# Fewer edges than this, over all samples, take less time than a look ahead would tell.
_ESTIMATED_FROM = 500_000


def run(
    graph: NeuralGraph,
    activity: list[np.ndarray],
    settings: Settings,
    executor: Executor,
    report: Progress,
    cancel: threading.Event | None,
) -> list[ConnectionCurvature]:
    """Compute every connection.

    Args:
        graph: The neural graph.
        activity: For each layer float64 [samples, units], normalised to [0, 1].
        settings: How to compute.
        executor: Where the tasks run.
        report: Called with the fraction done and a short message.
        cancel: Set it to stop.

    Raises:
        CancelledError: If ``cancel`` was set.
        DeviceError: If the device runs out of memory.
        ModelError: If the distance tables are too large.
    """
    layers = [position_major(own, shape) for own, shape in zip(activity, graph.layer_shapes, strict=True)]
    if not isinstance(executor, ThreadPoolExecutor):
        return run_elsewhere(graph, layers, settings, executor, report, cancel)
    from ncviz.compiled import is_cached
    from ncviz.engine.kernels import sweep

    report(0.0, "measuring path lengths" if is_cached(sweep) else "preparing the engine (first time only)")
    plans = plans_of(graph, settings.device, executor, cancel)
    text = "measuring the curvature"
    shares = [connection.number_of_edges / graph.number_of_edges for connection in graph.connections]
    if graph.number_of_edges * len(layers[0][0]) >= _ESTIMATED_FROM or not settings.is_closed:
        shares, seconds = shares_of_work(plans, layers, settings, executor, cancel)
        text = f"{_about(seconds / min(executor._max_workers, os.cpu_count() or 1))} in all"
    report(0.0, text)

    def part(fraction: float) -> None:
        report(min(1.0, fraction), text)

    if not settings.is_closed:
        return _every_full_problem(graph, plans, layers, settings, executor, shares, part, cancel)
    if settings.keep_edges:
        return _every_edge(graph, plans, layers, settings, executor, shares, part, cancel)
    return _least(plans, layers, settings, executor, shares, part, cancel)


def shares_of_work(
    plans: list[Plan],
    layers: list[tuple[np.ndarray, np.ndarray]],
    settings: Settings,
    executor: ThreadPoolExecutor,
    cancel: threading.Event | None,
) -> tuple[list[float], float]:
    """Return each connection's expected share of the work, and how many seconds of one core that is in all.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    from ncviz.engine.estimate import estimate

    stop = np.zeros(1, dtype=np.bool_)
    seconds = np.zeros((len(plans), 1))

    def work() -> None:
        for index, plan in enumerate(plans):
            ends = index == 0, index + 1 == len(plans)
            if not stop[0]:
                seconds[index] = estimate(plan, around(layers, index), ends, settings, stop)

    follow([executor.submit(work)], stop, seconds, cancel, None)
    total = float(seconds.sum())
    return [float(each) / total for each in seconds[:, 0]], total


def _about(seconds: float) -> str:
    if seconds < 1:
        return "about a second"
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


def _least(
    plans: list[Plan],
    layers: list[tuple[np.ndarray, np.ndarray]],
    settings: Settings,
    pool: ThreadPoolExecutor,
    shares: list[float],
    report: Callable[[float], None],
    cancel: threading.Event | None,
) -> list[ConnectionCurvature]:
    """Find each weight's least κ, all connections side by side."""
    samples = len(layers[0][0])
    searches: list[Search] = []
    on_device: list[np.ndarray] = []
    for index, plan in enumerate(plans):
        ends, surrounding = (index == 0, index + 1 == len(plans)), around(layers, index)
        counts = np.zeros(8, dtype=np.int64)
        # Each sample's own minimum is a search of its own; otherwise all samples are one.
        for first in range(samples) if settings.keep_samples else (0,):
            own = (
                tuple(layer[first : first + 1] for layer in surrounding)
                if settings.keep_samples
                else surrounding
            )
            ready = _certified(plan, own, ends, settings, cancel, first)
            counts += 0 if ready is None else ready.counts
            share = shares[index] / (samples if settings.keep_samples else 1)
            searches.append(search(plan, own, ends, first_sample=first, known=_bounds(ready), cost=share))
        on_device.append(counts)
    found = search_all(searches, pool, cancel=cancel, progress=report)
    each = len(found) // len(plans)
    parts = [found[index * each : (index + 1) * each] for index in range(len(plans))]
    return [
        joined(
            plan.target,
            own,
            np.stack([part.curvature for part in own]) if settings.keep_samples else None,
            (),
            ready,
        )
        for plan, own, ready in zip(plans, parts, on_device, strict=True)
    ]


def _every_edge(
    graph: NeuralGraph,
    plans: list[Plan],
    layers: list[tuple[np.ndarray, np.ndarray]],
    settings: Settings,
    pool: ThreadPoolExecutor,
    shares: list[float],
    report: Callable[[float], None],
    cancel: threading.Event | None,
) -> list[ConnectionCurvature]:
    """Solve every edge of every connection on every sample, side by side."""
    from ncviz.engine.local import all_edges

    samples = len(layers[0][0])
    searches: list[Search] = []
    grids: list[list[np.ndarray]] = []
    ready: list[Certified | None] = []
    for index, plan in enumerate(plans):
        ends, surrounding = (index == 0, index + 1 == len(plans)), around(layers, index)
        positions = layer_grid(graph.layer_shapes[index + 1])[1]
        certified = _certified(plan, surrounding, ends, settings, cancel)
        ready.append(certified)
        grids.append([])
        for sample in range(samples):
            known = certified.grid[sample] if certified is not None and certified.grid is not None else None
            own = tuple(layer[sample : sample + 1] for layer in surrounding)
            grid, search = all_edges(
                plan, own, ends, positions, sample=sample, grid=known, cost=shares[index] / samples
            )
            grids[-1].append(grid)
            searches.append(search)
    solved = search_all(searches, pool, cancel=cancel, progress=report)
    found = []
    for index, plan in enumerate(plans):
        each = solved[index * samples : (index + 1) * samples]
        found.append(_together(plan, each, grids[index], settings, ready[index]))
    return found


def _every_full_problem(
    graph: NeuralGraph,
    plans: list[Plan],
    layers: list[tuple[np.ndarray, np.ndarray]],
    settings: Settings,
    pool: ThreadPoolExecutor,
    shares: list[float],
    report: Callable[[float], None],
    cancel: threading.Event | None,
) -> list[ConnectionCurvature]:
    """Do the same for an idleness without a closed form, connection by connection and sample by sample."""
    from ncviz.engine.full import full_edges

    samples = len(layers[0][0])
    found = []
    for index, plan in enumerate(plans):
        ends, surrounding = (index == 0, index + 1 == len(plans)), around(layers, index)
        positions = layer_grid(graph.layer_shapes[index + 1])[1]
        each: list[Least] = []
        grids: list[np.ndarray] = []
        for sample in range(samples):
            own = tuple(layer[sample : sample + 1] for layer in surrounding)

            def part(fraction: float, index: int = index, sample: int = sample) -> None:
                report(sum(shares[:index]) + shares[index] * (sample + fraction) / samples)

            grid, least = full_edges(
                plan, own, ends, positions, pool, settings.alpha, sample=sample, cancel=cancel, progress=part
            )
            each.append(least)
            grids += [grid] if settings.keep_edges else []
        found.append(_together(plan, each, grids, settings, None))
    report(1.0)
    return found


def _together(
    plan: Plan, each: list[Least], grids: list[np.ndarray], settings: Settings, ready: Certified | None
) -> ConnectionCurvature:
    minima = np.stack([least.curvature for least in each]) if settings.keep_samples else None
    if ready is not None:
        known = Least(ready.best, ready.best_pair, ready.best_sample, np.zeros(8, dtype=np.int64))
        return joined(plan.target, [*each, known], minima, tuple(grids), ready.counts)
    return joined(plan.target, each, minima, tuple(grids), None)


def _certified(
    plan: Plan,
    layers: Layers,
    ends: tuple[bool, bool],
    settings: Settings,
    cancel: threading.Event | None,
    first_sample: int = 0,
) -> Certified | None:
    """Settle on a GPU what needs no simplex, where there is one."""
    if not settings.device.startswith("cuda") or not settings.is_closed:
        return None
    from ncviz.engine import batched

    return batched.certify(
        plan,
        layers,
        *ends,
        settings.device,
        sample_begin=first_sample,
        want_grid=settings.keep_edges,
        cancel=cancel,
    )


def _bounds(ready: Certified | None) -> tuple[np.ndarray, ...] | None:
    if ready is None:
        return None
    return ready.best, ready.best_pair, ready.best_sample, ready.low, ready.low_pair, ready.low_sample
