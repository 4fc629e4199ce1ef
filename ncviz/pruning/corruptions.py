"""Common corruptions: noise, blur, light, compression, and what moves or hides a part of the image; torch on demand."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ncviz.config import AttackConfig, check_choice, check_whole
from ncviz.errors import NcvizError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SEVERITIES = 5
_GREY = 0.5


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption.

    Attributes:
        name: In ``CORRUPTIONS``.
        title: For people.
        unit: What its strength measures, in words that a number can follow.
        strengths: From severity 1 to 5.
        apply: Maps images [n, C, H, W] in [0, 1], a strength and a generator on the CPU to images of that shape.
    """

    name: str
    title: str
    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[Tensor, float, torch.Generator], Tensor]


@dataclass(frozen=True)
class CorruptionConfig:
    """A corruption at one severity; a value out of range is refused.

    Attributes:
        name: In ``CORRUPTIONS``.
        severity: From 1, hardly seen, to 5.
    """

    name: str = "noise"
    severity: int = 3

    def __post_init__(self) -> None:
        check_choice("corruption", self.name, CORRUPTIONS)
        check_whole("the severity", self.severity, 1, SEVERITIES)

    @property
    def strength(self) -> float:
        """What the severity stands for, in the corruption's own unit."""
        return CORRUPTIONS[self.name].strengths[self.severity - 1]


# What can be done to the images that a network is shown.
Disturbance = AttackConfig | CorruptionConfig


def corrupted(images: Tensor, config: CorruptionConfig, seed: int = 0) -> Tensor:
    """Return corrupted images, in [0, 1].

    After Hendrycks and Dietterich, ICLR 2019, arXiv 1903.12261. Noise, salt and pepper, contrast, brightness and JPEG
    have the strengths of their ImageNet-C, which are in grey levels; blur, in pixels, that of their CIFAR-10-C. Shift,
    rotation and occlusion are not among theirs; they are relative to the size of the image.

    Args:
        images: [n, C, H, W], pixels in [0, 1], one or three channels.
        config: Which corruption, and how strong.
        seed: Of what is drawn for each image; the global random state is neither read nor changed.

    Raises:
        NcvizError: If the images are of another shape.
    """
    import torch

    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise NcvizError(
            f"A corruption needs images [n, 1 or 3, height, width], got shape {list(images.shape)}."
        )
    generator = torch.Generator().manual_seed(seed)
    kind = CORRUPTIONS[config.name]
    return kind.apply(images.cpu(), config.strength, generator).clamp(0.0, 1.0).to(images)


def _noise(images: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    import torch

    return images + sigma * torch.randn(images.shape, generator=generator)


def _impulses(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    import torch

    draw = torch.rand(images.shape, generator=generator)
    return torch.where(draw < share / 2, 0.0, torch.where(draw > 1 - share / 2, 1.0, images))


def _blur(images: Tensor, sigma: float, _: torch.Generator) -> Tensor:
    from torchvision.transforms.v2 import functional

    # Four standard deviations on each side, as long as the reflected border reaches.
    reach = min(round(4 * sigma), min(images.shape[-2:]) - 1)
    return functional.gaussian_blur(images, [2 * reach + 1] * 2, [sigma, sigma])


def _contrast(images: Tensor, factor: float, _: torch.Generator) -> Tensor:
    mean = images.mean(dim=(2, 3), keepdim=True)
    return mean + factor * (images - mean)


def _brightness(images: Tensor, rise: float, _: torch.Generator) -> Tensor:
    import torch

    # The value of HSV rises; hue and saturation stay.
    value = images.amax(dim=1, keepdim=True)
    risen = (value + rise).clamp_max(1.0)
    return torch.where(value > 0, images * risen / value.clamp_min(1e-12), risen)


def _jpeg(images: Tensor, quality: float, _: torch.Generator) -> Tensor:
    import torch
    from PIL import Image

    found = []
    for pixels in (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy():
        file = io.BytesIO()
        Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(
            file, "JPEG", quality=int(quality)
        )
        found.append(np.asarray(Image.open(file)).reshape(pixels.shape))
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).to(images.dtype) / 255


def _shift(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    import torch
    from torchvision.transforms.v2 import functional

    down, right = (max(1, round(share * size)) for size in images.shape[-2:])
    ways = [[right, 0], [-right, 0], [0, down], [0, -down]]
    chosen = torch.randint(len(ways), (len(images),), generator=generator)
    moved = images.clone()
    for way, translate in enumerate(ways):
        own = chosen == way
        if own.any():
            moved[own] = functional.affine(images[own], 0.0, translate, 1.0, [0.0, 0.0])
    return moved


def _rotation(images: Tensor, degrees: float, generator: torch.Generator) -> Tensor:
    import torch
    from torchvision.transforms.v2 import InterpolationMode, functional

    is_left = torch.rand(len(images), generator=generator) < 0.5
    turned = images.clone()
    for own, angle in ((is_left, degrees), (~is_left, -degrees)):
        if own.any():
            turned[own] = functional.rotate(images[own], angle, interpolation=InterpolationMode.BILINEAR)
    return turned


def _occlusion(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    import torch

    hidden = torch.ones(len(images), 1, *images.shape[-2:], dtype=torch.bool)
    for axis, size in ((2, images.shape[-2]), (3, images.shape[-1])):
        side = max(1, round(share * size))
        start = torch.randint(size - side + 1, (len(images), 1), generator=generator)
        at = torch.arange(size)
        inside = (at >= start) & (at < start + side)  # [n, size]
        hidden &= inside[:, None, :, None] if axis == 2 else inside[:, None, None, :]
    return torch.where(hidden, _GREY, images)


CORRUPTIONS: dict[str, Corruption] = {
    kind.name: kind
    for kind in (
        Corruption("noise", "Gaussian noise", "standard deviation", (0.08, 0.12, 0.18, 0.26, 0.38), _noise),
        Corruption("impulses", "Salt and pepper", "share of the pixels", (0.03, 0.06, 0.09, 0.17, 0.27), _impulses),
        Corruption("blur", "Gaussian blur", "standard deviation, in pixels,", (0.4, 0.6, 0.7, 0.8, 1.0), _blur),
        Corruption("contrast", "Less contrast", "share of it that is left,", (0.4, 0.3, 0.2, 0.1, 0.05), _contrast),
        Corruption("brightness", "More brightness", "what is added,", (0.1, 0.2, 0.3, 0.4, 0.5), _brightness),
        Corruption("jpeg", "JPEG compression", "quality", (25.0, 18.0, 15.0, 10.0, 7.0), _jpeg),
        Corruption("shift", "Shift", "share of the image's side", (0.04, 0.08, 0.12, 0.16, 0.2), _shift),
        Corruption("rotation", "Rotation", "angle, in degrees,", (5.0, 10.0, 15.0, 20.0, 30.0), _rotation),
        Corruption("occlusion", "Grey square", "share of the image's side", (0.2, 0.3, 0.4, 0.5, 0.6), _occlusion),
    )
}  # fmt: skip
