"""What can be measured: the cases by name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ncviz.errors import NcvizError
from ncviz.studies.benchmarks.networks import Source, TwoConv, Untrained
from ncviz.text import plural

EDGES, WEIGHTS = "every edge", "least per weight"
# Transport problems that share nothing, and problems that differ in tolls alone.
OWN, TOLLS = "own costs and masses", "own tolls"


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


@dataclass(frozen=True)
class MinPlusCase:
    """Our path lengths beside dense min-plus products in torch."""

    name: str
    network: Source

    @property
    def title(self) -> str:
        """What is measured, for people."""
        return f"{self.network}, path lengths two and three layers apart"


@dataclass(frozen=True)
class GrowthPoint:
    """One size of a growing thing."""

    x: int
    network: Source
    mode: str
    samples: int


@dataclass(frozen=True)
class GrowthCase:
    """How our time grows with one thing.

    Attributes:
        name: Key in ``CASES``.
        axis: What grows.
        series: Lines by title, each some sizes of the same.
    """

    name: str
    axis: str
    series: tuple[tuple[str, tuple[GrowthPoint, ...]], ...]

    @property
    def title(self) -> str:
        """What is measured, for people."""
        return f"time over {self.axis}"


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
)


def _by_samples(networks: tuple[str, ...], counts: tuple[int, ...]) -> GrowthCase:
    series = tuple(
        (f"{name}, {WEIGHTS}", tuple(GrowthPoint(n, name, WEIGHTS, n) for n in counts)) for name in networks
    )
    return GrowthCase("samples", "samples", series)


def _by_shape(name: str, axis: str, shapes: dict[int, TwoConv]) -> GrowthCase:
    series = tuple(
        (f"{mode}, 1 sample", tuple(GrowthPoint(x, network, mode, 1) for x, network in shapes.items()))
        for mode in (EDGES, WEIGHTS)
    )
    return GrowthCase(name, axis, series)


_LENETS = ("lenet-mnist-relu", "lenet-mnist-tanh")
_SMALL = TwoConv(2, 8)

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        CurvatureCase("lenet-relu-edges", _LENETS[0], EDGES, 10),
        CurvatureCase("lenet-tanh-edges", _LENETS[1], EDGES, 10),
        CurvatureCase("lenet-relu-weights", _LENETS[0], WEIGHTS, 100),
        CurvatureCase("lenet-tanh-weights", _LENETS[1], WEIGHTS, 100),
        CurvatureCase("vgg9-weights", "vgg9-cifar10-relu", WEIGHTS, 10, drawn=1000),
        MinPlusCase("min-plus", _LENETS[0]),
        TransportCase(
            "solve-many",
            1000,
            50,
            tuple((kind, m, n) for kind in (OWN, TOLLS) for m, n in ((20, 20), (60, 60), (134, 76))),
        ),
        _by_samples(_LENETS, (1, 3, 10, 30, 100)),
        _by_shape("channels", "channels", {width: TwoConv(width, 16) for width in (4, 8, 16, 32)}),
        _by_shape("image-size", "image size", {size: TwoConv(8, size) for size in (12, 16, 24, 32)}),
        GpuCase("gpu", (*_LENETS, "vgg9-cifar10-relu", "resnet20-cifar10")),
        RicciCase(
            "ricci",
            (
                GraphRow("powerlaw cluster", 2708, drawn=300),
                GraphRow("powerlaw cluster", 2708, is_weighted=True, drawn=300),
                GraphRow("star", 10_001),
                GraphRow("Barabási–Albert", 100_000),
            ),
        ),
        WorkersCase("workers", Untrained("resnet20", 32), 2),
        ProfileCase("resnet20", Untrained("resnet20", 32)),
        ProfileCase("profile-vgg9", "vgg9-cifar10-relu"),
        ProfileCase("profile-mobilenet", Untrained("torchvision/mobilenet_v2@10", 32)),
        ProfileCase("profile-resnet18", Untrained("torchvision/resnet18@10", 32)),
        BoundsCase("bounds", Untrained("resnet20", 32), 10, (10.0, 30.0), True),
        BoundsCase("bounds-resnet18", Untrained("torchvision/resnet18@10", 64), 2, (60.0, 120.0), False),
        ProfileCase("mlp-profile", "mlp-digits-relu"),
        BoundsCase("mlp-bounds", "mlp-digits-relu", 3, (1.0,), True),
        CurvatureCase("mlp-edges", "mlp-digits-relu", EDGES, 1, drawn=500),
        CurvatureCase("mlp-weights", "mlp-digits-relu", WEIGHTS, 10, drawn=500),
        CurvatureCase("conv-edges", _SMALL, EDGES, 1, drawn=500),
        CurvatureCase("conv-weights", _SMALL, WEIGHTS, 3, drawn=500),
        MinPlusCase("conv-min-plus", _SMALL),
    )
}
# Each takes minutes, and has to be asked for.
LONG = (
    "ricci", "workers", "resnet20", "profile-vgg9", "profile-mobilenet", "profile-resnet18", "bounds",
    "bounds-resnet18",
)  # fmt: skip
DEFAULT_CASES = tuple(
    name for name in CASES if name not in LONG and not name.startswith(("mlp-", "conv-", "gpu"))
)
QUICK_CASES = (
    "mlp-weights", "mlp-profile", "mlp-bounds", "conv-edges", "conv-weights", "conv-min-plus", "solve-many", "samples",
    "channels", "image-size", "ricci", "workers",
)  # fmt: skip


def find_case(name: str, is_quick: bool = False) -> Case:
    """Return the case called ``name``, at the size of a smoke test if ``is_quick``.

    Raises:
        NcvizError: If there is none of that name; the message lists the choices.
    """
    if name not in CASES:
        raise NcvizError(f"Unknown case '{name}'; choose among {', '.join(CASES)}.")
    return _quick(CASES[name]) if is_quick else CASES[name]


def _quick(case: Case) -> Case:
    if isinstance(case, CurvatureCase):
        return replace(case, samples=min(case.samples, 3), drawn=60, least=10, checked=5)
    if isinstance(case, ProfileCase):
        return replace(case, samples=min(case.samples, 2))
    if isinstance(case, BoundsCase):
        return replace(case, samples=min(case.samples, 2), seconds=(1.0,))
    if isinstance(case, MinPlusCase):
        return case
    if isinstance(case, GpuCase):
        return replace(case, networks=("mlp-digits-relu",), samples=2, compared=1)
    if isinstance(case, TransportCase):
        return replace(case, number=10, batched=3, rows=((OWN, 6, 5), (TOLLS, 6, 5)))
    if isinstance(case, RicciCase):
        return replace(case, rows=tuple(replace(row, nodes=60, drawn=min(row.drawn, 5)) for row in case.rows))
    if isinstance(case, WorkersCase):
        return replace(case, network=_SMALL, workers=(1,))
    if case.name == "samples":
        return _by_samples(("mlp-digits-relu",), (1, 2))
    if case.name == "channels":
        return _by_shape(case.name, case.axis, {width: TwoConv(width, 8) for width in (2, 4)})
    return _by_shape(case.name, case.axis, {size: TwoConv(2, size) for size in (8, 11)})
