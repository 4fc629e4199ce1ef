"""Curvature as the store keeps it: each weight's κ, and the one edge on which it has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.config import ALGORITHM_VERSION, CurvatureConfig
from ncviz.errors import StoreError
from ncviz.records.pictures import Pictures
from ncviz.records.reading import read
from ncviz.store import Record

if TYPE_CHECKING:
    from ncviz.curvature import CurvatureResult


@dataclass(frozen=True, eq=False)
class StoredEdges:
    """One edge for each weight of a connection that has any: the one on which its κ is least.

    Attributes:
        source: Unit index within the source layer, int32 [E].
        target: Unit index within the target layer, int32 [E].
        parameter: Flat index into the connection's weight, int32 [E], growing.
        curvature: κ of the weight, float32 [E]; 2 if it is never active.
        position: Output position of the edge, int32 [E].
        sample: Calibration image on which κ is least, int32 [E]; -1 if the weight is never active.
    """

    source: np.ndarray
    target: np.ndarray
    parameter: np.ndarray
    curvature: np.ndarray
    position: np.ndarray
    sample: np.ndarray


@dataclass(frozen=True, eq=False)
class StoredWeights:
    """Where the weights of one connection have their least κ; the largest number of a type stands for "none".

    Attributes:
        fields: Source unit of each kernel slot at each output position, unsigned [G, P, K]; none is padding.
        position: Output position of the edge with the least κ, unsigned [W]; none where a weight has no edge.
        sample: Calibration image with the least κ, unsigned [W]; none where a weight is never active.
        scale: What a batch normalisation that follows multiplies each output channel's weights by, float32 [G·C]; None
            without one.
    """

    fields: np.ndarray
    position: np.ndarray
    sample: np.ndarray
    scale: np.ndarray | None = None

    @property
    def sources(self) -> np.ndarray:
        """Source unit of each kernel slot at each output position, int32 [G, P, K]; -1 is padding."""
        return _unpacked(self.fields)

    def on(self, sample: np.ndarray, positions: np.ndarray) -> StoredWeights:
        """Return where these weights have their least κ if only one sample counts for each.

        Args:
            sample: Which one, int [W]; -1 where the weight is active on none.
            positions: Output position for each sample, packed, [n, W]; empty where there is but one.
        """
        if not positions.size:
            return replace(self, sample=_packed(sample))
        own = _unpacked(np.take_along_axis(positions, np.maximum(sample, 0)[None], axis=0)[0])
        anywhere = _unpacked(self.position)
        return replace(self, position=_packed(np.where(sample >= 0, own, anywhere)), sample=_packed(sample))

    def renumbered(self, number: np.ndarray) -> StoredWeights:
        """Return the same with sample k called ``number[k]``, int [n]."""
        sample = _unpacked(self.sample)
        return replace(self, sample=_packed(np.where(sample >= 0, number[np.maximum(sample, 0)], -1)))

    def edges(self, curvature: np.ndarray) -> StoredEdges:
        """Return the edges that these weights stand on, with the weights' κ [W]."""
        groups, positions, slots = self.fields.shape
        position = _unpacked(self.position)
        flat = np.flatnonzero(position >= 0)
        at, row = position[flat], flat // slots
        group = row // (len(position) // slots // groups)
        return StoredEdges(
            source=_unpacked(self.fields[group, at, flat % slots]),
            target=(row * positions + at).astype(np.int32),
            parameter=flat.astype(np.int32),
            curvature=curvature.reshape(-1)[flat].astype(np.float32),
            position=at,
            sample=_unpacked(self.sample[flat]),
        )


