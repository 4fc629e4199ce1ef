"""Torchvision's image classifiers as architectures: names, shapes, and what their weights' metadata say of images."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from ncviz.errors import ModelError
from ncviz.models.catalogue.specs import Architecture, Preprocessing

if TYPE_CHECKING:
    from torch import nn

PREFIX = "torchvision/"
# Made of what the graph reader knows: convolutions, normalisations, pooling, additions, concatenations and gates.
_PLAIN = (
    "alexnet", "convnext", "densenet", "efficientnet", "mnasnet", "mobilenet", "regnet", "resnet", "resnext",
    "shufflenet", "squeezenet", "vgg", "wide_resnet",
)  # fmt: skip
# Their published weights want inputs that they change themselves, and they train with a second head.
_LEFT_OUT = ("googlenet", "inception_v3")
_TITLES = {
    "alexnet": "AlexNet", "convnext": "ConvNeXt", "densenet": "DenseNet", "efficientnet": "EfficientNet",
    "maxvit": "MaxViT", "mnasnet": "MNASNet", "mobilenet": "MobileNet", "regnet": "RegNet",
    "resnet": "ResNet", "resnext": "ResNeXt", "shufflenet": "ShuffleNet", "squeezenet": "SqueezeNet",
    "swin": "Swin", "vgg": "VGG", "vit": "ViT", "wide_resnet": "Wide ResNet",
}  # fmt: skip


@cache
def torchvision_names(*, is_plain: bool = True) -> tuple[str, ...]:
    """Return the classifiers' names, such as "torchvision/resnet18", sorted.

    Args:
        is_plain: Only those without attention; else also those with it, whose path lengths are each image's own.
    """
    import torchvision

    found = torchvision.models.list_models(module=torchvision.models)
    return tuple(
        PREFIX + name
        for name in sorted(found)
        if name not in _LEFT_OUT and (not is_plain or name.startswith(_PLAIN))
    )


@cache
def torchvision_architecture(name: str) -> Architecture:
    """Return one of torchvision's classifiers, with the shape, classes and preprocessing of its published weights.

    Args:
        name: Such as "torchvision/resnet18".

    Raises:
        ModelError: If torchvision has no classifier of that name, or ncviz cannot build it, with the choices.
    """
    known = name.removeprefix(PREFIX)
    if name not in torchvision_names(is_plain=False):
        choices = ", ".join(choice.removeprefix(PREFIX) for choice in torchvision_names())
        raise ModelError(
            f"Unknown architecture {PREFIX + known!r}; of torchvision's classifiers choose one of {choices}."
        )
    weights = default_weights(name)
    settings = weights.transforms()
    preprocessing = Preprocessing(
        tuple(settings.mean), tuple(settings.std), int(settings.resize_size[0]), int(settings.crop_size[0])
    )
    classes = tuple(weights.meta["categories"])
    shape = (len(preprocessing.mean), preprocessing.crop, preprocessing.crop)
    title, is_plain = f"{_title(known)} of torchvision", known.startswith(_PLAIN)
    build = partial(_build, known)
    return Architecture(name, title, build, shape, len(classes), "", classes, preprocessing, is_plain)


def default_weights(name: str) -> Any:
    """Return torchvision's entry of the weights that it calls the default, without downloading them.

    Args:
        name: A name in ``torchvision_names(is_plain=False)``.
    """
    import torchvision

    return torchvision.models.get_model_weights(name.removeprefix(PREFIX)).DEFAULT


def _build(name: str, num_classes: int = 1000) -> nn.Module:
    import torchvision

    net: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=num_classes)
    return net


def _title(name: str) -> str:
    """Return a name as the papers write it: "VGG-11 BN" is vgg11_bn, "MobileNet V2" is mobilenet_v2."""
    family = max((known for known in _TITLES if name.startswith(known)), key=len)
    rest = re.sub(r"(?<!\d)(\d)_(?=\d)", r"\1.", name.removeprefix(family).strip("_")).replace("_", " ")
    rest = re.sub(r"\b(v\d|bn|x\b|y\b)", lambda found: found[0].upper(), rest)
    joint = "-" if rest[:1].isdigit() else " "
    return f"{_TITLES[family]}{joint if rest else ''}{rest}"
