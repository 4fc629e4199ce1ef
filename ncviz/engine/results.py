"""Settings in, results out: what a run is asked for, and what it says of each connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from ncviz.engine.minima import Least
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.values import CLOSED_FROM


@dataclass(frozen=True)
class Settings:
    """How to compute.

    Attributes:
        alpha: Idleness.
        device: "cpu", "mps" or "cuda:N".
        keep_edges: Whether every edge is wanted.
        keep_samples: Whether each sample's own minimum is wanted.
        connections: Which connections are wanted; None for all.
    """

    alpha: float
    device: str
    keep_edges: bool
    keep_samples: bool
    connections: tuple[int, ...] | None = None

    def chosen(self, graph: NeuralGraph) -> tuple[int, ...]:
        """Return which connections of a graph are wanted."""
        return tuple(range(len(graph.connections))) if self.connections is None else self.connections

    @property
    def is_closed(self) -> bool:
        """Whether the idleness is one for which the closed form holds."""
        return self.alpha >= CLOSED_FROM


@dataclass(frozen=True)
class Work:
    """How the live edges of a connection were settled; those of all samples together.

    Attributes:
        live: Edges between active units.
        closed: By a closed form.
        certified: By the all-hub certificate, a closed form too.
        skipped: Proved to lie above their weight's minimum, without an exact solution (some more than once).
        solved: By a simplex, the last resort.
        on_device: How many of the closed, certified and solved ones a GPU settled.
        left: How many a GPU's simplex was given and did not finish or prove, so that the CPU had to.
        unproved: Of how many weights κ is known within an interval only, however long one computes.
    """

    live: int
    closed: int
    certified: int
    skipped: int
    solved: int
    on_device: int = 0
    left: int = 0
    unproved: int = 0


@dataclass(frozen=True, eq=False)
class ConnectionCurvature:
    """One connection's curvature.

    Attributes:
        curvature: float64 [W], each weight's minimum; inf where no edge is live.
        position: int64 [W], the output position where it is; -1 if none.
        sample: int32 [W], the sample; -1 if none.
        samples: float64 [n, W], each sample's own minimum, or None.
        sample_position: int64 [n, W], the output position where that is, -1 if none; None without ``samples``.
        grids: For each sample float64 [channels after, positions after, slots], every edge's κ, NaN where none is
            live; empty unless wanted.
        work: How the edges were settled.
        lower: float64 [W], lower ends of intervals that contain each weight's minimum; None where all are exact. Then
            ``curvature`` holds the middles.
        upper: float64 [W], their upper ends.
        unproved: bool [W], whose intervals no more time would narrow; None where that is none's.
    """

    curvature: np.ndarray
    position: np.ndarray
    sample: np.ndarray
    samples: np.ndarray | None
    sample_position: np.ndarray | None
    grids: tuple[np.ndarray, ...]
    work: Work
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    unproved: np.ndarray | None = None


def joined(
    positions: np.ndarray,
    each: Sequence[Least],
    grids: Sequence[np.ndarray],
    settings: Settings,
    on_device: np.ndarray | None,
) -> ConnectionCurvature:
    """Bring the parts of one connection together.

    Args:
        positions: The output position of each pair.
        each: The least κ of each weight, of each sample or of all.
        grids: Every edge's κ for each sample, or nothing.
        settings: What was asked for.
        on_device: int64 [8], what a GPU settled, if there was one.
    """
    from ncviz.engine import kernels

    found = reduce(Least.merge, each)
    ready = np.zeros(8, dtype=np.int64) if on_device is None else on_device
    total = found.counts + ready
    work = Work(
        int((found.counts if on_device is None else ready)[kernels.LIVE]), int(total[kernels.CLOSED]),
        int(total[kernels.CERTIFIED]), int(total[kernels.SKIPPED]), int(total[kernels.SOLVED]),
        int(ready[kernels.CLOSED] + ready[kernels.CERTIFIED] + ready[kernels.SOLVED]), int(ready[kernels.FAILED]),
    )  # fmt: skip
    unproved = found.short > 0
    samples = own = None
    if settings.keep_samples and not unproved.any():
        samples = np.stack([least.curvature for least in each])
        own = np.stack([_position(positions, least.pair) for least in each])
    position = _position(positions, found.pair)
    whole = ConnectionCurvature(found.curvature, position, found.sample, samples, own, tuple(grids), work)
    return (
        within(whole, found.curvature, found.curvature + found.short, unproved) if unproved.any() else whole
    )


def within(
    whole: ConnectionCurvature, lower: np.ndarray, upper: np.ndarray, unproved: np.ndarray
) -> ConnectionCurvature:
    """Return a connection's curvature as what is certain of it; arguments as the attributes of the same name."""
    return replace(
        whole,
        lower=lower,
        upper=upper,
        curvature=middle(lower, upper),
        unproved=unproved if unproved.any() else None,
        work=replace(whole.work, unproved=int(unproved.sum())),
    )


def middle(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return the middle of intervals; their ends where these are the same, be they inf or NaN."""
    with np.errstate(invalid="ignore"):
        return np.where(lower == upper, upper, 0.5 * (lower + upper))


def _position(positions: np.ndarray, pair: np.ndarray) -> np.ndarray:
    """Return the output position of each weight's pair, int64 [W]; -1 where there is none."""
    return np.where(pair >= 0, positions[pair], -1).astype(np.int64)
