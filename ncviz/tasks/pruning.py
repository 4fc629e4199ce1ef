"""From a curvature to the order in which weights go, and to the network without them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from ncviz.config import NEVER_ACTIVE_PLACES, GraphConfig
from ncviz.data.predicted_labels import labels_for
from ncviz.models.files.write_file import write_file
from ncviz.models.network import Network
from ncviz.pruning.budgets import NO_BUDGETS, Budgets, shares_of
from ncviz.pruning.never_active import placed
from ncviz.pruning.order import removal_ranks
from ncviz.reading.doors import write_network_file
from ncviz.tasks.task import Context

if TYPE_CHECKING:
    from ncviz.tasks.curvature.record import CurvatureRecord

NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})
# Those whose curves are measured with every curvature, for the slider.
CRITERIA = ("curvature", "magnitude", "random")


def zeros_in(network: Network, names: Iterable[str]) -> int:
    """Return how many of these weights are zero already: they count as removed, and go first in every order."""
    return sum(network.zeros[name] for name in names)


def zeros_first(network: Network) -> list[str]:
    """Return what a key says of a pruned network, whose zeros once went last where bottlenecks go first."""
    is_pruned = any(network.zeros[name] for name, values in network.arrays.items() if values.ndim > 1)
    return ["zeros first"] if is_pruned else []


def place_key(place: str) -> str:
    """Return what a key says of where never-active weights go: the median once was that of |w| alone."""
    return "median by edges" if place == "median" else place


def scores(
    network: Network,
    criterion: str,
    curvature: CurvatureRecord,
    context: Context,
    seed: int = 0,
    never_active: str = "first",
) -> dict[str, np.ndarray]:
    """Return a criterion's score of each weight, higher meaning more important, in the curvature's order.

    Criteria that look at data look at the calibration images of the curvature; ``never_active`` says where weights go
    that are active on none of them.
    """
    if criterion == "curvature":
        return {name: -values for name, values in ranked_curvature(network, curvature, never_active).items()}
    found = scores_on(
        network,
        criterion,
        curvature.calibration,
        context,
        curvature=curvature,
        seed=seed,
        never_active=never_active,
        graph=curvature.config.graph,
    )
    return {name: found[name] for name in curvature.weights}


def edge_weights(network: Network, curvature: CurvatureRecord) -> dict[str, np.ndarray]:
    """Return 1/d of each weight's edges, float64: |w| with what is folded in, divided by what the graph divides it by.

    Where a weight stands in several places, that of its shortest edge.
    """
    found: dict[str, np.ndarray] = {}
    for at, name in enumerate(curvature.parameters):
        own, divisors = (
            np.abs(curvature.folded(at, network.arrays).astype(np.float64)),
            curvature.divisors(at),
        )
        each = (own if divisors is None else own / divisors).reshape(network.arrays[name].shape)
        found[name] = np.maximum(found[name], each) if name in found else each
    return found


def ranked_curvature(
    network: Network, curvature: CurvatureRecord, never_active: str = "first"
) -> dict[str, np.ndarray]:
    """Return the κ by which each weight is ranked, never-active ones where they are to stand; see ``placed``."""
    if never_active == NEVER_ACTIVE_PLACES[0]:
        return dict(curvature.weights)
    sizes = edge_weights(network, curvature)
    kappa = placed(
        list(curvature.weights.values()), [sizes[name] for name in curvature.weights], never_active
    )
    return dict(zip(curvature.weights, kappa, strict=True))


def scores_on(
    network: Network,
    criterion: str,
    chosen: np.ndarray | None,
    context: Context,
    *,
    curvature: CurvatureRecord | None = None,
    seed: int = 0,
    never_active: str = "first",
    graph: GraphConfig | None = None,
) -> dict[str, np.ndarray]:
    """Return a criterion's score of each weight on some training images.

    Args:
        network: The network.
        criterion: A name in ``SCORES``.
        chosen: The images' numbers in the training data; None for a criterion that looks at none.
        context: Where the images are.
        curvature: For criteria that use it.
        seed: For criteria that draw.
        never_active: Where never-active weights go, for criteria that use the curvature.
        graph: How the neural graph is read, for criteria that look at it; by default as in the paper.
    """
    import torch

    from ncviz.pruning.scores import SCORES, pruning_scores

    images = labels = kappa = None
    score = SCORES.get(criterion)
    is_given = curvature is not None and score is not None and score.needs_curvature
    if chosen is not None and score is not None and score.needs_images and not is_given:
        pool = context.images(network, "train")
        at = torch.from_numpy(np.asarray(chosen, dtype=np.int64))
        images, labels = pool.inputs[at], labels_for(network.module(), pool, rows=at)
    elif score is not None and score.needs_shape:
        images = torch.zeros(1, *network.image_shape)
    if curvature is not None and is_given:
        # Placed here, where it is known what the graph divided the weights by.
        ranked = ranked_curvature(network, curvature, never_active)
        kappa = {name: torch.from_numpy(values) for name, values in ranked.items()}
    found = pruning_scores(
        network.module(),
        criterion,
        inputs=images,
        labels=labels,
        curvature=kappa,
        seed=seed,
        never_active=never_active if kappa is None else NEVER_ACTIVE_PLACES[0],
        **(graph or GraphConfig()).options,
    )
    return {name: values.numpy() for name, values in found.items()}


def ranks(
    network: Network,
    criterion: str,
    curvature: CurvatureRecord,
    context: Context,
    scope: str = "global",
    order: str = "redundant",
    protected: Sequence[str] = (),
    never_active: str = "first",
    budgets: Budgets = NO_BUDGETS,
) -> np.ndarray:
    """Return int64 [N], when each weight is removed, 0 first; what may not go or was not measured comes last."""
    found = scores(network, criterion, curvature, context, curvature.config.seed, never_active)
    return removal_ranks(
        list(found.values()),
        scope,
        order,
        weights=[network.arrays[name] for name in found],
        shares=shares_of(list(found), protected, budgets),
        may_lack=True,
    )


def pruned_checkpoint(
    network: Network,
    by: np.ndarray,
    removed: int,
    shapes: Mapping[str, tuple[int, ...]],
    repaired: Mapping[str, np.ndarray] = NOTHING,
) -> bytes:
    """Return the pruned network as the bytes of a safetensors file.

    Args:
        network: The network.
        by: int64 [N], the removal order.
        removed: How many weights to remove.
        shapes: Name and shape of each ranked weight.
        repaired: What the repaired network has in place of the whole one's arrays.
    """
    import torch

    from ncviz.models.saving import save_checkpoint
    from ncviz.pruning.masks import apply_masks, masks_at, with_tensors

    buffer = io.BytesIO()
    changed = {name: torch.from_numpy(np.array(values)) for name, values in repaired.items()}
    net = with_tensors(network.module(), changed)
    save_checkpoint(apply_masks(net, masks_at(by, removed, shapes)), buffer)
    return buffer.getvalue()


def pruned_file(
    network: Network,
    by: np.ndarray,
    removed: int,
    shapes: Mapping[str, tuple[int, ...]],
    factor: np.ndarray | None = None,
    repaired: Mapping[str, np.ndarray] = NOTHING,
) -> tuple[bytes, str]:
    """Return the pruned network as a file in the format that it came in, and the ending of its name.

    The arguments are those of ``pruned_checkpoint``, and what each weight is multiplied by, float32 [N].
    """
    from ncviz.pruning.masks import masks_at

    kept = {name: mask.numpy() for name, mask in masks_at(by, removed, shapes).items()}
    # A product would leave -0 where a negative weight was.
    arrays = {
        name: np.where(own, network.arrays[name], network.arrays[name].dtype.type(0))
        for name, own in kept.items()
    }
    start = 0
    for name, values in arrays.items():
        if factor is not None:
            by_hand = factor[start : start + values.size].reshape(values.shape)
            arrays[name] = (values * by_hand).astype(values.dtype)
        start += values.size
    arrays |= repaired
    # A file that somebody brought is looked at again to be written.
    return write_file(network, arrays) if network.original is None else write_network_file(network, arrays)
