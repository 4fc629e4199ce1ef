"""The network architectures that ncviz knows by name, its own and torchvision's, and those built by a form."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ncviz.errors import ModelError
from ncviz.models.catalogue.form_layers import form_architecture
from ncviz.models.catalogue.resnets import ResNet
from ncviz.models.catalogue.specs import Architecture
from ncviz.models.catalogue.timm_models import timm_architecture
from ncviz.models.catalogue.token_networks import convnext, vision_transformer
from ncviz.models.catalogue.torchvision_models import torchvision_architecture

_ALIASES = {"resnet8": "resnet8-cifar10", "resnet20": "resnet20-cifar10"}
# The same network for two data sets has one name for each number of classes.
_OTHER_CLASSES = {"vgg9-cifar100-relu": "vgg9-cifar10-relu"}
_FOR_CLASSES = {("vgg9-cifar10-relu", 100): "vgg9-cifar100-relu"}
_LINEAR = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
)  # fmt: skip
_DRAWING = (torch.Tensor.uniform_, torch.Tensor.normal_, torch.Tensor.bernoulli_)
# What draws by calling these, and is asked for by its own name.
_DRAWN = (
    torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal, nn.init.uniform_, nn.init.normal_,
    nn.init.trunc_normal_, nn.init.kaiming_uniform_, nn.init.kaiming_normal_, nn.init.xavier_uniform_,
    nn.init.xavier_normal_,
)  # fmt: skip
# Their own reset draws nothing: ones, zeros, or a constant.
_CONSTANT = (
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d, nn.PReLU,
)  # fmt: skip


def _mlp_digits(activation: Callable[[], nn.Module], num_classes: int = 10) -> nn.Sequential:
    """Return the multilayer perceptron 64-32-16-10 for 8×8 digits."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 32), activation(), nn.Linear(32, 16), activation(), nn.Linear(16, num_classes),
    )  # fmt: skip


def _lenet_mnist(activation: Callable[[], nn.Module], num_classes: int = 10) -> nn.Sequential:
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
        nn.Linear(84, num_classes),
    )


def _mlpnet(num_classes: int = 10) -> nn.Sequential:
    """Return the multilayer perceptron 784-40-20-10 without biases that one-shot pruning is compared on.

    WoodFisher: Singh, Alistarh, NeurIPS 2020, arXiv 2004.14340, there MLPNet.
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 40, bias=False), nn.ReLU(),
        nn.Linear(40, 20, bias=False), nn.ReLU(),
        nn.Linear(20, num_classes, bias=False),
    )  # fmt: skip


def _vgg9(num_classes: int = 10) -> nn.Sequential:
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
        *layers, nn.Flatten(),  # [n, 256]
        nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, num_classes),
    )  # fmt: skip


ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture("mlp-digits-relu", "MLP 64-32-16-10 (ReLU)",
                     partial(_mlp_digits, nn.ReLU), (1, 8, 8), 10, "digits"),
        Architecture("mlp-digits-tanh", "MLP 64-32-16-10 (tanh)",
                     partial(_mlp_digits, nn.Tanh), (1, 8, 8), 10, "digits"),
        Architecture("lenet-mnist-relu", "LeNet (ReLU)", partial(_lenet_mnist, nn.ReLU), (1, 28, 28), 10, "mnist"),
        Architecture("lenet-mnist-tanh", "LeNet (tanh)", partial(_lenet_mnist, nn.Tanh), (1, 28, 28), 10, "mnist"),
        Architecture("mlpnet-mnist", "MLPNet 784-40-20-10", _mlpnet, (1, 28, 28), 10, "mnist"),
        Architecture("vit-mnist", "ViT, 4 blocks", vision_transformer, (1, 28, 28), 10, "mnist"),
        Architecture("convnext-mnist", "ConvNeXt, 4 blocks", convnext, (1, 28, 28), 10, "mnist"),
        Architecture("vgg9-cifar10-relu", "VGG-9 (ReLU)", _vgg9, (3, 32, 32), 10, "cifar10"),
        Architecture("vgg9-cifar100-relu", "VGG-9, 100 classes (ReLU)",
                     partial(_vgg9, num_classes=100), (3, 32, 32), 100, "cifar100"),
        Architecture("resnet8-cifar10", "ResNet-8", partial(ResNet, 1), (3, 32, 32), 10, "cifar10", is_resizable=True),
        Architecture("resnet20-cifar10", "ResNet-20",
                     partial(ResNet, 3), (3, 32, 32), 10, "cifar10", is_resizable=True),
    )
}  # fmt: skip


def find_architecture(name: str) -> Architecture:
    """Return an architecture by name.

    Args:
        name: A name in ``ARCHITECTURES``, one of torchvision's as "torchvision/resnet18" or, where timm is installed,
            one of timm's as "timm/resnet18", each of them with "@10" behind for another number of classes, or the name
            of a ``ncviz.models.catalogue.form.Form``.

    Raises:
        ModelError: If there is none of that name, with the choices.
    """
    if name.startswith("form/"):
        return form_architecture(name)
    base, at, count = name.partition("@")
    if at and not (count.isascii() and count.isdigit() and len(count) <= 9):
        raise ModelError(f"{name!r} must end in a number of classes after the @, such as {base}@10.")
    if base.startswith("torchvision/"):
        found = torchvision_architecture(base)
    elif base.startswith("timm/"):
        found = timm_architecture(base)
    elif (base := _ALIASES.get(base, base)) in ARCHITECTURES:
        if at:
            base = _OTHER_CLASSES.get(base, base)
            base = _FOR_CLASSES.get((base, int(count)), base)
        found = ARCHITECTURES[base]
    else:
        raise ModelError(
            f"Unknown architecture {name!r}; choose one of {', '.join(ARCHITECTURES)}, or one of torchvision's or "
            "timm's, such as torchvision/resnet18 or timm/vit_tiny_patch16_224."
        )
    return found.with_classes(int(count)) if at else found


class _EmptyOnMeta(TorchFunctionMode):
    """Makes weights without memory and without random numbers, and leaves what a network computes with alone.

    ``torch.device("meta")`` would also take the arithmetic by which torchvision's RegNets find their widths.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if func in _DRAWING:
            return args[0]
        if func is torch.empty:
            given["device"] = "meta"
        return func(*args, **given)


