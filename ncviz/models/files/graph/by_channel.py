"""Arithmetic with one constant for each channel, as files have it: torch's own, and no BatchNorm; constants alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class _ByChannel(nn.Module):
    """One number for each channel of values with so many axes, the batch's not counted."""

    def __init__(self, channels: int, rank: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.shape = (-1, *(1,) * (rank - 1))


class _Scale(_ByChannel):
    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight.reshape(self.shape)


class _Shift(_ByChannel):
    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight.reshape(self.shape)


class _SubtractFrom(_ByChannel):
    def forward(self, x: Tensor) -> Tensor:
        return self.weight.reshape(self.shape) - x


class Constant(nn.Module):
    """The same numbers for each image, such as a class token."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Return the numbers for as many images as there are."""
        return self.weight.expand(x.shape[0], *self.weight.shape)


class Product(nn.Module):
    """A product of two activations as matrices; a module, since what it gives is called after its place."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the product."""
        return torch.matmul(one, other)


BY_CHANNEL: dict[str, type[nn.Module]] = {"scale": _Scale, "shift": _Shift, "subtract_from": _SubtractFrom}
