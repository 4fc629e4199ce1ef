"""Dropout that draws from a generator of its own, so that a training follows its seed whatever else draws meanwhile."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ncviz.errors import ModelError


class SeededDropout(nn.Module):
    """What ``nn.Dropout`` does, drawn on the CPU from one generator, so that it is the same on every device.

    Args:
        dropout: The layer that it stands in for.
        generator: Where it draws from, on the CPU.
    """

    def __init__(self, dropout: nn.Dropout, generator: torch.Generator) -> None:
        super().__init__()
        self.replaced = (dropout,)  # in a tuple, because a module inside a module would become its part
        self.generator = generator

    def forward(self, inputs: Tensor) -> Tensor:
        """Return inputs with each value dropped with probability p and the rest divided by 1 - p while learning."""
        p = self.replaced[0].p
        if not self.training or p == 0.0:
            return inputs
        kept = torch.rand(inputs.shape, generator=self.generator) >= p
        return inputs * kept.to(inputs.device) / (1.0 - p)


def seed_dropout(net: nn.Module, generator: torch.Generator) -> list[str]:
    """Put a ``SeededDropout`` in the place of every ``nn.Dropout``, and return their names for ``restore_dropout``."""
    names = [name for name, layer in net.named_modules() if type(layer) is nn.Dropout]
    for name in names:
        dropout = net.get_submodule(name)
        assert isinstance(dropout, nn.Dropout)
        _put(net, name, SeededDropout(dropout, generator))
    return names


def restore_dropout(net: nn.Module, names: list[str]) -> None:
    """Put the layers back that ``seed_dropout`` replaced."""
    for name in names:
        seeded = net.get_submodule(name)
        assert isinstance(seeded, SeededDropout)
        _put(net, name, seeded.replaced[0])


def check_random_layers(net: nn.Module, architecture: str) -> None:
    """Raise a ModelError if a network draws random numbers while it learns other than by ``nn.Dropout``."""
    for name, layer in net.named_modules():
        kind = type(layer).__name__
        is_other = type(layer) is not nn.Dropout and ("Dropout" in kind or kind == "StochasticDepth")
        # What drops nothing draws nothing; an attention drops by itself.
        share = getattr(layer, "p", 1.0) if is_other else 0.0
        if isinstance(layer, nn.MultiheadAttention):
            share = layer.dropout
        if share > 0.0:
            raise ModelError(
                f"{architecture} cannot be trained here, because `{name}` ({kind}) draws random numbers that no seed "
                "decides; bring trained weights."
            )


def _put(net: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(net.get_submodule(parent), own, layer)
