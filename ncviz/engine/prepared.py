"""The plans of a network, which depend on its weights only: made once and kept for the next call."""

from __future__ import annotations

import threading
from concurrent.futures import Executor

from ncviz.engine.plan import Plan, make_plan
from ncviz.errors import CancelledError
from ncviz.fingerprint import digest
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import distances

_KEPT_PLANS = 2
_plans: dict[str, list[Plan]] = {}
_plans_lock = threading.Lock()


def plans_of(
    graph: NeuralGraph, device: str, executor: Executor, cancel: threading.Event | None = None
) -> list[Plan]:
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
            lengths = distances(graph, device, executor, cancel)
            made = []
            for index in range(len(graph.connections)):
                if cancel is not None and cancel.is_set():
                    raise CancelledError
                made.append(make_plan(lengths, index))
            _plans[key] = made
        else:
            _plans[key] = _plans.pop(key)
        return _plans[key]
