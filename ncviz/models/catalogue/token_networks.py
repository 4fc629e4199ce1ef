"""Small networks of torchvision's own modern classes: a vision transformer and a ConvNeXt, for one-channel images.

Dosovitskiy et al., An Image is Worth 16x16 Words, arXiv 2010.11929; Liu et al., A ConvNet for the 2020s,
arXiv 2201.03545.
"""

from __future__ import annotations

from torch import nn

_PATCH = 4
_WIDTH = 64
_STEM = 16


def vision_transformer(num_classes: int = 10) -> nn.Module:
    """Return a transformer of 4 blocks, 64 wide with 4 heads, on the 7×7 patches of an image [n, 1, 28, 28]."""
    from torchvision.models import VisionTransformer

    net = VisionTransformer(
        image_size=28, patch_size=_PATCH, num_layers=4, num_heads=4, hidden_dim=_WIDTH, mlp_dim=4 * _WIDTH,
        num_classes=num_classes,
    )  # fmt: skip
    net.conv_proj = nn.Conv2d(1, _WIDTH, _PATCH, stride=_PATCH)
    return net


def convnext(num_classes: int = 10) -> nn.Module:
    """Return a ConvNeXt of two blocks on 16 maps of 7×7 and two on 32 of 3×3, for an image [n, 1, 28, 28]."""
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    net = ConvNeXt(
        [CNBlockConfig(_STEM, 2 * _STEM, 2), CNBlockConfig(2 * _STEM, None, 2)], num_classes=num_classes
    )
    net.features[0][0] = nn.Conv2d(1, _STEM, _PATCH, stride=_PATCH)
    return net
