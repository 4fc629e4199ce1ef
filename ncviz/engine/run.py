"""A whole network: all connections side by side, on this machine's threads, with a GPU, or on other machines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ncviz.engine import precompile
from ncviz.engine.anytime.interval import nothing_known
from ncviz.engine.anytime.run import MEASURING, Anytime
from ncviz.engine.anytime.until import Until
from ncviz.engine.course import EDGES_A_WEIGHT, PATHS, SEARCH, SECONDS, Course
from ncviz.engine.executors import run_on_executor
from ncviz.engine.full import full_edges
from ncviz.engine.layers import Layers, around, ends_of, layers_of
from ncviz.engine.local import Search, all_edges, follow, search, search_all
from ncviz.engine.minima import Certified, Least
from ncviz.engine.per_image import Images, run_on_images
from ncviz.engine.plan import Plan
from ncviz.engine.prepared import cost_of_plans, near_plans_of, plans_of
from ncviz.engine.results import ConnectionCurvature, Settings, joined
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.positions import layer_grid
from ncviz.progress import Progress

# Fewer edges than this, over all samples, take less time than an estimate takes.
_ESTIMATED_FROM = 500_000


@dataclass(frozen=True, eq=False)
class Task:
    """One connection, ready to be computed.

    Attributes:
        plan: Its plan.
        layers: Activity and mass of the four layers around it.
        ends: Whether its sources are the input, and whether its targets are the logits.
        positions: Number of its output positions.
    """

    plan: Plan
    layers: Layers
    ends: tuple[bool, bool]
    positions: int

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.layers[0])

    def on(self, first: int, count: int) -> Layers:
        """Return what surrounds it on some of the samples."""
        return tuple(layer[first : first + count] for layer in self.layers)


def run(
    graph: NeuralGraph,
    activity: list[np.ndarray],
    settings: Settings,
    executor: Executor,
    report: Progress,
    cancel: threading.Event | None,
    until: Until | None = None,
    values: Sequence[np.ndarray] | None = None,
) -> list[ConnectionCurvature]:
    """Compute the connections that the settings name.

    Args:
        graph: The neural graph.
        activity: For each layer float64 [samples, units], normalised to [0, 1].
        settings: How to compute.
        executor: Where the tasks run.
        report: Called with the fraction done and a short message.
        cancel: Set it to stop.
        until: When to stop before everything is exact, and who is told meanwhile; by default everything is exact.
        values: For each layer its activations as they are, float64 [samples, units]; needed where the graph depends on
            the image.

    Raises:
        CancelledError: If ``cancel`` was set.
        DeviceError: If the device runs out of memory.
        ModelError: If the distance tables are too large.
    """
    layers = layers_of(graph, activity)
    if not isinstance(executor, ThreadPoolExecutor):
        return run_on_executor(graph, layers, settings, executor, report, cancel, values)
    from ncviz.compiled import is_cached
    from ncviz.engine.edges.promising import search_promising

    precompile.wait(report, cancel)
    report(0.0, MEASURING if is_cached(search_promising) else precompile.PREPARING)
    if graph.depends_on_image:
        assert values is not None
        return run_on_images(Images(graph, values, layers, settings), executor, report, cancel, until)
    if until is not None:
        return _any_time(graph, layers, settings, until, executor, report, cancel)

    course = Course(report, executor._max_workers)
    chosen = [graph.connections[index] for index in settings.chosen(graph)]
    # A layer whose weights are all zero has none, and is done at once.
    edges = [max(1, each.number_of_edges) for each in chosen]
    looks = sum(edges) * len(layers[0][0])
    course.expect(SEARCH, looks + EDGES_A_WEIGHT * sum(each.number_of_weights for each in chosen))
    measured = course.begin_once(PATHS, MEASURING)
    tasks = tasks_of(graph, layers, settings, executor, cancel, report=measured)
    shares = [own / sum(edges) for own in edges]
    course.expect(SEARCH, 0.0)
    kind, cost = SEARCH, float(looks)
    if looks >= _ESTIMATED_FROM or not settings.is_closed:
        shares, cost = shares_of_work(tasks, settings, executor, cancel)
        kind = SECONDS
    part = course.begin(kind, cost, "measuring the curvature")
    compute = _side_by_side if settings.is_closed else _every_full_problem
    found = compute(tasks, settings, executor, shares, part, cancel)
    course.end("measuring the curvature")
    return found


def tasks_of(
    graph: NeuralGraph,
    layers: list[tuple[np.ndarray, np.ndarray]],
    settings: Settings,
    executor: Executor,
    cancel: threading.Event | None,
    is_near: bool = False,
    report: Callable[[float, float], None] | None = None,
) -> list[Task]:
    """Return the connections that the settings name, each with what its curvature, or a bound on it, depends on.

    ``report`` is called with the share of the path lengths that is done, and what all of them cost.
    """
    chosen = settings.chosen(graph)
    plans = (near_plans_of if is_near else plans_of)(graph, settings.device, executor, cancel, chosen, report)
    return [
        Task(
            plan,
            around(layers, graph, index),
            ends_of(graph, index),
            layer_grid(graph.layer_shapes[graph.connections[index].target])[1],
        )
        for index, plan in zip(chosen, plans, strict=True)
    ]


def shares_of_work(
    tasks: list[Task], settings: Settings, executor: ThreadPoolExecutor, cancel: threading.Event | None
) -> tuple[list[float], float]:
    """Return each connection's expected share of the work, and how many seconds of one core that is in all.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    from ncviz.engine.estimate import estimate

    stop = np.zeros(1, dtype=np.bool_)
    seconds = np.zeros((len(tasks), 1))

    def work() -> None:
        for at, task in enumerate(tasks):
            if not stop[0]:
                seconds[at] = estimate(task.plan, task.layers, task.ends, settings, stop)

    follow([executor.submit(work)], stop, seconds, cancel, None)
    total = float(seconds.sum())
    return [float(each) / total for each in seconds[:, 0]], total


