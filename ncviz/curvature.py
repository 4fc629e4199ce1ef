"""Neural curvature: Ollivier–Ricci curvature of every edge of the neural graph, on the activations of a sample.

    κ(i, j) = (1 − W₁(μ_i, ν_j) / d(i, j)) / (1 − α)

with μ_i the mass on i (α) and on its active in-neighbours, ν_j that on j and on its active out-neighbours.
Negative: a bottleneck. Positive: redundant. Source: Tan, Sia, Bogdan, Ivanov, arXiv 2601.16366.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from math import prod
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from ncviz.config import DEFAULT_ALPHA, check_alpha
from ncviz.devices import guard, resolve_device
from ncviz.errors import CancelledError, DataError
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import build_graph
from ncviz.graph.neighbours import blocks, in_neighbours, neighbour_measure, out_neighbours
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import Distances, distances
from ncviz.transport.exact import solve_full
from ncviz.transport.hub import solve_hub
from ncviz.transport.problem import EdgeGroup

NEVER_ACTIVE = 2.0
DEAD = 1.0
_TASK_EDGES = 512

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class CurvatureResult:
    """Curvature of a network on a set of calibration inputs; immutable.

    Attributes:
        graph: The neural graph.
        alpha: Idleness that it was computed with.
        weights: For each weight's name, float64 of its shape: the minimum of κ over its live edges (output
            positions) and over the samples; 2, the upper bound, if it has no live edge in any sample.
        samples: For each weight's name, float32 [n, *shape]: the same minimum for each sample alone; NaN where
            no edge is live.
        edge_minimum: For each connection, float64 [E]: minimum of κ over the samples in which the edge is
            live; 2 if there is none. In the order of ``graph.connections[l].edges``.
        dead_share: For each connection, the mean share of edges that are dead in a sample.
    """

    graph: NeuralGraph
    alpha: float
    weights: Mapping[str, Tensor]
    samples: Mapping[str, Tensor]
    edge_minimum: tuple[Tensor, ...]
    dead_share: tuple[float, ...]
    _edges: tuple[tuple[Tensor, ...], ...] | None = field(default=None, repr=False)

    def edges(self, connection: int, sample: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """Return all edges of one connection with their curvature on one sample.

        Args:
            connection: Index of the weight layer, from 0.
            sample: Index of the calibration input.

        Returns:
            source int64 [E] and target int64 [E], unit indices within their layers, and curvature float64 [E];
            an edge that is dead on this sample carries 1.

        Raises:
            DataError: If the result was computed without ``keep_edges=True``, or an index is out of range.
        """
        if self._edges is None:
            raise DataError("This result keeps no single edges; compute it with keep_edges=True.")
        if not 0 <= connection < len(self.graph.connections):
            raise DataError(
                f"connection must lie in 0 … {len(self.graph.connections) - 1}, got {connection}."
            )
        if not 0 <= sample < len(self._edges):
            raise DataError(f"sample must lie in 0 … {len(self._edges) - 1}, got {sample}.")
        listed = self.graph.connections[connection].edges
        source, target = torch.from_numpy(listed.source.copy()), torch.from_numpy(listed.target.copy())
        return source, target, self._edges[sample][connection].clone()


def neural_curvature(
    net: nn.Module,
    inputs: Tensor,
    *,
    alpha: float = DEFAULT_ALPHA,
    device: str = "cpu",
    keep_edges: bool = False,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    executor: Executor | None = None,
) -> CurvatureResult:
    """Compute the neural curvature of every edge of a network, exactly.

    Args:
        net: A sequential network (see ``build_graph``). Not changed.
        inputs: [n, *input shape], the calibration samples, as the network sees them.
        alpha: Idleness in [0, 1). For every value in [1/2, 1) the curvature is the same and the closed form is
            used; below, each edge's full problem is solved.
        device: "cpu", "cuda", "cuda:N" or "mps": forward pass and distances; the transport runs on the CPU.
        keep_edges: Keep every edge's curvature on every sample (``result.edges``).
        progress: Called with the fraction done and a short message.
        cancel: Set it from another thread to stop.
        executor: A thread pool of the caller's for the transport problems; by default one thread for each core.

    Raises:
        ModelError: If the network cannot be read.
        DataError: If there is no sample or it does not fit.
        DeviceError: If the device is missing or runs out of memory.
        NcvizError: If alpha is out of range.
        CancelledError: If ``cancel`` was set.
    """
    check_alpha(alpha)
    where = resolve_device(device)
    if not isinstance(inputs, Tensor) or inputs.is_complex():
        raise DataError(
            f"inputs must be a real torch.Tensor, got {getattr(inputs, 'dtype', type(inputs).__name__)}."
        )
    if inputs.ndim < 2 or len(inputs) == 0:
        raise DataError(f"inputs must be [n, …] with at least one sample, got shape {list(inputs.shape)}.")
    if not torch.isfinite(inputs).all():
        raise DataError("The calibration images hold NaN or infinite values; expected finite numbers.")
    report = progress or (lambda fraction, message: None)
    report(0.0, "reading the network")
    graph = build_graph(net, tuple(inputs.shape[1:]))
    with guard(where):
        report(0.0, "measuring path lengths")
        lengths = distances(graph, where)
        activity = [normalise(layer) for layer in layer_activations(net, graph, inputs, where)]
        run = _Run(graph, lengths, alpha, cancel)
        collector = _Collector(graph, len(inputs), keep_edges)
        with nullcontext(executor) if executor else ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for index in range(len(inputs)):

                def part(fraction: float, index: int = index) -> None:
                    report((index + fraction) / len(inputs), f"sample {index + 1} of {len(inputs)}")

                curvature, live = run.sample([layer[index] for layer in activity], pool, part)
                collector.add(index, curvature, live)
    return collector.result(alpha)


@dataclass(frozen=True, eq=False)
class _Task:
    """Some live edges of a block on one sample, and where their values belong."""

    group: EdgeGroup
    edges: np.ndarray
    row: np.ndarray
    column: np.ndarray


class _Run:
    """One computation: the network's blocks of edges, and every sample's way through them."""

    def __init__(
        self, graph: NeuralGraph, lengths: Distances, alpha: float, cancel: threading.Event | None
    ) -> None:
        self.graph, self.lengths, self.alpha, self.cancel = graph, lengths, alpha, cancel
        layers = range(len(graph.layer_shapes))
        self.sets_in = [in_neighbours(graph, layer) for layer in layers]
        self.sets_out = [out_neighbours(graph, layer) for layer in layers]
        self.blocks = [
            blocks(graph, index, self.sets_in[index], self.sets_out[index + 1])
            for index in range(len(graph.connections))
        ]

    def sample(
        self, activity: list[np.ndarray], executor: Executor, report: Callable[[float], None]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return each connection's curvature [E] on one sample, and which of its edges are live [E]."""
        live = [self._live(index, activity) for index in range(len(self.graph.connections))]
        curvature = [np.full(len(mask), DEAD) for mask in live]
        total, done = max(1, sum(int(mask.sum()) for mask in live)), 0
        for index, values in enumerate(curvature):
            length = self.graph.connections[index].edges.length
            tasks = self._tasks(index, activity, live[index])
            futures = [executor.submit(solve_group, task.group, self.alpha, self.cancel) for task in tasks]
            try:
                for task, future in zip(tasks, futures, strict=True):
                    values[task.edges] = 1 - future.result()[task.row, task.column] / length[task.edges]
                    done += len(task.edges)
                    report(done / total)
                    if self.cancel is not None and self.cancel.is_set():
                        raise CancelledError
            finally:
                for future in futures:
                    future.cancel()
        return curvature, live

    def _live(self, connection: int, activity: list[np.ndarray]) -> np.ndarray:
        """Edges between active units; input pixels and logits are never dead."""
        edges = self.graph.connections[connection].edges
        live = np.ones(len(edges), dtype=bool)
        if connection > 0:
            live &= activity[connection][edges.source] > 0
        if connection + 1 < len(self.graph.connections):
            live &= activity[connection + 1][edges.target] > 0
        return live

    def _tasks(self, connection: int, activity: list[np.ndarray], live: np.ndarray) -> list[_Task]:
        """Turn the live edges of one connection into transport problems of bounded size."""
        tasks: list[_Task] = []
        measures: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]] = {}
        for block in self.blocks[connection]:
            chosen = block.edges[live[block.edges]]
            if not len(chosen):
                continue
            before = self.sets_in[connection].members[block.in_set]
            after = self.sets_out[connection + 1].members[block.out_set]
            if ("in", block.in_set) not in measures:
                measures["in", block.in_set] = _measure(before, activity, connection - 1)
            if ("out", block.out_set) not in measures:
                measures["out", block.out_set] = _measure(after, activity, connection + 2)
            tasks += self._split(
                connection, chosen, measures["in", block.in_set], measures["out", block.out_set]
            )
        return tasks

    def _split(
        self,
        connection: int,
        chosen: np.ndarray,
        before: tuple[np.ndarray, np.ndarray],
        after: tuple[np.ndarray, np.ndarray],
    ) -> list[_Task]:
        edges = self.graph.connections[connection].edges
        (heard, a), (spoken, b) = before, after
        sources, row = np.unique(edges.source[chosen], return_inverse=True)
        targets, column = np.unique(edges.target[chosen], return_inverse=True)
        direct = np.full((len(sources), len(targets)), np.nan)
        direct[row, column] = edges.length[chosen]
        group = EdgeGroup(
            a,
            b,
            self.lengths.three[connection - 1][np.ix_(heard, spoken)]
            if len(a) and len(b)
            else np.empty((len(a), len(b))),
            self.lengths.two[connection - 1][np.ix_(heard, targets)].T
            if len(a)
            else np.empty((len(targets), 0)),
            self.lengths.two[connection][np.ix_(sources, spoken)] if len(b) else np.empty((len(sources), 0)),
            direct,
        )
        step = max(1, _TASK_EDGES // len(targets))
        tasks = []
        for begin in range(0, len(sources), step):
            inside = (row >= begin) & (row < begin + step)
            part = group.rows(begin, begin + step)
            tasks.append(_Task(part, chosen[inside], row[inside] - begin, column[inside]))
        return tasks


def _measure(members: np.ndarray, activity: list[np.ndarray], layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Units of a layer that carry mass, and how much; nothing beyond the input and the logits."""
    if not len(members):
        return members, np.empty(0)
    which, mass = neighbour_measure(activity[layer][members])
    return members[which], mass


def solve_group(group: EdgeGroup, alpha: float, cancel: threading.Event | None = None) -> np.ndarray:
    """Return float64 [n, m] with κ = 1 − value/d: by the closed form from α = 1/2 on, else by the full problem."""
    return solve_hub(group, cancel) if alpha >= 0.5 else solve_full(group, alpha, cancel)


class _Collector:
    """Merges samples: the minimum over live edges, for every parameter and for every edge."""

    def __init__(self, graph: NeuralGraph, samples: int, keep_edges: bool) -> None:
        self.graph = graph
        self.parameters = {
            name: np.full((samples, prod(shape)), np.inf) for name, shape in graph.parameters.items()
        }
        self.minimum = [np.full(len(connection.edges), np.inf) for connection in graph.connections]
        self.dead = np.zeros((samples, len(graph.connections)))
        self.kept: list[tuple[Tensor, ...]] | None = [] if keep_edges else None

    def add(self, sample: int, curvature: list[np.ndarray], live: list[np.ndarray]) -> None:
        for index, connection in enumerate(self.graph.connections):
            alive = np.flatnonzero(live[index])
            values = curvature[index][alive]
            self.minimum[index][alive] = np.minimum(self.minimum[index][alive], values)
            np.minimum.at(
                self.parameters[connection.parameter][sample], connection.edges.parameter[alive], values
            )
            self.dead[sample, index] = 1 - len(alive) / max(1, len(live[index]))
        if self.kept is not None:
            self.kept.append(tuple(torch.from_numpy(values) for values in curvature))

    def result(self, alpha: float) -> CurvatureResult:
        weights, samples = {}, {}
        for name, shape in self.graph.parameters.items():
            found = self.parameters[name]
            weights[name] = torch.from_numpy(_finite(found.min(axis=0), NEVER_ACTIVE)).reshape(shape)
            samples[name] = torch.from_numpy(_finite(found, np.nan).astype(np.float32)).reshape(-1, *shape)
        return CurvatureResult(
            graph=self.graph,
            alpha=alpha,
            weights=MappingProxyType(weights),
            samples=MappingProxyType(samples),
            edge_minimum=tuple(torch.from_numpy(_finite(found, NEVER_ACTIVE)) for found in self.minimum),
            dead_share=tuple(float(share) for share in self.dead.mean(axis=0)),
            _edges=None if self.kept is None else tuple(self.kept),
        )


def _finite(values: np.ndarray, otherwise: float) -> np.ndarray:
    return np.where(np.isinf(values), otherwise, values)
