"""The network architectures that ncviz knows by name: plain ``nn.Sequential`` chains with integer keys."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from ncviz.errors import ModelError


@dataclass(frozen=True)
class Architecture:
    """One architecture, and the data it is made for.

    Attributes:
        name: Key in ``ARCHITECTURES``.
        title: Name for people.
        build: Makes a network of this architecture with PyTorch's default initialisation.
        input_shape: Shape of one input, (C, H, W).
        num_classes: Number of logits.
        dataset: Name of its dataset in ``ncviz.data.datasets.DATASETS``.
    """

    name: str
    title: str
    build: Callable[[], nn.Sequential]
    input_shape: tuple[int, int, int]
    num_classes: int
    dataset: str


def _mlp_digits(activation: Callable[[], nn.Module]) -> nn.Sequential:
    """Return the multilayer perceptron 64-32-16-10 for 8×8 digits."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 32),
        activation(),
        nn.Linear(32, 16),
        activation(),
        nn.Linear(16, 10),
    )


def _lenet_mnist(activation: Callable[[], nn.Module]) -> nn.Sequential:
    """Return the LeNet of the neural curvature paper: strided convolutions in place of pooling."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 6, stride=2),  # [n, 6, 12, 12]
        activation(),
        nn.Conv2d(6, 16, 6, stride=2),  # [n, 16, 4, 4]
        activation(),
        nn.Flatten(),  # [n, 256]
        nn.Linear(256, 120),
        activation(),
        nn.Linear(120, 84),
        activation(),
        nn.Linear(84, 10),
    )


def _vgg9(num_classes: int) -> nn.Sequential:
    """Return the VGG-9 of the neural curvature paper: strided convolutions in place of pooling, no padding."""
    layers: list[nn.Module] = []
    read = 3
    for channels, kernel, stride in (
        (64, 2, 2),  # [n, 64, 16, 16]
        (128, 3, 1),  # [n, 128, 14, 14]
        (128, 3, 1),  # [n, 128, 12, 12]
        (128, 3, 2),  # [n, 128, 5, 5]
        (256, 3, 1),  # [n, 256, 3, 3]
        (256, 3, 1),  # [n, 256, 1, 1]
    ):
        layers += [nn.Conv2d(read, channels, kernel, stride=stride), nn.BatchNorm2d(channels), nn.ReLU()]
        read = channels
    return nn.Sequential(
        *layers,
        nn.Flatten(),  # [n, 256]
        nn.Linear(256, 512),
        nn.ReLU(),
        nn.Linear(512, 128),
        nn.ReLU(),
        nn.Linear(128, num_classes),
    )


ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            "mlp-digits-relu",
            "MLP 64-32-16-10 (ReLU)",
            partial(_mlp_digits, nn.ReLU),
            (1, 8, 8),
            10,
            "digits",
        ),
        Architecture(
            "mlp-digits-tanh",
            "MLP 64-32-16-10 (tanh)",
            partial(_mlp_digits, nn.Tanh),
            (1, 8, 8),
            10,
            "digits",
        ),
        Architecture(
            "lenet-mnist-relu", "LeNet (ReLU)", partial(_lenet_mnist, nn.ReLU), (1, 28, 28), 10, "mnist"
        ),
        Architecture(
            "lenet-mnist-tanh", "LeNet (tanh)", partial(_lenet_mnist, nn.Tanh), (1, 28, 28), 10, "mnist"
        ),
        Architecture("vgg9-cifar10-relu", "VGG-9 (ReLU)", partial(_vgg9, 10), (3, 32, 32), 10, "cifar10"),
        Architecture(
            "vgg9-cifar100-relu",
            "VGG-9, 100 classes (ReLU)",
            partial(_vgg9, 100),
            (3, 32, 32),
            100,
            "cifar100",
        ),
    )
}


def find_architecture(name: str) -> Architecture:
    """Return the architecture called ``name``.

    Raises:
        ModelError: If there is none of that name; the message lists the choices.
    """
    if name not in ARCHITECTURES:
        raise ModelError(f"Unknown architecture {name!r}; choose one of {', '.join(ARCHITECTURES)}.")
    return ARCHITECTURES[name]


def build_empty(architecture: str) -> nn.Sequential:
    """Return the network with unset weights, drawing no random numbers; load a state dict before use.

    Raises:
        ModelError: If there is no architecture of that name.
    """
    with torch.device("meta"):
        net = find_architecture(architecture).build()
    return net.to_empty(device="cpu")


def build_seeded(architecture: str, seed: int) -> nn.Sequential:
    """Return the network on the CPU with PyTorch's default initialisation, drawn from its own generator.

    The global random state is neither read nor changed, so the same seed gives the same weights even while
    other threads draw random numbers.

    Raises:
        ModelError: If there is no architecture of that name.
    """
    net = build_empty(architecture)
    generator = torch.Generator().manual_seed(seed)
    for layer in net:
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            bound = 1.0 / math.sqrt(layer.weight[0].numel())  # both layers' default: ±1/√(fan in)
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
    return net
