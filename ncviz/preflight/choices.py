"""Whether a computation fits a device, and what makes it smaller: fewer channels, some layers, smaller images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from ncviz.config import CurvatureConfig
from ncviz.devices import Device, free_memory
from ncviz.errors import ModelError
from ncviz.graph.build import look_at
from ncviz.graph.extent import Extent, extent_of
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.products import MAX_TABLE_BYTES
from ncviz.preflight.facts import Choice, DeviceFit

# Of the free memory, what path lengths may take: plans, activities and the rest of the app need some too.
_SHARE_OF_MEMORY = 0.5
_CHANNELS = (256, 128, 64, 32, 16, 8)
_LEAST_SIDE = 16
# Path lengths beyond this take minutes by themselves, too long for a look.
TIMED_BYTES = 2**29


def chosen_of(graph: NeuralGraph, config: CurvatureConfig) -> tuple[int, ...]:
    """Return which connections the settings name."""
    if not config.layers:
        return tuple(range(len(graph.connections)))
    return tuple(at for at, each in enumerate(graph.connections) if each.parameter in config.layers)


def fits_into(extent: Extent, chosen: Sequence[int], channels: int, free: int | None) -> bool:
    """Whether path lengths fit: no single table beyond the engine's own bound, and all of them into the memory."""
    room = MAX_TABLE_BYTES if free is None else int(free * _SHARE_OF_MEMORY)
    return extent.largest(chosen, channels) <= MAX_TABLE_BYTES and extent.bytes(chosen, channels) <= room


def choices_of(
    net: nn.Module,
    extent: Extent,
    config: CurvatureConfig,
    input_shape: tuple[int, ...],
    seconds: float | None,
) -> tuple[Choice, ...]:
    """Return what makes the computation fit: fewer channels, some layers, smaller images."""
    free = free_memory()
    found = []
    chosen = chosen_of(extent.graph, config)
    edges = extent.edges(chosen, config.channels)

    def choice(title: str, settings: CurvatureConfig, part: Sequence[int]) -> Choice:
        own = extent.edges(part, settings.channels)
        time = None if seconds is None else seconds * own / max(1, edges)
        return Choice(title, settings, input_shape, extent.bytes(part, settings.channels), own, time)

    for channels in _CHANNELS:
        if config.channels and channels >= config.channels:
            continue
        if extent.edges(chosen, channels) < edges and fits_into(extent, chosen, channels, free):
            title = f"At most {channels} channels of each layer, drawn with seed {config.seed}: a sample, not exact"
            found.append(choice(title, replace(config, channels=channels), chosen))
            if len(found) == 2:
                break
    last = _last_layers(extent, chosen, config.channels, free)
    if last:
        names = tuple(dict.fromkeys(extent.graph.connections[at].parameter for at in last))
        title = f"Only the last {len(names)} of {len(extent.graph.parameters)} layers: exact"
        found.append(choice(title, replace(config, layers=names), last))
    is_last = extent.graph.layer_shapes[0] != input_shape
    smaller = _smaller_input(net, config, input_shape, free, slice(0, 2) if is_last else slice(1, 3))
    return (*found, smaller) if smaller else tuple(found)


def _last_layers(extent: Extent, chosen: Sequence[int], channels: int, free: int | None) -> tuple[int, ...]:
    """Return as many of the last connections as fit and hold at most half of the edges; none if all do."""
    whole = extent.edges(chosen, channels)
    best: tuple[int, ...] = ()
    for begin in range(len(chosen) - 1, 0, -1):
        part = tuple(chosen[begin:])
        if not fits_into(extent, part, channels, free) or extent.edges(part, channels) > whole / 2:
            break
        best = part
    return best


def _smaller_input(
    net: nn.Module, config: CurvatureConfig, input_shape: tuple[int, ...], free: int | None, sides: slice
) -> Choice | None:
    """Return the largest half, quarter, … of the image that the network takes and that fits; ``sides`` are its axes."""
    shape = list(input_shape)
    while len(shape) == 3 and min(shape[sides]) >= 2 * _LEAST_SIDE:
        shape[sides] = [side // 2 for side in shape[sides]]
        try:
            graph = look_at(net, tuple(shape), **config.graph.options).graph
        except ModelError:
            return None
        if graph is None:
            return None
        extent, chosen = extent_of(graph), chosen_of(graph, config)
        if fits_into(extent, chosen, config.channels, free):
            return Choice(
                f"Images of {'×'.join(map(str, shape[sides]))}: exact, for smaller images",
                config,
                tuple(shape),
                extent.bytes(chosen, config.channels),
                extent.edges(chosen, config.channels),
            )
    return None


def fit_of(
    device: Device, extent: Extent, chosen: Sequence[int], config: CurvatureConfig, seconds: float | None
) -> DeviceFit:
    """Return what a computation means for a device, given how long it takes on the CPU."""
    free = free_memory() if device.name == "cpu" else device.free_bytes
    fits = fits_into(extent, chosen, config.channels, free)
    if device.name == "cpu":
        is_large = fits and seconds is None and extent.bytes(chosen, config.channels) > TIMED_BYTES
        why = "Path lengths of this size take minutes by themselves, so that no part is timed."
        note = why if is_large else ""
    elif device.name.startswith("mps"):
        note = "It does the forward pass only; the rest is done by the CPU."
    else:
        note = (
            "It settles what needs no linear program; the CPU solves the rest, so that it takes at most as long as on "
            "the CPU alone."
        )
    return DeviceFit(device.name, device.title, free, fits, seconds, note)
