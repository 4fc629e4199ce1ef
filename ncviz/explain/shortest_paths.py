"""Shortest paths around one edge of any network, layer by layer: all of them, or only those that avoid the edge.

They start from some units and go on through everything that joins layers, as far as they are asked to. Of each layer
only the positions that are reached are held, so that a convolution costs no more than the cone that it sees. Where
channels are sampled, units are those of the channels that take part, counted through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ncviz.graph.images.tables import link_table
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import Distances
from ncviz.graph.positions import PathTable

# Numbers that are held at once while a layer is reached.
_CHUNK = 2**24


@dataclass(frozen=True, eq=False)
class Edge:
    """An edge that paths avoid.

    Attributes:
        layers: Of its source and its target.
        source: Unit.
        target: Unit.
        beside: Length of the shortest other edge between the same two units; inf if there is none.
    """

    layers: tuple[int, int]
    source: int
    target: int
    beside: float


@dataclass(frozen=True, eq=False)
class _Layer:
    """How far the units of one layer are from each start: float64 [starts, channels, places]."""

    places: np.ndarray
    lengths: np.ndarray


@dataclass(frozen=True, eq=False)
class Reach:
    """How far units of any layer are from the starts.

    Attributes:
        starts: How many units the paths start from.
        positions: For each layer, how many positions it has.
    """

    starts: int
    positions: tuple[int, ...]
    _reached: Mapping[int, _Layer]

    def to(self, layer: int, units: np.ndarray) -> np.ndarray:
        """Return how far units of a layer are from each start, float64 [starts, units]; inf where none leads."""
        found = np.full((self.starts, len(units)), np.inf)
        if layer in self._reached:
            own = self._reached[layer]
            channel, place = np.divmod(units, self.positions[layer])
            at = np.minimum(np.searchsorted(own.places, place), len(own.places) - 1)
            is_here = own.places[at] == place
            found[:, is_here] = own.lengths[:, channel[is_here], at[is_here]]
        return found


def shortest_paths(
    graph: NeuralGraph,
    paths: Distances,
    layers: np.ndarray,
    units: np.ndarray,
    until: int,
    *,
    is_backward: bool = False,
    without: Edge | None = None,
) -> Reach:
    """Follow the shortest paths from some units.

    Args:
        graph: The neural graph.
        paths: Its path lengths.
        layers: int64 [n], layer of each start.
        units: int64 [n], its unit within that layer.
        until: The last layer to reach.
        is_backward: Whether paths lead against the edges, to earlier layers.
        without: An edge to avoid; forwards only.
    """
    grids = [
        (shape[0] if own is None else len(own), int(np.prod(shape[1:])))
        for shape, own in zip(
            graph.layer_shapes, map(graph.kept_channels, range(len(graph.layer_shapes))), strict=True
        )
    ]
    reached: dict[int, _Layer] = {}
    for layer in np.unique(layers).tolist():
        own = np.flatnonzero(layers == layer)
        channel, place = np.divmod(units[own], grids[layer][1])
        places, at = np.unique(place, return_inverse=True)
        lengths = np.full((len(units), grids[layer][0], len(places)), np.inf)
        lengths[own, channel, at.reshape(-1)] = 0.0
        reached[layer] = _Layer(places, lengths)
    step = -1 if is_backward else 1
    order = sorted(range(len(grids)), reverse=is_backward)
    for layer in order:
        if layer not in reached or step * layer >= step * until:
            continue
        for ends, table in paths.hops.items():
            begin, end = ends[::step]
            if begin != layer or step * end > step * until:
                continue
            way = (table.target, table.source) if is_backward else (table.source, table.target)
            joined = table.lengths.transpose(0, 2, 1) if is_backward else table.lengths
            found = _on(reached[layer], *way, table.kind, joined)
            if found is None:
                continue
            if without is not None and ends == without.layers:
                _avoid(reached[layer], found, table, without)
            reached[end] = found if end not in reached else _nearer(reached[end], found)
    return Reach(len(units), tuple(grid[1] for grid in grids), reached)


def beside(graph: NeuralGraph, paths: Distances, connection: int, source: int, target: int) -> float:
    """Return the length of the shortest other edge between two units that a connection joins; inf if there is none."""
    own = graph.connections[connection]
    tables = [
        taps.table
        for at, (each, taps) in enumerate(zip(graph.connections, paths.one, strict=True))
        if at != connection and (each.source, each.target) == (own.source, own.target)
    ]
    tables += [
        link_table(graph, link)
        for link in graph.links
        if (link.source, link.target) == (own.source, own.target)
    ]
    ends = np.array([source]), np.array([target])
    return min((float(table.between(*ends)[0, 0]) for table in tables), default=np.inf)


def _on(
    before: _Layer, source: np.ndarray, target: np.ndarray, kind: np.ndarray, joined: np.ndarray
) -> _Layer | None:
    """Go one step on; None where nothing reads what was reached."""
    at = np.minimum(np.searchsorted(before.places, source), len(before.places) - 1)
    used = np.flatnonzero(before.places[at] == source)
    if not len(used):
        return None
    places, to = np.unique(target[used], return_inverse=True)
    at, to, kind = at[used], to.reshape(-1), kind[used]
    starts = len(before.lengths)
    out = np.full((starts, joined.shape[2], len(places)), np.inf)
    for tap in np.unique(kind).tolist():
        mine = np.flatnonzero(kind == tap)
        mine = mine[np.argsort(to[mine], kind="stable")]
        # Against the edges, one position may be reached from several by the same tap.
        end, several = np.unique(to[mine], return_index=True)
        lengths, begin = joined[tap], at[mine]
        for channel in range(lengths.shape[1]):
            heard = np.flatnonzero(np.isfinite(lengths[:, channel]))
            size = max(1, _CHUNK // max(1, len(heard) * len(mine)))
            for first in range(0, starts if len(heard) else 0, size):
                rows = slice(first, first + size)
                way = before.lengths[rows][:, heard][:, :, begin] + lengths[heard, channel][None, :, None]
                nearest = np.minimum.reduceat(way.min(axis=1), several, axis=1)
                out[rows, channel, end] = np.minimum(out[rows, channel, end], nearest)
    return _Layer(places.astype(np.int64), out)


def _avoid(before: _Layer, after: _Layer, table: PathTable, edge: Edge) -> None:
    """Put right how far the edge's target is where the way to it was the edge."""
    channel, place = divmod(edge.target, table.positions[1])
    at = np.flatnonzero(after.places == place)
    if not len(at):
        return
    pairs = np.flatnonzero(table.target == place)
    here = np.minimum(np.searchsorted(before.places, table.source[pairs]), len(before.places) - 1)
    is_known = before.places[here] == table.source[pairs]
    pairs, here = pairs[is_known], here[is_known]
    last = table.lengths[table.kind[pairs], :, channel].T.copy()  # [channels before, pairs]
    own_channel, own_place = divmod(edge.source, table.positions[0])
    last[own_channel, table.source[pairs] == own_place] = edge.beside
    ways = before.lengths[:, :, here] + last[None]
    after.lengths[:, channel, at[0]] = ways.min(axis=(1, 2), initial=np.inf)


def _nearer(one: _Layer, other: _Layer) -> _Layer:
    places = np.union1d(one.places, other.places)
    lengths = np.full((*one.lengths.shape[:2], len(places)), np.inf)
    for each in (one, other):
        at = np.searchsorted(places, each.places)
        lengths[:, :, at] = np.minimum(lengths[:, :, at], each.lengths)
    return _Layer(places, lengths)
