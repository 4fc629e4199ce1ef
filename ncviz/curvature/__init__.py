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
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from ncviz.config import BATCHNORM, DEFAULT_ALPHA, SCALES, GraphConfig, check_alpha, check_whole
from ncviz.copies.own_copy import own_copy
from ncviz.curvature.result import CurvatureResult, result_of
from ncviz.devices import guard, resolve_device
from ncviz.engine.anytime.until import check_until
from ncviz.engine.results import ConnectionCurvature, Settings, Work
from ncviz.engine.run import run
from ncviz.engine.sampled import completed
from ncviz.errors import DataError, NcvizError
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import build_graph
from ncviz.graph.extent import check_activity
from ncviz.graph.forward.readable import check_readable
from ncviz.progress import Progress

__all__ = ["CurvatureResult", "Work", "neural_curvature"]


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
    scale: str = SCALES[0],
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
        scale: "own": lengths are those of the weights, as in the paper; "fan-in": each layer's weights are divided, in
            the graph alone, by what comes into one of its units on average; "channel-fan-in": each channel's by what
            comes into one of its own (see ``build_graph``).
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
        NcvizError: If alpha, tolerance or time_limit is out of range, there is no such layer, way to read BatchNorm or
            scale, edges are to be kept of sampled channels, or intervals are asked for together with ``keep_edges``,
            other machines, or a tolerance together with ``keep_samples``, or there is a time limit at an alpha below
            1/2 and the network has attention.
        CancelledError: If ``cancel`` was set.
    """
    check_alpha(alpha)
    how = GraphConfig(batchnorm, scale)
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
    graph = build_graph(net, tuple(inputs.shape[1:]), **how.options)
    if channels:
        if keep_edges:
            raise NcvizError("keep_edges=True needs all channels; leave out channels, or keep_edges.")
        graph = graph.sampled(check_whole("channels", channels, 1, 2**31 - 1), seed)
    settings = Settings(float(alpha), where, keep_edges, keep_samples, graph.carrying(layers))
    check_activity(graph, len(inputs))
    with guard(where):
        raw = layer_activations(net, graph, inputs, where)
        activity = [normalise(layer) for layer in raw]
        values = [layer.numpy() for layer in raw] if graph.depends_on_image else None
        del raw

        def known(found: list[ConnectionCurvature]) -> CurvatureResult:
            by_index = dict(zip(settings.chosen(graph), found, strict=True))
            whole = [
                completed(graph, index, by_index.get(index), settings, len(inputs))
                for index in range(len(graph.connections))
            ]
            return result_of(graph, float(alpha), whole, len(inputs))

        until.result_of = known
        with nullcontext(executor) if executor else ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return known(
                run(
                    graph, activity, settings, pool, report, cancel, None if until.is_exact else until, values
                )
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
