"""Min-plus products of path tables, once for each way that positions are joined, on a CPU or a torch device."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from ncviz.devices import free_memory, guard
from ncviz.errors import CancelledError, ModelError
from ncviz.graph.images.room import Room, empty
from ncviz.graph.positions import PathTable, starts_of
from ncviz.text import gigabytes

MAX_TABLE_BYTES = 4 * 2**30
_CHUNK_ELEMENTS = 2**24
# What a pair of positions takes while a product is made: eight whole numbers.
_PAIR_BYTES = 64
# So many are joined without asking how much memory is free.
_MANY_PAIRS = 4_000_000
_TASKS = 64


# The shortest of several: a product of two tables, or a table as it is.
Way = tuple[PathTable, PathTable | None]


def shortest_of(
    ways: Sequence[Way],
    device: str = "cpu",
    executor: Executor | None = None,
    cancel: threading.Event | None = None,
    wanted: np.ndarray | None = None,
    room: Room | None = None,
) -> PathTable:
    """Return the shortest of several ways between the same two layers.

    Args:
        ways: Tables of a first step and of what follows, whose min-plus product is a way; or a table and None.
        device: "cpu" for compiled code, else torch on that device.
        executor: Threads for compiled code.
        cancel: Set it to stop.
        wanted: Pairs of positions, source · positions of the later layer + target, int64, growing; None for all.
        room: Where the lengths are made; None for memory of their own.

    Raises:
        CancelledError: If ``cancel`` was set meanwhile.
        ModelError: If the result would be too large for memory.
    """
    ending = threading.Event() if cancel is None else cancel
    left, right = ways[0]
    last = left if right is None else right
    positions = left.positions[0], last.positions[1]
    sizes = [len(one.lengths) * (1 if other is None else len(other.lengths)) for one, other in ways]
    first_of = starts_of(np.array(sizes))
    joined = [_joined(*way, wanted) for way in ways]
    pair = np.concatenate([own for own, _ in joined])
    product = np.concatenate([own + first_of[at] for at, (_, own) in enumerate(joined)])
    source, target, kind, start, chosen = _kinds(pair, product, positions)
    shape = (len(start) - 1, left.lengths.shape[1], last.lengths.shape[2])
    check_room(shape)
    out = empty(shape, room)
    is_begun = False
    # What is there as it is first, so that products are compared with it as they are made.
    for at in sorted(range(len(ways)), key=lambda at: ways[at][1] is not None):
        one, other = ways[at]
        mine = (chosen >= first_of[at]) & (chosen < first_of[at + 1])
        own, begins = chosen[mine] - first_of[at], starts_of(mine)[start]
        if other is None:
            _lower(out, one.lengths, own, begins, is_begun)
        else:
            first, second = (each.astype(np.int32) for each in np.divmod(own, len(other.lengths)))
            products = one.lengths, other.lengths, begins, first, second
            if device == "cpu" or device.startswith("mps"):
                _compiled(*products, out, is_begun, (executor, ending))
            else:
                found = dense_products(*products, device, ending)
                out = np.minimum(out, found, out=out) if is_begun else found
        is_begun = True
    return PathTable(source, target, kind, out, positions)


def _lower(out: np.ndarray, lengths: np.ndarray, own: np.ndarray, begins: np.ndarray, is_begun: bool) -> None:
    """Lower lengths to those of a table of which each has one at most."""
    has = np.diff(begins) > 0
    if is_begun:
        out[has] = np.minimum(out[has], lengths[own])
    else:
        out[~has] = np.inf
        out[has] = lengths[own]


def _joined(
    left: PathTable, right: PathTable | None, wanted: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Find which pairs of positions a way joins, of those that are wanted, and by which product of kinds, or kind."""
    if right is None:
        pair = left.source.astype(np.int64) * left.positions[1] + left.target
        product = left.kind.astype(np.int64)
    else:
        by_source = np.searchsorted(right.source, np.arange(right.positions[0] + 1))
        fan = np.diff(by_source)[left.target]  # how many steps go on from each first step
        _check_pairs(int(fan.sum()))
        step = np.repeat(np.arange(len(left.source)), fan)
        offset = np.arange(fan.sum()) - np.repeat(np.cumsum(fan) - fan, fan)
        onward = by_source[left.target[step]] + offset
        pair = left.source[step].astype(np.int64) * right.positions[1] + right.target[onward]
        product = left.kind[step].astype(np.int64) * len(right.lengths) + right.kind[onward]
    if wanted is not None:
        is_wanted = np.isin(pair, wanted)
        pair, product = pair[is_wanted], product[is_wanted]
    return pair, product


