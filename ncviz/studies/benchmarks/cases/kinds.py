"""What kinds of things can be measured; plain values."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ncviz.studies.benchmarks.cases.networks import Source, TwoConv
from ncviz.text import plural

EDGES, WEIGHTS = "every edge", "least per weight"
# Transport problems that share nothing, and problems that differ in tolls alone.
OWN, TOLLS = "own costs and masses", "own tolls"
# A network for smoke tests.
SMALL = TwoConv(2, 8)


@dataclass(frozen=True)
class CurvatureCase:
    """Our curvature beside POT's, on the same edges.

    Attributes:
        name: Key in ``CASES``.
        network: A zoo model's name, or a random network.
        mode: ``EDGES`` or ``WEIGHTS``.
        samples: Calibration images.
        drawn: Live edges that the baselines solve in one pass; the time of all is scaled up from them.
        least: At least so many of each connection.
        checked: Edges of each connection, at least, that the least κ of whole weights is checked on.
    """

    name: str
    network: Source
    mode: str
    samples: int
    drawn: int = 2000
    least: int = 50
    checked: int = 1000

    @property
    def title(self) -> str:
        """What is measured, for people."""
        return f"{self.network}, {self.mode}, {plural(self.samples, 'sample')}"

    def small(self) -> CurvatureCase:
        """Return the same at the size of a smoke test."""
        return replace(self, samples=min(self.samples, 3), drawn=60, least=10, checked=5)


@dataclass(frozen=True)
class MinPlusCase:
    """Our path lengths beside dense min-plus products in torch."""

    name: str
    network: Source

    @property
    def title(self) -> str:
        """What is measured, for people."""
        return f"{self.network}, path lengths two and three layers apart"

    def small(self) -> MinPlusCase:
        """Return the same at the size of a smoke test."""
        return self


@dataclass(frozen=True)
class GrowthPoint:
    """One size of a growing thing."""

    x: int
    network: Source
    mode: str
    samples: int


Series = tuple[tuple[str, tuple[GrowthPoint, ...]], ...]


@dataclass(frozen=True)
class GrowthCase:
    """How our time grows with one thing.

    Attributes:
        name: Key in ``CASES``.
        axis: What grows.
        series: Lines by title, each some sizes of the same.
        quick: The same at the sizes of a smoke test.
    """

    name: str
    axis: str
    series: Series
    quick: Series

    @property
    def title(self) -> str:
        """What is measured, for people."""
        return f"time over {self.axis}"

    def small(self) -> GrowthCase:
        """Return the same at the size of a smoke test."""
        return replace(self, series=self.quick)


@dataclass(frozen=True)
class ProfileCase:
    """Where the time of a network's curvature goes; ours alone, since POT's loops know no residual network."""

    name: str
    network: Source
    samples: int = 10

    @property
    def title(self) -> str:
        """What is measured, for people."""
        return f"{self.network}, {WEIGHTS}, {plural(self.samples, 'sample')}"

    def small(self) -> ProfileCase:
        """Return the same at the size of a smoke test."""
        return replace(self, samples=min(self.samples, 2))


@dataclass(frozen=True)
class BoundsCase:
    """How soon there are certified bounds; ours alone.

    Attributes:
        name: Key in ``CASES``.
        network: A zoo model's name, or a random network.
        samples: Calibration images.
        seconds: When the bounds are looked at, after the first ones; the last of them ends the run.
        is_whole: Whether the exact run is timed as well.
    """

    name: str
    network: Source
    samples: int
    seconds: tuple[float, ...]
    is_whole: bool

    @property
    def title(self) -> str:
        """What is measured, for people."""
        return f"{self.network}, certified bounds, {plural(self.samples, 'sample')}"

    def small(self) -> BoundsCase:
        """Return the same at the size of a smoke test."""
        return replace(self, samples=min(self.samples, 2), seconds=(1.0,))


@dataclass(frozen=True)
class TransportCase:
    """Many small transport problems in one call, beside POT.

    Attributes:
        name: Key in ``CASES``.
        number: How many problems of each size.
        batched: How many of them the entropic solver is given at a time.
        rows: ``OWN`` or ``TOLLS``, sources and sinks.
    """

    name: str
    number: int
    batched: int
    rows: tuple[tuple[str, int, int], ...]

    @property
    def title(self) -> str:
        """What is measured, for people."""
        return f"{self.number:,} transport problems in one call"

    def small(self) -> TransportCase:
        """Return the same at the size of a smoke test."""
        return replace(self, number=10, batched=3, rows=((OWN, 6, 5), (TOLLS, 6, 5)))


@dataclass(frozen=True)
class GpuCase:
    """The CUDA GPU beside the CPU: the same results, times, a profile.

    Attributes:
        name: Key in ``CASES``.
        networks: Zoo models, or architectures that are left untrained.
        samples: Calibration images that are timed.
        compared: How many of them are compared; every edge on the first alone.
    """

    name: str
    networks: tuple[str, ...]
    samples: int = 10
    compared: int = 2

    @property
    def title(self) -> str:
        """What is measured, for people."""
        return f"a CUDA GPU, {WEIGHTS}, {plural(self.samples, 'sample')}"

    def small(self) -> GpuCase:
        """Return the same at the size of a smoke test."""
        return replace(self, networks=("mlp-digits-relu",), samples=2, compared=1)


@dataclass(frozen=True)
class GraphRow:
    """One graph whose edges' Ollivier–Ricci curvature is measured.

    Attributes:
        kind: A key of ``graphs.GRAPHS``.
        nodes: How many.
        is_weighted: Whether its lengths are random; else all are 1.
        drawn: Edges that POT solves one by one, its costs ready-made; 0 where these would not be found in time.
    """

    kind: str
    nodes: int
    is_weighted: bool = False
    drawn: int = 0


@dataclass(frozen=True)
class RicciCase:
    """The curvature of any graph's edges: time, memory, and POT beside it."""

    name: str
    rows: tuple[GraphRow, ...]

    @property
    def title(self) -> str:
        """What is measured, for people."""
        return "Ollivier–Ricci curvature of all edges of a graph"

    def small(self) -> RicciCase:
        """Return the same at the size of a smoke test."""
        rows = (replace(row, nodes=60, drawn=min(row.drawn, 5)) for row in self.rows)
        return replace(self, rows=tuple(rows))