class _Drawn(TorchFunctionMode):
    """Lets all random numbers come from one generator, whatever a network's own code asks for."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if func in _DRAWING or func in _DRAWN:
            given["generator"] = self._generator
        return func(*args, **given)


def build_without_weights(architecture: Architecture) -> nn.Module:
    """Return the network with its names and shapes and no values, as fast as can be.

    Where it holds numbers that no state dict holds, it comes with values.
    """
    if architecture.has_own_values:
        return _built(architecture, 0)
    with _EmptyOnMeta():
        return architecture.build()


def build_empty(architecture: str) -> nn.Module:
    """Return the network with unset weights, drawing no random numbers; load a state dict before use.

    Raises:
        ModelError: If there is no architecture of that name.
    """
    net = build_without_weights(find_architecture(architecture))
    return net.to_empty(device="cpu") if any(own.is_meta for own in net.parameters()) else net


def build_seeded(architecture: str, seed: int) -> nn.Module:
    """Return the network on the CPU with its default initialisation, drawn from its own generator.

    The global random state is neither read nor changed, so the same seed gives the same weights even while
    other threads draw random numbers.

    Raises:
        ModelError: If there is no architecture of that name.
    """
    found = find_architecture(architecture)
    if found.has_own_values:
        return _built(found, seed)
    net = build_empty(architecture)
    if not all(_is_usual(layer) for layer in net.modules()):
        # Attention, learned tokens, scales: what its own code begins with.
        return _built(found, seed)
    generator = torch.Generator().manual_seed(seed)
    for layer in net.modules():
        if isinstance(layer, _LINEAR):
            bound = 1.0 / math.sqrt(layer.weight[0].numel())  # these layers' default: ±1/√(fan in)
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        elif isinstance(layer, _CONSTANT):
            layer.reset_parameters()
    return net


def _built(architecture: Architecture, seed: int) -> nn.Module:
    """Return the network as its own code begins it, whatever that draws drawn from a generator of its own."""
    with _Drawn(torch.Generator().manual_seed(seed)):
        return architecture.build()


def _is_usual(layer: nn.Module) -> bool:
    return isinstance(layer, (*_LINEAR, *_CONSTANT)) or not (layer._parameters or layer._buffers)
