"""The least value of each weight, kept on a torch device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ncviz.engine.minima import Least


class Lowest:
    """The least value of each weight, and on which sample and pair it is."""

    def __init__(self, weights: int, device: str) -> None:
        self.value = torch.full((weights,), torch.inf, dtype=torch.float64, device=device)
        self.code = torch.full((weights,), -1, dtype=torch.int64, device=device)

    def lower(self, which: Tensor, weight: Tensor, value: Tensor, code: Tensor) -> None:
        """Take in some values, all or, if memory runs out, none; doing so twice changes nothing."""
        which = which & (value <= self.value[weight])
        weight, value, code = weight[which], value[which], code.expand_as(which)[which]
        least = self.value.scatter_reduce(0, weight, value, "amin")
        is_least = value == least[weight]
        # One number for sample and pair: of values that tie, both must be the same one's.
        self.code = self.code.index_put((weight[is_least],), code[is_least])
        self.value = least

    def result(self, pairs: int, sample_begin: int) -> Least:
        """Return least value, pair and sample; the counts are kept apart."""
        code = self.code.cpu().numpy()
        pair, sample = np.where(code < 0, -1, code % max(1, pairs)), code // max(1, pairs) + sample_begin
        return Least(
            self.value.cpu().numpy(),
            pair.astype(np.int32),
            np.where(code < 0, -1, sample).astype(np.int32),
            np.zeros(8, dtype=np.int64),
            np.zeros(len(self.value)),
        )
