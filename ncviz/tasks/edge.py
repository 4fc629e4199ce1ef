"""One edge on one calibration image as tasks: its transport problem, κ at an idleness and a weight, and over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ncviz.config import check_whole
from ncviz.errors import DataError
from ncviz.models.network import Network
from ncviz.tasks.curvature.record import CurvatureRecord
from ncviz.tasks.task import Context, Task

if TYPE_CHECKING:
    from ncviz.explain import EdgeExplanation, EdgeProblem, NetworkOnImage


@dataclass(frozen=True, eq=False)
class ImageActivations(Task["NetworkOnImage"]):
    """The network on one calibration image, ready to look at any edge that its curvature is about.

    Where only some layers or channels were computed, only these take part, so that it takes no more memory and gives
    the same numbers.

    Attributes:
        network: The network.
        record: Its curvature, which says what the calibration images are.
        sample: Which of them, from 0.
    """

    network: Network
    record: CurvatureRecord
    sample: int

    most_known: ClassVar[int] = 4

    def key(self, context: Context) -> str:
        """Return a name of its own, which the store does not know."""
        return f"{self.record.key}/{self.sample}/{context.device}"

    def run(self, context: Context) -> NetworkOnImage:
        """Run the network on the image."""
        from ncviz.explain import look

        check_whole("the calibration image", self.sample, 0, len(self.record.calibration) - 1)
        pool = context.images(self.network, "train")
        config = self.record.config
        return look(
            self.network.module(),
            pool.inputs[int(self.record.calibration[self.sample])],
            device=context.device,
            layers=config.layers,
            channels=config.channels,
            seed=config.seed,
            **config.graph.options,
        )


@dataclass(frozen=True, eq=False)
class EdgeOnImage(Task["EdgeProblem"]):
    """An edge's transport problem on one calibration image.

    Attributes:
        on: The network on the image.
        edge: Connection, source and target.
    """

    on: ImageActivations
    edge: tuple[int, int, int]

    most_known: ClassVar[int] = 32

    def key(self, context: Context) -> str:
        """Return a name of its own, which the store does not know."""
        return f"{self.on.key(context)}/{'-'.join(map(str, self.edge))}"

    def run(self, context: Context) -> EdgeProblem:
        """Measure the ways around the edge."""
        return context.run(self.on).result.edge(*self.edge)


@dataclass(frozen=True, eq=False)
class EdgeCurvature(Task["EdgeExplanation"]):
    """An edge taken apart at an idleness and a weight.

    Attributes:
        of: The edge.
        alpha: Idleness.
        weight: The edge's weight.
    """

    of: EdgeOnImage
    alpha: float
    weight: float

    most_known: ClassVar[int] = 64

    def key(self, context: Context) -> str:
        """Return a name of its own, which the store does not know."""
        return f"{self.of.key(context)}/{self.alpha}/{self.weight}"

    def run(self, context: Context) -> EdgeExplanation:
        """Solve the transport problem."""
        return context.run(self.of).result.at(self.alpha, self.weight)


@dataclass(frozen=True, eq=False)
class EdgeCurve(Task[np.ndarray]):
    """κ of an edge over the idleness, or over its weight, float64 [k]; the other of the two has a single value.

    Attributes:
        of: The edge.
        alphas: Idleness.
        weights: The edge's weight.
    """

    of: EdgeOnImage
    alphas: tuple[float, ...]
    weights: tuple[float, ...]

    most_known: ClassVar[int] = 256

    def key(self, context: Context) -> str:
        """Return a name of its own, which the store does not know."""
        return f"{self.of.key(context)}/{self.alphas}/{self.weights}"

    def run(self, context: Context) -> np.ndarray:
        """Solve the transport problem for each value."""
        problem = context.run(self.of).result
        if len(self.weights) == 1:
            return problem.curve(self.alphas, self.weights[0])
        return problem.weight_curve(self.weights, self.alphas[0])


def edge_weight(record: CurvatureRecord, connection: int, source: int, target: int) -> int:
    """Return which weight stands on an edge, as a flat index within its connection.

    Raises:
        DataError: If the network has no such layer or unit, or they are not joined.
    """
    if not 0 <= connection < len(record.places):
        raise DataError(
            f"This network has the layers 1 to {len(record.places)}, and no layer {connection + 1}; choose another "
            "edge."
        )
    sizes = [int(np.prod(record.layer_shapes[layer])) for layer in record.ends[connection]]
    for name, unit, size in (("source", source, sizes[0]), ("target", target, sizes[1])):
        if not 0 <= unit < size:
            raise DataError(
                f"The {name} of an edge of layer {connection + 1} must be a unit from 0 to {size - 1}, got {unit}."
            )
    place = record.places[connection]
    groups, positions, slots = place.fields.shape
    row, position = divmod(target, positions)
    slot = np.flatnonzero(place.fields[row * groups // place.rows, position] == source)
    if not len(slot):
        raise DataError(
            f"There is no edge {source} → {target} in layer {connection + 1}: unit {target} does not read unit "
            f"{source}; choose another edge."
        )
    return int(place.parameter(np.array([row * slots + int(slot[0])]))[0])


def least_sample(
    record: CurvatureRecord, connection: int, weight: int, among: Sequence[int] | None = None
) -> int:
    """Return the calibration image on which a weight's κ is least; the first that counts if it is active on none.

    Args:
        record: The curvature.
        connection: Index of the weight layer.
        weight: Flat index within it.
        among: Which images count, None for all. Where a result keeps no single images, the first of them stands in
            if the least of all is none of them.
    """
    if among and record.samples is not None:
        own = record.samples[record.parameters[connection]].reshape(len(record.labels), -1)[
            list(among), weight
        ]
        return int(among[int(np.where(np.isnan(own), np.inf, own).argmin())])
    edges = record.edges[connection]
    at = int(np.searchsorted(edges.parameter, weight))
    known = at < len(edges.parameter) and edges.parameter[at] == weight
    least = max(0, int(edges.sample[at])) if known else 0
    return least if not among or least in among else int(among[0])