def _side_by_side(
    tasks: list[Task],
    settings: Settings,
    pool: ThreadPoolExecutor,
    shares: list[float],
    report: Callable[[float], None],
    cancel: threading.Event | None,
) -> list[ConnectionCurvature]:
    """Search all connections side by side: for each weight's least κ, or for every edge's."""
    samples = tasks[0].samples
    # What is wanted of each sample is a search of its own; otherwise bounds of one serve the others.
    size = 1 if settings.keep_edges or settings.keep_samples else samples
    searches: list[Search] = []
    grids: list[list[np.ndarray]] = [[] for _ in tasks]
    on_device: list[np.ndarray | None] = [None for _ in tasks]
    for at, task in enumerate(tasks):
        cost = shares[at] * size / samples
        for first in range(0, samples, size):
            own = task.on(first, size)
            ready = _certified(task, own, settings, cancel, first)
            if ready is not None:
                on_device[at] = ready.counts + (0 if on_device[at] is None else on_device[at])
            if settings.keep_edges:
                grid, sought = all_edges(
                    task.plan, own, task.ends, task.positions, sample=first, known=ready, cost=cost
                )
                grids[at].append(grid)
            else:
                sought = search(task.plan, own, task.ends, first_sample=first, known=ready, cost=cost)
            searches.append(sought)
    found = search_all(searches, pool, cancel=cancel, progress=report)
    each = len(found) // len(tasks)
    return [
        joined(task.plan.pairs.target, found[at * each : (at + 1) * each], grids[at], settings, on_device[at])
        for at, task in enumerate(tasks)
    ]


def _any_time(
    graph: NeuralGraph,
    layers: list[tuple[np.ndarray, np.ndarray]],
    settings: Settings,
    until: Until,
    pool: ThreadPoolExecutor,
    report: Progress,
    cancel: threading.Event | None,
) -> list[ConnectionCurvature]:
    """Bound all weights, then sharpen the bounds for as long as is wanted."""
    course = Course(report, pool._max_workers, until.time_limit)
    tasks = tasks_of(graph, layers, settings, pool, cancel, is_near=settings.is_closed)
    size = 1 if settings.keep_samples else tasks[0].samples
    known = [
        [
            nothing_known(settings, task.plan, task.on(first, size), task.ends, first)
            for first in range(0, task.samples, size)
        ]
        for task in tasks
    ]

    def whole(ending: threading.Event, note: Callable[[float, float], None]) -> list[Plan]:
        return plans_of(graph, settings.device, pool, ending, settings.chosen(graph), note)

    cost = cost_of_plans(graph, settings.chosen(graph))
    return Anytime(known, whole, cost, until, pool, course, cancel).run()


def _every_full_problem(
    tasks: list[Task],
    settings: Settings,
    pool: ThreadPoolExecutor,
    shares: list[float],
    report: Callable[[float], None],
    cancel: threading.Event | None,
) -> list[ConnectionCurvature]:
    """Solve every edge at an idleness without a closed form, connection by connection and sample by sample."""
    found = []
    for at, task in enumerate(tasks):
        each: list[Least] = []
        grids: list[np.ndarray] = []
        for sample in range(task.samples):

            def part(
                fraction: float, at: int = at, sample: int = sample, samples: int = task.samples
            ) -> None:
                report(sum(shares[:at]) + shares[at] * (sample + fraction) / samples)

            grid, least = full_edges(
                task.plan, task.on(sample, 1), task.ends, task.positions, pool, settings.alpha,
                sample=sample, cancel=cancel, progress=part,
            )  # fmt: skip
            each.append(least)
            grids += [grid] if settings.keep_edges else []
        found.append(joined(task.plan.pairs.target, each, grids, settings, None))
    report(1.0)
    return found


def _certified(
    task: Task, own: Layers, settings: Settings, cancel: threading.Event | None, first_sample: int
) -> Certified | None:
    """Settle on a GPU what it can, where there is one."""
    if not settings.device.startswith("cuda") or not settings.is_closed:
        return None
    from ncviz.engine.on_device import certify as on_device

    return on_device.certify(
        task.plan, own, *task.ends, settings.device,
        sample_begin=first_sample, want_grid=settings.keep_edges, cancel=cancel,
    )  # fmt: skip
