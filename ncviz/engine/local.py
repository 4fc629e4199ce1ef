"""One connection on this machine's threads: pieces of its blocks, each with weights of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass

import numpy as np

from ncviz.engine.layers import Layers
from ncviz.engine.plan import Plan
from ncviz.errors import CancelledError

POLL_SECONDS = 0.1
_FEW_TAPS = 16
_LEAST_ROWS = 16
_PIECES = 32

Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Least:
    """The least κ of each weight of a connection, over some samples.

    Attributes:
        curvature: float64 [W], inf where no edge is live.
        pair: int32 [W], index of the pair of positions (in the plan) where it is; -1 if none.
        sample: int32 [W], on which sample.
        counts: int64 [8], what was certified, skipped, solved, …, in the order of ``ncviz.engine.kernels``.
    """

    curvature: np.ndarray
    pair: np.ndarray
    sample: np.ndarray
    counts: np.ndarray

    @staticmethod
    def nothing(weights: int) -> Least:
        """Return the neutral element of ``merge``."""
        none = np.full(weights, -1, dtype=np.int32)
        return Least(np.full(weights, np.inf), none, none.copy(), np.zeros(8, dtype=np.int64))

    def merge(self, other: Least) -> Least:
        """Return the least of both; associative and commutative but for ties."""
        better = other.curvature < self.curvature
        return Least(
            np.where(better, other.curvature, self.curvature),
            np.where(better, other.pair, self.pair),
            np.where(better, other.sample, self.sample),
            self.counts + other.counts,
        )


def weights_of(plan: Plan) -> int:
    """Return how many weights a connection has: kernel slots times target channels."""
    return int(plan.length.shape[2] * plan.slots[0])


def pieces(plan: Plan) -> list[tuple[int, int, int, int]]:
    """Cut a connection's blocks so that no two pieces touch the same weight: by tap, and by source channel.

    Returns:
        For each piece: first pair, end of the pairs, first source channel, end of the source channels.
    """
    taps, channels = plan.length.shape[:2]
    start = np.searchsorted(plan.tap, np.arange(taps + 1))
    parts = 1 if taps >= _FEW_TAPS else max(1, min(channels // _LEAST_ROWS, _PIECES // taps))
    cuts = np.linspace(0, channels, parts + 1).astype(int)
    return [
        (int(start[tap]), int(start[tap + 1]), int(cuts[part]), int(cuts[part + 1]))
        for part in range(parts)
        for tap in range(taps)
    ]


def least(
    plan: Plan,
    layers: Layers,
    ends: tuple[bool, bool],
    executor: Executor,
    *,
    first_sample: int = 0,
    known: tuple[np.ndarray, ...] | None = None,
    cancel: threading.Event | None = None,
    progress: Progress | None = None,
) -> Least:
    """Find the least κ of each weight over all samples by branch and bound.

    Args:
        plan: The connection's plan.
        layers: Activity and mass of the four layers around it, float64 [samples, positions, channels].
        ends: Whether its sources are the input, and whether its targets are the logits.
        executor: A thread pool of this process.
        first_sample: Number of the first sample, for the result.
        known: best, best_pair, best_sample, low, low_pair and low_sample where bounds are known already.
        cancel: Set it to stop.
        progress: Called with the fraction done.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    from ncviz.engine import kernels

    found = Least.nothing(weights_of(plan))
    best, best_pair, best_sample = found.curvature, found.pair, found.sample
    lowest = Least.nothing(weights_of(plan))
    low, low_pair, low_sample = lowest.curvature, lowest.pair, lowest.sample
    if known is not None:
        best, best_pair, best_sample, low, low_pair, low_sample = known
    stop = np.zeros(1, dtype=np.bool_)
    cut = pieces(plan)
    counts = np.zeros((len(cut), 8), dtype=np.int64)
    done = np.zeros((len(cut), 1))
    samples = len(layers[0])
    mode = kernels.BOUND if known is None else kernels.CHOSEN

    def work(index: int) -> None:
        kernels.sweep(
            plan, layers, *ends, *cut[index], first_sample, first_sample + samples, mode,
            best, best_pair, best_sample, low, low_pair, low_sample, stop, done[index], counts[index],
        )  # fmt: skip

    futures = [executor.submit(work, index) for index in range(len(cut))]
    follow(futures, stop, done, cancel, progress)
    return Least(best, best_pair, best_sample, counts.sum(axis=0))


def all_edges(
    plan: Plan,
    layers: Layers,
    ends: tuple[bool, bool],
    positions: int,
    executor: Executor,
    *,
    sample: int = 0,
    grid: np.ndarray | None = None,
    cancel: threading.Event | None = None,
    progress: Progress | None = None,
) -> tuple[np.ndarray, Least]:
    """Solve every live edge of a connection on one sample.

    Args:
        plan: The connection's plan.
        layers: As for ``least``, of one sample.
        ends: As for ``least``.
        positions: Number of output positions.
        executor: A thread pool of this process.
        sample: Number of the sample, for the result.
        grid: κ of the edges that are known already, NaN for the others; changed.
        cancel: Set it to stop.
        progress: Called with the fraction done.

    Returns:
        κ, float64 [channels after, positions, kernel slots], NaN where no edge is live, and the least of each weight.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    from ncviz.engine import kernels

    if grid is None:
        grid = np.full((plan.length.shape[2], positions, int(plan.slots[0])), np.nan)
    found, unused = Least.nothing(weights_of(plan)), Least.nothing(weights_of(plan))
    stop = np.zeros(1, dtype=np.bool_)
    chosen = np.zeros(0, dtype=np.bool_)
    cut = pieces(plan)
    counts = np.zeros((len(cut), 8), dtype=np.int64)
    done = np.zeros((len(cut), 1))
    own = tuple(layer[0] for layer in layers)

    def work(index: int) -> None:
        kernels.scan(
            plan, own, *ends, *cut[index], sample, kernels.ALL, found.curvature, found.pair, found.sample,
            unused.curvature, unused.pair, unused.sample, chosen, grid, stop, counts[index],
        )  # fmt: skip
        done[index] = 1.0

    futures = [executor.submit(work, index) for index in range(len(cut))]
    follow(futures, stop, done, cancel, progress)
    return grid, Least(found.curvature, found.pair, found.sample, counts.sum(axis=0))


def follow(
    futures: list[Future[None]],
    stop: np.ndarray,
    done: np.ndarray,
    cancel: threading.Event | None,
    progress: Progress | None,
) -> None:
    """Wait for pieces, report what they have done, and stop them at once when asked to.

    Raises:
        CancelledError: If ``cancel`` was set.
    """
    pending = set(futures)
    try:
        while pending:
            finished, pending = wait(pending, timeout=POLL_SECONDS)
            for future in finished:
                future.result()
            if progress is not None:
                progress(float(done.mean()))
            if cancel is not None and cancel.is_set():
                raise CancelledError
    finally:
        stop[0] = True
        for future in pending:
            future.cancel()
        wait(futures)
