"""From a curvature to the order in which weights go, and to the network without them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ncviz.data.datasets import load_dataset
from ncviz.models.network import Network
from ncviz.pruning.order import removal_ranks
from ncviz.records import CurvatureRecord

if TYPE_CHECKING:
    from torch import Tensor

# Those whose curves are measured with every curvature, for the slider.
CRITERIA = ("curvature", "magnitude", "random")


def scores(
    network: Network, criterion: str, curvature: CurvatureRecord, seed: int = 0, data_dir: str | None = None
) -> dict[str, np.ndarray]:
    """Return a criterion's score of each weight, higher meaning more important, in the curvature's order.

    Criteria that look at data look at the calibration images of the curvature.
    """
    if criterion == "curvature":
        return {name: -values for name, values in curvature.weights.items()}
    from ncviz.pruning.scores import pruning_scores

    images, labels = _calibration(network, curvature, data_dir) if _needs_images(criterion) else (None, None)
    found = pruning_scores(network.module(), criterion, inputs=images, labels=labels, seed=seed)
    return {name: found[name].numpy() for name in curvature.weights}


def _needs_images(criterion: str) -> bool:
    from ncviz.pruning.scores import SCORES

    return criterion in SCORES and SCORES[criterion].needs_images


def _calibration(network: Network, curvature: CurvatureRecord, data_dir: str | None) -> tuple[Tensor, Tensor]:
    import torch

    pool = load_dataset(network.dataset, "train", data_dir)
    chosen = torch.from_numpy(curvature.calibration)
    return pool.inputs[chosen], pool.labels[chosen]


def ranks(
    network: Network,
    criterion: str,
    curvature: CurvatureRecord,
    scope: str = "global",
    order: str = "redundant",
    data_dir: str | None = None,
) -> np.ndarray:
    """Return int64 [N], when each weight is removed, 0 first."""
    found = scores(network, criterion, curvature, curvature.config.seed, data_dir)
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
