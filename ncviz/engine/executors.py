"""Computing on other processes and machines: each connection with a few samples is a parcel of its own."""

from __future__ import annotations

import threading
from concurrent.futures import BrokenExecutor, Executor, Future, wait

import numpy as np

from ncviz.engine.layers import around, ends_of
from ncviz.engine.local import POLL_SECONDS
from ncviz.engine.parcels import Parcel, Solved, cut_out, solve_parcel
from ncviz.engine.results import ConnectionCurvature, Settings, joined
from ncviz.errors import CancelledError, NcvizError
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.positions import layer_grid
from ncviz.progress import Progress

# Path lengths are worked out for each parcel, and images in one parcel share what they prove.
_MOST_PARCELS = 8


def run_on_executor(
    graph: NeuralGraph,
    layers: list[tuple[np.ndarray, np.ndarray]],
    settings: Settings,
    executor: Executor,
    report: Progress,
    cancel: threading.Event | None,
) -> list[ConnectionCurvature]:
    """Send each connection with some of the samples as a parcel, and merge what comes back.

    Raises:
        NcvizError: If the executor broke.
        CancelledError: If ``cancel`` was set.
    """
    samples = len(layers[0][0])
    chunk = -(-samples // _MOST_PARCELS)
    futures: dict[Future[Solved], tuple[int, int]] = {}
    results: dict[tuple[int, int], Solved] = {}
    report(0.0, "sending the work")
    pending: set[Future[Solved]] = set()
    try:
        for index in settings.chosen(graph):
            part, own = cut_out(graph, index)
            surrounding = around(layers, graph, index)
            for first in range(0, samples, chunk):
                own_layers = tuple(layer[first : first + chunk] for layer in surrounding)
                parcel = Parcel(part, own, own_layers, first, settings, ends_of(graph, index))
                futures[executor.submit(solve_parcel, parcel)] = (index, first)
        pending = set(futures)
        while pending:
            finished, pending = wait(pending, timeout=POLL_SECONDS)
            for future in finished:
                results[futures[future]] = future.result()
            report(len(results) / len(futures), f"{len(results)} of {len(futures)} parcels solved")
            if cancel is not None and cancel.is_set():
                raise CancelledError
    except BrokenExecutor as error:
        raise NcvizError(
            f"The executor lost a worker and cannot go on ({type(error).__name__}); start it anew and compute again."
        ) from error
    finally:
        for future in pending:
            future.cancel()
    return _merged(graph, results, range(0, samples, chunk), settings)


def _merged(
    graph: NeuralGraph, results: dict[tuple[int, int], Solved], parts: range, settings: Settings
) -> list[ConnectionCurvature]:
    found = []
    for index in settings.chosen(graph):
        shape = graph.layer_shapes[graph.connections[index].target]
        solved = [results[index, first] for first in parts]
        each = [least for own in solved for least in own.least]
        grids = [grid for own in solved for grid in own.grids]
        found.append(joined(np.arange(layer_grid(shape)[1]), each, grids, settings, None))
    return found
