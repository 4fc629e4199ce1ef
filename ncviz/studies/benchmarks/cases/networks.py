"""The networks and images that the cases take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ncviz.data.calibration import select_calibration
from ncviz.data.datasets import load_dataset
from ncviz.models.zoo import find_model

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from ncviz.graph.neural_graph import NeuralGraph


@dataclass(frozen=True)
class TwoConv:
    """A random network of two convolutions and two linear layers; with tanh, every edge of it is live.

    Attributes:
        width: Channels of both convolutions.
        size: Height and width of the image.
    """

    width: int
    size: int

    def __str__(self) -> str:
        return f"two convolutions of {self.width} channels, {self.size}×{self.size} image"


@dataclass(frozen=True)
class Untrained:
    """An architecture with random weights.

    Attributes:
        architecture: Name that ``find_architecture`` finds.
        size: Height and width of the image.
        dataset: Whose images it gets.
    """

    architecture: str
    size: int
    dataset: str = "cifar10"

    def __str__(self) -> str:
        return f"{self.architecture}, random weights, {self.size}×{self.size}"


Source = str | TwoConv | Untrained


def prepare(network: Source, samples: int, data_dir: str | None = None) -> tuple[nn.Module, Tensor]:
    """Return a network and so many inputs for it.

    A zoo model gets its own calibration images, one of each class after the other.

    Raises:
        DataError: If there are not enough images.
    """
    if isinstance(network, TwoConv):
        return _random_network(network, samples)
    if isinstance(network, Untrained):
        from ncviz.models.catalogue.architectures import build_seeded

        images = load_dataset(network.dataset, "train", data_dir).inputs[:samples]
        return build_seeded(network.architecture, 0), resized(images, network.size)
    from ncviz.models.loading import load_model

    net = load_model(network)
    pool = load_dataset(find_model(network).dataset, "train", data_dir)
    classes = len(pool.classes)
    chosen = select_calibration(net, pool, -(-samples // classes), 0)
    return net, pool.inputs[chosen.reshape(classes, -1).T.reshape(-1)[:samples]]


def live_graph(net: nn.Module, inputs: Tensor) -> tuple[NeuralGraph, list[np.ndarray]]:
    """Return a network's graph, and the normalised activity of each layer, float64 [samples, units]."""
    from ncviz.graph.activations import layer_activations, normalise
    from ncviz.graph.build import build_graph

    graph = build_graph(net, tuple(inputs.shape[1:]))
    return graph, [normalise(layer) for layer in layer_activations(net, graph, inputs)]


def resized(images: Tensor, size: int) -> Tensor:
    """Return images at another height and width."""
    from torch.nn.functional import interpolate

    if images.shape[-1] == size:
        return images
    return interpolate(images, size=(size, size), mode="bilinear", antialias=True)


def _random_network(shape: TwoConv, samples: int) -> tuple[nn.Module, Tensor]:
    import torch
    from torch import nn

    # Each convolution leaves (size - 3) // 2 + 1.
    side = ((shape.size - 1) // 2 - 1) // 2
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, shape.width, 3, stride=2), nn.Tanh(),
            nn.Conv2d(shape.width, shape.width, 3, stride=2), nn.Tanh(), nn.Flatten(),
            nn.Linear(shape.width * side**2, 32), nn.Tanh(), nn.Linear(32, 10),
        )  # fmt: skip
        return net.eval(), torch.rand(samples, 1, shape.size, shape.size)
