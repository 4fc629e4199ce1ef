"""What can be measured: the cases by name, and the networks and images that they take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ncviz.data.calibration import select_calibration
from ncviz.data.datasets import load_dataset
from ncviz.errors import NcvizError
from ncviz.models.zoo import find_model
from ncviz.text import plural

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from ncviz.graph.neural_graph import NeuralGraph

EDGES, WEIGHTS = "every edge", "least per weight"
# Transport problems that share nothing, and problems that differ in tolls alone.
OWN, TOLLS = "own costs and masses", "own tolls"


@dataclass(frozen=True)
class TwoConv:
    """A random network of two convolutions and two linear layers; with tanh, every edge of it is live.

    Attributes:
        width: Channels of both convolutions.
        size: Height and width of the image.
    """

    width: int
    size: int

    def __str__(self) -> str:
        return f"two convolutions of {self.width} channels, {self.size}×{self.size} image"


@dataclass(frozen=True)
class Untrained:
    """An architecture with random weights.

    Attributes:
        architecture: Name that ``find_architecture`` finds.
        size: Height and width of the image.
        dataset: Whose images it gets.
    """

    architecture: str
    size: int
    dataset: str = "cifar10"

    def __str__(self) -> str:
        return f"{self.architecture}, random weights, {self.size}×{self.size}"


Source = str | TwoConv | Untrained


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


Case = CurvatureCase | MinPlusCase | GrowthCase | TransportCase | GpuCase | ProfileCase


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
        ProfileCase("resnet20", Untrained("resnet20", 32)),
        ProfileCase("profile-vgg9", "vgg9-cifar10-relu"),
        ProfileCase("profile-mobilenet", Untrained("torchvision/mobilenet_v2@10", 32)),
        ProfileCase("profile-resnet18", Untrained("torchvision/resnet18@10", 32)),
        ProfileCase("mlp-profile", "mlp-digits-relu"),
        CurvatureCase("mlp-edges", "mlp-digits-relu", EDGES, 1, drawn=500),
        CurvatureCase("mlp-weights", "mlp-digits-relu", WEIGHTS, 10, drawn=500),
        CurvatureCase("conv-edges", _SMALL, EDGES, 1, drawn=500),
        CurvatureCase("conv-weights", _SMALL, WEIGHTS, 3, drawn=500),
        MinPlusCase("conv-min-plus", _SMALL),
    )
}
# Each takes minutes, and has to be asked for.
PROFILES = ("resnet20", "profile-vgg9", "profile-mobilenet", "profile-resnet18")
DEFAULT_CASES = tuple(
    name for name in CASES if name not in PROFILES and not name.startswith(("mlp-", "conv-", "gpu"))
)
QUICK_CASES = (
    "mlp-weights", "mlp-profile", "conv-edges", "conv-weights", "conv-min-plus", "solve-many", "samples", "channels",
    "image-size",
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
    if isinstance(case, MinPlusCase):
        return case
    if isinstance(case, GpuCase):
        return replace(case, networks=("mlp-digits-relu",), samples=2, compared=1)
    if isinstance(case, TransportCase):
        return replace(case, number=10, batched=3, rows=((OWN, 6, 5), (TOLLS, 6, 5)))
    if case.name == "samples":
        return _by_samples(("mlp-digits-relu",), (1, 2))
    if case.name == "channels":
        return _by_shape(case.name, case.axis, {width: TwoConv(width, 8) for width in (2, 4)})
    return _by_shape(case.name, case.axis, {size: TwoConv(2, size) for size in (8, 11)})


def prepare(network: Source, samples: int, data_dir: str | None = None) -> tuple[nn.Module, Tensor]:
    """Return a network and so many inputs for it.

    A zoo model gets its own calibration images, one of each class after the other.

    Raises:
        DataError: If there are not enough images.
    """
    if isinstance(network, TwoConv):
        return _random_network(network, samples)
    if isinstance(network, Untrained):
        from ncviz.models.catalogue.architectures import build_seeded

        images = load_dataset(network.dataset, "train", data_dir).inputs[:samples]
        return build_seeded(network.architecture, 0), resized(images, network.size)
    from ncviz.models.loading import load_model

    net = load_model(network)
    pool = load_dataset(find_model(network).dataset, "train", data_dir)
    classes = len(pool.classes)
    chosen = select_calibration(net, pool, -(-samples // classes), 0)
    return net, pool.inputs[chosen.reshape(classes, -1).T.reshape(-1)[:samples]]


def live_graph(net: nn.Module, inputs: Tensor) -> tuple[NeuralGraph, list[np.ndarray]]:
    """Return a network's graph, and the normalised activity of each layer, float64 [samples, units]."""
    from ncviz.graph.activations import layer_activations, normalise
    from ncviz.graph.build import build_graph

    graph = build_graph(net, tuple(inputs.shape[1:]))
    return graph, [normalise(layer) for layer in layer_activations(net, graph, inputs)]


def resized(images: Tensor, size: int) -> Tensor:
    """Return images at another height and width."""
    from torch.nn.functional import interpolate

    if images.shape[-1] == size:
        return images
    return interpolate(images, size=(size, size), mode="bilinear", antialias=True)


def _random_network(shape: TwoConv, samples: int) -> tuple[nn.Module, Tensor]:
    import torch
    from torch import nn

    # Each convolution leaves (size - 3) // 2 + 1.
    side = ((shape.size - 1) // 2 - 1) // 2
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, shape.width, 3, stride=2), nn.Tanh(),
            nn.Conv2d(shape.width, shape.width, 3, stride=2), nn.Tanh(), nn.Flatten(),
            nn.Linear(shape.width * side**2, 32), nn.Tanh(), nn.Linear(32, 10),
        )  # fmt: skip
        return net.eval(), torch.rand(samples, 1, shape.size, shape.size)
