"""A network's path lengths and plans, which depend on its weights only: made once and kept for the next call."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from ncviz.engine.plan import Plan, make_plan
from ncviz.errors import CancelledError
from ncviz.fingerprint import digest
from ncviz.graph.extent import LARGE, check_paths
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import Distances, distances

_KEPT = 2
_LOOK_SECONDS = 0.2


@dataclass(eq=False)
class _Prepared:
    lock: threading.Lock = field(default_factory=threading.Lock)
    paths: Distances | None = None
    plans: list[Plan] = field(default_factory=list)


_prepared: dict[str, _Prepared] = {}
_lock = threading.Lock()
# One after the other, so that each sees what memory the one before has taken; the others need not wait for them.
_large = threading.Lock()


def paths_of(
    graph: NeuralGraph, device: str, executor: Executor, cancel: threading.Event | None = None
) -> Distances:
    """Return the path lengths between the layers; those of the last networks are kept."""
    chosen = tuple(range(len(graph.connections)))
    found = _find(graph, chosen)
    with _held(found.lock, cancel):
        return _paths(found, graph, device, executor, cancel, chosen)


def plans_of(
    graph: NeuralGraph,
    device: str,
    executor: Executor,
    cancel: threading.Event | None = None,
    connections: Sequence[int] | None = None,
) -> list[Plan]:
    """Return the plans of all connections, or of some; those of the last networks are kept."""
    chosen = tuple(range(len(graph.connections)) if connections is None else connections)
    found = _find(graph, chosen)
    with _held(found.lock, cancel):
        paths = _paths(found, graph, device, executor, cancel, chosen)
        if not found.plans:
            made = []
            for index in chosen:
                if cancel is not None and cancel.is_set():
                    raise CancelledError
                made.append(make_plan(paths, graph, index))
            found.plans = made
        return found.plans


def _find(graph: NeuralGraph, chosen: tuple[int, ...]) -> _Prepared:
    """Return what is kept of a network, or the place for it; the oldest one goes."""
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
        while len(_prepared) > _KEPT:
            _prepared.pop(next(iter(_prepared)))
        return found


def _paths(
    found: _Prepared,
    graph: NeuralGraph,
    device: str,
    executor: Executor,
    cancel: threading.Event | None,
    chosen: tuple[int, ...],
) -> Distances:
    """Return the path lengths, made if they are not there yet; the caller holds the place's lock."""
    if found.paths is None:
        with _held(_large, cancel) if graph.number_of_edges >= LARGE else nullcontext():
            # Only now: what is held already needs no room, and what has just gone has made some.
            check_paths(graph, chosen)
            found.paths = distances(graph, device, executor, cancel, chosen)
    return found.paths


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
