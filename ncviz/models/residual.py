"""A chain of layers that is added to what it read."""

from __future__ import annotations

from torch import Tensor, nn


class Residual(nn.Sequential):
    """Layers whose result is added to their input, x + f(x) (He et al., arXiv 1512.03385, equation 1).

    The layers must return a tensor of the shape that they read.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Return inputs plus what the layers make of them, of the same shape."""
        found = inputs
        for layer in self:
            found = layer(found)
        return inputs + found
