"""Steps by hand worked out on a network: which weights each of them means, and the mask that they come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ncviz.errors import NcvizError
from ncviz.scene.grid import selected_weights
from ncviz.scene.selection import Selection, Weight
from ncviz.scene.surgery.steps import CUT, FREE, HOLD, Step
from ncviz.scene.tables import parameter_offsets
from ncviz.tasks import CurvatureRecord, Group, OwnMask
from ncviz.tasks.criteria import CUT_BY_HAND, HELD_BY_HAND, LEFT_TO_CRITERION

_STATES = {CUT: CUT_BY_HAND, HOLD: HELD_BY_HAND, FREE: LEFT_TO_CRITERION}


def weights_of(
    step: Step, record: CurvatureRecord, ranks: np.ndarray, bottlenecks: Callable[[Group], np.ndarray]
) -> np.ndarray:
    """Return the weights that a step is about, int64 [k] of their indices in the flat list.

    Args:
        step: What is done.
        record: The network's curvature.
        ranks: int64 [N], when the criterion removes each weight, 0 first; the share of a layer goes by it.
        bottlenecks: Returns the bottlenecks that a group of images has to itself, the most specific first.

    Raises:
        NcvizError: If the network has nothing of what the step names.
    """
    if step.group is not None:
        return bottlenecks(step.group)[: int(step.amount)]
    if step.layer is not None:
        return _first_of_layer(record, ranks, step.layer, float(step.amount))
    found = step.weights
    if found is None:
        found = weights_of_selection(step.selection, record)
    if not len(found) or int(found.max()) >= record.total:
        raise NcvizError(f"this network has nothing of the name {step.target[:40]}.")
    return found


def own_mask(
    steps: Sequence[Step],
    record: CurvatureRecord,
    ranks: np.ndarray,
    bottlenecks: Callable[[Group], np.ndarray],
) -> tuple[OwnMask, tuple[int, ...]]:
    """Return the mask that steps come to, a later one overruling those before it, and of how many weights each is.

    The arguments are those of ``weights_of``, which says what is raised.
    """
    sizes = []
    state = np.full(record.total, LEFT_TO_CRITERION, dtype=np.uint8)
    factor = np.ones(record.total, dtype=np.float32)
    for step in steps:
        weights = weights_of(step, record, ranks, bottlenecks)
        sizes.append(len(weights))
        if step.factor is None:
            state[weights] = _STATES[step.action]
            if step.action == FREE:
                factor[weights] = 1
        else:
            factor[weights] = step.factor
    return OwnMask(state, factor), tuple(sizes)


def _first_of_layer(record: CurvatureRecord, ranks: np.ndarray, layer: int, share: float) -> np.ndarray:
    names = list(record.weights)
    if layer >= len(names):
        raise NcvizError(f"this network has the layers 0 to {len(names) - 1}, got {layer}.")
    start, size = parameter_offsets(record)[names[layer]], record.weights[names[layer]].size
    own = np.argsort(ranks[start : start + size], kind="stable")
    return start + own[: round(share * size)]


def weights_of_selection(selected: Selection | None, record: CurvatureRecord) -> np.ndarray:
    """Return the weights of a part of the network, int64 [k] of their indices in the flat list."""
    if isinstance(selected, Weight):
        return np.array([selected.parameter])
    offsets = parameter_offsets(record)
    found = [
        offsets[record.parameters[connection]] + selected_weights(record, connection, selected)
        for connection in range(len(record.places))
    ]
    return np.unique(np.concatenate(found))
