"""How large a computation will be, before any of it is done: sizes of the path tables, from positions alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from math import prod

import numpy as np

from ncviz.devices import free_memory
from ncviz.errors import ModelError
from ncviz.graph.connection import Connection
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import distances, steps, surroundings
from ncviz.graph.positions import layer_grid
from ncviz.text import gigabytes

_NUMBER_BYTES = 8
# Fewer edges than this are looked at without asking how large their tables will be.
LARGE = 5_000_000
# What a neuron takes for each image: its normalised activity twice, in two orders, and its mass, in float64.
_ACTIVITY_BYTES = 24


@dataclass(frozen=True)
class TableSize:
    """One table of path lengths.

    Attributes:
        source: Layer where the paths begin.
        target: Layer where they end.
        kinds: In how many ways positions are joined.
    """

    source: int
    target: int
    kinds: int


@dataclass(frozen=True, eq=False)
class Extent:
    """The tables that a network's curvature needs.

    Attributes:
        graph: The neural graph.
        tables: Every table.
        wanted: For each connection, which of them its curvature is computed from.
        kept: Which are there all the time although connections have tables of their own, made one connection after the
            other: where lengths depend on the image. None where all are kept.
    """

    graph: NeuralGraph
    tables: tuple[TableSize, ...]
    wanted: tuple[tuple[int, ...], ...]
    kept: tuple[int, ...] | None = None

    def bytes(self, connections: Collection[int] | None = None, channels: int = 0) -> int:
        """Return what the tables take in memory at a time.

        Args:
            connections: Which connections are computed; None for all.
            channels: Most channels of a hidden layer that take part; 0 for all.
        """
        if self.kept is None:
            return sum(self._sizes(connections, channels))
        chosen = range(len(self.wanted)) if connections is None else connections
        # Of the one connection that takes most, and as much again in its plan.
        most = max((sum(self._sizes([index], channels)) for index in chosen), default=0)
        return 2 * most + sum(self._bytes_of(at, channels) for at in self.kept)

    def largest(self, connections: Collection[int] | None = None, channels: int = 0) -> int:
        """Return what the largest single table takes."""
        return max(self._sizes(connections, channels), default=0)

    def edges(self, connections: Collection[int] | None = None, channels: int = 0) -> int:
        """Return about how many edges are looked at, exact where all channels take part."""
        total = 0.0
        for index in range(len(self.graph.connections)) if connections is None else connections:
            own = self.graph.connections[index]
            share = [self._channels(layer, channels) / layer_grid(self.graph.layer_shapes[layer])[0]
                     for layer in (own.source, own.target)]  # fmt: skip
            total += own.number_of_edges * share[0] * share[1]
        return round(total)

    def _sizes(self, connections: Collection[int] | None, channels: int) -> list[int]:
        chosen = range(len(self.wanted)) if connections is None else connections
        needed = {table for index in chosen for table in self.wanted[index]}
        return [self._bytes_of(at, channels) for at in needed]

    def _bytes_of(self, at: int, channels: int) -> int:
        own = self.tables[at]
        sides = self._channels(own.source, channels), self._channels(own.target, channels)
        return own.kinds * sides[0] * sides[1] * _NUMBER_BYTES

    def _channels(self, layer: int, most: int) -> int:
        own = layer_grid(self.graph.layer_shapes[layer])[0]
        is_hidden = 0 < layer < len(self.graph.layer_shapes) - 1
        return min(own, most) if most and is_hidden else own


def extent_of(graph: NeuralGraph) -> Extent:
    """Return how large a network's path tables are, without computing a path.

    How positions are joined does not depend on the channels, so that one channel of each layer tells.
    """
    if graph.depends_on_image:
        return _extent_on_an_image(graph)
    found = distances(_one_channel(graph))
    ends = list(found.tables)
    tables = tuple(TableSize(*pair, len(found.tables[pair].lengths)) for pair in ends)
    number = {pair: at for at, pair in enumerate(ends)}

    @cache
    def onward(pair: tuple[int, int]) -> frozenset[int]:
        """Return a table and those that it is made of: the ways on from wherever the first step leads."""
        source, target = pair
        steps = [(through, target) for through in found.after(source) if (through, target) in number]
        return frozenset({number[pair]}).union(*map(onward, steps))

    wanted = tuple(
        tuple(sorted(frozenset[int]().union(*map(onward, surroundings(graph, index)))))
        for index in range(len(graph.connections))
    )
    return Extent(graph, tables, wanted)


def _extent_on_an_image(graph: NeuralGraph) -> Extent:
    """Return the same where lengths depend on the image, on one of which no two activations are the same."""
    narrow, draw = _one_channel(graph), np.random.default_rng(0)
    narrow = narrow.on_image([0.5 + draw.random(size) for size in narrow.layer_sizes])
    known = steps(narrow)
    tables = [
        TableSize(*ends, len(known.hops[ends].lengths))
        for each in graph.products
        for ends in ((each.left, each.target), (each.right, each.target))
    ]
    kept, wanted = tuple(range(len(tables))), []
    for index in range(len(graph.connections)):
        own = distances(narrow, connections=[index], known=known, is_narrow=True).tables
        wanted.append(tuple(range(len(tables), len(tables) + len(own))))
        tables += [TableSize(*ends, len(table.lengths)) for ends, table in own.items()]
    return Extent(graph, tuple(tables), tuple(wanted), kept)


def check_paths(graph: NeuralGraph, connections: Collection[int] | None = None) -> None:
    """Refuse path tables that this machine's memory cannot hold, rather than let the system end the process.

    Args:
        graph: The neural graph.
        connections: Which connections are computed; None for all.

    Raises:
        ModelError: If they take more than is free.
    """
    free = free_memory()
    if free is None or graph.number_of_edges < LARGE:
        return
    channels = max((len(own) for own in graph.kept if own is not None), default=0)
    needed = extent_of(graph).bytes(connections, channels)
    if needed > free:
        raise ModelError(
            f"The path lengths of this network take {gigabytes(needed)}, but only {gigabytes(free)} are free; "
            "use smaller images, sample its channels, or choose some of its layers."
        )


def check_activity(graph: NeuralGraph, samples: int) -> None:
    """Refuse more images than this machine's memory can hold the neurons' activity on.

    Raises:
        ModelError: If that takes more than is free.
    """
    free, needed = free_memory(), _ACTIVITY_BYTES * samples * sum(graph.layer_sizes)
    if free is not None and needed > free:
        raise ModelError(
            f"What this network's neurons say of {samples:,} images takes {gigabytes(needed)}, but only "
            f"{gigabytes(free)} are free; choose fewer samples per class, or smaller images."
        )


def _one_channel(graph: NeuralGraph) -> NeuralGraph:
    """Return the graph between one channel of each layer, with every edge that some channels have."""

    def narrowed(connection: Connection) -> Connection:
        places = prod(graph.layer_shapes[connection.source][1:])
        plane = np.where(connection.fields >= 0, connection.fields % places, -1)
        columns = plane.transpose(0, 2, 1).reshape(-1, plane.shape[1])
        distinct = np.unique(columns[(columns >= 0).any(axis=1)], axis=0)  # [taps, P]
        return replace(connection, fields=distinct.T[None], weight=np.ones((1, 1, len(distinct))), order=None)

    shapes = tuple((1, *shape[1:]) for shape in graph.layer_shapes)
    return replace(
        graph,
        layer_shapes=shapes,
        connections=tuple(map(narrowed, graph.connections)),
        links=tuple(map(narrowed, graph.links)),
        products=tuple(
            each.between_places([prod(shape[1:]) for shape in graph.layer_shapes]) for each in graph.products
        ),
        kept=(),
    )
