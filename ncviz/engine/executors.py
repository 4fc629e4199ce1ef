"""Computing on other processes and machines: each connection with a few samples is a parcel of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, wait
from dataclasses import replace
from typing import Any

import numpy as np

from ncviz.engine.layers import around, ends_of
from ncviz.engine.local import POLL_SECONDS
from ncviz.engine.parcels import Parcel, Solved, cut_out, solve_parcel
from ncviz.engine.results import ConnectionCurvature, Settings, joined
from ncviz.errors import CancelledError, NcvizError
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.positions import layer_grid
from ncviz.progress import Progress

# Images in one parcel share what they prove; each worker works a connection's path lengths out once.
_MOST_PARCELS = 8


def run_on_executor(
    graph: NeuralGraph,
    layers: list[tuple[np.ndarray, np.ndarray]],
    settings: Settings,
    executor: Executor,
    report: Progress,
    cancel: threading.Event | None,
    values: Sequence[np.ndarray] | None = None,
) -> list[ConnectionCurvature]:
    """Send each connection with some of the samples as a parcel, and merge what comes back.

    Raises:
        NcvizError: If the executor broke.
        CancelledError: If ``cancel`` was set.
    """
    futures: dict[Future[Solved], tuple[int, int]] = {}
    results: dict[tuple[int, int], Solved] = {}
    report(0.0, "sending the work")
    pending: set[Future[Solved]] = set()
    try:
        for part, parcels in parcels_of(graph, layers, settings, values):
            sent = _sent_once(part, executor)
            for index, parcel in parcels:
                futures[executor.submit(solve_parcel, sent, parcel)] = (index, parcel.first_sample)
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
    return _merged(graph, results, settings)


def parcels_of(
    graph: NeuralGraph,
    layers: list[tuple[np.ndarray, np.ndarray]],
    settings: Settings,
    values: Sequence[np.ndarray] | None = None,
) -> Iterator[tuple[NeuralGraph, list[tuple[int, Parcel]]]]:
    """Yield for each connection the part of the graph that it needs, and its parcels, each with its number.

    Where the graph depends on the image, each image's is another one.
    """
    samples = len(layers[0][0])
    if graph.depends_on_image:
        assert values is not None
        for image in range(samples):
            own_graph = graph.on_image([layer[image] for layer in values])
            own_layers = [(own[image : image + 1], mass[image : image + 1]) for own, mass in layers]
            for part, parcels in parcels_of(own_graph, own_layers, settings):
                yield part, [(index, replace(parcel, first_sample=image)) for index, parcel in parcels]
        return
    chunk = -(-samples // _MOST_PARCELS)
    for index in settings.chosen(graph):
        part, own = cut_out(graph, index)
        surrounding, ends = around(layers, graph, index), ends_of(graph, index)
        yield (
            part,
            [
                (
                    index,
                    Parcel(
                        own,
                        tuple(layer[first : first + chunk] for layer in surrounding),
                        first,
                        settings,
                        ends,
                    ),
                )
                for first in range(0, samples, chunk)
            ],
        )


def _sent_once(part: NeuralGraph, executor: Executor) -> Any:
    """Return what stands for a part of a graph in the tasks that need it.

    On a dask cluster it becomes a task's result: it goes to a worker once, workers take it from each other, those that
    hold it are preferred, and should all of these be lost, it is there again. Other executors send it with each parcel.
    """
    # Dask names no public way from an executor to its client; without one a part travels with each parcel.
    client = getattr(executor, "_client", None)
    return part if client is None else client.submit(_hold, part, pure=False)


def _hold(part: NeuralGraph) -> NeuralGraph:
    return part


def _merged(
    graph: NeuralGraph, results: dict[tuple[int, int], Solved], settings: Settings
) -> list[ConnectionCurvature]:
    found = []
    for index in settings.chosen(graph):
        shape = graph.layer_shapes[graph.connections[index].target]
        solved = [results[at] for at in sorted(results) if at[0] == index]
        each = [least for own in solved for least in own.least]
        grids = [grid for own in solved for grid in own.grids]
        found.append(joined(np.arange(layer_grid(shape)[1]), each, grids, settings, None))
    return found
