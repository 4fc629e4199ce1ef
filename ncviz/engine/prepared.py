"""A network's path lengths and plans, which depend on its weights only: made once and kept for the next call."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from ncviz.engine.plan import Plan, make_plan
from ncviz.errors import CancelledError
from ncviz.fingerprint import digest
from ncviz.graph.extent import check_paths
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import Distances, distances

_KEPT = 2


@dataclass(eq=False)
class _Prepared:
    paths: Distances
    plans: list[Plan] = field(default_factory=list)


_prepared: dict[str, _Prepared] = {}
_lock = threading.Lock()


def paths_of(
    graph: NeuralGraph, device: str, executor: Executor, cancel: threading.Event | None = None
) -> Distances:
    """Return the path lengths between the layers; those of the last networks are kept."""
    with _lock:
        return _find(graph, device, executor, cancel, tuple(range(len(graph.connections)))).paths


def plans_of(
    graph: NeuralGraph,
    device: str,
    executor: Executor,
    cancel: threading.Event | None = None,
    connections: Sequence[int] | None = None,
) -> list[Plan]:
    """Return the plans of all connections, or of some; those of the last networks are kept."""
    chosen = tuple(range(len(graph.connections)) if connections is None else connections)
    with _lock:
        found = _find(graph, device, executor, cancel, chosen)
        if not found.plans:
            made = []
            for index in chosen:
                if cancel is not None and cancel.is_set():
                    raise CancelledError
                made.append(make_plan(found.paths, graph, index))
            found.plans = made
        return found.plans


def _find(
    graph: NeuralGraph,
    device: str,
    executor: Executor,
    cancel: threading.Event | None,
    chosen: tuple[int, ...],
) -> _Prepared:
    every = (*graph.connections, *graph.links)
    key = digest(
        [list(shape) for shape in graph.layer_shapes],
        [[each.source, each.target, each.parameter] for each in every],
        {str(index): each.weight for index, each in enumerate(every)},
        {str(index): each.fields for index, each in enumerate(every)},
        list(graph.kept),
        chosen,
    )
    if key in _prepared:
        _prepared[key] = _prepared.pop(key)
        return _prepared[key]
    while len(_prepared) >= _KEPT:
        _prepared.pop(next(iter(_prepared)))
    # Only now: what is held already needs no room, and what has just gone has made some.
    check_paths(graph, chosen)
    _prepared[key] = _Prepared(distances(graph, device, executor, cancel, chosen))
    return _prepared[key]
