"""Model cards: what a reader needs to judge, and to repeat, the training of a zoo model."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ncviz.data.datasets import DATASETS, Dataset
from ncviz.models.architectures import find_architecture
from ncviz.models.saving import write_file
from ncviz.models.zoo import find_model

if TYPE_CHECKING:
    from ncviz.config import AttackConfig
    from ncviz.models.settings import TrainingSettings


def make_card(
    name: str,
    net: nn.Module,
    settings: TrainingSettings,
    train_data: Dataset,
    test_data: Dataset,
    test_accuracy: float,
) -> dict[str, Any]:
    """Return the card of a trained zoo model as plain JSON types; it never names a folder of the user's."""
    spec = find_model(name)
    return {
        "name": name,
        "title": spec.title,
        "architecture": find_architecture(spec.architecture).title,
        "layers": [str(layer) for layer in net.children()],
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "dataset": spec.dataset,
        "data_source": DATASETS[spec.dataset].source,
        "data_licence": DATASETS[spec.dataset].licence,
        "data_sample": DATASETS[spec.dataset].sample_note,
        "normalisation": DATASETS[spec.dataset].normalisation,
        "training_images": len(train_data),
        "test_images": len(test_data),
        "test_accuracy": round(test_accuracy, 6),
        "loss": "cross-entropy",
        "optimiser": "Adam, one-cycle learning rate",
        "learning_rate": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        "augmentation": "mirrored and shifted by up to 4 pixels at random" if settings.augment else "none",
        "attack": _attack_in_words(settings.attack),
        "batch_size": settings.batch_size,
        "epochs": settings.epochs,
        "seed": settings.seed,
        "device": settings.device,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__).split("+")[0],
        "python": platform.python_version(),
        "command": training_command(name, settings, train_data),
    }


def training_command(name: str, settings: TrainingSettings, train_data: Dataset) -> str:
    """Return the command that repeats this training; FOLDER and OUT stand for the reader's own folders."""
    needs_folder = train_data.is_complete and bool(DATASETS[train_data.name].first_file)
    folder = "--data-dir FOLDER " if needs_folder else ""
    own_rate = settings.learning_rate != find_model(name).recipe.learning_rate
    rate = f"--learning-rate {settings.learning_rate} " if own_rate else ""
    return f"python -m ncviz train {name} {folder}--epochs {settings.epochs} {rate}--seed {settings.seed} --out-dir OUT"


def _attack_in_words(attack: AttackConfig | None) -> str:
    """Return what was done to the training images, for a card."""
    if attack is None:
        return "none"
    epsilon, step = (f"{value * 255:g}/255" for value in (attack.epsilon, attack.step))
    start = "random start" if attack.random_start else "no random start"
    return f"PGD, epsilon {epsilon}, step {step}, {attack.steps} steps, {start}"


def write_card(card: dict[str, Any], path: Path) -> None:
    """Write a card as indented JSON.

    Raises:
        ModelError: If the file cannot be written.
    """
    write_file(path, (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
