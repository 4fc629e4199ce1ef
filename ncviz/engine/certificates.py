"""Where κ of many edges needs no linear program: everybody takes the hub, or one side's mass is all in one point."""

from __future__ import annotations

import torch
from torch import Tensor

from ncviz.transport.simplex import ROUNDING


def is_hub_best(A: Tensor, B: Tensor, C: Tensor, d: Tensor, is_source: Tensor, is_sink: Tensor) -> Tensor:
    """Whether no point would rather go past the hub: A_u + B_v − C_uv ≤ d everywhere, but for rounding.

    Distances in the largest coordinate find the maxima without a table of all sums; shifted by the largest C every
    term is at least 0, which is what padding gives.
    """
    is_way = is_source[:, :, None] & is_sink[:, None, :]
    shift = torch.where(is_way, C, 0.0).flatten(1).amax(1)[:, None, None]
    way = torch.where(is_way, C - shift, 0.0)
    from_hub = torch.where(is_sink[:, None, :], B, 0.0)
    worst = torch.cdist(from_hub, way, p=torch.inf)  # [b, n, P]
    worst = torch.where(is_source[:, None, :], worst, 0.0)
    to_hub = torch.where(is_source[:, None, :], A, 0.0)
    return torch.cdist(worst.neg_(), to_hub, p=torch.inf) <= d + shift * (1.0 + ROUNDING)


def one_point_cost(C: Tensor, toll: Tensor, mass: Tensor, entry: Tensor) -> Tensor:
    """Return the cost when all mass of one side is in one point: Σ_v mass_v · min(C_v, toll_v + entry).

    Which points go directly depends on one number, the entry, so that they are sorted once for all entries.

    Args:
        C: [b, 1, V].
        toll: [b, rows, V].
        mass: [b, V].
        entry: [b, rows, entries].

    Returns:
        [b, rows, entries].
    """
    key, order = (C - toll).sort(dim=2)
    mass = mass[:, None].expand_as(toll).gather(2, order)
    direct, toll = C.expand_as(toll).gather(2, order) * mass, toll.gather(2, order) * mass
    first = torch.searchsorted(key, entry.contiguous())
    zero = torch.zeros_like(key[:, :, :1])
    # The points beyond are summed from the other end: a difference from the whole would lose digits.
    before = torch.cat([zero, direct.cumsum(2)], 2)
    beyond = torch.cat([toll.flip(2).cumsum(2).flip(2), zero], 2)
    weight = torch.cat([mass.flip(2).cumsum(2).flip(2), zero], 2)
    return before.gather(2, first) + beyond.gather(2, first) + weight.gather(2, first) * entry
