"""Looks at a network: its layers, what cannot be read, what its curvature will take on which device."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import prod

import numpy as np
from torch import Tensor, nn

from ncviz.config import CurvatureConfig
from ncviz.devices import available_devices, free_memory
from ncviz.engine import precompile
from ncviz.engine.layers import layers_of
from ncviz.engine.per_image import is_near_product
from ncviz.engine.results import Settings
from ncviz.engine.run import shares_of_work, tasks_of
from ncviz.errors import CancelledError, ModelError
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import look_at
from ncviz.graph.connection import Connection
from ncviz.graph.extent import extent_of
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.values import told_by_kind
from ncviz.limits import LIMITS
from ncviz.preflight.choices import TIMED_BYTES, choices_of, chosen_of, fit_of, fits_into
from ncviz.preflight.facts import LayerFacts, Preflight
from ncviz.preflight.live import live_shares
from ncviz.progress import Progress

# What takes longer, or looks at more edges where no time is known, comes with ways to make it smaller.
_COMFORTABLE_SECONDS = 600.0
_COMFORTABLE_EDGES = 20_000_000


def preflight(
    net: nn.Module,
    input_shape: tuple[int, ...],
    inputs: Tensor | None = None,
    *,
    config: CurvatureConfig | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Preflight:
    """Look at a network before its curvature is computed.

    Args:
        net: The network. Not changed.
        input_shape: Shape of one input without the batch axis.
        inputs: Calibration images [n, *input shape] as the network sees them; with them live shares are measured, and
            the time is estimated from a small random part of the work, where the path lengths take at most half a
            gigabyte.
        config: Settings of the computation.
        progress: Called with the fraction done and a message.
        cancel: Set it to stop.

    Raises:
        ModelError: If the network cannot be traced, its input does not fit, a weight is bad, or it is beyond the
            limits of ``ncviz.limits``.
        DataError: If the images do not fit.
        CancelledError: If ``cancel`` was set.
    """
    settings = config or CurvatureConfig()

    def say(fraction: float, message: str) -> None:
        if cancel is not None and cancel.is_set():
            raise CancelledError
        if progress is not None:
            progress(fraction, message)

    say(0.0, "reading the network")
    reading = look_at(net, input_shape, **settings.graph.options)
    if reading.graph is None:
        problems = tuple(f"{told}." for told in told_by_kind(reading.problems))
        rows = tuple(
            LayerFacts(*_split(problem.name), (), (), 0, 0, problem=problem.why)
            for problem in reading.problems
        )
        return Preflight(tuple(input_shape), rows, problems)
    graph = reading.graph
    check_limits(graph)
    say(0.2, "measuring how large it is")
    extent = extent_of(graph)
    chosen = chosen_of(graph, settings)
    bytes_ = extent.bytes(chosen, settings.channels)
    fits = fits_into(extent, chosen, settings.channels, free_memory())
    live: Sequence[float | None] = [None] * len(graph.connections)
    seconds = never = None
    if inputs is not None:
        say(0.4, "looking at the images")
        activity = [normalise(layer) for layer in layer_activations(net, graph, inputs)]
        live, never = live_shares(graph, activity)
        # Where path lengths depend on the image a look at some of them takes as long as all of one image's.
        if fits and bytes_ <= TIMED_BYTES and not graph.depends_on_image:
            precompile.wait(lambda _, message: say(0.5, message), cancel)
            say(0.5, "timing a small part of the work")
            seconds = _seconds(graph, activity, settings, chosen, cancel)
    say(0.9, "looking for what fits")
    edges = extent.edges(chosen, settings.channels)
    # Where path lengths are each image's own, they take as long for each.
    looked_at = edges * len(inputs) if inputs is not None and graph.depends_on_image else edges
    is_easy = fits and (
        looked_at <= _COMFORTABLE_EDGES if seconds is None else seconds <= _COMFORTABLE_SECONDS
    )
    choices = () if is_easy else choices_of(net, extent, settings, tuple(input_shape), seconds)
    found = Preflight(
        tuple(input_shape),
        _rows(graph, net, live),
        (),
        sum(prod(shape) for shape in graph.parameters.values()),
        sum(graph.layer_sizes),
        edges,
        bytes_,
        seconds,
        fits,
        choices,
        tuple(fit_of(device, extent, chosen, settings, seconds) for device in available_devices()),
    )
    say(1.0, "done")
    images = 0 if inputs is None else len(inputs)
    return replace(found, images=images, never_active=never, notes=graph.notes, batchnorm=graph.batchnorm)


def check_limits(graph: NeuralGraph) -> None:
    """Refuse a network beyond what ``ncviz.limits`` allows.

    Raises:
        ModelError: Naming what is too much.
    """
    largest = int(np.argmax(graph.layer_sizes))
    facts = (
        ("layers", len(graph.layer_shapes), LIMITS.layers, ""),
        ("units", sum(graph.layer_sizes), LIMITS.units, "; use smaller images"),
        ("units in one layer", graph.layer_sizes[largest], LIMITS.layer_units, "; use smaller images"),
        ("weights", sum(prod(shape) for shape in graph.parameters.values()), LIMITS.parameters, ""),
    )
    for what, count, most, way_out in facts:
        if count > most:
            raise ModelError(f"The network has {count:,} {what}, at most {most:,} are read{way_out}.")


def _seconds(
    graph: NeuralGraph,
    activity: Sequence[np.ndarray],
    config: CurvatureConfig,
    chosen: tuple[int, ...],
    cancel: threading.Event | None,
) -> float:
    """Time a small random part of the work; its path lengths are kept for the computation itself."""
    sampled = graph.sampled(config.channels, config.seed) if config.channels else graph
    settings = Settings(config.alpha, "cpu", False, False, chosen if config.layers else None)
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        tasks = tasks_of(sampled, layers_of(sampled, activity), settings, pool, cancel)
        return shares_of_work(tasks, settings, pool, cancel)[1] / cores


def _rows(graph: NeuralGraph, net: nn.Module, live: Sequence[float | None]) -> tuple[LayerFacts, ...]:
    modules = dict(net.named_modules())
    rows: dict[tuple[str, int], LayerFacts] = {}
    of_image = {
        id(each)
        for at, each in enumerate(graph.connections)
        if graph.depends_on_image and is_near_product(graph, at)
    }
    shares = dict(zip(map(id, graph.connections), live, strict=True))
    for each in sorted((*graph.connections, *graph.links), key=lambda one: (one.target, not one.parameter)):
        key = each.name, each.target
        reads = (graph.layer_names[each.source],)
        if key in rows:
            # What reads several layers, or has several kinds of windows, is one row.
            known = rows[key]
            share = shares.get(id(each))
            edges = known.edges + each.number_of_edges
            if share is not None and known.live is not None:
                share = (share * each.number_of_edges + known.live * known.edges) / max(1, edges)
            together = tuple(dict.fromkeys((*known.reads, *reads)))
            rows[key] = replace(
                known,
                reads=together,
                edges=edges,
                live=share,
                is_of_image=known.is_of_image or id(each) in of_image,
            )
            continue
        name = graph.name_of(each) if each.parameter else each.name
        size = prod(each.shape) if name == each.name else each.number_of_weights
        rows[key] = LayerFacts(
            name,
            _kind(each, modules),
            reads,
            graph.layer_shapes[each.target],
            size if each.parameter else 0,
            each.number_of_edges,
            shares.get(id(each)),
            is_of_image=id(each) in of_image,
        )
    return tuple(rows.values())


def _kind(connection: Connection, modules: dict[str, nn.Module]) -> str:
    module = modules.get(connection.name)
    if connection.parameter:
        bare = "Linear" if len(connection.shape) == 2 else "weights"
        kind = type(module).__name__ if module is not None and connection.name else bare
        # torch's own attention has a linear layer by a long name.
        kind = kind.removeprefix("NonDynamicallyQuantizable")
        kernel = "×".join(str(size) for size in connection.shape[2:])
        return f"{kind} {kernel}".strip()
    if connection.weight.shape[2] == 1:
        return "skip" if (connection.weight == 1).all() else "scaling"
    return "maximum pooling" if (connection.weight == 1).all() else "average pooling"


def _split(described: str) -> tuple[str, str]:
    """Return name and kind of what a message calls "'name' (kind)"."""
    name, _, kind = described.partition("' (")
    return name.lstrip("'"), kind.removesuffix(")")
