"""Criteria that look at the weights alone: magnitude, LAMP, and the random floor."""

from __future__ import annotations

import torch
from torch import Tensor

from ncviz.pruning.criteria.given import ScoreInputs, weights_of
from ncviz.pruning.criteria.layers import among_not_smaller


def magnitude(given: ScoreInputs) -> dict[str, Tensor]:
    """|w|. Han, Pool, Tran, Dally, NeurIPS 2015."""
    return {name: _size(weight) for name, weight in weights_of(given).items()}


def lamp(given: ScoreInputs) -> dict[str, Tensor]:
    """w² over the sum of all squares of its layer that are not smaller: Lee et al., ICLR 2021, arXiv 2010.07611.

    Comparable between layers, so the share that each layer loses follows by itself.
    """
    return {
        name: torch.from_numpy(among_not_smaller(_size(weight).numpy() ** 2))
        for name, weight in weights_of(given).items()
    }


def random(given: ScoreInputs) -> dict[str, Tensor]:
    """Uniform in [0, 1), the floor that every criterion must beat."""
    generator = torch.Generator().manual_seed(given.seed)
    return {
        name: torch.rand(weight.shape, generator=generator, dtype=torch.float64)
        for name, weight in weights_of(given).items()
    }


def _size(weight: Tensor) -> Tensor:
    return weight.detach().abs().to("cpu", torch.float64)
