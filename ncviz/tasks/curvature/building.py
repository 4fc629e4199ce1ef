"""From a computed curvature to what the store keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.tasks.curvature.intervals import Intervals, outward
from ncviz.tasks.curvature.links import stored_links
from ncviz.tasks.curvature.pictures import Pictures
from ncviz.tasks.curvature.places import StoredWeights, folded_scale, packed
from ncviz.tasks.curvature.record import CurvatureRecord

if TYPE_CHECKING:
    from ncviz.curvature import CurvatureResult
    from ncviz.graph.neural_graph import NeuralGraph


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
    twice = _on_several_edges(graph)
    places = tuple(
        StoredWeights(
            fields=packed(connection.fields),
            position=packed(position.numpy()),
            sample=packed(sample.numpy()),
            scale=folded_scale(connection, arrays[connection.parameter]),
            divisor=None if connection.divisor is None else connection.divisor.astype(np.float32),
            order=None if connection.order is None else packed(connection.order),
            curvature=curvature.numpy().astype(np.float32) if connection.parameter in twice else None,
        )
        for connection, (curvature, position, sample) in zip(graph.connections, result.least, strict=True)
    )
    links = stored_links(graph)
    connections: list[dict[str, Any]] = [
        {
            "name": c.name,
            "parameter": c.parameter,
            "shape": list(c.shape),
            "source": c.source,
            "target": c.target,
            "edges": c.number_of_edges,
            "dead_share": dead,
            "work": asdict(work),
        }
        for c, dead, work in zip(graph.connections, result.dead_share, result.work, strict=True)
    ]
    facts = {
        "kind": "curvature",
        "layer_shapes": [list(shape) for shape in graph.layer_shapes],
        "layer_names": list(graph.layer_names),
        "batchnorm": graph.batchnorm,
        "connections": connections,
        "links": [link.facts for link in links],
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
            packed(positions.numpy()[:, : positions.shape[1] if connection.fields.shape[1] > 1 else 0])
            for connection, positions in zip(graph.connections, result.sample_positions, strict=True)
        ),
        calibration=calibration,
        labels=labels,
        pictures=pictures,
        meta=facts,
        links=links,
        intervals=_intervals(result),
    )


def _intervals(result: CurvatureResult) -> Intervals | None:
    """Return what is certain of the curvature; None if all of it is exact."""
    if all(bool(own.all()) for own in result.is_exact.values()):
        return None
    ends = {name: outward(low.numpy(), result.upper[name].numpy()) for name, low in result.lower.items()}
    return Intervals(
        {name: low for name, (low, _) in ends.items()},
        {name: up for name, (_, up) in ends.items()},
        {name: own.numpy() for name, own in result.unproved.items() if own.any()},
    )


def _on_several_edges(graph: NeuralGraph) -> set[str]:
    """Return the parameters of which a weight has edges in more than one connection: a module that is used twice."""
    counts: dict[str, np.ndarray] = {}
    for each in graph.connections:
        has_edge = each.as_parameter((each.first_position >= 0).astype(np.int64))
        counts[each.parameter] = counts.get(each.parameter, 0) + has_edge
    return {name for name, count in counts.items() if count.max(initial=0) > 1}
