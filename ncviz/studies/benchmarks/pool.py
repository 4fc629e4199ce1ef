"""The worker processes that the baselines run in, one to a core and one thread each."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ncviz.devices import cores
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import Distances
from ncviz.graph.positions import PathTable
from ncviz.studies.benchmarks.baselines import solve_edges, start_worker
from ncviz.studies.benchmarks.edges import Edges

MAX_DENSE_BYTES = 2**30
# Few enough that an interrupt is answered soon, many enough that handing them over costs nothing.
_EDGES_AT_ONCE = 32
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Without this POT would bring torch into each worker.
_WORKER_ENVIRONMENT = {**dict.fromkeys(_THREADS, "1"), "POT_BACKEND_DISABLE_PYTORCH": "1"}


@dataclass(frozen=True, eq=False)
class Solved:
    """One pass of a baseline over some edges.

    Attributes:
        curvature: float64 [n].
        seconds: float64 [n], what each edge took in its worker.
        wall: Seconds that the pass took, handing over included.
    """

    curvature: np.ndarray
    seconds: np.ndarray
    wall: float


class BaselinePool:
    """Worker processes that hold one network and its samples."""

    def __init__(self, executor: ProcessPoolExecutor, workers: int) -> None:
        self._executor, self.workers = executor, workers

    def solve(self, method: str, edges: Edges) -> Solved:
        """Return κ of every edge by one of ``baselines.METHODS``, computed on all workers."""
        begun = time.perf_counter()
        step = max(1, min(_EDGES_AT_ONCE, len(edges) // (4 * self.workers)))
        given = edges.connection, edges.sample, edges.source, edges.target, edges.length
        futures = [
            self._executor.submit(solve_edges, method, *(values[begin : begin + step] for values in given))
            for begin in range(0, len(edges), step)
        ]
        parts = [future.result() for future in futures]
        wall = time.perf_counter() - begun
        curvature, seconds = np.concatenate([np.empty((2, 0)), *parts], axis=1)
        return Solved(curvature, seconds, wall)


@contextmanager
def baseline_pool(
    graph: NeuralGraph, lengths: Distances, activity: Sequence[np.ndarray], workers: int | None = None
) -> Iterator[BaselinePool]:
    """Lend worker processes that are up and hold the network.

    Args:
        graph: The neural graph.
        lengths: Its path lengths.
        activity: For each layer float64 [samples, units], normalised.
        workers: Default: one for each core.
    """
    number = workers or cores()
    with tempfile.TemporaryDirectory(prefix="ncviz-bench-", ignore_cleanup_errors=True) as folder:
        _write(Path(folder), graph, lengths, activity)
        executor = ProcessPoolExecutor(
            number, multiprocessing.get_context("spawn"), initializer=start_worker, initargs=(folder,)
        )
        try:
            with _environment(_WORKER_ENVIRONMENT):
                for future in [executor.submit(time.sleep, 0.05) for _ in range(number)]:
                    future.result()
            yield BaselinePool(executor, number)
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


def _write(folder: Path, graph: NeuralGraph, lengths: Distances, activity: Sequence[np.ndarray]) -> None:
    for index, connection in enumerate(graph.connections):
        np.save(folder / f"fields-{index}.npy", connection.fields)
        np.save(folder / f"weight-{index}.npy", connection.weight)
    for index, values in enumerate(activity):
        np.save(folder / f"activity-{index}.npy", values)
    for name, hops in (("two", 2), ("three", 3)):
        tables = [table for ends, table in sorted(lengths.tables.items()) if ends[1] - ends[0] == hops]
        sizes = [8 * table.positions[0] * table.positions[1] * table.lengths[0].size for table in tables]
        is_dense = sum(sizes) <= MAX_DENSE_BYTES
        for index, table in enumerate(tables):
            np.save(folder / f"{name}-{index}.npy", table.dense() if is_dense else table.lengths)
            if not is_dense:
                np.save(folder / f"{name}-{index}-kind.npy", _kinds(table))


def _kinds(table: PathTable) -> np.ndarray:
    """Return int32 [positions before, positions after]; -1 where no path joins them."""
    grid = np.full(table.positions, -1, dtype=np.int32)
    grid[table.source, table.target] = table.kind
    return grid


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that start inside."""
    before = {name: os.environ[name] for name in values if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]
        os.environ.update(before)
