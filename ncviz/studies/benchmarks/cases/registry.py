"""What can be measured: the cases by name."""

from __future__ import annotations

from ncviz.errors import NcvizError
from ncviz.studies.benchmarks.cases.kinds import (
    EDGES,
    OWN,
    SMALL,
    TOLLS,
    WEIGHTS,
    BoundsCase,
    Case,
    CurvatureCase,
    EstimatedRun,
    EstimatesCase,
    GpuCase,
    GraphRow,
    GrowthCase,
    GrowthPoint,
    MinPlusCase,
    ProfileCase,
    RicciCase,
    Series,
    TransportCase,
    WorkersCase,
)
from ncviz.studies.benchmarks.cases.networks import TwoConv, Untrained


def _by_samples(networks: tuple[str, ...], counts: tuple[int, ...]) -> Series:
    return tuple(
        (f"{name}, {WEIGHTS}", tuple(GrowthPoint(n, name, WEIGHTS, n) for n in counts)) for name in networks
    )


def _by_shape(shapes: dict[int, TwoConv]) -> Series:
    return tuple(
        (f"{mode}, 1 sample", tuple(GrowthPoint(x, network, mode, 1) for x, network in shapes.items()))
        for mode in (EDGES, WEIGHTS)
    )


_LENETS = ("lenet-mnist-relu", "lenet-mnist-tanh")

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
        GrowthCase(
            "samples",
            "samples",
            _by_samples(_LENETS, (1, 3, 10, 30, 100)),
            quick=_by_samples(("mlp-digits-relu",), (1, 2)),
        ),
        GrowthCase(
            "channels",
            "channels",
            _by_shape({width: TwoConv(width, 16) for width in (4, 8, 16, 32)}),
            quick=_by_shape({width: TwoConv(width, 8) for width in (2, 4)}),
        ),
        GrowthCase(
            "image-size",
            "image size",
            _by_shape({size: TwoConv(8, size) for size in (12, 16, 24, 32)}),
            quick=_by_shape({size: TwoConv(2, size) for size in (8, 11)}),
        ),
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
        EstimatesCase(
            "estimates",
            (
                *(EstimatedRun(name, samples) for name in _LENETS for samples in (10, 100)),
                EstimatedRun("mlpnet-mnist", 100),
                EstimatedRun("vgg9-cifar10-relu", 10),
                EstimatedRun(Untrained("resnet8", 32), 10),
                EstimatedRun("resnet20-cifar10", 10),
                EstimatedRun(Untrained("resnet20", 32), 2),
                EstimatedRun(Untrained("torchvision/mobilenet_v2@10", 32), 10),
            ),
        ),
        ProfileCase("resnet20", "resnet20-cifar10"),
        ProfileCase("profile-vgg9", "vgg9-cifar10-relu"),
        ProfileCase("profile-mobilenet", Untrained("torchvision/mobilenet_v2@10", 32)),
        ProfileCase("profile-resnet18", Untrained("torchvision/resnet18@10", 32)),
        ProfileCase("profile-resnet18-64", Untrained("torchvision/resnet18@10", 64), 2),
        BoundsCase("bounds", Untrained("resnet20", 32), 10, (10.0, 30.0), True),
        BoundsCase("bounds-resnet18", Untrained("torchvision/resnet18@10", 64), 2, (60.0, 120.0), False),
        ProfileCase("mlp-profile", "mlp-digits-relu"),
        BoundsCase("mlp-bounds", "mlp-digits-relu", 3, (1.0,), True),
        CurvatureCase("mlp-edges", "mlp-digits-relu", EDGES, 1, drawn=500),
        CurvatureCase("mlp-weights", "mlp-digits-relu", WEIGHTS, 10, drawn=500),
        CurvatureCase("conv-edges", SMALL, EDGES, 1, drawn=500),
        CurvatureCase("conv-weights", SMALL, WEIGHTS, 3, drawn=500),
        MinPlusCase("conv-min-plus", SMALL),
    )
}
# Each takes minutes, and has to be asked for.
LONG = (
    "ricci", "workers", "estimates", "resnet20", "profile-vgg9", "profile-mobilenet", "profile-resnet18",
    "profile-resnet18-64", "bounds",
    "bounds-resnet18",
)  # fmt: skip
DEFAULT_CASES = tuple(
    name for name in CASES if name not in LONG and not name.startswith(("mlp-", "conv-", "gpu"))
)
QUICK_CASES = (
    "mlp-weights", "mlp-profile", "mlp-bounds", "conv-edges", "conv-weights", "conv-min-plus", "solve-many", "samples",
    "channels", "image-size", "ricci", "workers", "estimates",
)  # fmt: skip


def find_case(name: str, is_quick: bool = False) -> Case:
    """Return the case called ``name``, at the size of a smoke test if ``is_quick``.

    Raises:
        NcvizError: If there is none of that name; the message lists the choices.
    """
    if name not in CASES:
        raise NcvizError(f"Unknown case '{name}'; choose among {', '.join(CASES)}.")
    return CASES[name].small() if is_quick else CASES[name]
