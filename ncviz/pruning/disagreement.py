"""Error bars on κ over draws of the calibration images, and who is right where curvature and magnitude disagree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from ncviz.copies.own_copy import own_copy
from ncviz.devices import guard, resolve_device
from ncviz.errors import NcvizError
from ncviz.pruning.criteria.layers import mean_ranks
from ncviz.values import NEVER_ACTIVE

_BATCH = 250


@dataclass(frozen=True, eq=False)
class SpreadResult:
    """κ of each weight over several draws of the calibration images; NaN where no draw has one.

    Attributes:
        mean: float64 [N], over the draws in which the weight is active.
        deviation: float64 [N], sample standard deviation over these; NaN for fewer than two.
        low: float64 [N], the least of them.
        high: float64 [N], the largest.
        active: int64 [N], in how many draws the weight is active.
        draws: How many draws there are.
    """

    mean: np.ndarray
    deviation: np.ndarray
    low: np.ndarray
    high: np.ndarray
    active: np.ndarray
    draws: int


def curvature_spread(draws: Sequence[np.ndarray]) -> SpreadResult:
    """Return how κ differs from draw to draw.

    Args:
        draws: float [N] each, κ of the same weights; 2 where never active, NaN where not measured.

    Raises:
        NcvizError: If there are fewer than two draws, or they are of different weights.
    """
    if len(draws) < 2 or len({len(own) for own in draws}) > 1:
        raise NcvizError(f"A spread needs at least two draws of the same weights, got {len(draws)}.")
    values = np.stack([np.asarray(own, dtype=np.float64) for own in draws])
    values = np.where(values < NEVER_ACTIVE, values, np.nan)
    is_active = ~np.isnan(values)
    count = is_active.sum(axis=0)
    total = np.where(is_active, values, 0.0).sum(axis=0)
    mean = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    squares = (np.where(is_active, values - mean, 0.0) ** 2).sum(axis=0)
    deviation = np.sqrt(np.divide(squares, count - 1, out=np.full(len(total), np.nan), where=count > 1))
    low = np.where(count > 0, np.where(is_active, values, np.inf).min(axis=0), np.nan)
    high = np.where(count > 0, np.where(is_active, values, -np.inf).max(axis=0), np.nan)
    return SpreadResult(mean, deviation, low, high, count.astype(np.int64), len(draws))


def opposed_weights(kappa: np.ndarray, weights: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights on which curvature and magnitude disagree most.

    Both rank all weights that have a κ and are not zero, by κ and by |w|; what differs most in rank is returned. Of
    weights that are never active curvature says nothing, so that they are left out.

    Args:
        kappa: float [N], such as the mean over draws; NaN for weights without one.
        weights: float [N], the weights themselves.
        count: How many either way, at most half of all.

    Returns:
        int64 [k] each, the largest disagreement first: weights that curvature holds important and magnitude does not,
        and the reverse.
    """
    ranked = np.flatnonzero((weights != 0) & ~np.isnan(kappa))
    # Rounding would order what is equal.
    (by_curvature,), (by_magnitude,) = (
        mean_ranks([own]) for own in (-kappa[ranked].astype(np.float32), np.abs(weights[ranked]))
    )
    order = np.argsort(by_magnitude - by_curvature, kind="stable")
    count = min(count, len(ranked) // 2)
    return ranked[order[:count]], ranked[order[::-1][:count]]


def loss_changes(
    net: nn.Module,
    shapes: Mapping[str, tuple[int, ...]],
    chosen: np.ndarray,
    inputs: Tensor,
    labels: Tensor,
    *,
    device: str = "cpu",
    progress: Callable[[float], None] | None = None,
) -> tuple[np.ndarray, float]:
    """Measure how the mean cross-entropy changes when one weight alone is removed.

    In double precision throughout, or the change of a single weight is lost in rounding.

    Args:
        net: The network. Not changed.
        shapes: Name and shape of each weight tensor, which the numbers count through.
        chosen: int64 [k], numbers of the weights.
        inputs: [n, *input shape].
        labels: int64 [n].
        device: Where to measure; on the CPU in place of "mps", which has no float64.
        progress: Called with the fraction done; may raise to stop.

    Returns:
        float64 [k], above 0 where the loss grows, and the whole network's loss.

    Raises:
        ModelError: If the network cannot be copied.
        DeviceError: If the device is missing or out of memory.
    """
    device = resolve_device(device)
    device = "cpu" if device == "mps" else device
    with guard(device):
        return _loss_changes(net, shapes, chosen, inputs, labels, device, progress)


def _loss_changes(
    net: nn.Module,
    shapes: Mapping[str, tuple[int, ...]],
    chosen: np.ndarray,
    inputs: Tensor,
    labels: Tensor,
    device: str,
    progress: Callable[[float], None] | None,
) -> tuple[np.ndarray, float]:
    own = own_copy(net, inputs).double().to(device)
    tensors = {**dict(own.named_parameters()), **dict(own.named_buffers())}
    state = {name: value.detach() for name, value in tensors.items()}
    ends = np.cumsum([prod(shape) for shape in shapes.values()])

    def loss(changed: dict[str, Tensor]) -> float:
        total = 0.0
        with torch.inference_mode():
            for part, of in zip(inputs.split(_BATCH), labels.split(_BATCH), strict=True):
                images = part.to(device, torch.float64, copy=True)
                scores = functional_call(own, {**state, **changed}, (images,))
                total += float(nn.functional.cross_entropy(scores, of.to(device), reduction="sum"))
        return total / len(inputs)

    whole, found = loss({}), np.empty(len(chosen))
    names = list(shapes)
    for at, number in enumerate(chosen.tolist()):
        layer = int(np.searchsorted(ends, number, side="right"))
        name = names[layer]
        without = state[name].clone(memory_format=torch.contiguous_format)
        without.view(-1)[number - int(ends[layer] - prod(shapes[name]))] = 0.0
        found[at] = loss({name: without}) - whole
        if progress is not None:
            progress((at + 1) / len(chosen))
    return found, whole


def share_for_curvature(by_curvature: np.ndarray, by_magnitude: np.ndarray) -> float:
    """Return in which share of all pairs the removal bears curvature out rather than magnitude; 0.5 is chance.

    Each pair takes one weight that curvature alone holds important and one that magnitude alone does: curvature is
    right where removing the first costs more. Equal costs count half.

    Args:
        by_curvature: float64 [k], change of the loss by each weight that curvature alone holds important.
        by_magnitude: float64 [m], by each that magnitude alone does.
    """
    if not by_curvature.size or not by_magnitude.size:
        return 0.5
    difference = by_curvature[:, None] - by_magnitude[None, :]
    return float((difference > 0).mean() + (difference == 0).mean() / 2)
