"""Shortest paths between layers: min-plus products of the edge lengths, once for each way that positions are joined."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ncviz.devices import guard
from ncviz.errors import CancelledError, ModelError
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.positions import PathTable, Taps, connection_taps

MAX_TABLE_BYTES = 4 * 2**30
_CHUNK_ELEMENTS = 2**24
_TASKS = 64


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
) -> Distances:
    """Compute the shortest paths around each connection: from what its sources read to what reads its targets.

    Products associate right to left, so that the sparse factor is always the left one. Where a convolution repeats
    itself the same product serves all positions.

    Args:
        graph: The neural graph.
        device: "cpu" for compiled code on the executor's threads; else torch on that device (mps has no float64 and
            hands the work to the CPU).
        executor: A thread pool; by default the work is done in this thread.
        cancel: Set it to stop.
        connections: Those whose surroundings are wanted; by default all.

    Raises:
        ModelError: If the tables would be too large for memory.
        CancelledError: If ``cancel`` was set.
    """
    one = tuple(connection_taps(graph, each) for each in graph.connections)
    between: dict[tuple[int, int], list[PathTable]] = {}
    for each, taps in zip(graph.connections, one, strict=True):
        between.setdefault((each.source, each.target), []).append(taps.table)
    for link in graph.links:
        between.setdefault((link.source, link.target), []).append(connection_taps(graph, link).table)
    hops = {ends: shortest(tables) for ends, tables in between.items()}
    found = Distances(one, hops, {})
    search = _Search(found, device, executor, cancel)
    for index in range(len(one)) if connections is None else connections:
        for source, target in surroundings(graph, index):
            search.between(source, target)
    return Distances(one, hops, search.tables)


def surroundings(graph: NeuralGraph, index: int) -> list[tuple[int, int]]:
    """Return the pairs of layers whose distances the curvature of a connection depends on, its own ends last."""
    own = graph.connections[index]
    before = {each.source for each in graph.into(own.source)}
    after = {each.target for each in graph.out_of(own.target)}
    ends = [(a, b) for a in sorted(before) for b in sorted(after)]
    ends += [(a, own.target) for a in sorted(before)] + [(own.source, b) for b in sorted(after)]
    return [*ends, (own.source, own.target)]


@dataclass(eq=False)
class _Search:
    """Shortest paths from layer to layer, each found once: the best first step, and the shortest path from there."""

    known: Distances
    device: str
    executor: Executor | None
    cancel: threading.Event | None
    tables: dict[tuple[int, int], PathTable] = field(default_factory=dict)

    def between(self, source: int, target: int) -> PathTable | None:
        """Return the shortest paths between two layers; None if nothing leads from one to the other."""
        ends = source, target
        if ends in self.tables:
            return self.tables[ends]
        ways = []
        for through in self.known.after(source):
            if through == target:
                ways.append(self.known.hops[ends])
            elif through < target:
                onward = self.between(through, target)
                if onward is not None:
                    if self.cancel is not None and self.cancel.is_set():
                        raise CancelledError
                    first = self.known.hops[source, through]
                    ways.append(compose(first, onward, self.device, self.executor))
        if not ways:
            return None
        self.tables[ends] = shortest(ways)
        return self.tables[ends]


def shortest(tables: Sequence[PathTable]) -> PathTable:
    """Return the shorter of several ways between the same two layers.

    Raises:
        ModelError: If the result would be too large for memory.
    """
    if len(tables) == 1:
        return tables[0]
    positions = tables[0].positions
    pairs = [table.source.astype(np.int64) * positions[1] + table.target for table in tables]
    every = np.unique(np.concatenate(pairs))
    source, target = (part.astype(np.int32) for part in np.divmod(every, positions[1]))
    kinds = np.stack([table.find(source, target) for table in tables])  # [tables, pairs]
    combined, kind = np.unique(kinds, axis=1, return_inverse=True)
    shape = (combined.shape[1], *tables[0].lengths.shape[1:])
    _check_room(shape)
    lengths = np.full(shape, np.inf)
    for table, own in zip(tables, combined, strict=True):
        used = np.flatnonzero(own >= 0)
        lengths[used] = np.minimum(lengths[used], table.lengths[own[used]])
    return PathTable(source, target, kind.reshape(-1).astype(np.int32), lengths, positions)


def _check_room(shape: tuple[int, int, int]) -> None:
    needed = 8 * shape[0] * shape[1] * shape[2]
    if needed > MAX_TABLE_BYTES:
        raise ModelError(
            f"A distance table of this network would take {needed / 2**30:.1f} GB, more than the "
            f"{MAX_TABLE_BYTES / 2**30:.0f} GB that ncviz allows itself; use smaller images, sample its channels, or "
            "choose some of its layers."
        )


def compose(
    left: PathTable, right: PathTable, device: str = "cpu", executor: Executor | None = None
) -> PathTable:
    """Return the min-plus product of two tables, the later layer of the one being the earlier layer of the other.

    Raises:
        ModelError: If the product would be too large for memory.
    """
    source, target, kind, start, first, second = _joined(left, right)
    shape = (len(start) - 1, left.lengths.shape[1], right.lengths.shape[2])
    _check_room(shape)
    if device == "cpu" or device.startswith("mps"):
        lengths = _compiled(left.lengths, right.lengths, start, first, second, shape, executor)
    else:
        lengths = dense_products(left.lengths, right.lengths, start, first, second, device)
    return PathTable(source, target, kind, lengths, (left.positions[0], right.positions[1]))


def _joined(left: PathTable, right: PathTable) -> tuple[np.ndarray, ...]:
    """Find which products of kinds join which positions.

    Returns:
        source, target and kind of each pair of positions; then for each kind the range of its products, and each
        product's left and right kind.
    """
    by_source = np.searchsorted(right.source, np.arange(right.positions[0] + 1))
    fan = np.diff(by_source)[left.target]  # how many steps go on from each first step
    step = np.repeat(np.arange(len(left.source)), fan)
    offset = np.arange(fan.sum()) - np.repeat(np.cumsum(fan) - fan, fan)
    onward = by_source[left.target[step]] + offset
    pair = left.source[step].astype(np.int64) * right.positions[1] + right.target[onward]
    product = left.kind[step].astype(np.int64) * len(right.lengths) + right.kind[onward]
    order = np.lexsort((product, pair))
    pair, product = pair[order], product[order]
    found, begin = np.unique(pair, return_index=True)
    ends = np.append(begin, len(pair))
    # Two pairs of positions are of one kind if the same products join them. Sums of random 64-bit words stand for
    # the sets; with two of them a mistake is less likely than one of the machine's.
    words = np.random.default_rng(0).integers(0, 2**64, (2, product.max(initial=0) + 1), dtype=np.uint64)
    with np.errstate(over="ignore"):
        marks = (
            np.stack([np.add.reduceat(word[product], begin) for word in words])
            if len(begin)
            else words[:, :0]
        )
    _, representative, kind = np.unique(marks, axis=1, return_index=True, return_inverse=True)
    kind = kind.reshape(-1)
    parts = [product[begin[r] : ends[r + 1]] for r in representative]
    chosen = np.concatenate(parts) if parts else product
    start = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    return (
        (found // right.positions[1]).astype(np.int32),
        (found % right.positions[1]).astype(np.int32),
        kind.astype(np.int32),
        start,
        (chosen // len(right.lengths)).astype(np.int32),
        (chosen % len(right.lengths)).astype(np.int32),
    )


def _compiled(
    left: np.ndarray,
    right: np.ndarray,
    start: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    shape: tuple[int, int, int],
    executor: Executor | None,
) -> np.ndarray:
    from ncviz.graph.minplus import best_products

    out = np.empty(shape)
    step = max(1, shape[0] // _TASKS)

    def part(begin: int) -> None:
        best_products(left, right, start[begin : begin + step + 1], first, second, out[begin : begin + step])

    begins = range(0, shape[0], step)
    if isinstance(executor, ThreadPoolExecutor):
        list(executor.map(part, begins))
    else:
        for begin in begins:
            part(begin)
    return out


def dense_products(
    left: np.ndarray,
    right: np.ndarray,
    start: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    device: str,
) -> np.ndarray:
    """Do the same on a torch device, in chunks that fit its cache, or its memory if that is less.

    Outputs of equally many products are computed together.

    Raises:
        DeviceError: If the tables, or a single row of a product, do not fit the device's memory.
    """
    rows, inner, columns = left.shape[1], left.shape[2], right.shape[2]
    out = np.full((len(start) - 1, rows, columns), np.inf)
    products = np.diff(start)
    elements = _CHUNK_ELEMENTS

    def fill(outputs: np.ndarray, begin: int, end: int) -> None:
        """Write some rows of outputs that have the same number of products."""
        nonlocal elements
        size = len(outputs) * (end - begin)
        if size == 1 or size * inner * columns <= elements:
            try:
                out[outputs, begin:end] = best(outputs, begin, end).cpu().numpy()
                return
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
            elements = size * inner * columns // 2
            if device.startswith("cuda"):
                torch.cuda.empty_cache()
        half, middle = len(outputs) // 2, (begin + end) // 2
        if half:
            fill(outputs[:half], begin, end)
            fill(outputs[half:], begin, end)
        else:
            fill(outputs, begin, middle)
            fill(outputs, middle, end)

    def best(outputs: np.ndarray, begin: int, end: int) -> Tensor:
        found = torch.full((), torch.inf, dtype=torch.float64, device=device)
        for x in range(int(products[outputs[0]])):
            at = start[outputs] + x
            a = lefts[torch.from_numpy(first[at]).to(lefts.device), begin:end, :, None]
            b = rights[torch.from_numpy(second[at]).to(lefts.device), None]
            found = torch.minimum(found, (a + b).amin(2))
        return found

    with guard(device):
        lefts, rights = torch.from_numpy(left).to(device), torch.from_numpy(right).to(device)
        for number in np.unique(products[products > 0]):
            fill(np.flatnonzero(products == number), 0, rows)
    return out
