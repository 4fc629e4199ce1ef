"""The layers of a network that was put together in a form."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from ncviz.models.catalogue.form import POOL_SIZE, Form, read_form
from ncviz.models.catalogue.specs import Architecture

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU, "leaky": nn.LeakyReLU, "elu": nn.ELU,
    "sigmoid": nn.Sigmoid,
}  # fmt: skip


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


def build_form(form: Form) -> nn.Sequential:
    """Return the network of a form with PyTorch's default initialisation."""
    activation = _ACTIVATIONS[form.activation]
    layers: list[nn.Module] = []
    read = form.input_shape[0]
    for conv in form.convs:
        block: list[nn.Module] = [
            nn.Conv2d(read, conv.channels, conv.kernel, stride=conv.stride, padding=conv.kernel // 2)
        ]
        if form.batch_norm:
            block.append(nn.BatchNorm2d(conv.channels))
        is_joined = form.residual and conv.stride == 1 and read == conv.channels
        layers += [Residual(*block)] if is_joined else block
        layers.append(activation())
        if conv.pool != "none":
            layers.append((nn.MaxPool2d if conv.pool == "max" else nn.AvgPool2d)(POOL_SIZE))
        read = conv.channels
    layers.append(nn.Flatten())
    units = math.prod(form.shapes[-1])
    for size in form.hidden:
        layers.append(nn.Linear(units, size))
        if form.normalises_hidden:
            layers.append(nn.BatchNorm1d(size))
        layers.append(activation())
        if form.dropout:
            layers.append(nn.Dropout(form.dropout))
        units = size
    return nn.Sequential(*layers, nn.Linear(units, form.num_classes))


def form_architecture(name: str) -> Architecture:
    """Return the architecture of a form's name.

    Raises:
        ModelError: If it is no such name, or its network cannot be built.
    """
    form = read_form(name)
    return Architecture(name, form.title, partial(build_form, form), form.input_shape, form.num_classes, "")
