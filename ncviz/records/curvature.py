"""Curvature and accuracy curves as plain arrays, to and from the store; needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.config import CurvatureConfig
from ncviz.errors import StoreError
from ncviz.store import Record

if TYPE_CHECKING:
    from ncviz.curvature import CurvatureResult
    from ncviz.pruning.curve import SweepResult


@dataclass(frozen=True, eq=False)
class StoredEdges:
    """The edges of one connection with the least κ that each reached.

    Attributes:
        source: Unit index within the source layer [E].
        target: Unit index within the target layer [E].
        parameter: Flat index into the connection's weight [E].
        curvature: float32 [E], minimum over the samples in which the edge is live; 2 if there is none.
    """

    source: np.ndarray
    target: np.ndarray
    parameter: np.ndarray
    curvature: np.ndarray


@dataclass(frozen=True, eq=False)
class CurvatureRecord:
    """The curvature of one network, as the store keeps it and the pages draw it.

    Attributes:
        weights: For each weight's name, κ, float64 of its shape.
        samples: For each weight's name, κ on each sample, float32 [n, *shape]; NaN where no edge is live.
        edges: One entry for each connection.
        calibration: int64 [n], index of each calibration image in its split.
        labels: int64 [n], their classes.
        meta: Names, shapes, settings, device and seconds, as plain JSON.
    """

    weights: Mapping[str, np.ndarray]
    samples: Mapping[str, np.ndarray]
    edges: tuple[StoredEdges, ...]
    calibration: np.ndarray
    labels: np.ndarray
    meta: Mapping[str, Any]

    @property
    def config(self) -> CurvatureConfig:
        """The settings that it was computed with."""
        return CurvatureConfig(**self.meta["config"])

    @property
    def layer_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of each layer of units, input first."""
        return tuple(tuple(shape) for shape in self.meta["layer_shapes"])

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each weight, in the network's order."""
        return {name: values.shape for name, values in self.weights.items()}

    def to_record(self) -> Record:
        """Return it as arrays and JSON."""
        arrays: dict[str, np.ndarray] = {"calibration": self.calibration, "labels": self.labels}
        arrays |= {f"weights/{name}": values for name, values in self.weights.items()}
        arrays |= {f"samples/{name}": values for name, values in self.samples.items()}
        for index, edges in enumerate(self.edges):
            for part in ("source", "target", "parameter", "curvature"):
                arrays[f"edges/{index}/{part}"] = getattr(edges, part)
        return Record(arrays, dict(self.meta))

    @staticmethod
    def from_record(record: Record) -> CurvatureRecord:
        """Read it back.

        Raises:
            StoreError: If the record is of another kind or lacks a part.
        """
        arrays, meta = record.arrays, record.meta
        try:
            if meta["kind"] != "curvature":
                raise KeyError("kind")
            names = [connection["parameter"] for connection in meta["connections"]]
            edges = tuple(
                StoredEdges(
                    **{
                        part: arrays[f"edges/{i}/{part}"]
                        for part in ("source", "target", "parameter", "curvature")
                    }
                )
                for i in range(len(names))
            )
            return CurvatureRecord(
                weights={name: arrays[f"weights/{name}"] for name in names},
                samples={name: arrays[f"samples/{name}"] for name in names},
                edges=edges,
                calibration=arrays["calibration"],
                labels=arrays["labels"],
                meta=meta,
            )
        except KeyError as error:
            raise StoreError(
                f"A stored result lacks {error}; clear it from the cache and compute again."
            ) from error


def from_result(
    result: CurvatureResult, calibration: np.ndarray, labels: np.ndarray, meta: Mapping[str, Any]
) -> CurvatureRecord:
    """Turn a computed result into what the store keeps.

    Args:
        result: The curvature.
        calibration: int64 [n], index of each sample in its split.
        labels: int64 [n].
        meta: What else to note, as plain JSON.
    """
    graph = result.graph
    edges = tuple(
        StoredEdges(
            source=_smallest(connection.edges.source),
            target=_smallest(connection.edges.target),
            parameter=_smallest(connection.edges.parameter),
            curvature=minimum.numpy().astype(np.float32),
        )
        for connection, minimum in zip(graph.connections, result.edge_minimum, strict=True)
    )
    facts = {
        "kind": "curvature",
        "layer_shapes": [list(shape) for shape in graph.layer_shapes],
        "connections": [
            {"name": c.name, "parameter": c.parameter, "shape": list(c.shape)} for c in graph.connections
        ],
        "dead_share": list(result.dead_share),
        "edges": graph.number_of_edges,
        **meta,
    }
    return CurvatureRecord(
        weights={name: values.numpy() for name, values in result.weights.items()},
        samples={name: values.numpy() for name, values in result.samples.items()},
        edges=edges,
        calibration=calibration,
        labels=labels,
        meta=facts,
    )


@dataclass(frozen=True, eq=False)
class SweepRecord:
    """Accuracy over sparsity for every criterion in both orders.

    Attributes:
        removed: int64 [m], number of weights removed.
        total: Number of weights.
        accuracy: (criterion, order) → float64 [m].
        images: Number of evaluation images.
        meta: Scope, description of the images and so on, as plain JSON.
    """

    removed: np.ndarray
    total: int
    accuracy: Mapping[tuple[str, str], np.ndarray]
    images: int
    meta: Mapping[str, Any]

    @property
    def baseline(self) -> float:
        """Accuracy of the whole network."""
        return float(next(iter(self.accuracy.values()))[0])

    def at(self, criterion: str, order: str, removed: int) -> float:
        """Return the accuracy between the measured points, by linear interpolation."""
        return float(np.interp(removed, self.removed, self.accuracy[criterion, order]))

    def to_record(self) -> Record:
        """Return it as arrays and JSON."""
        arrays = {"removed": self.removed}
        arrays |= {f"{criterion}/{order}": values for (criterion, order), values in self.accuracy.items()}
        return Record(arrays, {**self.meta, "kind": "sweep", "total": self.total, "images": self.images})

    @staticmethod
    def from_record(record: Record) -> SweepRecord:
        """Read it back.

        Raises:
            StoreError: If the record is of another kind or lacks a part.
        """
        try:
            if record.meta["kind"] != "sweep":
                raise KeyError("kind")
            accuracy = {}
            for name, values in record.arrays.items():
                if name != "removed":
                    criterion, order = name.split("/")
                    accuracy[criterion, order] = values
            total, images = int(record.meta["total"]), int(record.meta["images"])
            return SweepRecord(record.arrays["removed"], total, accuracy, images, record.meta)
        except KeyError as error:
            raise StoreError(
                f"A stored curve lacks {error}; clear it from the cache and compute again."
            ) from error


def sweep_record(
    sweeps: Mapping[tuple[str, str], SweepResult], total: int, meta: Mapping[str, Any]
) -> SweepRecord:
    """Turn measured sweeps over the same sparsities into what the store keeps."""
    first = next(iter(sweeps.values()))
    return SweepRecord(
        first.removed, total, {key: found.accuracy for key, found in sweeps.items()}, first.images, meta
    )


def _smallest(values: np.ndarray) -> np.ndarray:
    """Return non-negative integers in the narrowest of uint16 and uint32 that holds them."""
    return values.astype(np.uint16 if values.max(initial=0) < 2**16 else np.uint32)
