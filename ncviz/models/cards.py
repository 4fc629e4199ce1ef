"""Model cards: what a reader needs to judge, and to repeat, the training of a zoo model."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ncviz.data.datasets import Dataset, find_dataset
from ncviz.models.catalogue.architectures import find_architecture
from ncviz.models.saving import write_atomically
from ncviz.models.training.settings import OPTIMISERS
from ncviz.models.zoo import MODELS

if TYPE_CHECKING:
    from ncviz.config import AttackConfig
    from ncviz.models.training.settings import TrainingSettings
    from ncviz.models.zoo import ModelSpec


def make_card(
    spec: ModelSpec,
    net: nn.Module,
    settings: TrainingSettings,
    train_data: Dataset,
    test_data: Dataset,
    test_accuracy: float,
    machines: Sequence[tuple[int, str, int, str]] = (),
    command: str | None = None,
) -> dict[str, Any]:
    """Return the card of a trained model as plain JSON types; it never names a folder of the user's.

    Args:
        spec: What was trained.
        net: The trained network.
        settings: With what.
        train_data: On what.
        test_data: What its accuracy was measured on.
        test_accuracy: That accuracy.
        machines: Where each part of an interrupted training ran: first epoch, device, threads, version of torch.
        command: What repeats the training; by default ``ncviz train``.
    """
    data = find_dataset(spec.dataset)
    card = {
        "name": spec.name,
        "title": spec.title,
        "architecture": find_architecture(spec.architecture).title,
        "layers": [str(layer) for layer in net.modules() if not list(layer.children())],
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "dataset": spec.dataset,
        "data_source": data.source,
        "data_licence": data.licence,
        "data_sample": data.sample_note,
        "normalisation": data.normalisation,
        "training_images": len(train_data),
        "test_images": len(test_data),
        "test_accuracy": round(test_accuracy, 6),
        "loss": "cross-entropy",
        "optimiser": f"{OPTIMISERS[settings.optimiser]}, one-cycle learning rate",
        "learning_rate": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        "augmentation": "mirrored and shifted by up to 4 pixels at random" if settings.augment else "none",
        "attack": _attack_in_words(settings.attack),
        "batch_size": settings.batch_size,
        "precision": settings.precision,
        "epochs": settings.epochs,
        "seed": settings.seed,
        "device": settings.device,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__).split("+")[0],
        "python": platform.python_version(),
        "command": command or training_command(spec, settings, train_data),
    }
    if len(machines) > 1:
        card["interrupted"] = [
            f"epoch {epoch} on: {device}, {threads} threads, torch {version}"
            for epoch, device, threads, version in machines
        ]
    return card


def training_command(spec: ModelSpec, settings: TrainingSettings, train_data: Dataset) -> str:
    """Return the command that repeats this training; FOLDER and OUT stand for the reader's own folders."""
    needs_folder = train_data.is_complete and bool(find_dataset(train_data.name).first_file)
    folder = "--data-dir FOLDER " if needs_folder else ""
    own_rate = settings.learning_rate != spec.recipe.learning_rate
    rate = f"--learning-rate {settings.learning_rate} " if own_rate else ""
    options = f"{folder}--epochs {settings.epochs} {rate}--seed {settings.seed}"
    what = spec.name if spec.name in MODELS else f"{spec.architecture} --dataset {spec.dataset}"
    return f"python -m ncviz train {what} {options} --out-dir OUT"


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
    write_atomically(path, (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
