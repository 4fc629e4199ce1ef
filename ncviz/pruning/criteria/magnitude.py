"""Criteria that look at the weights alone: magnitude, LAMP, and the random floor."""

from __future__ import annotations

import torch
from torch import Tensor

from ncviz.pruning.criteria.given import ScoreInputs, weights_of


def magnitude(given: ScoreInputs) -> dict[str, Tensor]:
    """|w|. Han, Pool, Tran, Dally, NeurIPS 2015."""
    return {name: _size(weight) for name, weight in weights_of(given).items()}


def lamp(given: ScoreInputs) -> dict[str, Tensor]:
    """w² over the sum of all squares of its layer that are not smaller: Lee et al., ICLR 2021, arXiv 2010.07611, eq. 5.

    Comparable between layers, so the share that each layer loses follows by itself.
    """
    return {name: _lamp(_size(weight)) for name, weight in weights_of(given).items()}


def random(given: ScoreInputs) -> dict[str, Tensor]:
    """Uniform in [0, 1), the floor that every criterion must beat."""
    generator = torch.Generator().manual_seed(given.seed)
    return {
        name: torch.rand(weight.shape, generator=generator, dtype=torch.float64)
        for name, weight in weights_of(given).items()
    }


def _size(weight: Tensor) -> Tensor:
    return weight.detach().abs().to("cpu", torch.float64)


def _lamp(size: Tensor) -> Tensor:
    square = size.reshape(-1) ** 2
    order = square.argsort(descending=True, stable=True)
    # Among equal weights the first in the paper's order carries the larger sum; here all of them share the largest.
    total = square[order].cumsum(0)
    last = torch.searchsorted(-square[order], -square[order], right=True) - 1
    score = torch.zeros_like(square)
    score[order] = torch.where(square[order] > 0, square[order] / total[last].clamp_min(1e-300), 0.0)
    return score.reshape(size.shape)
