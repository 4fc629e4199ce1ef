"""Our path lengths beside the plain way to them: dense min-plus products in torch, chunk by chunk."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ncviz.devices import cores
from ncviz.graph.build import build_graph
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import distances
from ncviz.progress import Progress
from ncviz.studies.benchmarks.agreement import difference, report_difference
from ncviz.studies.benchmarks.cases.kinds import MinPlusCase
from ncviz.studies.benchmarks.cases.networks import prepare
from ncviz.studies.benchmarks.timing import Settings, ours, ratios, summary

_CHUNK_ELEMENTS = 2**24


def dense_lengths(graph: NeuralGraph, device: str) -> list[Tensor]:
    """Return each connection as float64 [units before, units after] on the device, inf where there is no edge."""
    found = []
    for index, connection in enumerate(graph.connections):
        table = np.full(graph.layer_sizes[index : index + 2], np.inf)
        table[connection.edges.source, connection.edges.target] = connection.edges.length
        found.append(torch.from_numpy(table).to(device))
    return found


def chain_ends(graph: NeuralGraph) -> list[tuple[int, int]]:
    """Return the pairs of a chain's layers two apart, then those three apart."""
    last = len(graph.layer_shapes) - 1
    return [(level, level + hops) for hops in (2, 3) for level in range(last + 1 - hops)]


def dense_distances(one: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Return the path lengths two and three layers apart, associated right to left."""
    two = [min_plus(left, right) for left, right in pairwise(one)]
    three = [min_plus(left, right) for left, right in zip(one[:-2], two[1:], strict=True)]
    if one[0].is_cuda:
        torch.cuda.synchronize(one[0].device)
    return two, three


def min_plus(a: Tensor, b: Tensor) -> Tensor:
    """Return the dense min-plus product, float64 [rows, columns]."""
    step = max(1, _CHUNK_ELEMENTS // max(1, b.numel()))
    return torch.cat([(part[:, :, None] + b[None]).amin(1) for part in a.split(step)])


def measure_min_plus(case: MinPlusCase, settings: Settings, report: Progress) -> dict[str, Any]:
    """Measure our path lengths beside dense torch products on the same device."""
    report(0, "loading")
    net, inputs = prepare(case.network, 1, settings.data_dir)
    graph = build_graph(net, tuple(inputs.shape[1:]))
    times: dict[str, list[float]] = {}
    first: dict[str, float] = {}
    agreement: dict[str, Any] = {}
    with ThreadPoolExecutor(cores()) as executor:
        for at, device in enumerate(settings.devices):
            one = dense_lengths(graph, device)
            begun = time.perf_counter()
            found = distances(graph, device, executor)
            first[device] = time.perf_counter() - begun
            tables = [found.tables[ends].dense() for ends in chain_ends(graph)]
            theirs = [table.cpu().numpy() for part in dense_distances(one) for table in part]
            worst = max(_table_difference(a, b) for a, b in zip(tables, theirs, strict=True))
            agreement[ours(device)] = report_difference(
                np.array([worst]), sum(table.size for table in theirs)
            )
            times[ours(device)], times[f"torch {device}"] = [], []
            for repeat in range(settings.repeats):
                report((at + repeat / settings.repeats) / len(settings.devices), device)
                begun = time.perf_counter()
                distances(graph, device, executor)
                between = time.perf_counter()
                dense_distances(one)
                times[ours(device)].append(between - begun)
                times[f"torch {device}"].append(time.perf_counter() - between)
    return {
        "kind": "min-plus",
        "network": str(case.network),
        "first_seconds": first,
        "seconds": times,
        "summary": {name: summary(values) for name, values in times.items()},
        "ratios": {
            device: {"torch": ratios(times[f"torch {device}"], times[ours(device)])}
            for device in settings.devices
        },
        "agreement": agreement,
    }


def _table_difference(a: np.ndarray, b: np.ndarray) -> float:
    reached = np.isfinite(b)
    if not np.array_equal(reached, np.isfinite(a)):
        return float("inf")
    return float(difference(a[reached], b[reached]).max(initial=0.0))
