"""Who the neighbours of an edge's ends are, in whichever layers, and who of them carries mass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ncviz.engine.layers import position_major
from ncviz.engine.plan import Readings
from ncviz.errors import DataError
from ncviz.graph.connection import Connection
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.positions import layer_grid


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Neighbours of one end of an edge.

    Attributes:
        layers: int64 [n], the layer of each, growing.
        units: int64 [n], its index within that layer, growing within each.
    """

    layers: np.ndarray
    units: np.ndarray

    def __len__(self) -> int:
        return len(self.units)

    def take(self, which: np.ndarray) -> Neighbours:
        """Return some of them."""
        return Neighbours(self.layers[which], self.units[which])

    def by_layer(self) -> list[tuple[int, np.ndarray]]:
        """Return each layer with which of the neighbours are in it."""
        return [(int(layer), np.flatnonzero(self.layers == layer)) for layer in np.unique(self.layers)]


def heard_by(graph: NeuralGraph, layer: int, unit: int) -> Neighbours:
    """Return the units that take part and that a unit hears from, through weights and links."""
    return _together(
        [(each.source, _kept(graph, each.source, _sources(each, unit))) for each in graph.into(layer)]
    )


def spoken_to(graph: NeuralGraph, layer: int, unit: int) -> Neighbours:
    """Return the units that take part and that a unit speaks to, through weights and links."""
    return _together(
        [(each.target, _kept(graph, each.target, _targets(each, unit))) for each in graph.out_of(layer)]
    )


def numbered(graph: NeuralGraph, layer: int, units: np.ndarray) -> np.ndarray:
    """Return the numbers that units have in path lengths: among those of the channels that take part."""
    own = graph.kept_channels(layer)
    if own is None:
        return units
    channel, place = np.divmod(units, layer_grid(graph.layer_shapes[layer])[1])
    return np.searchsorted(own, channel) * layer_grid(graph.layer_shapes[layer])[1] + place


def takes_part(graph: NeuralGraph, layer: int, unit: int) -> bool:
    """Whether a unit's channel is one of those that were drawn."""
    return len(_kept(graph, layer, np.array([unit]))) > 0


def _kept(graph: NeuralGraph, layer: int, units: np.ndarray) -> np.ndarray:
    own = graph.kept_channels(layer)
    if own is None:
        return units
    return units[np.isin(units // layer_grid(graph.layer_shapes[layer])[1], own)]


def with_mass(activity: Sequence[np.ndarray], known: Neighbours) -> tuple[Neighbours, np.ndarray]:
    """Return which of some units carry mass, and how much, by the engine's own rule.

    Args:
        activity: For each layer float64 [units], normalised.
        known: The units.
    """
    from ncviz.engine.measures import measure

    if not len(known):
        return known, np.empty(0)
    own = np.concatenate([activity[layer][known.units[which]] for layer, which in known.by_layer()])
    active, mass = (part[0] for part in position_major(own[None], (len(own), 1)))
    start, nothing = np.array([0, 1], dtype=np.int64), np.zeros(1, dtype=np.int32)
    everyone = np.ones((1, 1, len(own)), dtype=np.bool_)
    _, chosen, share = measure(Readings(start, nothing, nothing, everyone), active, mass, 0, 0, 0.0)
    return known.take(chosen), share


def edge_weight(graph: NeuralGraph, index: int, source: int, target: int) -> tuple[float, int]:
    """Return an edge's weight, and on how many edges that stands, in whichever connections of its layer.

    Raises:
        DataError: If there is no such edge.
    """
    connection = graph.connections[index]
    channel, position, group = _row(connection, target)
    slot = np.flatnonzero(connection.fields[group, position] == source)
    if not len(slot):
        raise DataError(
            f"There is no edge {source} → {target} in connection {index} ({connection.name}): "
            f"unit {target} does not read unit {source}."
        )
    weight = float(connection.weight[group, channel, slot[0]])
    if weight == 0:
        raise DataError(
            f"There is no edge {source} → {target} in connection {index} ({connection.name}): its weight is 0."
        )
    _, channels, slots = connection.weight.shape
    at = (group * channels + channel) * slots + int(slot[0])
    flat = at if connection.order is None else int(connection.order[at])
    several = [each for each in graph.connections if each.parameter == connection.parameter]
    return weight, sum(_standing(each, flat) for each in several)


def _standing(connection: Connection, flat: int) -> int:
    """Return on how many edges of a connection a weight stands, given by its place in the flat parameter."""
    at = flat if connection.order is None else int(np.flatnonzero(connection.order == flat)[0])
    row, slot = divmod(at, connection.weight.shape[2])
    return int((connection.fields[row // connection.weight.shape[1], :, slot] >= 0).sum())


def _together(parts: list[tuple[int, np.ndarray]]) -> Neighbours:
    layers = np.concatenate([_NONE, *(np.full(len(units), layer) for layer, units in parts)])
    units = np.concatenate([_NONE, *(units for _, units in parts)])
    # A skip beside a convolution joins the same two units twice.
    pairs = np.unique(np.stack([layers, units]), axis=1)
    return Neighbours(pairs[0], pairs[1])


_NONE = np.empty(0, dtype=np.int64)


def _row(connection: Connection, target: int) -> tuple[int, int, int]:
    """Return a target's channel within its group, its position and its group."""
    row, position = divmod(target, connection.fields.shape[1])
    group, channel = divmod(row, connection.weight.shape[1])
    return channel, position, group


def _sources(connection: Connection, target: int) -> np.ndarray:
    channel, position, group = _row(connection, target)
    fields, weight = connection.fields[group, position], connection.weight[group, channel]
    return fields[(fields >= 0) & (weight != 0)]


def _targets(connection: Connection, source: int) -> np.ndarray:
    group, position, slot = np.nonzero(connection.fields == source)
    channels, positions = connection.weight.shape[1], connection.fields.shape[1]
    at, channel = np.nonzero(connection.weight[group, :, slot])
    return (group[at] * channels + channel) * positions + position[at]
