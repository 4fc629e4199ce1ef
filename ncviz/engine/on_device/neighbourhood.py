"""The neighbours on one side of many edges at once: who is active, and how the mass is spread over them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ncviz.engine.measures import UNIFORM_BELOW


class Neighbourhood(NamedTuple):
    """The neighbours on one side of the edges.

    Attributes:
        position: int64 [positions, fan], which positions adjoin each one; padded.
        tap: int64 [positions, fan], through which tap.
        is_there: bool [positions, fan, 1], false in the padding.
        mask: bool [classes, taps, channels], which channels are neighbours.
        label: int64 [channels], the class of each channel at the edges' end.
        activity: float64 [samples, positions, channels] of the neighbours.
        mass: float64 [samples, positions, channels], unnormalised.
        live: bool [samples, positions, channels], who of the edges' ends is alive.
    """

    position: Tensor
    tap: Tensor
    is_there: Tensor
    mask: Tensor
    label: Tensor
    activity: Tensor
    mass: Tensor
    live: Tensor

    @property
    def classes(self) -> int:
        """Number of classes of channels with the same neighbours."""
        return int(self.mask.shape[0])

    @property
    def width(self) -> int:
        """Most neighbours that a unit can have."""
        return int(self.position.shape[1] * self.activity.shape[2])

    def per_class(self, which: Tensor) -> Tensor:
        """Count the marked ones of the channels at the edges' end, int64 [n, classes]."""
        return (
            which.to(torch.float32)
            .matmul(one_hot(self.label, self.classes).to(torch.float32))
            .to(torch.int64)
        )

    def measure(self, sample: Tensor, at: Tensor, which: Tensor, negligible: float) -> Tensor:
        """Return the measures of some positions' classes, float64 [n, width]; rows sum to 1, or to 0 if empty."""
        near = self.position[at]
        index = (sample[:, None], near)
        on = self.mask[which[:, None], self.tap[at]] & self.is_there[at] & (self.activity[index] > 0)
        own = torch.where(on, self.mass[index], 0.0).flatten(1)
        on = on.flatten(1)
        total, active = own.sum(1, keepdim=True), on.sum(1, keepdim=True)
        is_uniform = total <= UNIFORM_BELOW
        own = torch.where(is_uniform, on.to(own.dtype), own)
        cut = torch.where(is_uniform, 0.0, negligible * total / active.clamp(min=1))
        own = torch.where(own > cut, own, 0.0)
        return own / own.sum(1, keepdim=True).clamp(min=torch.finfo(own.dtype).tiny)

    def points(
        self, sample: Tensor, at: Tensor, which: Tensor, negligible: float, size: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the masses of the points that carry some, which reading they belong to, and their channel.

        Each is [n, size], padded with no mass.
        """
        if size == 0:
            nothing = torch.zeros((len(at), 0), dtype=torch.int64, device=at.device)
            return nothing.to(torch.float64), nothing, nothing
        mass = self.measure(sample, at, which, negligible)
        column, is_point = compact(mass > 0, size)
        channels = self.activity.shape[2]
        share = torch.where(is_point, mass.gather(1, column), 0.0)
        return share, torch.div(column, channels, rounding_mode="floor"), column % channels


def compact(keep: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return the columns kept in each row, int64 [rows, size], padded with 0, and which are no padding."""
    row, column = keep.nonzero(as_tuple=True)
    place = keep.cumsum(1)[row, column] - 1
    index = torch.zeros((len(keep), size), dtype=torch.int64, device=keep.device)
    index[row, place] = column
    return index, torch.arange(size, device=keep.device) < keep.sum(1, keepdim=True)
