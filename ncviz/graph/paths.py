"""Shortest paths between layers: min-plus products of the edge lengths, once for each way that positions are joined."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np

from ncviz.errors import CancelledError
from ncviz.graph.connection import Connection
from ncviz.graph.images.pairs import pairs_around, pairs_on_the_way, restricted
from ncviz.graph.images.room import Room
from ncviz.graph.images.tables import is_of_units, link_table
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.positions import PathTable, Taps, connection_taps
from ncviz.graph.products import Way, shortest_of

# How often it is told how far the paths are.
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class Distances:
    """Lengths of the shortest paths between the layers that a curvature looks at; they depend on the weights only.

    Attributes:
        one: For each connection its edges by positions.
        hops: For each pair of layers (source, target) that something joins, its edges, links among them.
        tables: For each pair of layers the shortest paths between them, whatever layers they go through.
    """

    one: tuple[Taps, ...]
    hops: Mapping[tuple[int, int], PathTable]
    tables: Mapping[tuple[int, int], PathTable]

    def before(self, layer: int) -> tuple[int, ...]:
        """Return the layers that a layer reads, growing."""
        return tuple(sorted(source for source, target in self.hops if target == layer))

    def after(self, layer: int) -> tuple[int, ...]:
        """Return the layers that read a layer, growing."""
        return tuple(sorted(target for source, target in self.hops if source == layer))


def distances(
    graph: NeuralGraph,
    device: str = "cpu",
    executor: Executor | None = None,
    cancel: threading.Event | None = None,
    connections: Sequence[int] | None = None,
    known: Distances | None = None,
    is_near: bool = False,
    report: Callable[[float, float], None] | None = None,
    is_narrow: bool = False,
    room: Room | None = None,
) -> Distances:
    """Compute the shortest paths around each connection: from what its sources read to what reads its targets.

    Products associate right to left, so that the sparse factor is always the left one; left to right where the last
    step is one that an image weighs, which joins each unit to few. Where a convolution repeats itself the same product
    serves all positions.

    Args:
        graph: The neural graph.
        device: "cpu" for compiled code on the executor's threads; else torch on that device (mps has no float64 and
            hands the work to the CPU).
        executor: A thread pool, none of whose threads this is; as many tables as it has threads are then made at a
            time. By default the work is done in this thread.
        cancel: Set it to stop.
        connections: Those whose surroundings are wanted; by default all.
        known: Paths of the same graph that are known already.
        is_near: Whether only the paths are wanted that begin or end at the connection's own ends.
        report: Called with the share that is done, and what all of it costs, in sums of two lengths.
        is_narrow: Whether paths are wanted only between positions that the connections look at; for graphs in which
            every position is reached from everywhere. ``known`` then holds steps only.
        room: Where lengths are made that ``known`` does not hold; None for memory of their own.

    Raises:
        ModelError: If the tables would be too large for memory.
        CancelledError: If ``cancel`` was set.
    """
    found = known or steps(graph)
    weighed = frozenset(link.target for link in graph.links if is_of_units(graph, link))
    backwards = weighed if is_narrow else frozenset()
    search = _Search(found, device, executor, cancel, dict(found.tables), backwards, room)
    wanted: dict[tuple[int, int], None] = {}
    pairs: dict[tuple[int, int], np.ndarray] = {}
    for index in range(len(found.one)) if connections is None else connections:
        own = graph.connections[index]
        mine = [
            (source, target)
            for source, target in surroundings(graph, index)
            if not is_near or source == own.source or target == own.target
        ]
        wanted |= dict.fromkeys(mine)
        if is_narrow:
            around = pairs_around(found.one[index].table, (own.source, own.target), found.hops, mine)
            for ends, codes in around.items():
                pairs[ends] = np.union1d(pairs[ends], codes) if ends in pairs else codes
    if is_narrow:
        search.pairs = pairs_on_the_way(pairs, found.hops, weighed)
    if report is not None:
        search.expect(tuple(wanted))

    def tell() -> None:
        if report is not None:
            report(search.share, search.expected)

    if device == "cpu" and isinstance(executor, ThreadPoolExecutor):
        # Not on its own threads, which make the parts of each table; as many as these, which no public name tells.
        with ThreadPoolExecutor(executor._max_workers) as pool:
            pending = {pool.submit(search.between, *ends) for ends in wanted}
            try:
                while pending:
                    done, pending = wait(pending, _LOOK_SECONDS, FIRST_EXCEPTION)
                    for each in done:
                        each.result()
                    tell()
            finally:
                for each in pending:
                    each.cancel()
    else:
        for ends in wanted:
            search.between(*ends)
            tell()
    return Distances(found.one, found.hops, search.tables)


def cost_of_distances(graph: NeuralGraph, known: Distances, connections: Sequence[int]) -> float:
    """Return about how many sums of two lengths the paths around some connections take, of those not known yet."""
    search = _Search(known, "cpu", None, None, dict(known.tables))
    search.expect([ends for index in connections for ends in surroundings(graph, index)])
    return search.expected


def steps(graph: NeuralGraph) -> Distances:
    """Return what joins layers directly, no paths yet."""
    one = tuple(connection_taps(graph, each) for each in graph.connections)
    between: dict[tuple[int, int], list[PathTable]] = {}
    for each, taps in zip(graph.connections, one, strict=True):
        between.setdefault((each.source, each.target), []).append(taps.table)
    for link in graph.links:
        between.setdefault((link.source, link.target), []).append(link_table(graph, link))
    return Distances(one, {ends: shortest(tables) for ends, tables in between.items()}, {})


def with_links(known: Distances, graph: NeuralGraph, links: Sequence[Connection]) -> Distances:
    """Return the steps of a graph with some links more, no paths yet."""
    hops = dict(known.hops)
    for link in links:
        ends = link.source, link.target
        own = link_table(graph, link)
        hops[ends] = shortest([hops[ends], own]) if ends in hops else own
    return Distances(known.one, hops, {})


def surroundings(graph: NeuralGraph, index: int) -> list[tuple[int, int]]:
    """Return the pairs of layers whose distances the curvature of a connection depends on, its own ends last."""
    own = graph.connections[index]
    before, after = graph.sources_of(own.source), graph.targets_of(own.target)
    ends = [(a, b) for a in before for b in after]
    ends += [(a, own.target) for a in before] + [(own.source, b) for b in after]
    return [*ends, (own.source, own.target)]


@dataclass(eq=False)
class _Search:
    """Shortest paths from layer to layer, each found once: the best first step, and the shortest path from there.

    To the layers ``backwards`` it is the best last step, and the shortest path to where it begins.
    """

    known: Distances
    device: str
    executor: Executor | None
    cancel: threading.Event | None
    tables: dict[tuple[int, int], PathTable] = field(default_factory=dict)
    backwards: frozenset[int] = frozenset()
    room: Room | None = None
    pairs: dict[tuple[int, int], np.ndarray] | None = None
    _locks: dict[tuple[int, int], threading.Lock] = field(default_factory=dict)
    expected: float = 0.0
    _done: list[float] = field(default_factory=list)

    def expect(self, wanted: Sequence[tuple[int, int]]) -> None:
        """Work out what these paths cost, so that the share that is done can be told."""
        leads: dict[tuple[int, int], bool] = dict.fromkeys(self.tables, True)

        def look(source: int, target: int) -> bool:
            ends = source, target
            if ends not in leads:
                leads[ends] = ends in self.known.hops
                for step, rest in self._splits(source, target):
                    if look(*rest):
                        leads[ends] = True
                        self.expected += self._cost(step, rest)
            return leads[ends]

        for source, target in wanted:
            look(source, target)

    @property
    def share(self) -> float:
        """The share of what was expected that is done."""
        return min(1.0, sum(self._done) / self.expected) if self.expected else 1.0

    def _splits(self, source: int, target: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Give the steps that a path may be made of, each with the layers that the rest of it lies between.

        Its first steps; its last ones where the layer is one of those ``backwards``.
        """
        if target in self.backwards:
            for middle in self.known.before(target):
                if middle > source:
                    yield (middle, target), (source, middle)
            return
        for middle in self.known.after(source):
            if middle < target:
                yield (source, middle), (middle, target)

    def _cost(self, step: tuple[int, int], rest: tuple[int, int]) -> float:
        """Return about what a product takes: its channels, for each kind of the step."""
        kinds, rows, columns = self.known.hops[step].lengths.shape
        far = rest[0] if rest[1] == step[0] else rest[1]
        return float(kinds) * rows * columns * self._channels(far)

    def _channels(self, layer: int) -> int:
        return next(
            table.lengths.shape[1 + ends.index(layer)]
            for ends, table in self.known.hops.items()
            if layer in ends
        )

    def between(self, source: int, target: int) -> PathTable | None:
        """Return the shortest paths between two layers; None if nothing leads from one to the other.

        Threads may ask for several at once. Whoever makes one waits only for tables that lie between its ends.
        """
        ends = source, target
        with self._locks.setdefault(ends, threading.Lock()):
            if ends not in self.tables:
                found = self._find(source, target)
                if found is None:
                    return None
                self.tables[ends] = found
            return self.tables[ends]

    def _find(self, source: int, target: int) -> PathTable | None:
        ends = source, target
        if self.pairs is not None and ends not in self.pairs:
            return None
        wanted = None if self.pairs is None else self.pairs[ends]
        ways: list[Way] = []
        if ends in self.known.hops:
            hop = self.known.hops[ends]
            ways.append((hop if wanted is None else restricted(hop, wanted), None))
        cost = 0.0
        for step, between in self._splits(source, target):
            rest = self.between(*between)
            if rest is not None:
                hop = self.known.hops[step]
                ways.append((rest, hop) if between[0] == source else (hop, rest))
                cost += self._cost(step, between)
        if not ways:
            return None
        if len(ways) == 1 and ways[0][1] is None:
            return ways[0][0]
        if self.cancel is not None and self.cancel.is_set():
            raise CancelledError
        found = shortest_of(ways, self.device, self.executor, self.cancel, wanted, self.room)
        self._done.append(cost)
        return found


def shortest(tables: Sequence[PathTable]) -> PathTable:
    """Return the shorter of several ways between the same two layers.

    Raises:
        ModelError: If the result would be too large for memory.
    """
    return tables[0] if len(tables) == 1 else shortest_of([(table, None) for table in tables])
