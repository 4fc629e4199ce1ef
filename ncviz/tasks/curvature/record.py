"""Curvature as the store keeps it: each weight's κ, and the one edge on which it has it; what joins the layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ncviz.config import BATCHNORM, CurvatureConfig, GraphConfig
from ncviz.graph.neural_graph import drawn_channels
from ncviz.tasks.curvature.intervals import Intervals
from ncviz.tasks.curvature.links import StoredLink
from ncviz.tasks.curvature.pictures import Pictures
from ncviz.tasks.curvature.places import StoredEdges, StoredWeights, unpacked
from ncviz.values import NEVER_ACTIVE


@dataclass(frozen=True)
class StoredConnection:
    """A weight layer as a result tells of it.

    Attributes:
        parameter: Name of its weight.
        shape: Of the weight.
        source: Index of the layer that it reads.
        target: Index of the layer that it ends in.
        edges: How many pairs of units it joins.
    """

    parameter: str
    shape: tuple[int, ...]
    source: int
    target: int
    edges: int


@dataclass(frozen=True, eq=False)
class CurvatureRecord:
    """The curvature of one network, as the store keeps it and the pages draw it.

    Attributes:
        weights: For each weight's name, κ, float32 of its shape; 2 where it is never active, NaN where it was not
            measured. Where it is not exact, the middle of its interval.
        places: For each connection, where its weights have their least κ.
        samples: For each weight's name, κ on each sample, float32 [n, *shape], NaN where no edge is live; None if
            there were too many values to keep.
        sample_positions: For each connection, the output position at which each sample has that, unsigned [n, W], none
            where no edge is live, and empty where a connection has but one; None with ``samples``.
        calibration: int64 [n], index of each calibration image in its split.
        labels: int64 [n], their classes.
        pictures: The images, and the activity of each unit on them.
        meta: Names, shapes, settings, device and seconds, as plain JSON.
        links: What joins layers without weights.
        intervals: What is certain of κ; None where all is exact.
    """

    weights: Mapping[str, np.ndarray]
    places: tuple[StoredWeights, ...]
    samples: Mapping[str, np.ndarray] | None
    sample_positions: tuple[np.ndarray, ...] | None
    calibration: np.ndarray
    labels: np.ndarray
    pictures: Pictures
    meta: Mapping[str, Any]
    links: tuple[StoredLink, ...] = ()
    intervals: Intervals | None = None

    @cached_property
    def edges(self) -> tuple[StoredEdges, ...]:
        """For each connection, one edge for each weight that has any there: that with the least κ."""
        return tuple(
            place.edges(self.weights[name]) for place, name in zip(self.places, self.parameters, strict=True)
        )

    @cached_property
    def connections(self) -> tuple[StoredConnection, ...]:
        """The weight layers."""
        return tuple(
            StoredConnection(
                each["parameter"], tuple(each["shape"]), each["source"], each["target"], each["edges"]
            )
            for each in self.meta["connections"]
        )

    @property
    def key(self) -> str:
        """What tells the result from others: the store's key, on which of its images, and how sharp it is."""
        return str(self.meta["key"]) + ("" if self.intervals is None else f"~{self.intervals.mark}")

    @property
    def sharpness(self) -> dict[str, str]:
        """What is said, in its own ``meta``, of a result that goes by this one: nothing if all of it is exact."""
        return {} if self.intervals is None else {"sharpness": self.intervals.sentence()}

    def interval(self, name: str, weight: int) -> tuple[float, float]:
        """Return the ends of the interval around a weight's κ, the same where it is exact; NaN if not measured.

        Args:
            name: Name of the weight tensor.
            weight: Flat index in it.
        """
        ends = (self.weights,) * 2 if self.intervals is None else (self.intervals.lower, self.intervals.upper)
        lower, upper = (float(end[name].reshape(-1)[weight]) for end in ends)
        return lower, upper

    @property
    def number_of_edges(self) -> int:
        """Number of edges of all connections."""
        return int(self.meta["edges"])

    @property
    def seconds(self) -> float:
        """How long it took to compute."""
        return float(self.meta["seconds"])

    @property
    def title(self) -> str:
        """What the network is called for people."""
        return str(self.meta["title"])

    @property
    def device(self) -> str:
        """Where it was computed."""
        return str(self.meta["device"])

    @property
    def pool(self) -> str:
        """What the calibration images were chosen from."""
        return str(self.meta["pool"])

    @property
    def batchnorm(self) -> str:
        """How the network's BatchNorm was read, "own" or "folded"; "" if it has none."""
        return str(self.meta["batchnorm"])

    @property
    def graph(self) -> GraphConfig:
        """How the network was read; what does not matter without a BatchNorm is as in the paper."""
        return GraphConfig(self.batchnorm or BATCHNORM[0], self.scale)

    @property
    def scale(self) -> str:
        """What weights were divided by in the graph alone, a name in ``ncviz.config.SCALES``."""
        return self.config.scale

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Name of each layer of units, where modules have names."""
        return tuple(self.meta["layer_names"])

    @property
    def parameters(self) -> tuple[str, ...]:
        """Name of each connection's weight."""
        return tuple(connection.parameter for connection in self.connections)

    @property
    def total(self) -> int:
        """Number of weights; one that stands in several connections is one."""
        return sum(values.size for values in self.weights.values())

    @cached_property
    def measured(self) -> int:
        """Number of weights whose curvature was measured: all, or those of some layers or channels."""
        return sum(int((~np.isnan(values)).sum()) for values in self.weights.values())

    @property
    def config(self) -> CurvatureConfig:
        """The settings that it was computed with."""
        return CurvatureConfig(**self.meta["config"])

    @property
    def layer_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of each layer of units, input first."""
        return tuple(tuple(shape) for shape in self.meta["layer_shapes"])

    @property
    def ends(self) -> tuple[tuple[int, int], ...]:
        """For each connection the layers that it joins, source and target."""
        return tuple((each.source, each.target) for each in self.connections)

    @property
    def is_chain(self) -> bool:
        """Whether each layer is joined to the next one, and by one weight layer alone."""
        return not self.links and self.ends == tuple((at, at + 1) for at in range(len(self.places)))

    def left_out(self, layer: int) -> np.ndarray:
        """Return which channels of a layer took no part, bool [channels]; none but where channels were sampled."""
        count, most = self.layer_shapes[layer][0], self.config.channels
        found = np.zeros(count, dtype=np.bool_)
        if most and 0 < layer < len(self.layer_shapes) - 1:
            found[:] = True
            found[drawn_channels(count, most, self.config.seed)] = False
        return found

    def into(self, layer: int) -> tuple[int, ...]:
        """Return the connections that end in a layer."""
        return tuple(at for at, (_, target) in enumerate(self.ends) if target == layer)

    def out_of(self, layer: int) -> tuple[int, ...]:
        """Return the connections that read a layer."""
        return tuple(at for at, (source, _) in enumerate(self.ends) if source == layer)

    def connections_of(self, name: str) -> tuple[int, ...]:
        """Return the connections in which a weight tensor stands."""
        return tuple(at for at, own in enumerate(self.parameters) if own == name)

    @cached_property
    def never_active(self) -> dict[str, np.ndarray]:
        """For each weight's name, which weights have edges, but none that is live on any image: bool of its shape.

        The same as that of ``CurvatureResult``: neither zeros are among them nor what was not measured.
        """
        has_edge = {name: np.zeros(values.size, dtype=np.bool_) for name, values in self.weights.items()}
        for place, name in zip(self.places, self.parameters, strict=True):
            has_edge[name] |= place.by_parameter(unpacked(place.position) >= 0)
        return {
            name: has_edge[name].reshape(values.shape) & (values >= NEVER_ACTIVE)
            for name, values in self.weights.items()
        }

    @cached_property
    def never_active_count(self) -> int:
        """How many weights are never active."""
        return sum(int(mask.sum()) for mask in self.never_active.values())

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each weight, in the network's order."""
        return {name: values.shape for name, values in self.weights.items()}

    def folded(self, connection: int, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return a connection's weights, float32 [W], what the network multiplies them by folded in.

        Its edges carry them divided by ``divisors``. What is folded in is a constant of the forward, or a batch
        normalisation that was asked to be folded. They stand in the order of the flat parameter.

        Args:
            connection: Index of the weight layer.
            arrays: The network's parameters by name.
        """
        return self.places[connection].folded(arrays[self.parameters[connection]])

    def divisors(self, connection: int) -> np.ndarray | None:
        """Return what the graph alone divides each of a connection's weights by, float32 [W]; None for nothing.

        They stand in the order of the flat parameter.
        """
        return self.places[connection].divisors

    @property
    def is_folded(self) -> bool:
        """Whether anything is folded into a weight: a constant factor, or a batch normalisation."""
        return any(place.scale is not None for place in self.places)

    def of(self, samples: Sequence[int]) -> CurvatureRecord | None:
        """Return the curvature on some of the samples alone; None if single samples are not kept.

        A weight's κ, position and image are then those of its least live edge on these samples.

        Args:
            samples: Indices of calibration images, at least one.
        """
        if self.samples is None or self.sample_positions is None:
            return None
        chosen = np.asarray(samples)
        weights: dict[str, np.ndarray] = {}
        least: dict[str, np.ndarray] = {}
        for name, values in self.samples.items():
            own = np.where(np.isnan(values[chosen]), np.inf, values[chosen]).reshape(len(chosen), -1)
            least[name] = own.argmin(axis=0)
            kappa = own.min(axis=0)
            known = np.where(np.isinf(kappa), np.float32(NEVER_ACTIVE), kappa).reshape(values.shape[1:])
            weights[name] = np.where(np.isnan(self.weights[name]), self.weights[name], known)
            least[name] = np.where(np.isinf(kappa), -1, chosen[least[name]])
        places = tuple(
            place.on(least[name], positions)
            for place, name, positions in zip(
                self.places, self.parameters, self.sample_positions, strict=True
            )
        )
        return replace(self, weights=weights, places=places, meta=self.meta_of(samples))

    def meta_of(self, samples: Sequence[int]) -> dict[str, Any]:
        """Return the facts about the curvature on some of the samples alone: the same, but for the key."""
        return {**self.meta, "key": f"{self.meta['key']}/{','.join(str(int(sample)) for sample in samples)}"}


def flat_curvature(record: CurvatureRecord) -> np.ndarray:
    """Return κ of all weights, one tensor after the other, float32 [N]."""
    return np.concatenate([values.reshape(-1) for values in record.weights.values()])
