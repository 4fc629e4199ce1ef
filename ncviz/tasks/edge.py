"""From a network and one of its calibration images to the lens under which any edge can be laid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ncviz.config import check_whole
from ncviz.errors import DataError
from ncviz.models.network import Network
from ncviz.tasks.curvature.record import CurvatureRecord
from ncviz.tasks.task import Context

if TYPE_CHECKING:
    from ncviz.explain import NetworkOnImage


def lens_on(network: Network, record: CurvatureRecord, sample: int, context: Context) -> NetworkOnImage:
    """Return the network on one calibration image, ready to look at any edge that its curvature is about.

    Where only some layers or channels were computed, the lens is laid on these, so that it takes no more memory and
    gives the same numbers.

    Args:
        network: The network.
        record: Its curvature, which says what the calibration images are.
        sample: Which of them, from 0.
        context: Where to run the network, and where the images are that the curvature was computed on.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
    """
    from ncviz.explain import look

    check_whole("the calibration image", sample, 0, len(record.calibration) - 1)
    pool = context.images(network, "train")
    config = record.config
    return look(
        network.module(),
        pool.inputs[int(record.calibration[sample])],
        device=context.device,
        layers=config.layers,
        channels=config.channels,
        seed=config.seed,
    )


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
