"""A network's path lengths and plans, which depend on its weights only: made once and kept for the next call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace

import numpy as np

from ncviz.engine.plan import Plan, near_plan, with_crossings
from ncviz.errors import CancelledError, ModelError
from ncviz.fingerprint import digest
from ncviz.graph.extent import LARGE, check_paths
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import Distances, cost_of_distances, distances

# The last network is kept whatever it takes, those before it as long as all of them fit in here.
KEPT_BYTES = 1_500_000_000
_LOOK_SECONDS = 0.2


@dataclass(eq=False)
class _Prepared:
    lock: threading.Lock = field(default_factory=threading.Lock)
    paths: Distances | None = None
    near: list[Plan] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    # Whether the paths are those of the near plans only.
    is_near: bool = False

    def arrays(self) -> Iterator[np.ndarray]:
        """Go through everything that is held, what plans and path lengths share as often as they do."""
        if self.paths is not None:
            tables = (
                *self.paths.hops.values(),
                *self.paths.tables.values(),
                *(each.table for each in self.paths.one),
            )
            for table in tables:
                yield from (table.source, table.target, table.kind, table.lengths)
            yield from (each.slot for each in self.paths.one)
        for plan in (*self.near, *self.plans):
            yield from plan.arrays()


_prepared: dict[str, _Prepared] = {}
_lock = threading.Lock()
# One after the other, so that each sees what memory the one before has taken; the others need not wait for them.
_large = threading.Lock()


def paths_of(
    graph: NeuralGraph,
    device: str,
    executor: Executor,
    cancel: threading.Event | None = None,
    connections: Sequence[int] | None = None,
) -> Distances:
    """Return the path lengths around all connections, or around some; those of the last networks are kept."""
    with _with_paths(graph, device, executor, cancel, _all_or(connections, graph)) as (_, paths):
        return paths


def plans_of(
    graph: NeuralGraph,
    device: str,
    executor: Executor,
    cancel: threading.Event | None = None,
    connections: Sequence[int] | None = None,
    report: Callable[[float, float], None] | None = None,
) -> list[Plan]:
    """Return the plans of all connections, or of some; those of the last networks are kept.

    ``report`` is called with the share of the path lengths that is done, and what all of them cost.
    """
    chosen = _all_or(connections, graph)
    with _with_paths(graph, device, executor, cancel, chosen, report=report) as (found, paths):
        if not found.plans:
            near = found.near or _each(chosen, executor, cancel, lambda index: near_plan(paths, graph, index))
            by_index = dict(zip(chosen, near, strict=True))
            found.plans = _each(
                chosen, executor, cancel, lambda index: with_crossings(by_index[index], paths, graph, index)
            )
            found.near = []
        return found.plans


def near_plans_of(
    graph: NeuralGraph,
    device: str,
    executor: Executor,
    cancel: threading.Event | None = None,
    connections: Sequence[int] | None = None,
    report: Callable[[float, float], None] | None = None,
) -> list[Plan]:
    """Return the plans of all connections, or of some, without the ways across them unless they are there already.

    What ``plans_of`` makes later of the same graph holds the same pairs in the same order.
    """
    chosen = _all_or(connections, graph)
    with _with_paths(graph, device, executor, cancel, chosen, is_near=True, report=report) as (found, paths):
        if found.plans:
            return found.plans
        if not found.near:
            found.near = _each(chosen, executor, cancel, lambda index: near_plan(paths, graph, index))
        return found.near


def cost_of_plans(graph: NeuralGraph, connections: Sequence[int] | None = None) -> float:
    """Return about how many sums of two lengths the plans of all connections, or of some, still take.

    Of a network that has its near plans; of another it is told as 0.
    """
    found = _find(graph, chosen := _all_or(connections, graph))
    if found.plans or found.paths is None:
        return 0.0
    return cost_of_distances(graph, found.paths, chosen)


def _each(
    chosen: tuple[int, ...], executor: Executor, cancel: threading.Event | None, make: Callable[[int], Plan]
) -> list[Plan]:
    """Make plans on an executor's threads if it has some, unless the work is cancelled."""

    def one(index: int) -> Plan:
        if cancel is not None and cancel.is_set():
            raise CancelledError
        return make(index)

    return list((executor.map if isinstance(executor, ThreadPoolExecutor) else map)(one, chosen))


def forget() -> None:
    """Let go of all networks that nobody is working on, so that the next call makes everything anew."""
    with _lock:
        for key in [key for key, each in _prepared.items() if not each.lock.locked()]:
            del _prepared[key]


def _all_or(connections: Sequence[int] | None, graph: NeuralGraph) -> tuple[int, ...]:
    return tuple(range(len(graph.connections)) if connections is None else connections)


def _find(graph: NeuralGraph, chosen: tuple[int, ...]) -> _Prepared:
    """Return what is kept of a network, or the place for it."""
    every = (*graph.connections, *graph.links)
    key = digest(
        [list(shape) for shape in graph.layer_shapes],
        [[each.source, each.target, each.parameter] for each in every],
        {str(index): each.weight for index, each in enumerate(every)},
        {str(index): each.fields for index, each in enumerate(every)},
        list(graph.kept),
        chosen,
    )
    with _lock:
        found = _prepared[key] = _prepared.pop(key) if key in _prepared else _Prepared()
        return found


def _let_go(most: int | None = None) -> None:
    """Drop the networks that were used least recently, until the others fit; the last one stays."""
    with _lock:
        own = {key: {id(array): array.nbytes for array in each.arrays()} for key, each in _prepared.items()}
        total = sum(sum(sizes.values()) for sizes in own.values())
        for key in list(_prepared)[:-1]:
            is_over = total > (KEPT_BYTES if most is None else most)
            # What is being made is its maker's, and counts once it is there; what was given up is nobody's.
            if (own[key] and is_over) or not (own[key] or _prepared[key].lock.locked()):
                del _prepared[key]
                total -= sum(own[key].values())


@contextmanager
def _with_paths(
    graph: NeuralGraph,
    device: str,
    executor: Executor,
    cancel: threading.Event | None,
    chosen: tuple[int, ...],
    is_near: bool = False,
    report: Callable[[float, float], None] | None = None,
) -> Iterator[tuple[_Prepared, Distances]]:
    """Hold what is kept of a network, its path lengths made if they are not there yet; then let others go."""
    found = _find(graph, chosen)
    with _held(found.lock, cancel):
        if found.paths is None or (found.is_near and not is_near):
            with _held(_large, cancel) if graph.number_of_edges >= LARGE else nullcontext():
                # Only now: what is held already needs no room. What follows near paths was counted with them.
                known = found.paths
                if known is None:
                    try:
                        check_paths(graph, chosen)
                    except ModelError:
                        _let_go(0)
                        check_paths(graph, chosen)
                is_narrow = graph.is_of_image
                if is_narrow and known is not None:
                    known = replace(known, tables={})
                found.paths = distances(
                    graph, device, executor, cancel, chosen, known, is_near, report, is_narrow
                )
                found.is_near = is_near
        yield found, found.paths
    _let_go()


@contextmanager
def _held(lock: threading.Lock, cancel: threading.Event | None) -> Iterator[None]:
    """Hold a lock, unless the work is cancelled while it waits for it.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    while not lock.acquire(timeout=_LOOK_SECONDS):
        if cancel is not None and cancel.is_set():
            raise CancelledError
    try:
        yield
    finally:
        lock.release()
