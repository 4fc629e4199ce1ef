"""The same parcels on one, two and four workers of one thread: dask's, or processes where dask is not installed."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.engine.results import Settings as EngineSettings
from ncviz.progress import Progress
from ncviz.studies.benchmarks.agreement import difference, report_difference
from ncviz.studies.benchmarks.cases.kinds import WorkersCase
from ncviz.studies.benchmarks.cases.networks import live_graph, prepare
from ncviz.studies.benchmarks.timing import Settings, run_ours

if TYPE_CHECKING:
    from torch import Tensor, nn

DASK, PROCESSES = "dask", "processes"


def measure_workers(case: WorkersCase, settings: Settings, report: Progress) -> dict[str, Any]:
    """Compute on more and more workers; each run on new ones, so that all they load and work out counts."""
    net, inputs = prepare(case.network, case.samples, settings.data_dir)
    report(0.0, "on threads")
    _, wanted = run_ours(net, inputs, "least per weight", "cpu")
    rows = []
    for at, number in enumerate(case.workers):
        report((1 + at) / (1 + len(case.workers)), f"{number} workers")
        rows.append({"workers": number, **_measure(net, inputs, number, wanted)})
    return {
        "kind": "workers", "by": DASK if _has_dask() else PROCESSES, "samples": case.samples, "rows": rows,
        "sent": bytes_sent(net, inputs),
    }  # fmt: skip


def _measure(net: nn.Module, inputs: Tensor, number: int, wanted: Any) -> dict[str, Any]:
    from ncviz.curvature import neural_curvature

    with _workers(number) as (executor, seconds_of):
        before = seconds_of()
        begun = time.perf_counter()
        result = neural_curvature(net, inputs, executor=executor)
        seconds = time.perf_counter() - begun
        spent = [after - first for first, after in zip(before, seconds_of(), strict=True)]
    ours, theirs = (
        np.concatenate([own.numpy().reshape(-1) for own in each.weights.values()])
        for each in (result, wanted)
    )
    is_live = np.isfinite(theirs)
    return {
        "seconds": seconds,
        "core_seconds": spent,
        "agreement": report_difference(difference(ours[is_live], theirs[is_live])),
    }


@contextmanager
def _workers(number: int) -> Iterator[tuple[Executor, Any]]:
    """Start so many workers; give the executor, and what tells the processor seconds of each."""
    if _has_dask():
        from distributed import Client, LocalCluster

        with (
            LocalCluster(n_workers=number, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            yield client.get_executor(), lambda: list(client.run(time.process_time).values())
        return
    with ProcessPoolExecutor(number, get_context("spawn")) as pool:
        # Children's seconds count once they have ended, so that a pool's are known as one sum of what its tasks say.
        yield pool, lambda: [pool.submit(time.process_time).result()]


def _has_dask() -> bool:
    return find_spec("distributed") is not None


def bytes_sent(net: nn.Module, inputs: Tensor) -> dict[str, int]:
    """Return how many bytes travel, as pickled, and how many of them are different."""
    from ncviz.engine.executors import parcels_of
    from ncviz.engine.layers import layers_of

    graph, activity = live_graph(net, inputs)
    layers = layers_of(graph, activity)
    asked = EngineSettings(0.5, "cpu", keep_edges=False, keep_samples=False)
    parts, values, parcels = 0, 0, 0
    for part, own in parcels_of(graph, layers, asked):
        parts += len(pickle.dumps(part))
        for _, parcel in own:
            values += len(pickle.dumps(parcel))
            parcels += 1
    return {
        "graph": len(pickle.dumps(graph)), "parts": parts, "parcels": parcels, "values": values,
        "different values": sum(each.nbytes for layer in layers for each in layer),
    }  # fmt: skip
