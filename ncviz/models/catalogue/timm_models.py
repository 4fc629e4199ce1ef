"""timm's image classifiers as architectures, where timm is installed: names, shapes, what their configurations say.

Wightman, PyTorch Image Models, https://github.com/huggingface/pytorch-image-models.
"""

from __future__ import annotations

import importlib.util
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from ncviz.errors import ModelError
from ncviz.models.catalogue.specs import Architecture, Preprocessing
from ncviz.text import quotable

if TYPE_CHECKING:
    from torch import nn

PREFIX = "timm/"
# Weights that timm has published itself stand under this name at the Hugging Face Hub, in its own names.
_PUBLISHER = "timm/"


def has_timm() -> bool:
    """Return whether timm is installed, without importing it."""
    return importlib.util.find_spec("timm") is not None


@cache
def timm_names() -> tuple[str, ...]:
    """Return the classifiers with weights that timm publishes, such as "timm/resnet18.a1_in1k", sorted.

    Raises:
        ModelError: If timm is not installed.
    """
    found = _timm().list_models(pretrained=True)
    return tuple(PREFIX + name for name in sorted(found) if _is_published(_config(name)))


@cache
def timm_architecture(name: str) -> Architecture:
    """Return one of timm's classifiers, with the shape, classes and preprocessing that its configuration tells.

    Args:
        name: Such as "timm/resnet18" or, with the name of published weights, "timm/resnet18.a1_in1k".

    Raises:
        ModelError: If timm is not installed, has no such classifier, or says too little of it.
    """
    timm, known = _timm(), name.removeprefix(PREFIX)
    # Nothing but a name out of its list: timm takes addresses and folders, too, and runs what is there.
    if known.partition(".")[0] not in timm.list_models() or (
        "." in known and known not in timm.list_models(pretrained=True)
    ):
        raise ModelError(
            f"Unknown architecture '{quotable(name)}'; timm.list_models() tells what timm's are called, such as "
            "timm/resnet18 or timm/vit_tiny_patch16_224."
        )
    config = _config(known)
    if config is None or len(config.input_size) != 3 or config.num_classes < 2:
        raise ModelError(f"{name} is no image classifier by timm's configuration; choose another.")
    channels, height, width = config.input_size
    crop = min(height, width)
    preprocessing = Preprocessing(
        tuple(config.mean), tuple(config.std), int(crop / (config.crop_pct or 1.0)), crop
    )
    return Architecture(
        name, f"{known} of timm", partial(_build, known), (channels, height, width), config.num_classes, "",
        _classes(config.num_classes), preprocessing, is_resizable=not config.fixed_input_size, has_own_values=True,
    )  # fmt: skip


def weights_repository(name: str) -> str:
    """Return under which name the published weights stand at the Hugging Face Hub.

    Raises:
        ModelError: If timm publishes none for it.
    """
    timm_architecture(name)
    config = _config(name.removeprefix(PREFIX))
    if not _is_published(config):
        raise ModelError(f"timm publishes no weights of {name}; bring a file of your own, or choose another.")
    return str(config.hf_hub_id)


def _timm() -> Any:
    if not has_timm():
        raise ModelError(
            "timm's networks need timm, which is not installed: pip install timm, then start again."
        )
    import timm

    return timm


def _config(known: str) -> Any:
    from timm.models import get_pretrained_cfg

    return get_pretrained_cfg(known)


def _is_published(config: Any) -> bool:
    """Whether timm publishes weights of a classifier, in a format that holds nothing but numbers."""
    repository = None if config is None else config.hf_hub_id
    return bool(repository and repository.startswith(_PUBLISHER) and config.num_classes >= 2)


def _classes(count: int) -> tuple[str, ...]:
    """Return the names of ImageNet's classes, where there are as many as in the usual one; else none."""
    if count != 1000:
        return ()
    from timm.data import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    return tuple(info.index_to_description(index).partition(",")[0] for index in range(count))


def _build(known: str, num_classes: int = 0) -> nn.Module:
    timm = _timm()
    more = {"num_classes": num_classes} if num_classes else {}
    net: nn.Module = timm.create_model(known, pretrained=False, **more)
    return net
