"""What a network's curvature will take, before any of it is computed: layers, problems, memory, time, and ways out."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from torch import Tensor, nn

from ncviz.config import CurvatureConfig
from ncviz.devices import Device, available_devices, free_memory
from ncviz.engine.layers import position_major
from ncviz.engine.results import Settings
from ncviz.engine.run import shares_of_work, tasks_of
from ncviz.errors import CancelledError, ModelError
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import look_at
from ncviz.graph.extent import Extent, extent_of
from ncviz.graph.neural_graph import Connection, NeuralGraph
from ncviz.graph.paths import MAX_TABLE_BYTES
from ncviz.limits import LIMITS

Progress = Callable[[float, str], None]

# Of the free memory, what path lengths may take: plans, activities and the rest of the app need some too.
_SHARE_OF_MEMORY = 0.5
_CHANNELS = (256, 128, 64, 32, 16, 8)
_LEAST_SIDE = 16
_COMFORTABLE_SECONDS = 600.0


@dataclass(frozen=True)
class LayerFacts:
    """One operation that makes or joins units.

    Attributes:
        name: Name of the module or operation.
        kind: What it is, such as "Conv2d 3×3".
        reads: Names of the layers whose units it reads.
        output_shape: Shape of the layer that it ends in.
        parameters: Number of its weights; 0 for a link.
        edges: Number of its edges.
        live: Share of its edges that are alive on the calibration images; None without images.
        problem: Why it cannot be read, "" if it can.
    """

    name: str
    kind: str
    reads: tuple[str, ...]
    output_shape: tuple[int, ...]
    parameters: int
    edges: int
    live: float | None = None
    problem: str = ""


@dataclass(frozen=True)
class Choice:
    """One way to make a computation smaller.

    Attributes:
        title: What it does, for people.
        config: Settings that do it.
        input_shape: Shape of one input that does it.
        table_bytes: Memory of its path lengths.
        edges: How many edges it looks at.
        seconds: About how long it takes on this machine's cores; None where nothing is known.
    """

    title: str
    config: CurvatureConfig
    input_shape: tuple[int, ...]
    table_bytes: int
    edges: int
    seconds: float | None = None


@dataclass(frozen=True)
class DeviceFit:
    """What a computation means for one device.

    Attributes:
        name: As in ``ncviz.devices``.
        title: For people.
        free_bytes: Free memory; None where the system does not tell.
        fits: Whether the path lengths fit.
        seconds: About how long it takes; None where nothing is known.
        note: What else there is to say, one sentence or "".
    """

    name: str
    title: str
    free_bytes: int | None
    fits: bool
    seconds: float | None
    note: str


@dataclass(frozen=True)
class Preflight:
    """What there is to know of a network before its curvature is computed.

    Attributes:
        input_shape: Shape of one input.
        layers: What was read, in the order of computation.
        problems: What cannot be read, one sentence each.
        parameters: Weights that carry edges.
        units: Neurons of all layers.
        edges: Edges that the settings look at.
        table_bytes: Memory that path lengths take.
        seconds: About how long it takes on this machine's cores; None if that was not measured.
        fits: Whether path lengths fit this machine's memory.
        choices: Ways to make it smaller; empty if it fits comfortably.
        devices: What it means for each device.
    """

    input_shape: tuple[int, ...]
    layers: tuple[LayerFacts, ...]
    problems: tuple[str, ...]
    parameters: int = 0
    units: int = 0
    edges: int = 0
    table_bytes: int = 0
    seconds: float | None = None
    fits: bool = False
    choices: tuple[Choice, ...] = ()
    devices: tuple[DeviceFit, ...] = ()


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
            the time is estimated from a small random part of the work, where the path lengths fit into memory.
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
    reading = look_at(net, input_shape)
    if reading.graph is None:
        problems = tuple(f"Layer {problem.name} {problem.why}." for problem in reading.problems)
        rows = tuple(
            LayerFacts(*_split(problem.name), (), (), 0, 0, problem=problem.why)
            for problem in reading.problems
        )
        return Preflight(tuple(input_shape), rows, problems)
    graph = reading.graph
    check_limits(graph)
    say(0.2, "measuring how large it is")
    extent = extent_of(graph)
    chosen = _chosen(graph, settings)
    bytes_ = extent.bytes(chosen, settings.channels)
    fits = _fits(extent, chosen, settings.channels, free_memory())
    live: Sequence[float | None] = [None] * len(graph.connections)
    seconds = None
    if inputs is not None:
        say(0.4, "looking at the images")
        activity = [normalise(layer) for layer in layer_activations(net, graph, inputs)]
        live = live_shares(graph, activity)
        if fits:
            say(0.5, "timing a small part of the work")
            seconds = _seconds(graph, activity, settings, chosen, cancel)
    say(0.9, "looking for what fits")
    is_easy = fits and (seconds is None or seconds <= _COMFORTABLE_SECONDS)
    choices = () if is_easy else _choices(net, extent, settings, tuple(input_shape), seconds)
    found = Preflight(
        tuple(input_shape),
        _rows(graph, net, live),
        (),
        sum(prod(shape) for shape in graph.parameters.values()),
        sum(graph.layer_sizes),
        extent.edges(chosen, settings.channels),
        bytes_,
        seconds,
        fits,
        choices,
        tuple(_device(device, extent, chosen, settings, seconds) for device in available_devices()),
    )
    say(1.0, "done")
    return found


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


def live_shares(graph: NeuralGraph, activity: Sequence[np.ndarray]) -> list[float]:
    """Return the mean share of each connection's edges that are alive, of all images, without listing them.

    An edge is dead where its source or its target is a hidden unit with activation 0.

    Args:
        graph: The neural graph.
        activity: For each layer float64 [samples, units], normalised to [0, 1].
    """
    last = len(graph.layer_shapes) - 1
    found = []
    for connection in graph.connections:
        groups, channels, _ = connection.weight.shape
        present = (connection.weight != 0).astype(np.float64)  # [G, C, K]
        inside = connection.fields >= 0  # [G, P, K]
        live = 0.0
        for before, after in zip(activity[connection.source], activity[connection.target], strict=True):
            speaks = inside.astype(np.float64)
            if connection.source > 0:
                speaks = speaks * (before[connection.fields] > 0)
            hears = np.ones((groups, channels, connection.fields.shape[1]))
            if connection.target < last:
                hears = (after > 0).reshape(hears.shape).astype(np.float64)
            live += float(np.einsum("gck,gpk,gcp->", present, speaks, hears, optimize=True))
        found.append(live / max(1, connection.number_of_edges) / max(1, len(activity[0])))
    return found


def _chosen(graph: NeuralGraph, config: CurvatureConfig) -> tuple[int, ...]:
    if not config.layers:
        return tuple(range(len(graph.connections)))
    return tuple(at for at, each in enumerate(graph.connections) if each.parameter in config.layers)


def _fits(extent: Extent, chosen: Sequence[int], channels: int, free: int | None) -> bool:
    """Whether path lengths fit: no single table beyond the engine's own bound, and all of them into the memory."""
    room = MAX_TABLE_BYTES if free is None else int(free * _SHARE_OF_MEMORY)
    return extent.largest(chosen, channels) <= MAX_TABLE_BYTES and extent.bytes(chosen, channels) <= room


