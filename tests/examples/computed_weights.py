"""Networks whose weights are computed before each pass, as people make them."""

from __future__ import annotations

import warnings

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm


def plain(seed: int = 1) -> nn.Sequential:
    """A convolution and two linear layers on 8×8 images, 5 classes."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 8), nn.ReLU(), nn.Linear(8, 5)
    )


class LowRank(nn.Module):
    """What LoRA adds to a weight."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.randn(rows, 2)), nn.Parameter(torch.randn(2, columns) / 8)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + self.a @ self.b


class Sign(nn.Module):
    """One bit a weight, as in binary networks."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight.sign() * weight.abs().mean()


class Masked(nn.Module):
    """A mask in a buffer, as sparsifiers keep it until it is squashed into the weight."""

    def __init__(self, mask: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight * self.mask


class EqualisedRate:
    """Scales a weight before each pass, as generators with an equalised learning rate do."""

    def __init__(self, module: nn.Linear) -> None:
        weight = module.weight
        del module._parameters["weight"]
        module.register_parameter("weight_orig", nn.Parameter(weight.detach()))
        # Stale until the first pass.
        module.weight = torch.zeros_like(weight)
        module.register_forward_pre_hook(self)

    def __call__(self, module: nn.Module, _: object) -> None:
        module.weight = module.weight_orig * 0.3


class OwnNorm(nn.Module):
    """Keeps direction and length, and writes the weight into its layer without a hook, as some sequence models do."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        weight = layer.weight.detach()
        del layer._parameters["weight"]
        self.layer, self.g, self.v = (
            layer,
            nn.Parameter(weight.norm(dim=1, keepdim=True)),
            nn.Parameter(weight),
        )
        layer.weight = self.v * (self.g / self.v.norm(dim=1, keepdim=True))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


def weight_norm(layer: nn.Module) -> nn.Module:
    """Torch's old one, which warns that there is a newer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return torch.nn.utils.weight_norm(layer)


def pruned() -> nn.Module:
    net = plain()
    prune.l1_unstructured(net[3], "weight", 0.5)
    return net


def pruned_without_gradients() -> nn.Module:
    with torch.no_grad():
        return pruned()


def pruned_globally() -> nn.Module:
    net = plain()
    every = [(net[0], "weight"), (net[3], "weight"), (net[3], "bias")]
    prune.global_unstructured(every, prune.L1Unstructured, amount=0.5)
    return net


def pruned_thrice() -> nn.Module:
    net = plain()
    prune.random_unstructured(net[3], "weight", 0.2)
    prune.ln_structured(net[3], "weight", 0.25, n=2, dim=0)
    prune.random_unstructured(net[3], "bias", 0.2)
    return net


def normed() -> nn.Module:
    net = plain()
    for at in (0, 3):
        weight_norm(net[at])
    return net


def pruned_below_its_norm() -> nn.Module:
    net = normed()
    prune.random_unstructured(net[3], "weight_v", 0.4)
    return net


def spectral() -> nn.Module:
    net = plain()
    for at in (0, 3, 5):
        spectral_norm(net[at])
    return net


def parametrised() -> nn.Module:
    net = plain()
    parametrizations.weight_norm(net[0])
    parametrizations.spectral_norm(net[3])
    parametrizations.weight_norm(net[3], "bias", dim=None)
    parametrizations.orthogonal(net[5])
    return net


def parametrised_and_pruned() -> nn.Module:
    net = plain()
    parametrizations.weight_norm(net[3])
    prune.random_unstructured(net[3].parametrizations.weight, "original1", 0.3)
    return net


def low_rank() -> nn.Module:
    net = plain()
    parametrize.register_parametrization(net[3], "weight", LowRank(8, 256))
    return net


def binary() -> nn.Module:
    net = plain()
    for at in (0, 3, 5):
        parametrize.register_parametrization(net[at], "weight", Sign(), unsafe=True)
    return net


def sparsified() -> nn.Module:
    net = plain()
    for at in (0, 3):
        parametrize.register_parametrization(
            net[at], "weight", Masked((torch.rand(net[at].weight.shape) < 0.3).float())
        )
    return net


def slimmed() -> nn.Module:
    torch.manual_seed(4)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    net[1].weight.data.uniform_(0.5, 1.5)
    prune.l1_unstructured(net[1], "weight", 1)
    return net


def equalised() -> nn.Module:
    net = plain()
    EqualisedRate(net[3])
    return net


def own_norm() -> nn.Module:
    net = plain()
    net[3] = OwnNorm(net[3])
    return net


def frozen() -> nn.Module:
    net = plain()
    weight = net[3].weight.detach()
    del net[3]._parameters["weight"]
    net[3].register_buffer("weight", weight)
    return net


def lazy() -> nn.Module:
    torch.manual_seed(5)
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))
    net(torch.rand(1, 1, 8, 8))
    weight_norm(net[3])
    return net


def shared() -> nn.Module:
    torch.manual_seed(2)
    layer = nn.Linear(64, 64)
    prune.random_unstructured(layer, "weight", 0.6)
    return nn.Sequential(nn.Flatten(), layer, nn.ReLU(), layer, nn.ReLU(), nn.Linear(64, 5))


def tied() -> nn.Module:
    torch.manual_seed(3)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 5)
    )
    net[3].weight = net[1].weight
    for at in (1, 3):
        prune.custom_from_mask(net[at], "weight", torch.ones(64, 64).tril())
    return net


def after_a_pass_with_gradients() -> nn.Module:
    net = normed()
    net(torch.rand(1, 1, 8, 8)).sum().backward()
    return net


COMPUTED = {
    make.__name__: make
    for make in (
        pruned, pruned_without_gradients, pruned_globally, pruned_thrice, normed, pruned_below_its_norm, spectral,
        parametrised, parametrised_and_pruned, low_rank, binary, sparsified, slimmed, equalised, own_norm, frozen, lazy,
        shared, tied, after_a_pass_with_gradients,
    )
}  # fmt: skip
