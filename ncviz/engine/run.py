"""A whole network: its connections one after the other, on this machine's threads, on a GPU, or on other machines."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from ncviz.engine.layers import Layers, around, position_major
from ncviz.engine.local import POLL_SECONDS, Least, Search, search, search_all
from ncviz.engine.plan import Plan, make_plan
from ncviz.errors import CancelledError, NcvizError
from ncviz.fingerprint import digest
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import distances
from ncviz.graph.positions import layer_grid

if TYPE_CHECKING:
    from ncviz.engine.batched import Certified

Progress = Callable[[float, str], None]
_KEPT_PLANS = 2
# Fewer edges than this, over all samples, take less time than a look ahead would tell.
_ESTIMATED_FROM = 500_000
# From this idleness on the closed form holds.
LEAST_CLOSED_ALPHA = 0.5


@dataclass(frozen=True)
class Settings:
    """How to compute.

    Attributes:
        alpha: Idleness.
        device: "cpu", "mps" or "cuda:N".
        keep_edges: Whether every edge is wanted.
        keep_samples: Whether each sample's own minimum is wanted.
    """

    alpha: float
    device: str
    keep_edges: bool
    keep_samples: bool

    @property
    def is_closed(self) -> bool:
        """Whether the idleness is one for which the closed form holds."""
        return self.alpha >= LEAST_CLOSED_ALPHA

    @property
    def every_edge(self) -> bool:
        """Whether every edge is solved."""
        return self.keep_edges or not self.is_closed


@dataclass(frozen=True)
class Work:
    """How the live edges of a connection were settled; those of all samples together.

    Attributes:
        live: Edges between active units.
        closed: By a closed form.
        certified: By the all-hub certificate, a closed form too.
        skipped: Proved to lie above their weight's minimum, without an exact solution (some more than once).
        solved: By a simplex, the last resort.
        on_device: How many of the closed and certified ones a GPU settled.
    """

    live: int
    closed: int
    certified: int
    skipped: int
    solved: int
    on_device: int = 0


@dataclass(frozen=True, eq=False)
class ConnectionCurvature:
    """One connection's curvature.

    Attributes:
        curvature: float64 [W], each weight's minimum; inf where no edge is live.
        position: int64 [W], the output position where it is; -1 if none.
        sample: int32 [W], the sample; -1 if none.
        samples: float64 [n, W], each sample's own minimum, or None.
        grids: For each sample float64 [channels after, positions after, slots], every edge's κ, NaN where none is
            live; empty unless wanted.
        work: How the edges were settled.
    """

    curvature: np.ndarray
    position: np.ndarray
    sample: np.ndarray
    samples: np.ndarray | None
    grids: tuple[np.ndarray, ...]
    work: Work


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
        return _run_elsewhere(graph, layers, settings, executor, report, cancel)
    from ncviz.compiled import is_cached

    report(0.0, "measuring path lengths" if is_cached() else "preparing the engine (first time only)")
    plans = plans_of(graph, settings.device, executor)
    text = "measuring the curvature"
    shares = [connection.number_of_edges / graph.number_of_edges for connection in graph.connections]
    if graph.number_of_edges * len(layers[0][0]) >= _ESTIMATED_FROM or not settings.is_closed:
        shares, seconds = _shares(plans, layers, settings)
        text = f"{_about(seconds / executor._max_workers)} of work in all"
    report(0.0, text)

    def part(fraction: float) -> None:
        report(min(1.0, fraction), text)

    if not settings.is_closed:
        return _every_full_problem(graph, plans, layers, settings, executor, shares, part, cancel)
    if settings.keep_edges:
        return _every_edge(graph, plans, layers, settings, executor, shares, part, cancel)
    return _least(plans, layers, settings, executor, shares, part, cancel)


def estimate_seconds(graph: NeuralGraph, activity: list[np.ndarray], settings: Settings) -> float:
    """Return about how long ``run`` will take on all of this machine's cores."""
    layers = [position_major(own, shape) for own, shape in zip(activity, graph.layer_shapes, strict=True)]
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        return _shares(plans_of(graph, settings.device, pool), layers, settings)[1] / threads


_plans: dict[str, list[Plan]] = {}
_plans_lock = threading.Lock()


def plans_of(graph: NeuralGraph, device: str, executor: Executor) -> list[Plan]:
    """Return the plans of all connections; they depend on the weights only, and those of the last networks are kept."""
    key = digest(
        [list(shape) for shape in graph.layer_shapes],
        {str(index): part for index, each in enumerate(graph.connections) for part in (each.weight,)},
        {str(index): each.fields for index, each in enumerate(graph.connections)},
    )
    with _plans_lock:
        if key not in _plans:
            while len(_plans) >= _KEPT_PLANS:
                _plans.pop(next(iter(_plans)))
            lengths = distances(graph, device, executor)
            _plans[key] = [make_plan(lengths, index) for index in range(len(graph.connections))]
        else:
            _plans[key] = _plans.pop(key)
        return _plans[key]


