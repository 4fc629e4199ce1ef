"""One connection on this machine's threads: pieces of its blocks, each with weights of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ncviz.engine.layers import Layers
from ncviz.engine.minima import Certified, Least
from ncviz.engine.plan import Part, Plan
from ncviz.errors import CancelledError

if TYPE_CHECKING:
    from ncviz.engine.anytime.lower import Sides

POLL_SECONDS = 0.1
_FEW_TAPS = 16
_LEAST_ROWS = 16
_PIECES = 32

# Called with the fraction done.
Follower = Callable[[float], None]


def pieces(plan: Plan) -> list[Part]:
    """Cut a connection's blocks so that no two pieces touch the same weight: by tap, and by source channel."""
    channels = plan.length.shape[1]
    if not (len(plan.to_target.length) and len(plan.from_source.length)):
        return [(0, len(plan.pairs.source), 0, channels)]
    taps = int(plan.pairs.pixel.max(initial=-1)) + 1
    start = np.searchsorted(plan.pairs.pixel, np.arange(taps + 1))
    parts = 1 if taps >= _FEW_TAPS else max(1, min(channels // _LEAST_ROWS, _PIECES // taps))
    cuts = np.linspace(0, channels, parts + 1).astype(int)
    return [
        (int(start[tap]), int(start[tap + 1]), int(cuts[part]), int(cuts[part + 1]))
        for part in range(parts)
        for tap in range(taps)
    ]


@dataclass(frozen=True, eq=False)
class Piece:
    """Part of the work on a connection; pieces that run at the same time never touch the same weight.

    Attributes:
        run: Does it, given the flag that stops it, and where to note its progress and its counts.
        cost: Expected share of the work.
    """

    run: Callable[[np.ndarray, np.ndarray, np.ndarray], None]
    cost: float


@dataclass(frozen=True, eq=False)
class Search:
    """The search for the least κ of each weight of a connection, in pieces.

    Attributes:
        found: Filled by the pieces; its counts stay 0.
        pieces: To run, in any order or at once.
    """

    found: Least
    pieces: tuple[Piece, ...]


def search(
    plan: Plan,
    layers: Layers,
    ends: tuple[bool, bool],
    *,
    first_sample: int = 0,
    known: Certified | None = None,
    cost: float = 1.0,
    best: Least | None = None,
) -> Search:
    """Prepare the search for the least κ of each weight over all samples by branch and bound.

    Args:
        plan: The connection's plan.
        layers: Activity and mass of the four layers around it, float64 [samples, positions, channels].
        ends: Whether its sources are the input, and whether its targets are the logits.
        first_sample: Number of the first sample, for the result.
        known: What a device has settled already, and its bounds of the rest.
        cost: Expected share of the work.
        best: The least κ on other samples, which is lowered; by default nothing is known of others.
    """
    from ncviz.engine.anytime import lower

    best, low = Least.nothing(plan.weights) if best is None else best, Least.nothing(plan.weights)
    if known is not None:
        best, low = known.best, known.low
    sides = lower.sides_of(plan, layers) if known is None else None
    left = _left(known)
    if left.size and not left.any():
        return Search(best, ())

    def work(part: Part, own: Least, stop: np.ndarray, done: np.ndarray) -> None:
        search_part(
            plan, layers, ends, sides, part, (own, low), stop, done,
            first_sample=first_sample, has_bounds=known is not None, left=left,
        )  # fmt: skip

    return _in_pieces(plan, best, work, cost)


def search_part(
    plan: Plan,
    layers: Layers,
    ends: tuple[bool, bool],
    sides: Sides | None,
    part: Part,
    found: tuple[Least, Least],
    stop: np.ndarray,
    done: np.ndarray,
    *,
    first_sample: int = 0,
    has_bounds: bool = False,
    left: np.ndarray | None = None,
) -> None:
    """Find the least κ of a part's weights over all samples.

    Args:
        plan: The connection's plan.
        layers: Activity and mass of the four layers around it, float64 [samples, positions, channels].
        ends: Whether its sources are the input, and whether its targets are the logits.
        sides: Who has mass, see ``lower.sides_of``; None where channels share too little, or a device did some of it.
        part: First pair, end of the pairs, first source channel, end of the source channels.
        found: The least κ so far, and the least lower bound elsewhere; both are lowered.
        stop: bool [1], set from outside to end early.
        done: float64 [1], written: the share that is done.
        first_sample: Number of the first sample.
        has_bounds: Whether the bounds are there.
        left: bool [samples, pairs], where an edge may lie that is not known yet; None for everywhere.
    """
    from ncviz.engine import kernels
    from ncviz.engine.anytime import lower
    from ncviz.engine.edges import promising

    best, low = found
    first, last = kernels.CHOSEN if has_bounds else kernels.BOUND, kernels.BETTER
    if sides is not None:
        if not has_bounds:
            lower.bound_below(plan, layers, ends, sides, part, first_sample, found, stop)
        first = last = kernels.CHOSEN
    left = np.zeros((0, 0), dtype=np.bool_) if left is None else left
    kernels.search(plan, layers, ends, part, first_sample, (first, last), left, best, low, stop, done)
    if sides is not None and not any(ends) and not stop[0]:
        promising.search_promising(plan, layers, ends, sides, part, first_sample, best, stop, done)


def search_all(
    searches: Sequence[Search],
    executor: Executor,
    *,
    cancel: threading.Event | None = None,
    progress: Follower | None = None,
) -> list[Least]:
    """Run searches side by side, the costly pieces first.

    Args:
        searches: What to run; none shares a weight's minimum with another.
        executor: A thread pool of this process.
        cancel: Set it to stop.
        progress: Called with the fraction done.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    listed = [(index, piece) for index, each in enumerate(searches) for piece in each.pieces]
    listed.sort(key=lambda item: -item[1].cost)
    stop = np.zeros(1, dtype=np.bool_)
    counts = np.zeros((len(listed), 8), dtype=np.int64)
    done = np.zeros((len(listed), 1))
    cost = np.array([piece.cost for _, piece in listed])
    futures = [executor.submit(piece.run, stop, done[at], counts[at]) for at, (_, piece) in enumerate(listed)]
    follow(futures, stop, done, cancel, progress, cost)
    own = np.zeros((len(searches), counts.shape[1]), dtype=np.int64)
    np.add.at(own, [index for index, _ in listed], counts)
    return [each.found._replace(counts=own[index]) for index, each in enumerate(searches)]


def all_edges(
    plan: Plan,
    layers: Layers,
    ends: tuple[bool, bool],
    positions: int,
    *,
    sample: int = 0,
    known: Certified | None = None,
    cost: float = 1.0,
) -> tuple[np.ndarray, Search]:
    """Prepare the solution of every live edge of a connection on one sample.

    Args:
        plan: The connection's plan.
        layers: As for ``search``, of one sample.
        ends: As for ``search``.
        positions: Number of output positions.
        sample: Number of the sample, for the result.
        known: What a device has settled already.
        cost: Expected share of the work.

    Returns:
        κ, float64 [channels after, positions, kernel slots], NaN where no edge is live, filled in by the search.
    """
    from ncviz.engine import kernels

    grid = np.full((plan.length.shape[2], positions, plan.slots), np.nan)
    best, unused = Least.nothing(plan.weights), Least.nothing(plan.weights)
    if known is not None and known.grid is not None:
        grid, best = known.grid[0], known.best
    left = _left(known)
    if left.size and not left.any():
        return grid, Search(best, ())
    layers = tuple(layer[0] for layer in layers)

    def work(part: Part, own: Least, stop: np.ndarray, done: np.ndarray) -> None:
        chosen = left[0, part[0] : part[1]] if left.size else left.reshape(-1)
        kernels.scan(plan, layers, ends, part, sample, kernels.ALL, own, unused, chosen, grid, stop)
        done[0] = 1.0

    return grid, _in_pieces(plan, best, work, cost)


def _left(known: Certified | None) -> np.ndarray:
    """Return where a device left edges to this machine's threads, bool [samples, pairs]; empty for everywhere."""
    return np.zeros((0, 0), dtype=np.bool_) if known is None or known.left is None else known.left


def _in_pieces(
    plan: Plan, best: Least, work: Callable[[Part, Least, np.ndarray, np.ndarray], None], cost: float
) -> Search:
    """Return a search whose pieces do some work on their parts, each with counts of its own."""
    cut = pieces(plan)

    def piece(part: Part) -> Piece:
        def run(stop: np.ndarray, done: np.ndarray, counts: np.ndarray) -> None:
            work(part, best._replace(counts=counts), stop, done)

        return Piece(run, cost / len(cut))

    return Search(best, tuple(map(piece, cut)))


def follow(
    futures: list[Future[None]],
    stop: np.ndarray,
    done: np.ndarray,
    cancel: threading.Event | None,
    progress: Follower | None,
    cost: np.ndarray | None = None,
) -> None:
    """Wait for pieces, report what they have done, and stop them at once when asked to.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    left, ended, lock = len(futures), threading.Event(), threading.Lock()

    def note(future: Future[None]) -> None:
        nonlocal left
        with lock:
            left -= 1
            if left == 0 or (not future.cancelled() and future.exception() is not None):
                ended.set()

    def look() -> None:
        if progress is not None and len(done):
            progress(min(1.0, float(np.average(done[:, 0], weights=cost))))
        if cancel is not None and cancel.is_set():
            raise CancelledError

    # To wait for all of them anew at each look would take the interpreter from the pages as often.
    for future in futures:
        future.add_done_callback(note)
    try:
        while left and not ended.wait(POLL_SECONDS):
            look()
        for future in futures:
            if future.done():
                future.result()
        look()
    finally:
        stop[0] = True
        for future in futures:
            future.cancel()
        wait(futures)
