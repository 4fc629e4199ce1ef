"""The bundled trained networks by name; importing this, and reading their arrays, needs no torch."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ncviz.config import AttackConfig
from ncviz.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

CHECKPOINT_DIR = Path(__file__).parent / "checkpoints"
MAX_STEM = 80


@dataclass(frozen=True)
class Recipe:
    """How a zoo model is trained unless told otherwise, with a one-cycle learning rate.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images in one step.
        learning_rate: Largest learning rate of the cycle.
        weight_decay: The optimiser's L2 penalty.
        augment: Whether each image is mirrored and shifted at random before each step.
        attack: The attack on each image before it is learnt from; none trains on the images as they are.
        precision: What it multiplies in while learning, as in ``TrainingSettings``.
        optimiser: What takes the steps, as in ``TrainingSettings``.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    augment: bool = False
    attack: AttackConfig | None = None
    precision: str = "float32"
    optimiser: str = "adam"


@dataclass(frozen=True)
class ModelSpec:
    """One bundled trained network.

    Attributes:
        name: Key in ``MODELS``.
        title: Name for people.
        architecture: Name that ``ncviz.models.catalogue.architectures.find_architecture`` finds.
        dataset: Name that ``ncviz.data.datasets.find_dataset`` finds.
        checkpoint: File name of its weights in ``CHECKPOINT_DIR``.
        recipe: The settings it is trained with.
        is_half: Whether its weights are rounded to half precision, which halves the file.
        has_results: Whether its curvature and accuracy curves ship too; else they are computed when asked for.
    """

    name: str
    title: str
    architecture: str
    dataset: str
    checkpoint: str
    recipe: Recipe
    is_half: bool = False
    has_results: bool = True

    @property
    def path(self) -> Path:
        """Where the weights lie."""
        return CHECKPOINT_DIR / self.checkpoint

    @property
    def card(self) -> Mapping[str, Any]:
        """Settings, accuracy and command of the training, read once from the JSON beside the weights.

        Raises:
            ModelError: If the card is missing or no JSON object.
        """
        return _read_card(self.path.with_suffix(".json"))


_MLP_RECIPE = Recipe(epochs=60, batch_size=32, learning_rate=0.01)
_LENET_RECIPE = Recipe(epochs=6, batch_size=128, learning_rate=0.003)
_DECAY_RECIPE = replace(_LENET_RECIPE, weight_decay=5e-4)
_ADVERSARIAL_RECIPE = replace(_LENET_RECIPE, attack=AttackConfig())
_MLPNET_RECIPE = Recipe(epochs=10, batch_size=128, learning_rate=0.003)
_VGG_RECIPE = Recipe(epochs=20, batch_size=128, learning_rate=0.004, augment=True)
_RESNET_RECIPE = Recipe(
    epochs=45,
    batch_size=128,
    learning_rate=0.1,
    weight_decay=5e-4,
    augment=True,
    precision="bfloat16",
    optimiser="sgd",
)
_VIT_RECIPE = Recipe(epochs=12, batch_size=128, learning_rate=0.002)
_CONVNEXT_RECIPE = Recipe(epochs=10, batch_size=128, learning_rate=0.005)
_OWN_RECIPE = Recipe(epochs=10, batch_size=64, learning_rate=0.003)
_WITHIN_LAYER = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def _spec(
    name: str,
    title: str,
    dataset: str,
    recipe: Recipe,
    *,
    architecture: str = "",
    is_half: bool = False,
    has_results: bool = True,
) -> ModelSpec:
    """Return the spec of a model whose checkpoint carries its own name.

    So does its architecture, unless it is another way to train the same one; such a way ships without results.
    """
    file = f"{name}.safetensors"
    return ModelSpec(
        name, title, architecture or name, dataset, file, recipe, is_half, has_results and not architecture
    )


