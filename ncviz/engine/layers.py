"""The layers around a connection as its blocks read them: activity and mass by position, several layers as if one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import Distances
from ncviz.graph.positions import PathTable, layer_grid, padded, starts_of

Layers = tuple[np.ndarray, ...]


def position_major(
    activity: np.ndarray, shape: tuple[int, ...], kept: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return one layer's activity and exp(-1/a²), both float64 [samples, positions, channels].

    Args:
        activity: float64 [samples, units], normalised to [0, 1].
        shape: Shape of the layer.
        kept: Channels that take part, int64; None for all.
    """
    channels, positions = layer_grid(shape)
    by_channel = activity.reshape(len(activity), channels, positions)
    own = np.ascontiguousarray((by_channel if kept is None else by_channel[:, kept]).transpose(0, 2, 1))
    mass = np.zeros_like(own)
    with np.errstate(over="ignore", divide="ignore"):
        np.exp(-1.0 / np.square(own), out=mass, where=own > 0)
    return own, mass


def layers_of(graph: NeuralGraph, activity: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return each layer's activity and mass by position, of the channels that take part; see ``position_major``."""
    return [
        position_major(own, shape, graph.kept_channels(level))
        for level, (own, shape) in enumerate(zip(activity, graph.layer_shapes, strict=True))
    ]


def around(layers: Sequence[tuple[np.ndarray, np.ndarray]], graph: NeuralGraph, index: int) -> Layers:
    """Return activity and mass around a connection: of what its sources read, its ends, and what reads its targets.

    Each float64 [samples, positions, channels]; several layers are one, their positions one after the other and their
    channels filled up with inactive ones; empty ones stand beyond the input and the logits.
    """
    own = graph.connections[index]
    before, after = graph.sources_of(own.source), graph.targets_of(own.target)
    found = [_together([layers[level] for level in some]) for some in (before, after)]
    nothing = np.zeros((len(layers[0][0]), 1, 1))
    first, last = (each or (nothing, nothing) for each in found)
    return (*first, *layers[own.source], *layers[own.target], *last)


def ends_of(graph: NeuralGraph, index: int) -> tuple[bool, bool]:
    """Return whether a connection's sources are the input, which reads nothing, and its targets the logits."""
    own = graph.connections[index]
    return not graph.sources_of(own.source), not graph.targets_of(own.target)


def _together(layers: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray] | None:
    if len(layers) < 2:
        return layers[0] if layers else None
    channels = max(activity.shape[2] for activity, _ in layers)
    parts = [
        [np.pad(own, ((0, 0), (0, 0), (0, channels - own.shape[2]))) for own in layer] for layer in layers
    ]
    activity, mass = (np.concatenate([part[at] for part in parts], axis=1) for at in (0, 1))
    return activity, mass


@dataclass(frozen=True, eq=False)
class AdjacentLayers:
    """The layers on one side of a connection as if they were one, their positions, taps and kinds one after the other.

    Attributes:
        layers: Which layers.
        table: What joins them to the connection's layer: positions and kinds counted through; None if there are none.
        first: int64 [layers + 1], where each layer's positions begin.
        channels: Most channels that one of them has.
    """

    layers: tuple[int, ...]
    table: PathTable | None
    first: np.ndarray
    channels: int

    def layer_of(self, position: np.ndarray) -> np.ndarray:
        """Return which of the layers a position belongs to."""
        return np.searchsorted(self.first, position, side="right") - 1


def adjacent_layers(paths: Distances, layers: tuple[int, ...], at: int, is_before: bool) -> AdjacentLayers:
    """Bring the layers before or after one together."""
    hops = [paths.hops[(layer, at) if is_before else (at, layer)] for layer in layers]
    if not hops:
        return AdjacentLayers((), None, np.zeros(1, dtype=np.int64), 1)
    if len(hops) == 1:
        own = hops[0]
        side = 0 if is_before else 1
        return AdjacentLayers(
            layers, own, starts_of(np.array([own.positions[side]])), own.lengths.shape[1 + side]
        )
    side = 0 if is_before else 1
    first = starts_of(np.array([hop.positions[side] for hop in hops]))
    channels = max(hop.lengths.shape[1 + side] for hop in hops)
    kinds = starts_of(np.array([len(hop.lengths) for hop in hops]))
    ends = [[hop.source, hop.target] for hop in hops]
    for number, end in enumerate(ends):
        end[side] = end[side] + np.int32(first[number])
    kind = [hop.kind + np.int32(kinds[number]) for number, hop in enumerate(hops)]
    positions = (
        (int(first[-1]), hops[0].positions[1]) if is_before else (hops[0].positions[0], int(first[-1]))
    )
    lengths = np.concatenate([padded(hop.lengths, 1 + side, channels) for hop in hops])
    table = PathTable(
        np.concatenate([end[0] for end in ends]), np.concatenate([end[1] for end in ends]), np.concatenate(kind),
        lengths, positions,
    )  # fmt: skip
    return AdjacentLayers(layers, table, first, channels)
