"""What can be read of a network before its curvature is computed, how well it does, and how long it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ncviz.config import CurvatureConfig
from ncviz.data.calibration import select_calibration
from ncviz.data.predicted_labels import predictions
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind
from ncviz.models.network import Network
from ncviz.tasks.task import Context, Task
from ncviz.text import short_paths

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from ncviz.preflight import Choice, LayerFacts, Preflight

__all__ = ["Check", "Checked", "Choice", "CurvatureTime", "LayerFacts", "Preflight", "Timing", "layer_rows"]

CALIBRATION_IMAGES, CHECKED_IMAGES = 10, 64
# The page that asks tells the end itself.
# What a module that makes no connection has none of.
_NUMBERS = ("input units", "output units", "weights", "edges")
_JOB = JobKind(is_private=True, is_told=True)


@dataclass(frozen=True, eq=False)
class Checked:
    """What a check found.

    Attributes:
        preflight: Layers, problems, memory, time.
        right: How many of the images the network classifies correctly; None without labels.
        images: Of how many.
        calibration: int64 [n], numbers of the calibration images; None where the network cannot be read.
        among: Of how many these images are a sample.
    """

    preflight: Preflight
    right: int | None
    images: int
    calibration: Tensor | None = None
    among: int = 0


@dataclass(frozen=True, eq=False)
class Check(Task[Checked]):
    """Reading a network, and seeing how well it does on some of its images.

    Attributes:
        network: The network.
    """

    network: Network

    job: ClassVar[JobKind] = _JOB

    def key(self, context: Context) -> str:
        """Return what tells network and images from others."""
        return digest(self.network.fingerprint, self.network.dataset, context.data_dir)

    def run(self, context: Context) -> Checked:
        """Read it, and look at the images.

        Raises:
            NcvizError: If network and images do not fit, in one sentence.
        """
        from ncviz.preflight import preflight

        net = self.network.module()
        # What cannot be read is said before anything is said of the images.
        first = context.part(0.0, 0.6)
        check = preflight(net, self.network.image_shape, progress=first.say, cancel=context.cancel)
        if check.problems:
            return Checked(check, None, 0)
        context.say(0.6, "looking at the images")
        calibration = select_calibration(net, context.images(self.network, "train"), 1)
        images = context.images(self.network, "test")
        if not images.has_labels:
            return Checked(check, None, 0, calibration)
        context.say(0.8, "looking at the images")
        own = slice(0, None, max(1, len(images) // CHECKED_IMAGES))
        answers = predictions(net, images.inputs[own])
        right = int((answers == images.labels[own]).sum())
        return Checked(check, right, len(answers), calibration, len(images))


@dataclass(frozen=True, eq=False)
class Timing(Task["Preflight"]):
    """Measuring live edges, and from a part of the work the time.

    Attributes:
        network: The network.
        calibration: int64 [n], numbers of the calibration images.
    """

    network: Network
    calibration: Tensor

    job: ClassVar[JobKind] = _JOB

    def key(self, context: Context) -> str:
        """Return what tells network and images from others."""
        return Check(self.network).key(context)

    def run(self, context: Context) -> Preflight:
        """Measure it."""
        from ncviz.preflight import preflight

        inputs = context.images(self.network, "train").inputs[self.calibration[:CALIBRATION_IMAGES]]
        net, shape = self.network.module(), self.network.image_shape
        return preflight(net, shape, inputs, progress=context.say, cancel=context.cancel)


@dataclass(frozen=True, eq=False)
class CurvatureTime(Task["float | None"]):
    """Foretelling from a small part of the work how many seconds a curvature takes for each of its images.

    Attributes:
        network: The network.
        config: Settings of the curvature.
    """

    network: Network
    config: CurvatureConfig

    job: ClassVar[JobKind] = _JOB

    def key(self, context: Context) -> str:
        """Return what tells network, images and settings from others."""
        return digest("curvature time", Check(self.network).key(context), asdict(self.config))

    def run(self, context: Context) -> float | None:
        """Measure it; None where only the whole work would tell, as where path lengths are each image's own.

        Raises:
            NcvizError: If there are too few images, or the network cannot be read.
        """
        from ncviz.preflight import preflight

        net, images = self.network.module(), context.images(self.network, "train")
        calibration = select_calibration(net, images, self.config.samples_per_class, self.config.seed)
        inputs = images.inputs[calibration[:: max(1, len(calibration) // CALIBRATION_IMAGES)]]
        say, cancel, shape = context.say, context.cancel, self.network.image_shape
        found = preflight(net, shape, inputs, config=self.config, progress=say, cancel=cancel)
        return None if found.seconds is None else found.seconds / len(inputs)


def layer_rows(network: Network) -> list[dict[str, Any]]:
    """Return one row for each connection between two layers: name, kind, units at both ends, weights, edges.

    Modules that make no connection, such as ReLU, pooling and BatchNorm, have rows of their own, in their order;
    there the numbers are None. A weight that makes several layers, as an attention's queries, keys and values, has a
    row for each of them, with its name. Names are cut to what tells them from others.

    Raises:
        NcvizError: If the network cannot be read.
    """
    from ncviz.graph.build import build_graph

    module = network.module()
    graph = build_graph(module, network.image_shape)
    place = {name: at for at, (name, _) in enumerate(module.named_modules())}
    read = {connection.name for connection in graph.connections}
    rows: list[tuple[str, dict[str, Any]]] = [
        (name, {"layer": name, "kind": _module_kind(own)} | dict.fromkeys(_NUMBERS))
        for name, own in module.named_modules()
        if name and name not in read and not any(True for _ in own.children())
    ]
    for connection in graph.connections:
        kernel = "×".join(map(str, connection.shape[2:]))
        rows.append(
            (
                connection.name,
                {
                    "layer": graph.name_of(connection),
                    "kind": f"convolution {kernel}" if kernel else "linear",
                    "input units": "×".join(map(str, graph.layer_shapes[connection.source])),
                    "output units": "×".join(map(str, graph.layer_shapes[connection.target])),
                    "weights": connection.number_of_weights,
                    "edges": connection.number_of_edges,
                },
            )
        )
    # What is no module of its own, such as a bare parameter, stands where the module is that it belongs to.
    ordered = [row for _, row in sorted(rows, key=lambda row: _place_of(row[0], place))]
    short = short_paths([row["layer"] for row in ordered])
    return [{**row, "layer": name} for row, name in zip(ordered, short, strict=True)]


def _place_of(name: str, place: Mapping[str, int]) -> int:
    """Return where a module stands among all, or the one that something belongs to; the end if none does."""
    while name and name not in place:
        name = name.rpartition(".")[0]
    return place[name] if name else len(place)


def _module_kind(module: Module) -> str:
    """Return such as "ReLU" or "MaxPool2d 2×2"."""
    size = getattr(module, "kernel_size", getattr(module, "output_size", None))
    sizes = size if isinstance(size, tuple) else () if size is None else (size, size)
    return f"{type(module).__name__} {'×'.join(map(str, sizes))}".strip()
