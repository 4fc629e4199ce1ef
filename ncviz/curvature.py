"""Neural curvature: Ollivier–Ricci curvature of every edge of the neural graph, on the activations of a sample.

    κ(i, j) = (1 − W₁(μ_i, ν_j) / d(i, j)) / (1 − α)

with μ_i the mass on i (α) and on its active in-neighbours, ν_j that on j and on its active out-neighbours.
Negative: a bottleneck. Positive: redundant.

Source: Tan, Sia, Bogdan, Ivanov, *Post-Training Neural Network Pruning using Graph Curvature*, arXiv 2601.16366v2; its
first version is *Analyzing Neural Network Information Flow Using Differential Geometry*.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from ncviz.config import BATCHNORM, DEFAULT_ALPHA, check_alpha, check_choice, check_whole
from ncviz.copies.own_copy import own_copy
from ncviz.devices import guard, resolve_device
from ncviz.engine.anytime.interval import middle
from ncviz.engine.anytime.until import check_until
from ncviz.engine.results import ConnectionCurvature, Settings, Work
from ncviz.engine.run import run
from ncviz.engine.sampled import completed, measured_edges
from ncviz.errors import DataError, NcvizError
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import build_graph
from ncviz.graph.extent import check_activity
from ncviz.graph.forward.readable import check_readable
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.progress import Progress
from ncviz.values import DEAD, NEVER_ACTIVE

__all__ = ["CurvatureResult", "Work", "neural_curvature"]


@dataclass(frozen=True, eq=False)
class CurvatureResult:
    """Curvature of a network on a set of calibration inputs; immutable.

    Attributes:
        graph: The neural graph.
        alpha: Idleness that it was computed with.
        weights: For each weight's name, float64 of its shape: the minimum of κ over its live edges (output
            positions) and over the samples; 2, the upper bound, if it has no live edge in any sample, which says
            nothing of the weight (see ``never_active``). NaN where it was not computed: in layers that were not
            chosen, and between channels that were left out. Where it is not exact, the middle of its interval.
        lower: For each weight's name, float64 of its shape: the lower end of an interval that contains that minimum.
        upper: The upper end; the same where the minimum is exact.
        least: For each connection, where these minima are: curvature float64, position int64 and sample int64,
            each [W] in the order of the flat weight. The position is that of the edge's target in its feature map,
            a valid one where no edge is live, and -1 where the weight has no edge; the sample is -1 then.
        samples: For each weight's name, float32 [n, *shape]: the same minimum for each sample alone; NaN where
            no edge is live. None unless it was asked for, and exact.
        sample_positions: For each connection int64 [n, W], the output position of each of these; -1 where no edge is
            live. None with ``samples``.
        dead_share: For each connection, the mean share of edges that are dead in a sample.
        work: For each connection, how many edges were settled in which way, and where.
    """

    graph: NeuralGraph
    alpha: float
    weights: Mapping[str, Tensor]
    lower: Mapping[str, Tensor]
    upper: Mapping[str, Tensor]
    least: tuple[tuple[Tensor, Tensor, Tensor], ...]
    samples: Mapping[str, Tensor] | None
    sample_positions: tuple[Tensor, ...] | None
    dead_share: tuple[float, ...]
    work: tuple[Work, ...]
    _grids: tuple[tuple[np.ndarray, ...], ...] | None = field(default=None, repr=False)

    @cached_property
    def is_exact(self) -> Mapping[str, Tensor]:
        """For each weight's name, which weights' curvature is exact, bool of its shape; so is what was not computed."""
        return MappingProxyType(
            {name: (self.upper[name] == low) | low.isnan() for name, low in self.lower.items()}
        )

    @cached_property
    def never_active(self) -> Mapping[str, Tensor]:
        """For each weight's name, which weights have edges, but none that is live in any sample: bool of its shape.

        They are a group of their own: on other samples they may well be active. A weight that is zero has no edge and
        is none of them, nor is one whose curvature was not computed.
        """
        has_edge: dict[str, np.ndarray] = {}
        for each in self.graph.connections:
            own = each.as_parameter(each.first_position >= 0)
            has_edge[each.parameter] = has_edge.get(each.parameter, False) | own
        return MappingProxyType(
            {
                name: torch.from_numpy(has_edge[name]) & (values >= NEVER_ACTIVE)
                for name, values in self.weights.items()
            }
        )

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
        self._check_edges()
        assert self._grids is not None
        if not 0 <= connection < len(self._grids):
            raise DataError(f"connection must lie in 0 … {len(self._grids) - 1}, got {connection}.")
        if not self._grids[connection]:
            name = self.graph.connections[connection].parameter
            raise DataError(f"The curvature of '{name}' was not computed; name it in layers.")
        if not 0 <= sample < len(self._grids[connection]):
            raise DataError(f"sample must lie in 0 … {len(self._grids[connection]) - 1}, got {sample}.")
        joined = self.graph.connections[connection]
        listed, grid = joined.edges, self._grids[connection][sample]
        curvature = grid.reshape(joined.present.shape)[joined.present]
        curvature[np.isnan(curvature)] = DEAD
        source, target = torch.from_numpy(listed.source.copy()), torch.from_numpy(listed.target.copy())
        return source, target, torch.from_numpy(curvature)

    def count_edges(self, sample: int = 0) -> tuple[int, int]:
        """Return how many edges of all connections have κ < 0 on one sample, and how many are live on it.

        Raises:
            DataError: If the result was computed without ``keep_edges=True``, or there is no such sample.
        """
        self._check_edges()
        assert self._grids is not None
        own = [grids for grids in self._grids if grids]
        count = min((len(grids) for grids in own), default=0)
        if not 0 <= sample < count:
            raise DataError(f"sample must lie in 0 … {count - 1}, got {sample}.")
        # What is dead, or no edge at all, is NaN there.
        negative = sum(int(np.count_nonzero(grids[sample] < 0)) for grids in own)
        return negative, sum(int(np.count_nonzero(~np.isnan(grids[sample]))) for grids in own)

    def _check_edges(self) -> None:
        if self._grids is None:
            raise DataError("This result keeps no single edges; compute it with keep_edges=True.")


def neural_curvature(
    net: nn.Module,
    inputs: Tensor,
    *,
    alpha: float = DEFAULT_ALPHA,
    device: str = "cpu",
    keep_edges: bool = False,
    keep_samples: bool = False,
    layers: Sequence[str] | None = None,
    channels: int | None = None,
    seed: int = 0,
    batchnorm: str = BATCHNORM[0],
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    executor: Executor | None = None,
    tolerance: float = 0.0,
    time_limit: float | None = None,
    on_result: Callable[[CurvatureResult], None] | None = None,
) -> CurvatureResult:
    """Compute the neural curvature of a network, exactly unless ``tolerance`` or ``time_limit`` says otherwise.

    By default only each weight's minimum is computed, by branch and bound: the same number as from all edges, with
    far less work and in bounded memory.

    What is not exact carries an interval that contains the exact value (``result.lower``, ``result.upper``): from below
    by the plan that moves all mass through the edge, from above by a dual solution of the transport problem.

    Args:
        net: A network that ``build_graph`` reads. Not changed.
        inputs: [n, *input shape], the calibration samples, as the network sees them.
        alpha: Idleness in [0, 1). For every value in [1/2, 1) the curvature is the same and the closed form is
            used; below, each edge's full problem is solved.
        device: "cpu", "cuda", "cuda:N" or "mps". A CUDA device does the forward pass, path lengths, closed forms,
            certificates and bounds; what it cannot certify is solved on the CPU. mps does the forward pass only.
        keep_edges: Solve and keep every edge on every sample (``result.edges``); memory grows with them.
        keep_samples: Keep each weight's minimum for each sample alone (``result.samples``).
        layers: Names of the weights whose curvature is wanted, for networks too large for all; exact all the same.
        channels: Most channels of each hidden layer that take part. The others are left out of the graph, as sources,
            targets and neighbours, so that the result is that of a part of the network, no longer exact.
        seed: Which channels take part.
        batchnorm: "own": a BatchNorm is no part of the graph, whose edges have the network's own weights, as in the
            paper; "folded": each is multiplied into the weights before it (see ``build_graph``).
        progress: Called with the fraction done and a short message.
        cancel: Set it from another thread to stop.
        executor: Any ``concurrent.futures.Executor``, such as dask's ``Client.get_executor()``: connections and
            samples are its tasks, and each is solved again if its worker is lost and the executor does so. A thread
            pool shares memory; other executors get copies, solve on their CPUs, and leave ``device`` the forward pass.
            By default a thread pool with one thread for each core.
        tolerance: Stop when every interval is no wider than this times max(1, |κ|); 0 for exact values.
        time_limit: Stop after so many seconds, but not before there are intervals for all weights; the strongest
            bottlenecks are sharpened first, then the weights whose κ may have either sign.
        on_result: Called with results in between, each whole, at most one a second: first as soon as there are
            intervals for all weights, then as they sharpen. In the thread that called; what it raises ends the work.

    Raises:
        ModelError: If the network cannot be read, or needs more memory than is free.
        DataError: If there is no sample or it does not fit.
        DeviceError: If the device is missing or runs out of memory.
        NcvizError: If alpha, tolerance or time_limit is out of range, there is no such layer or way to read BatchNorm,
            edges are to be kept of sampled channels, or intervals are asked for together with ``keep_edges``, other
            machines, or a tolerance together with ``keep_samples``.
        CancelledError: If ``cancel`` was set.
    """
    check_alpha(alpha)
    check_choice("way to read BatchNorm", batchnorm, BATCHNORM)
    where = resolve_device(device)
    elsewhere = executor is not None and not isinstance(executor, ThreadPoolExecutor)
    until = check_until(
        tolerance,
        time_limit,
        on_result,
        {"keep_edges": keep_edges, "an executor of other processes": elsewhere},
    )
    if tolerance and keep_samples:
        raise NcvizError("keep_samples gives exact values only: leave it out, or tolerance.")
    _check_inputs(inputs)
    _check_hooks(progress, cancel, executor)
    report = progress or (lambda fraction, message: None)
    report(0.0, "reading the network")
    check_readable(net)
    # Once for all that follows, so that hooks which only look are called once.
    net = own_copy(net, inputs)
    graph = build_graph(net, tuple(inputs.shape[1:]), batchnorm=batchnorm)
    if channels:
        if keep_edges:
            raise NcvizError("keep_edges=True needs all channels; leave out channels, or keep_edges.")
        graph = graph.sampled(check_whole("channels", channels, 1, 2**31 - 1), seed)
    settings = Settings(float(alpha), where, keep_edges, keep_samples, graph.carrying(layers))
    check_activity(graph, len(inputs))
    with guard(where):
        activity = [normalise(layer) for layer in layer_activations(net, graph, inputs, where)]

        def result_of(found: list[ConnectionCurvature]) -> CurvatureResult:
            by_index = dict(zip(settings.chosen(graph), found, strict=True))
            whole = [
                completed(graph, index, by_index.get(index), settings, len(inputs))
                for index in range(len(graph.connections))
            ]
            return _result(graph, float(alpha), whole, len(inputs))

        until.result_of = result_of
        with nullcontext(executor) if executor else ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return result_of(
                run(graph, activity, settings, pool, report, cancel, None if until.is_exact else until)
            )


def _check_inputs(inputs: Tensor) -> None:
    if not isinstance(inputs, Tensor) or inputs.is_complex():
        kind = f"{type(inputs).__module__}.{type(inputs).__name__}".removeprefix("builtins.")
        got = inputs.dtype if isinstance(inputs, Tensor) else kind
        raise DataError(f"inputs must be a real torch.Tensor, got a {got}.")
    if inputs.ndim < 2 or len(inputs) == 0:
        raise DataError(f"inputs must be [n, …] with at least one sample, got shape {list(inputs.shape)}.")
    if not torch.isfinite(inputs).all():
        raise DataError("The calibration images hold NaN or infinite values; expected finite numbers.")


def _check_hooks(progress: object, cancel: object, executor: object) -> None:
    wanted = {
        "progress": (
            progress is None or callable(progress),
            "a function of a fraction and a message",
            progress,
        ),
        "cancel": (cancel is None or hasattr(cancel, "is_set"), "a threading.Event", cancel),
        "executor": (
            executor is None or hasattr(executor, "submit"),
            "a concurrent.futures.Executor",
            executor,
        ),
    }
    for name, (is_right, expected, value) in wanted.items():
        if not is_right:
            raise NcvizError(f"{name} must be {expected}, got {type(value).__name__}.")


def _result(
    graph: NeuralGraph, alpha: float, found: list[ConnectionCurvature], samples: int
) -> CurvatureResult:
    each: dict[str, np.ndarray] = {}
    lower: dict[str, np.ndarray] = {}
    upper: dict[str, np.ndarray] = {}
    is_exact = all(own.lower is None for own in found)
    least = []
    for connection, own in zip(graph.connections, found, strict=True):
        name = connection.parameter
        # A weight that stands in two connections has its minimum over both.
        for bounds, value in ((lower, own.lower), (upper, own.upper)):
            own_ends = connection.as_parameter(own.curvature if value is None else value)
            bounds[name] = np.minimum(bounds.get(name, np.inf), own_ends)
        if own.samples is not None:
            each[name] = np.minimum(each.get(name, np.inf), connection.as_parameter(own.samples))
        position = np.where(own.position >= 0, own.position, connection.first_position)
        curvature = _finite(own.curvature, NEVER_ACTIVE)
        least.append(
            (
                torch.from_numpy(curvature),
                torch.from_numpy(position),
                torch.from_numpy(own.sample.astype(np.int64)),
            )
        )
    low = _tensors(lower)
    up = low if is_exact else _tensors(upper)
    keeps = all(own.samples is not None for own in found)
    return CurvatureResult(
        graph=graph,
        alpha=alpha,
        weights=low if is_exact else _tensors({name: middle(lower[name], upper[name]) for name in lower}),
        lower=low,
        upper=up,
        least=tuple(least),
        samples=MappingProxyType(
            {
                name: torch.from_numpy(_finite(value, np.nan).astype(np.float32))
                for name, value in each.items()
            }
        )
        if each and keeps
        else None,
        sample_positions=tuple(
            torch.from_numpy(own.sample_position) for own in found if own.sample_position is not None
        )
        if keeps
        else None,
        dead_share=tuple(
            1 - own.work.live / max(1, samples * edges) if edges else 0.0
            for edges, own in zip(measured_edges(graph, found), found, strict=True)
        ),
        work=tuple(own.work for own in found),
        _grids=tuple(own.grids for own in found) if any(own.grids for own in found) else None,
    )


def _tensors(values: dict[str, np.ndarray]) -> Mapping[str, Tensor]:
    return MappingProxyType(
        {name: torch.from_numpy(_finite(value, NEVER_ACTIVE)) for name, value in values.items()}
    )


def _finite(values: np.ndarray, otherwise: float) -> np.ndarray:
    return np.where(values == np.inf, otherwise, values)