@dataclass(frozen=True, eq=False)
class CurvatureRecord:
    """The curvature of one network, as the store keeps it and the pages draw it.

    Attributes:
        weights: For each weight's name, κ, float32 of its shape; 2 where it is never active.
        places: For each connection, where its weights have their least κ.
        samples: For each weight's name, κ on each sample, float32 [n, *shape], NaN where no edge is live; None if
            there were too many values to keep.
        sample_positions: For each connection, the output position at which each sample has that, unsigned [n, W], none
            where no edge is live, and empty where a connection has but one; None with ``samples``.
        calibration: int64 [n], index of each calibration image in its split.
        labels: int64 [n], their classes.
        pictures: The images, and the activity of each unit on them.
        meta: Names, shapes, settings, device and seconds, as plain JSON.
    """

    weights: Mapping[str, np.ndarray]
    places: tuple[StoredWeights, ...]
    samples: Mapping[str, np.ndarray] | None
    sample_positions: tuple[np.ndarray, ...] | None
    calibration: np.ndarray
    labels: np.ndarray
    pictures: Pictures
    meta: Mapping[str, Any]

    @cached_property
    def edges(self) -> tuple[StoredEdges, ...]:
        """For each connection, one edge for each weight: that with the least κ."""
        return tuple(
            place.edges(self.weights[name]) for place, name in zip(self.places, self.parameters, strict=True)
        )

    @property
    def parameters(self) -> tuple[str, ...]:
        """Name of each connection's weight."""
        return tuple(connection["parameter"] for connection in self.meta["connections"])

    @property
    def total(self) -> int:
        """Number of weights."""
        return sum(values.size for values in self.weights.values())

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

    def folded(self, connection: int, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return a connection's weights as its edges carry them, batch normalisation folded in, float32 [W].

        Args:
            connection: Index of the weight layer.
            arrays: The network's parameters by name.
        """
        raw = np.asarray(arrays[self.parameters[connection]], dtype=np.float32)
        scale = self.places[connection].scale
        return (
            raw.reshape(-1) if scale is None else (raw.reshape(len(scale), -1) * scale[:, None]).reshape(-1)
        )

    @property
    def is_folded(self) -> bool:
        """Whether a batch normalisation is folded into any weight."""
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
            weights[name] = np.where(np.isinf(kappa), np.float32(2), kappa).reshape(values.shape[1:])
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

    def to_record(self) -> Record:
        """Return it as arrays and JSON."""
        arrays: dict[str, np.ndarray] = {"calibration": self.calibration, "labels": self.labels}
        arrays |= {f"weights/{name}": values for name, values in self.weights.items()}
        arrays |= {f"samples/{name}": values for name, values in (self.samples or {}).items()}
        arrays |= self.pictures.to_arrays()
        for index, positions in enumerate(self.sample_positions or ()):
            arrays[f"sample-positions/{index}"] = positions
        for index, place in enumerate(self.places):
            arrays |= {f"fields/{index}": place.fields, f"positions/{index}": place.position}
            arrays[f"sample/{index}"] = place.sample
            if place.scale is not None:
                arrays[f"scale/{index}"] = place.scale
        return Record(arrays, dict(self.meta))

    @staticmethod
    def from_record(record: Record) -> CurvatureRecord:
        """Read it back.

        Raises:
            StoreError: If the record is of another kind or version, or lacks a part.
        """
        return read(record, "curvature", "result", _curvature_of)


def _curvature_of(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> CurvatureRecord:
    if meta.get("algorithm", ALGORITHM_VERSION) != ALGORITHM_VERSION:
        raise StoreError(
            "A stored result is of another version of ncviz; clear it from the cache and compute again."
        )
    names = [connection["parameter"] for connection in meta["connections"]]
    has_samples = f"samples/{names[0]}" in arrays
    return CurvatureRecord(
        weights={name: arrays[f"weights/{name}"] for name in names},
        places=tuple(
            StoredWeights(
                arrays[f"fields/{index}"],
                arrays[f"positions/{index}"],
                arrays[f"sample/{index}"],
                arrays.get(f"scale/{index}"),
            )
            for index in range(len(names))
        ),
        samples={name: arrays[f"samples/{name}"] for name in names} if has_samples else None,
        sample_positions=tuple(arrays[f"sample-positions/{index}"] for index in range(len(names)))
        if has_samples
        else None,
        calibration=arrays["calibration"],
        labels=arrays["labels"],
        pictures=Pictures.from_arrays(arrays, len(meta["layer_shapes"])),
        meta=meta,
    )


def from_result(
    result: CurvatureResult,
    arrays: Mapping[str, np.ndarray],
    calibration: np.ndarray,
    labels: np.ndarray,
    pictures: Pictures,
    meta: Mapping[str, Any],
) -> CurvatureRecord:
    """Turn a computed result into what the store keeps.

    Args:
        result: The curvature.
        arrays: The network's parameters by name.
        calibration: int64 [n], index of each sample in its split.
        labels: int64 [n].
        pictures: The images, and the activity of each unit on them.
        meta: What else to note, as plain JSON.
    """
    graph = result.graph
    places = tuple(
        StoredWeights(
            fields=_packed(connection.fields),
            position=_packed(position.numpy()),
            sample=_packed(sample.numpy()),
            scale=_scale(connection.weight, arrays[connection.parameter]),
        )
        for connection, (_, position, sample) in zip(graph.connections, result.least, strict=True)
    )
    connections: list[dict[str, Any]] = [
        {
            "name": c.name,
            "parameter": c.parameter,
            "shape": list(c.shape),
            "edges": c.number_of_edges,
            "dead_share": dead,
            "work": asdict(work),
        }
        for c, dead, work in zip(graph.connections, result.dead_share, result.work, strict=True)
    ]
    facts = {
        "kind": "curvature",
        "layer_shapes": [list(shape) for shape in graph.layer_shapes],
        "connections": connections,
        "edges": sum(connection["edges"] for connection in connections),
        **meta,
    }
    samples = result.samples
    return CurvatureRecord(
        weights={name: values.numpy().astype(np.float32) for name, values in result.weights.items()},
        places=places,
        samples=None if samples is None else {name: values.numpy() for name, values in samples.items()},
        sample_positions=None
        if result.sample_positions is None
        else tuple(
            _packed(positions.numpy()[:, : positions.shape[1] if connection.fields.shape[1] > 1 else 0])
            for connection, positions in zip(graph.connections, result.sample_positions, strict=True)
        ),
        calibration=calibration,
        labels=labels,
        pictures=pictures,
        meta=facts,
    )


def _scale(weight: np.ndarray, raw: np.ndarray) -> np.ndarray | None:
    """Return what was folded into each output channel of a weight [G, C, K], float32 [G·C]; None if nothing was."""
    folded = weight.reshape(-1, weight.shape[-1])
    own = np.asarray(raw, dtype=np.float64).reshape(folded.shape)
    largest = np.abs(own).argmax(axis=1)[:, None]
    before, after = (np.take_along_axis(part, largest, axis=1)[:, 0] for part in (own, folded))
    scale = np.divide(after, before, out=np.ones_like(after), where=before != 0)
    return None if (scale == 1).all() else scale.astype(np.float32)


def _packed(values: np.ndarray) -> np.ndarray:
    """Return whole numbers in the narrowest unsigned type, with its largest value in place of negative ones."""
    kind = np.min_scalar_type(int(values.max(initial=0)) + 1)
    return np.where(values < 0, np.iinfo(kind).max, values).astype(kind)


def _unpacked(values: np.ndarray) -> np.ndarray:
    """Return int32, -1 where there is none."""
    return np.where(values == np.iinfo(values.dtype).max, -1, values.astype(np.int64)).astype(np.int32)
