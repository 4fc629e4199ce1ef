"""From a curvature to the order in which weights go, and to the network without them."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from ncviz.models.network import Network
from ncviz.pruning.order import removal_ranks
from ncviz.records import CurvatureRecord

CRITERIA = ("curvature", "magnitude", "random")


def scores(
    network: Network, criterion: str, curvature: CurvatureRecord, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return a criterion's score of each weight, higher meaning more important, in the curvature's order."""
    if criterion == "curvature":
        return {name: -values for name, values in curvature.weights.items()}
    from ncviz.pruning.scores import pruning_scores

    found = pruning_scores(network.module(), criterion, seed=seed)
    return {name: found[name].numpy() for name in curvature.weights}


def ranks(
    network: Network,
    criterion: str,
    curvature: CurvatureRecord,
    scope: str = "global",
    order: str = "redundant",
) -> np.ndarray:
    """Return int64 [N], when each weight is removed, 0 first."""
    found = scores(network, criterion, curvature, curvature.config.seed)
    return removal_ranks(list(found.values()), scope, order)


def pruned_checkpoint(
    network: Network, by: np.ndarray, removed: int, shapes: Mapping[str, tuple[int, ...]]
) -> bytes:
    """Return the pruned network as the bytes of a safetensors file.

    Args:
        network: The network.
        by: int64 [N], the removal order.
        removed: How many weights to remove.
        shapes: Name and shape of each ranked weight.
    """
    from ncviz.models.saving import save_checkpoint
    from ncviz.pruning.masks import apply_masks, masks_at

    buffer = io.BytesIO()
    save_checkpoint(apply_masks(network.module(), masks_at(by, removed, shapes)), buffer)
    return buffer.getvalue()