@dataclass(frozen=True)
class WorkersCase:
    """The same parcels on more and more workers of one thread.

    Attributes:
        name: Key in ``CASES``.
        network: The network.
        samples: Calibration images.
        workers: How many workers, one run after the other.
    """

    name: str
    network: Source
    samples: int
    workers: tuple[int, ...] = (1, 2, 4)

    @property
    def title(self) -> str:
        """What is measured, for people."""
        return f"{self.network}, {plural(self.samples, 'sample')}, on workers of one thread"

    def small(self) -> WorkersCase:
        """Return the same at the size of a smoke test."""
        return replace(self, network=SMALL, workers=(1,))


@dataclass(frozen=True)
class EstimatedRun:
    """One run whose time is estimated: a network, and how many calibration images."""

    network: Source
    samples: int


@dataclass(frozen=True)
class EstimatesCase:
    """How good the estimates of the time are, before and during each run."""

    name: str
    runs: tuple[EstimatedRun, ...]

    @property
    def title(self) -> str:
        """What is measured, for people."""
        return f"what {plural(len(self.runs), 'run')} took, and what was said"

    def small(self) -> EstimatesCase:
        """Return the same at the size of a smoke test."""
        return replace(self, runs=(EstimatedRun(SMALL, 3),))


Case = (
    CurvatureCase
    | MinPlusCase
    | GrowthCase
    | TransportCase
    | GpuCase
    | ProfileCase
    | BoundsCase
    | RicciCase
    | WorkersCase
    | EstimatesCase
)