MODELS: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        _spec("mlp-digits-relu", "MLP, digits (ReLU)", "digits", _MLP_RECIPE),
        _spec("mlp-digits-tanh", "MLP, digits (tanh)", "digits", _MLP_RECIPE),
        _spec("lenet-mnist-relu", "LeNet, MNIST (ReLU)", "mnist", _LENET_RECIPE),
        _spec("lenet-mnist-tanh", "LeNet, MNIST (tanh)", "mnist", _LENET_RECIPE),
        _spec("lenet-mnist-relu-decay", "LeNet, MNIST (ReLU, weight decay)", "mnist", _DECAY_RECIPE,
              architecture="lenet-mnist-relu"),
        _spec("lenet-mnist-tanh-decay", "LeNet, MNIST (tanh, weight decay)", "mnist", _DECAY_RECIPE,
              architecture="lenet-mnist-tanh"),
        _spec("lenet-mnist-relu-adversarial", "LeNet, MNIST (ReLU, adversarial)", "mnist", _ADVERSARIAL_RECIPE,
              architecture="lenet-mnist-relu"),
        _spec("lenet-mnist-tanh-adversarial", "LeNet, MNIST (tanh, adversarial)", "mnist", _ADVERSARIAL_RECIPE,
              architecture="lenet-mnist-tanh"),
        _spec("mlpnet-mnist", "MLPNet, MNIST", "mnist", _MLPNET_RECIPE),
        _spec("vit-mnist", "ViT, MNIST", "mnist", _VIT_RECIPE, is_half=True, has_results=False),
        _spec("convnext-mnist", "ConvNeXt, MNIST", "mnist", _CONVNEXT_RECIPE, is_half=True),
        _spec("vgg9-cifar10-relu", "VGG-9, CIFAR-10 (ReLU)", "cifar10", _VGG_RECIPE, is_half=True),
        _spec("resnet20-cifar10", "ResNet-20, CIFAR-10", "cifar10", _RESNET_RECIPE, is_half=True,
              has_results=False),  # κ of each image would take 20 MB.
    )
}  # fmt: skip


def find_model(name: str) -> ModelSpec:
    """Return the bundled model called ``name``.

    Raises:
        ModelError: If there is none of that name; the message lists the choices.
    """
    if name not in MODELS:
        raise ModelError(f"Unknown model {name!r}; choose one of {', '.join(MODELS)}.")
    return MODELS[name]


def own_spec(architecture: str, dataset: str, recipe: Recipe = _OWN_RECIPE) -> ModelSpec:
    """Return what ``train_zoo_model`` trains: any architecture on any data; the zoo's own recipe if it has one.

    Args:
        architecture: A name that ``find_architecture`` finds.
        dataset: A name that ``find_dataset`` finds.
        recipe: How to train it.

    Raises:
        ModelError: If there is no such architecture.
    """
    from ncviz.models.catalogue.architectures import find_architecture

    spec = find_architecture(architecture)
    known = MODELS.get(spec.name)
    if known is not None and known.dataset == dataset:
        return known
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{spec.name}-{dataset}").strip(".-")[:MAX_STEM]
    return ModelSpec(name, spec.title, spec.name, dataset, f"{name}.safetensors", recipe, has_results=False)


def checkpoint_arrays(name: str) -> dict[str, np.ndarray]:
    """Return the bundled weights without torch: ``{parameter name: float32 array}``, in layer order.

    Raises:
        ModelError: If the model is unknown, or its file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    spec = find_model(name)
    try:
        with safe_open(spec.path, "numpy") as file:
            order = (file.metadata() or {}).get("order")
            names = sorted(file.keys(), key=_layer_order) if order is None else json.loads(order)
            if not isinstance(names, list) or sorted(map(str, names)) != sorted(file.keys()):
                raise ValueError("its order is not that of its tensors")
            arrays = {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(
            f"The bundled weights of {name} cannot be read ({error}); install ncviz again, or train them "
            f"with `python -m ncviz train {name}`."
        ) from error
    # Large networks ship their weights in half precision.
    return {key: v.astype("float32") if v.dtype == "float16" else v for key, v in arrays.items()}


def _layer_order(key: str) -> tuple[int, int]:
    """Return a sort key that orders ``<layer>.<kind>`` as a chain's state dict does, for files that don't tell."""
    layer, _, kind = key.partition(".")
    return int(layer), _WITHIN_LAYER.index(kind)


@cache
def _read_card(path: Path) -> Mapping[str, Any]:
    """Return the JSON object at ``path``, read-only.

    Raises:
        ModelError: If the file is missing or no JSON object.
    """
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The model card {path.name} cannot be read ({error}); install ncviz again."
        ) from error
    if not isinstance(card, dict):
        raise ModelError(f"The model card {path.name} must be a JSON object; install ncviz again.")
    return MappingProxyType(card)
