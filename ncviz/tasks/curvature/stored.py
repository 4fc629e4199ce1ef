"""A curvature as arrays and JSON, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ncviz.config import ALGORITHM_VERSION
from ncviz.errors import StoreError
from ncviz.models.network import Network
from ncviz.store import Record
from ncviz.tasks.curvature.intervals import Intervals
from ncviz.tasks.curvature.links import StoredLink
from ncviz.tasks.curvature.pictures import Pictures
from ncviz.tasks.curvature.places import StoredWeights
from ncviz.tasks.curvature.record import CurvatureRecord

# What knows no intervals must not take their middles for exact values: it takes these for another version's.
_OF_INTERVALS = f"{ALGORITHM_VERSION}, intervals"


def encode(curvature: CurvatureRecord) -> Record:
    """Return a curvature as arrays and JSON."""
    arrays: dict[str, np.ndarray] = {"calibration": curvature.calibration, "labels": curvature.labels}
    arrays |= {f"weights/{name}": values for name, values in curvature.weights.items()}
    arrays |= {f"samples/{name}": values for name, values in (curvature.samples or {}).items()}
    if curvature.intervals is not None:
        arrays |= {f"lower/{name}": values for name, values in curvature.intervals.lower.items()}
        arrays |= {f"upper/{name}": values for name, values in curvature.intervals.upper.items()}
        arrays |= {f"unproved/{name}": values for name, values in curvature.intervals.unproved.items()}
    arrays |= curvature.pictures.to_arrays()
    for index, positions in enumerate(curvature.sample_positions or ()):
        arrays[f"sample-positions/{index}"] = positions
    for index, place in enumerate(curvature.places):
        arrays |= place.to_arrays(index)
    for index, link in enumerate(curvature.links):
        arrays |= {f"link-channels/{index}": link.channels, f"link-places/{index}": link.places}
    meta = dict(curvature.meta)
    if curvature.intervals is not None:
        meta["algorithm"] = _OF_INTERVALS
    return Record(arrays, meta)


def decode(record: Record) -> CurvatureRecord:
    """Read a curvature back; raises KeyError where a part is missing.

    Raises:
        StoreError: If it was computed by another version of the algorithm.
    """
    arrays, meta = record.arrays, record.meta
    if meta.get("algorithm") == _OF_INTERVALS:
        meta = {**meta, "algorithm": ALGORITHM_VERSION}
    if meta.get("algorithm") != ALGORITHM_VERSION:
        raise StoreError(
            "A stored result is of another version of ncviz; clear it from the cache and compute again."
        )
    names = [connection["parameter"] for connection in meta["connections"]]
    has_samples = f"samples/{names[0]}" in arrays
    return CurvatureRecord(
        weights={name: arrays[f"weights/{name}"] for name in names},
        places=tuple(StoredWeights.from_arrays(arrays, index) for index in range(len(names))),
        samples={name: arrays[f"samples/{name}"] for name in names} if has_samples else None,
        sample_positions=tuple(arrays[f"sample-positions/{index}"] for index in range(len(names)))
        if has_samples
        else None,
        calibration=arrays["calibration"],
        labels=arrays["labels"],
        pictures=Pictures.from_arrays(arrays, len(meta["layer_shapes"])),
        meta=meta,
        links=tuple(
            StoredLink(
                **facts, channels=arrays[f"link-channels/{index}"], places=arrays[f"link-places/{index}"]
            )
            for index, facts in enumerate(meta.get("links", ()))
        ),
        intervals=Intervals(
            {name: arrays[f"lower/{name}"] for name in names},
            {name: arrays[f"upper/{name}"] for name in names},
            {name: arrays[f"unproved/{name}"] for name in names if f"unproved/{name}" in arrays},
        )
        if f"lower/{names[0]}" in arrays
        else None,
    )


@dataclass(frozen=True, eq=False)
class OfNetwork:
    """What tasks have in common whose result is a network's curvature, on whichever images."""

    network: Network

    kind: ClassVar[str] = "curvature"
    what: ClassVar[str] = "result"

    @property
    def asked_as(self) -> tuple[str, ...]:
        """What the network and its images are called."""
        return self.network.name, self.network.title, self.network.dataset

    def encode(self, result: CurvatureRecord) -> Record:
        """Return the curvature as arrays and JSON."""
        return encode(result)

    def decode(self, record: Record) -> CurvatureRecord:
        """Read a curvature back."""
        return decode(record)
