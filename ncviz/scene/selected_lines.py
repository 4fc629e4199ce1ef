"""What a selection means in the network that is drawn: which nodes, and which of its lines."""

from __future__ import annotations

import numpy as np

from ncviz.plots.network.lines import NetworkView, strength
from ncviz.scene.grid import selected_units, selected_weights
from ncviz.scene.selection import Channel, Selection, Unit
from ncviz.scene.tables import lowest, parameter_offsets
from ncviz.tasks import CurvatureRecord

# The lines of one node of a wide layer; more would be a fan without gaps.
MOST_LINES = 3000


def selected_lines(
    record: CurvatureRecord, view: NetworkView, selected: Selection | None
) -> tuple[np.ndarray, int]:
    """Return the lines of what is selected, and how many it has.

    Args:
        record: The curvature.
        view: The network that is drawn.
        selected: A unit or channel, whose lines in and out these are; or a weight or slice, which may have several
            where units are drawn.

    Returns:
        The lines from weak to strong, int64 [≤ `MOST_LINES`], the strongest if there are more; and the number of all.
    """
    if isinstance(selected, Unit | Channel):
        nodes = np.fromiter(sorted(selected_nodes(record, view, selected)), np.int64)
        own = np.flatnonzero(np.isin(view.source, nodes) | np.isin(view.target, nodes))
    elif selected is None or view.members is not None:
        # A line of several weights is one, drawn or told of by its card.
        own = np.empty(0, np.int64)
    else:
        starts = parameter_offsets(record)
        weights = [
            selected_weights(record, at, selected) + starts[name] for at, name in enumerate(record.parameters)
        ]
        own = np.flatnonzero(np.isin(view.parameter, np.concatenate(weights)))
    own = own[np.isfinite(view.curvature[own])]
    strongest = lowest(-strength(view.curvature[own]), MOST_LINES)
    return own[strongest[::-1]], len(own)


def selected_nodes(record: CurvatureRecord, view: NetworkView, selected: Selection | None) -> frozenset[int]:
    """Return which nodes of the picture are selected, a feature map for its units where it is one node."""
    found = selected_units(record, selected)
    sizes = np.array([int(np.prod(shape)) for shape in record.layer_shapes])
    nodes = np.diff(np.asarray(view.layer_offsets))
    first = np.concatenate([[0], np.cumsum(sizes)])
    layer = np.searchsorted(first, found, side="right") - 1
    own = (found - first[layer]) // (sizes // nodes)[layer]
    return frozenset((own + np.asarray(view.layer_offsets)[layer]).tolist())
