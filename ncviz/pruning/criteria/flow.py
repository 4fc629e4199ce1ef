"""SynFlow: how much a weight carries of what flows through a network of absolute weights, without any data."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from ncviz.errors import NcvizError
from ncviz.graph.linear import linearised
from ncviz.pruning.criteria.given import ScoreInputs, images_of, weights_of

ROUNDS = 100
# What the last round leaves.
LEAST_DENSITY = 1e-3


def synflow(given: ScoreInputs) -> dict[str, Tensor]:
    """When the weight goes if the network is emptied in 100 rounds by |w| · ∂R/∂|w|, R the flow of all |w| from ones.

    Tanaka, Kunin, Yamins, Ganguli, NeurIPS 2020, arXiv 2006.05467, algorithm 1, with its exponential schedule. Rounds
    are what keeps a layer from going at once; what is left at the end is ranked by its last flow. Images give the shape
    of the input alone.
    """
    shape = images_of(given, "synflow").shape[1:]
    net = linearised(given.net)
    weights = {name: weight.detach().abs().cpu().double() for name, weight in weights_of(given).items()}
    names, sizes = list(weights), [weight.numel() for weight in weights.values()]
    alive = torch.ones(sum(sizes), dtype=torch.bool)
    score = torch.zeros(sum(sizes), dtype=torch.float64)
    for number in range(ROUNDS):
        flow = _flow(net, weights, alive, names, sizes, tuple(shape))
        keep = max(1, round(LEAST_DENSITY ** ((number + 1) / ROUNDS) * len(alive)))
        order = torch.where(alive, flow, -1.0).argsort(stable=True)
        gone = order[: len(alive) - keep]
        leaving = gone[alive[gone]]
        # A round later is more important than any flow; within a round the flow decides.
        score[leaving] = number + _shares(flow[leaving])
        alive[leaving] = False
    score[alive] = ROUNDS + _shares(flow[alive])
    parts = score.split(sizes)
    return {name: part.reshape(weights[name].shape) for name, part in zip(names, parts, strict=True)}


def _flow(
    net: nn.Module,
    weights: dict[str, Tensor],
    alive: Tensor,
    names: list[str],
    sizes: list[int],
    shape: tuple[int, ...],
) -> Tensor:
    """Return |w| · ∂R/∂|w| for every weight, float64 [N]."""
    masks = dict(zip(names, alive.split(sizes), strict=True))
    own = {
        name: (weights[name] * masks[name].reshape(weights[name].shape)).requires_grad_() for name in names
    }
    out = functional_call(net, own, (torch.ones(1, *shape, dtype=torch.float64),))
    slope = torch.autograd.grad(out.sum(), list(own.values()))
    flow = torch.cat([(w.detach() * g).reshape(-1) for w, g in zip(own.values(), slope, strict=True)])
    if not torch.isfinite(flow).all():
        raise NcvizError("The flow through the network overflows; scale its weights down.")
    return flow


def _shares(values: Tensor) -> Tensor:
    """Return values as places in [0, 1), equal ones alike."""
    _, place = np.unique(values.numpy(), return_inverse=True)
    return torch.from_numpy(place.astype(np.float64)) / max(1, len(values))
