"""A whole network: its connections one after the other, on this machine's threads, on a GPU, or on other machines."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import reduce

import numpy as np

from ncviz.engine.layers import Layers, around, position_major
from ncviz.engine.local import POLL_SECONDS, Least
from ncviz.engine.plan import Plan, make_plan
from ncviz.errors import CancelledError, NcvizError
from ncviz.fingerprint import digest
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import distances
from ncviz.graph.positions import layer_grid

Progress = Callable[[float, str], None]
_KEPT_PLANS = 2
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
    shares, seconds = _shares(plans, layers, settings)
    threads = executor._max_workers
    found: list[ConnectionCurvature] = []
    for index, plan in enumerate(plans):
        before = sum(shares[:index])
        message = f"layer {index + 1} of {len(plans)}" + ("" if index else f", {_about(seconds / threads)} in all")

        def part(fraction: float, before: float = before, share: float = shares[index], text: str = message) -> None:
            report(before + share * fraction, text)

        part(0.0)
        found.append(_one(graph, plan, index, around(layers, index), settings, executor, part, cancel))
    report(1.0, "done")
    return found


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


def _one(
    graph: NeuralGraph,
    plan: Plan,
    index: int,
    layers: Layers,
    settings: Settings,
    pool: ThreadPoolExecutor,
    report: Callable[[float], None],
    cancel: threading.Event | None,
) -> ConnectionCurvature:
    """Compute one connection on this machine."""
    from ncviz.engine.full import full_edges
    from ncviz.engine.local import all_edges, least

    ends = index == 0, index + 1 == len(graph.connections)
    samples = len(layers[0])
    positions = layer_grid(graph.layer_shapes[index + 1])[1]
    certified = None
    if settings.device.startswith("cuda") and settings.is_closed and not settings.keep_samples:
        from ncviz.engine.batched import certify

        certified = certify(plan, layers, *ends, settings.device, want_grid=settings.keep_edges, cancel=cancel)
    if not settings.every_edge and not settings.keep_samples:
        known = None
        if certified is not None:
            known = (
                certified.best, certified.best_pair, certified.best_sample,
                certified.low, certified.low_pair, certified.low_sample,
            )  # fmt: skip
        found = least(plan, layers, ends, pool, known=known, cancel=cancel, progress=report)
        return _joined(plan, [found], None, (), certified.counts if certified is not None else None)
    each: list[Least] = []
    grids: list[np.ndarray] = []
    for sample in range(samples):
        own = tuple(layer[sample : sample + 1] for layer in layers)

        def part(fraction: float, sample: int = sample) -> None:
            report((sample + fraction) / samples)

        if not settings.every_edge:
            each.append(least(plan, own, ends, pool, first_sample=sample, cancel=cancel, progress=part))
            continue
        if not settings.is_closed:
            grid, found = full_edges(
                plan, own, ends, positions, pool, settings.alpha, sample=sample, cancel=cancel, progress=part
            )
        else:
            ready = certified.grid[sample] if certified is not None and certified.grid is not None else None
            grid, found = all_edges(
                plan, own, ends, positions, pool, sample=sample, grid=ready, cancel=cancel, progress=part
            )
        each.append(found)
        if settings.keep_edges:
            grids.append(grid)
    if certified is not None:
        each.append(
            Least(certified.best, certified.best_pair, certified.best_sample, np.zeros(8, dtype=np.int64))
        )
    own_minima = np.stack([found.curvature for found in each[:samples]]) if settings.keep_samples else None
    return _joined(plan, each, own_minima, tuple(grids), certified.counts if certified is not None else None)


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