def _shares(
    plans: list[Plan], layers: list[tuple[np.ndarray, np.ndarray]], settings: Settings
) -> tuple[list[float], float]:
    """Return each connection's expected share of the work, and how many seconds of one core that is in all."""
    from ncviz.engine.estimate import estimate

    seconds = [
        estimate(plan, around(layers, index), (index == 0, index + 1 == len(plans)), settings.every_edge)
        for index, plan in enumerate(plans)
    ]
    total = sum(seconds)
    return [each / total for each in seconds], total


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
    on_device: list[np.ndarray | None] = []
    for index, plan in enumerate(plans):
        ends, own = (index == 0, index + 1 == len(plans)), around(layers, index)
        ready = _certified(plan, own, ends, settings, cancel)
        on_device.append(None if ready is None else ready.counts)
        if settings.keep_samples:
            searches += [
                search(
                    plan, tuple(layer[sample : sample + 1] for layer in own), ends, first_sample=sample,
                    cost=shares[index] / samples,
                )
                for sample in range(samples)
            ]  # fmt: skip
        else:
            searches.append(search(plan, own, ends, known=_bounds(ready), cost=shares[index]))
    found = search_all(searches, pool, cancel=cancel, progress=report)
    each = len(found) // len(plans)
    parts = [found[index * each : (index + 1) * each] for index in range(len(plans))]
    return [
        _joined(
            plan,
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
        return _joined(plan, [*each, known], minima, tuple(grids), ready.counts)
    return _joined(plan, each, minima, tuple(grids), None)


def _certified(
    plan: Plan, layers: Layers, ends: tuple[bool, bool], settings: Settings, cancel: threading.Event | None
) -> Certified | None:
    """Settle on a GPU what needs no simplex, where there is one and each sample's own minimum is not asked for."""
    if not settings.device.startswith("cuda") or not settings.is_closed or settings.keep_samples:
        return None
    from ncviz.engine import batched

    return batched.certify(plan, layers, *ends, settings.device, want_grid=settings.keep_edges, cancel=cancel)


def _bounds(ready: Certified | None) -> tuple[np.ndarray, ...] | None:
    if ready is None:
        return None
    return ready.best, ready.best_pair, ready.best_sample, ready.low, ready.low_pair, ready.low_sample


def _joined(
    plan: Plan,
    each: list[Least],
    samples: np.ndarray | None,
    grids: tuple[np.ndarray, ...],
    on_device: np.ndarray | None,
) -> ConnectionCurvature:
    """Bring the parts of one connection together."""
    from ncviz.engine import kernels

    found = reduce(Least.merge, each)
    if found.counts[kernels.FAILED]:
        raise NcvizError(
            f"The transport solver did not end for {found.counts[kernels.FAILED]} edges; please report this network."
        )
    position = np.where(found.pair >= 0, plan.target[found.pair], -1).astype(np.int64)
    ready = on_device if on_device is not None else np.zeros(8, dtype=np.int64)
    total = found.counts + ready
    live = max(int(found.counts[kernels.LIVE]), int(ready[kernels.LIVE]))
    settled = int(ready[kernels.CLOSED] + ready[kernels.CERTIFIED])
    work = Work(
        live, int(total[kernels.CLOSED]), int(total[kernels.CERTIFIED]), int(total[kernels.SKIPPED]),
        int(total[kernels.SOLVED]), settled,
    )  # fmt: skip
    return ConnectionCurvature(found.curvature, position, found.sample, samples, grids, work)


def _run_elsewhere(
    graph: NeuralGraph,
    layers: list[tuple[np.ndarray, np.ndarray]],
    settings: Settings,
    executor: Executor,
    report: Progress,
    cancel: threading.Event | None,
) -> list[ConnectionCurvature]:
    """Send each connection and sample as a parcel of its own, and merge what comes back."""
    from ncviz.engine.remote import Parcel, cut_out, solve_parcel

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
    from ncviz.engine.remote import Solved

    found = []
    with ThreadPoolExecutor(1) as pool:
        plans = plans_of(graph, "cpu", pool)
    for index, plan in enumerate(plans):
        own = [results[index, sample] for sample in range(samples)]
        solved = [each for each in own if isinstance(each, Solved)]
        minima = np.stack([each.least.curvature for each in solved]) if settings.keep_samples else None
        grids = tuple(grid for each in solved for grid in each.grids)
        found.append(_joined(plan, [each.least for each in solved], minima, grids, None))
    return found
