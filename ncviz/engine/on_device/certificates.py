"""Where κ of many edges needs no linear program: everybody takes the hub, or one side's mass is all in one point."""

from __future__ import annotations

import torch
from torch import Tensor

from ncviz.transport.tree import ROUNDING

# Sums that are held at a time: more would leave the device's cache for good.
_STEP_ELEMENTS = 2**24


def is_hub_best(A: Tensor, B: Tensor, C: Tensor, d: Tensor, is_source: Tensor, is_sink: Tensor) -> Tensor:
    """Whether no point would rather go past the hub: A_u + B_v − C_uv ≤ d everywhere, but for rounding.

    Args:
        A: [b, m, P], from in-neighbours to targets.
        B: [b, n, Q], from sources to out-neighbours.
        C: [b, P, Q].
        d: [b, n, m].
        is_source: bool [b, P], which in-neighbours count.
        is_sink: bool [b, Q].

    Returns:
        bool [b, n, m].
    """
    A = torch.where(is_source[:, None, :], A * (1.0 - ROUNDING), -torch.inf)
    B = torch.where(is_sink[:, None, :], B * (1.0 - ROUNDING), -torch.inf)
    C = C * (1.0 + ROUNDING)
    worst = torch.full_like(d, -torch.inf)
    step = max(1, _STEP_ELEMENTS // max(1, d[:, :, 0].numel() * max(A.shape[1], B.shape[2])))
    for u in range(0, A.shape[2], step):
        detour = (B[:, :, None, :] - C[:, None, u : u + step, :]).amax(3)  # [b, n, step]
        worst = torch.maximum(worst, (detour[:, :, None, :] + A[:, None, :, u : u + step]).amax(3))
    return worst <= d


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
