"""Statistics estimated anew on images: BatchNorm's own, or each channel's as in the whole network."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ncviz.graph.operations import TRANSPOSED_MODULES

# A channel whose variance is less than so much of its layer's in the whole network has nothing left to be scaled.
_SILENT = 1e-10


class Moments:
    """Mean and population variance of each channel, over batches of any size.

    Merged by Chan, Golub, LeVeque, *Updating formulae and a pairwise algorithm for computing sample variances*, 1979.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros((), dtype=torch.float64)
        self.squares = torch.zeros((), dtype=torch.float64)

    def add(self, values: Tensor, axis: int) -> None:
        """Take in values that have their channels along an axis."""
        others = [at for at in range(values.ndim) if at != axis % values.ndim]
        variance, mean = torch.var_mean(values, dim=others, correction=0)
        variance, mean = variance.double(), mean.double()
        count = values.numel() // values.shape[axis]
        if not self.count:
            self.count, self.mean, self.squares = count, mean, variance * count
            return
        both, shift = self.count + count, mean - self.mean
        self.squares = self.squares + variance * count + shift**2 * (self.count * count / both)
        self.mean = self.mean + shift * (count / both)
        self.count = both

    @property
    def variance(self) -> Tensor:
        """Population variance, float64 [channels]."""
        return self.squares / self.count


class NormLearner:
    """Sets a BatchNorm's running mean and variance to those of what it hears (REFLOW, arXiv 2502.15790)."""

    def __init__(self, modules: list[nn.Module]) -> None:
        self._modules, self._heard = modules, Moments()

    def hear(self, module: nn.Module, heard: Tensor, meant: Tensor | None) -> None:
        """Take in a batch."""
        self._heard.add(heard, 1)

    def adjust(self) -> None:
        """Write both."""
        for module in self._modules:
            assert isinstance(module, _BatchNorm)
            for own, found in (
                (module.running_mean, self._heard.mean),
                (module.running_var, self._heard.variance),
            ):
                assert own is not None
                own.copy_(found)


class ChannelLearner:
    """Scales and shifts each output of a layer to the mean and variance that it has in the whole network.

    The scale goes into the kept weights, the shift into the bias; a layer without a bias is scaled alone. A channel
    that is silent keeps its weights and is given the mean. After ASR, arXiv 2605.21426, which corrects the variance
    of each channel, and shrinks that.
    """

    def __init__(self, modules: list[nn.Module]) -> None:
        self._modules, self._has, self._meant = modules, Moments(), Moments()

    def hear(self, module: nn.Module, heard: Tensor, meant: Tensor | None) -> None:
        """Take in a batch."""
        assert meant is not None
        axis = -1 if isinstance(module, nn.Linear) else 1
        self._has.add(module.forward(heard), axis)
        self._meant.add(meant, axis)

    def adjust(self) -> None:
        """Scale and shift."""
        has, meant = self._has, self._meant
        if torch.equal(has.mean, meant.mean) and torch.equal(has.squares, meant.squares):
            return
        is_silent = has.variance <= _SILENT * meant.variance.mean()
        scale = torch.where(is_silent, 1.0, (meant.variance / has.variance).sqrt())
        biases: dict[int, Tensor] = {}
        for module in self._modules:
            bias = module.bias
            if isinstance(bias, Tensor):
                biases[id(bias)] = bias
        for bias in biases.values():
            bias.copy_((bias.double() - has.mean) * scale + meant.mean)
        _scale_outputs(self._modules[0], scale)


def _scale_outputs(module: nn.Module, scale: Tensor) -> None:
    """Multiply what goes into each output of a layer."""
    weight = module.weight
    assert isinstance(weight, Tensor)
    if isinstance(module, TRANSPOSED_MODULES):
        groups = module.groups
        by_group = weight.view(groups, len(weight) // groups, *weight.shape[1:])
        factor = scale.reshape(groups, 1, -1, *(1,) * (weight.ndim - 2))
        by_group.mul_(factor.to(weight.dtype))
        return
    weight.mul_(scale.to(weight.dtype).reshape(-1, *(1,) * (weight.ndim - 1)))