def _kinds(pair: np.ndarray, product: np.ndarray, positions: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Find which pairs of positions the same products join.

    Returns:
        source, target and kind of each pair of positions; then where each kind's products begin, and these.
    """
    pair, product = _sorted_together(pair, product, positions[0] * positions[1])
    begin = np.flatnonzero(np.diff(pair, prepend=-1))
    found = pair[begin]
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
    representative, kind = distinct_columns(marks)
    parts = [product[begin[r] : ends[r + 1]] for r in representative]
    chosen = np.concatenate(parts) if parts else product
    start = starts_of(np.array([len(part) for part in parts], dtype=np.int64))
    source, target = (each.astype(np.int32) for each in np.divmod(found, positions[1]))
    return source, target, kind.astype(np.int32), start, chosen


def _check_pairs(count: int) -> None:
    """Refuse to join more pairs of positions than memory holds, as where each place of a large map reaches all.

    Raises:
        ModelError: If they take more than is free.
    """
    free, needed = free_memory(), _PAIR_BYTES * count
    if count > _MANY_PAIRS and free is not None and needed > free:
        raise ModelError(
            f"Paths of this network join {count:,} pairs of places, which takes {gigabytes(needed)}, but only "
            f"{gigabytes(free)} are free; use smaller images, or choose some of its layers."
        )


def _sorted_together(major: np.ndarray, minor: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Sort two columns of non-negative int64 by the first, of numbers below ``size``, then by the second."""
    most = int(minor.max(initial=0)) + 1
    if size * most < 2**63:
        # One number for both sorts many times as fast as two do.
        major, minor = np.divmod(np.sort(major * most + minor), most)
        return major, minor
    order = np.lexsort((minor, major))
    return major[order], minor[order]


def distinct_columns(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct columns of a table, in lexicographic order.

    NumPy's own way with an axis compares whole columns, which takes several times as long as numbers do.

    Args:
        rows: Integers, [rows, columns].

    Returns:
        int64 [distinct], where each stands first, and int64 [columns], which one each column is.
    """
    _, first, label = np.unique(rows[0], return_index=True, return_inverse=True)
    for row in rows[1:]:
        values, own = np.unique(row, return_inverse=True)
        _, first, label = np.unique(label * len(values) + own, return_index=True, return_inverse=True)
    return first, label


def _compiled(
    left: np.ndarray,
    right: np.ndarray,
    start: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    out: np.ndarray,
    is_begun: bool,
    how: tuple[Executor | None, threading.Event],
) -> None:
    from ncviz.graph.minplus import best_products

    executor, cancel = how
    step = max(1, len(out) // _TASKS)

    def part(begin: int) -> None:
        if cancel.is_set():
            raise CancelledError
        mine = start[begin : begin + step + 1]
        best_products(left, right, mine, first, second, out[begin : begin + step], is_begun)

    begins = range(0, len(out), step)
    if isinstance(executor, ThreadPoolExecutor):
        list(executor.map(part, begins))
    else:
        for begin in begins:
            part(begin)


def dense_products(
    left: np.ndarray,
    right: np.ndarray,
    start: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    device: str,
    cancel: threading.Event | None = None,
) -> np.ndarray:
    """Do the same on a torch device, in chunks that fit its cache, or its memory if that is less.

    Outputs of equally many products are computed together.

    Raises:
        CancelledError: If ``cancel`` was set meanwhile.
        DeviceError: If the tables, or a single row of a product, do not fit the device's memory.
    """
    rows, inner, columns = left.shape[1], left.shape[2], right.shape[2]
    out = np.full((len(start) - 1, rows, columns), np.inf)
    products = np.diff(start)
    elements = _CHUNK_ELEMENTS

    def fill(outputs: np.ndarray, begin: int, end: int) -> None:
        """Write some rows of outputs that have the same number of products."""
        nonlocal elements
        if cancel is not None and cancel.is_set():
            raise CancelledError
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


def check_room(shape: tuple[int, int, int]) -> None:
    """Refuse a table beyond what ncviz allows itself.

    Args:
        shape: Kinds, channels before, channels after.

    Raises:
        ModelError: If it is.
    """
    needed = 8 * shape[0] * shape[1] * shape[2]
    if needed > MAX_TABLE_BYTES:
        raise ModelError(
            f"A distance table of this network would take {gigabytes(needed)}, more than the "
            f"{MAX_TABLE_BYTES / 2**30:.0f} GB that ncviz allows itself; use smaller images, sample its channels, or "
            "choose some of its layers."
        )