def _seconds(
    graph: NeuralGraph,
    activity: Sequence[np.ndarray],
    config: CurvatureConfig,
    chosen: tuple[int, ...],
    cancel: threading.Event | None,
) -> float:
    """Time a small random part of the work; its path lengths are kept for the computation itself."""
    sampled = graph.sampled(config.channels, config.seed) if config.channels else graph
    layers = [
        position_major(own, shape, sampled.kept_channels(level))
        for level, (own, shape) in enumerate(zip(activity, sampled.layer_shapes, strict=True))
    ]
    settings = Settings(config.alpha, "cpu", False, False, chosen if config.layers else None)
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        tasks = tasks_of(sampled, layers, settings, pool, cancel)
        return shares_of_work(tasks, settings, pool, cancel)[1] / cores


def _choices(
    net: nn.Module,
    extent: Extent,
    config: CurvatureConfig,
    input_shape: tuple[int, ...],
    seconds: float | None,
) -> tuple[Choice, ...]:
    """Return what makes the computation fit: fewer channels, some layers, smaller images."""
    free = free_memory()
    found = []
    chosen = _chosen(extent.graph, config)
    edges = extent.edges(chosen, config.channels)

    def about(own: int) -> float | None:
        return None if seconds is None else seconds * own / max(1, edges)

    for channels in _CHANNELS:
        if config.channels and channels >= config.channels:
            continue
        own = extent.edges(chosen, channels)
        if own < edges and _fits(extent, chosen, channels, free):
            limited = replace(config, channels=channels)
            found.append(
                Choice(
                    f"At most {channels} channels of each layer, drawn with seed {config.seed}: a sample, not exact",
                    limited,
                    input_shape,
                    extent.bytes(chosen, channels),
                    own,
                    about(own),
                )
            )
            if len(found) == 2:
                break
    last = _last_layers(extent, chosen, config.channels, free)
    if last:
        names = tuple(dict.fromkeys(extent.graph.connections[at].parameter for at in last))
        own = extent.edges(last, config.channels)
        found.append(
            Choice(
                f"Only the last {len(names)} of {len(extent.graph.parameters)} layers: exact",
                replace(config, layers=names),
                input_shape,
                extent.bytes(last, config.channels),
                own,
                about(own),
            )
        )
    smaller = _smaller_input(net, config, input_shape, free)
    return (*found, smaller) if smaller else tuple(found)


