"""The layers that adjoin a connection, as if they were one: positions, taps and channels counted through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ncviz.graph.paths import Distances
from ncviz.graph.positions import PathTable


@dataclass(frozen=True, eq=False)
class Side:
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


def side_of(paths: Distances, layers: tuple[int, ...], at: int, is_before: bool) -> Side:
    """Bring the layers before or after one together."""
    hops = [paths.hops[(layer, at) if is_before else (at, layer)] for layer in layers]
    if not hops:
        return Side((), None, np.zeros(1, dtype=np.int64), 1)
    if len(hops) == 1:
        own = hops[0]
        side = 0 if is_before else 1
        return Side(layers, own, starts_of(np.array([own.positions[side]])), own.lengths.shape[1 + side])
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
    return Side(layers, table, first, channels)


def padded(lengths: np.ndarray, axis: int, channels: int) -> np.ndarray:
    """Return lengths with channels added along an axis that nothing joins."""
    missing = [(0, channels - lengths.shape[axis] if each == axis else 0) for each in range(3)]
    return np.pad(lengths, missing, constant_values=np.inf) if any(map(any, missing)) else lengths


def starts_of(counts: np.ndarray) -> np.ndarray:
    """Return where each part begins if parts of these sizes stand one after the other, int64 [n + 1]."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