def _last_layers(extent: Extent, chosen: Sequence[int], channels: int, free: int | None) -> tuple[int, ...]:
    """Return as many of the last connections as fit and hold at most half of the edges; none if all do."""
    whole = extent.edges(chosen, channels)
    best: tuple[int, ...] = ()
    for begin in range(len(chosen) - 1, 0, -1):
        part = tuple(chosen[begin:])
        if not _fits(extent, part, channels, free) or extent.edges(part, channels) > whole / 2:
            break
        best = part
    return best


def _smaller_input(
    net: nn.Module, config: CurvatureConfig, input_shape: tuple[int, ...], free: int | None
) -> Choice | None:
    """Return the largest half, quarter, … of the image that the network takes and that fits."""
    shape = input_shape
    while len(shape) == 3 and min(shape[1:]) >= 2 * _LEAST_SIDE:
        shape = (shape[0], *(side // 2 for side in shape[1:]))
        try:
            graph = look_at(net, shape).graph
        except ModelError:
            return None
        if graph is None:
            return None
        extent, chosen = extent_of(graph), _chosen(graph, config)
        if _fits(extent, chosen, config.channels, free):
            return Choice(
                f"Images of {shape[1]}×{shape[2]}: exact, for smaller images",
                config,
                shape,
                extent.bytes(chosen, config.channels),
                extent.edges(chosen, config.channels),
            )
    return None


def _device(
    device: Device, extent: Extent, chosen: Sequence[int], config: CurvatureConfig, seconds: float | None
) -> DeviceFit:
    free = free_memory() if device.name == "cpu" else device.free_bytes
    fits = _fits(extent, chosen, config.channels, free)
    if device.name == "cpu":
        return DeviceFit(device.name, device.title, free, fits, seconds, "")
    note = (
        "It settles what needs no linear program; the CPU solves the rest, so that it takes at most as long as on "
        "the CPU alone."
    )
    if device.name.startswith("mps"):
        note = "It does the forward pass only; the rest is done by the CPU."
    return DeviceFit(device.name, device.title, free, fits, seconds, note)


def _rows(graph: NeuralGraph, net: nn.Module, live: Sequence[float | None]) -> tuple[LayerFacts, ...]:
    modules = dict(net.named_modules())
    rows: dict[tuple[str, int], LayerFacts] = {}
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
            rows[key] = replace(known, reads=together, edges=edges, live=share)
            continue
        rows[key] = LayerFacts(
            each.name,
            _kind(each, modules),
            reads,
            graph.layer_shapes[each.target],
            prod(each.shape) if each.parameter else 0,
            each.number_of_edges,
            shares.get(id(each)),
        )
    return tuple(rows.values())


def _kind(connection: Connection, modules: dict[str, nn.Module]) -> str:
    module = modules.get(connection.name)
    if connection.parameter:
        kind = type(module).__name__ if module is not None and connection.name else "weights"
        kernel = "×".join(str(size) for size in connection.shape[2:])
        return f"{kind} {kernel}".strip()
    if connection.weight.shape[2] == 1:
        return "skip" if (connection.weight == 1).all() else "scaling"
    return "maximum pooling" if (connection.weight == 1).all() else "average pooling"


def _split(described: str) -> tuple[str, str]:
    """Return name and kind of what a message calls "'name' (kind)"."""
    name, _, kind = described.partition("' (")
    return name.lstrip("'"), kind.removesuffix(")")
