"""Train a network of any architecture on any data, reproducibly from its seed."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from ncviz.config import AttackConfig
from ncviz.data.datasets import Dataset, load_dataset
from ncviz.devices import guard, resolve_device
from ncviz.errors import DataError, ModelError
from ncviz.models.cards import make_card, write_card
from ncviz.models.catalogue.architectures import build_without_weights, find_architecture
from ncviz.models.catalogue.dropout import check_random_layers
from ncviz.models.loading import load_checkpoint
from ncviz.models.saving import save_checkpoint, write_atomically
from ncviz.models.training.resume import TrainingCheckpoint, TrainingProgress
from ncviz.models.training.run import DivergedError, Run, accuracy
from ncviz.models.training.settings import EpochResult, TrainingSettings
from ncviz.models.zoo import ModelSpec, find_model
from ncviz.progress import Progress

_NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A finished training.

    Attributes:
        net: The trained network on the CPU, in eval mode.
        history: One entry per epoch.
        seconds: Wall time, over all its parts if it was interrupted.
        settings: What it was trained with.
        progress: Where each of its parts ran.
    """

    net: nn.Module
    history: tuple[EpochResult, ...]
    seconds: float
    settings: TrainingSettings
    progress: TrainingProgress = field(default_factory=TrainingProgress)

    @property
    def test_accuracy(self) -> float:
        """Accuracy on the test data after the last epoch."""
        return self.history[-1].test_accuracy


def train(
    architecture: str,
    train_data: Dataset,
    test_data: Dataset,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float = 0.0,
    seed: int = 0,
    device: str = "cpu",
    augment: bool = False,
    attack: AttackConfig | None = None,
    precision: str = "float32",
    optimiser: str = "adam",
    progress: Progress | None = None,
    on_epoch: Callable[[EpochResult], None] | None = None,
    resume: Path | None = None,
) -> TrainingResult:
    """Train a fresh network by cross-entropy with a one-cycle learning rate.

    On the CPU the same seed, data, settings and number of threads give the same weights, bit for bit. The
    global random state is neither read nor changed.

    Args:
        architecture: A name that ``find_architecture`` finds.
        train_data: Images to learn from.
        test_data: Images for the accuracy after each epoch.
        epochs: Passes over the training images.
        batch_size: Images in one step.
        learning_rate: Largest learning rate of the cycle.
        weight_decay: The optimiser's L2 penalty.
        seed: Seed of the first weights and of the order of the images.
        device: Where to compute, in torch's notation.
        augment: Mirror each image with probability 1/2 and shift it by up to four pixels before each step.
        attack: Learn from attacked images in place of the images themselves (Madry et al., arXiv 1706.06083).
        precision: What to multiply in while learning, as in ``TrainingSettings``; accuracies are those of float32.
        optimiser: What takes the steps, as in ``TrainingSettings``.
        progress: Called with the fraction done and a short text; may raise ``CancelledError`` to stop.
        on_epoch: Called after each epoch, not for those that were done before.
        resume: A file that keeps the training after each epoch, and from which it goes on if it is there.

    Raises:
        ModelError: If a setting is out of range, the loss is no longer finite, or ``resume`` is another training's.
        DataError: If the data do not fit the architecture.
        DeviceError: If the device is missing or out of memory.
        NcvizError: If a whole-number setting is out of range.
    """
    device = resolve_device(device)
    architecture = find_architecture(architecture).name
    settings = TrainingSettings(
        architecture, train_data.name, epochs, batch_size, learning_rate, weight_decay, seed, device, augment, attack,
        precision, optimiser,
    )  # fmt: skip
    for data in (train_data, test_data):
        _check_data(architecture, data)
    shape = tuple(train_data.inputs.shape[1:])
    _check_layers(architecture, shape, len(train_data), batch_size)
    start = time.perf_counter()
    checkpoint = None if resume is None else TrainingCheckpoint(resume, settings, train_data, test_data)
    done = checkpoint.progress if checkpoint else TrainingProgress()
    if len(done.history) < epochs:
        done = done.resumed_on(device)
    before = done.seconds
    with guard(device):
        run = Run(settings, train_data, test_data, progress or (lambda fraction, text: None))
        if checkpoint is not None:
            checkpoint.restore(run.parts, run.order)
        for epoch in range(len(done.history) + 1, epochs + 1):
            try:
                history = (*done.history, run.epoch(epoch))
            except DivergedError:
                # It would end there again: what is kept would only stand in the way of another learning rate.
                if resume is not None:
                    resume.unlink(missing_ok=True)
                raise
            done = TrainingProgress(history, before + time.perf_counter() - start, done.machines)
            if checkpoint is not None:
                checkpoint.save(run.parts, run.order, done)
            if on_epoch is not None:
                on_epoch(history[-1])
    net = run.trained()
    return TrainingResult(net, done.history, done.seconds, settings, done)


def train_zoo_model(
    name: str | ModelSpec,
    data_dir: str | Path | None = None,
    epochs: int | None = None,
    seed: int = 0,
    out_dir: str | Path | None = None,
    progress: Progress | None = None,
    on_epoch: Callable[[EpochResult], None] | None = None,
    device: str = "cpu",
    learning_rate: float | None = None,
    *,
    is_resumable: bool = False,
    command: str | None = None,
) -> TrainingResult:
    """Train a model by its recipe; write ``<name>.safetensors`` and the card ``<name>.json``.

    Args:
        name: A name in ``MODELS``, or what to train that is not there.
        data_dir: Folder with the complete data; without one, the bundled sample serves.
        epochs: In place of the recipe's number.
        seed: Seed of the first weights and of the order of the images.
        out_dir: Where to write; made if it is missing. None writes nothing.
        progress: As for ``train``.
        on_epoch: As for ``train``.
        device: As for ``train``.
        learning_rate: In place of the recipe's.
        is_resumable: Keep the training in ``<name>.training`` in ``out_dir`` until it is finished, and go on from it.
        command: What repeats the training, for the card; by default ``ncviz train``.

    Raises:
        ModelError: If the name is unknown, the loss is no longer finite, or ``out_dir`` cannot be written.
        DataError: If the data are missing or damaged.
        DeviceError: If the device is missing or out of memory.
        NcvizError: If a setting is out of range.
    """
    spec = find_model(name) if isinstance(name, str) else name
    train_data = load_dataset(spec.dataset, "train", data_dir)
    test_data = load_dataset(spec.dataset, "test", data_dir)
    resume = Path(out_dir) / f"{spec.name}.training" if is_resumable and out_dir is not None else None
    result = train(
        spec.architecture,
        train_data,
        test_data,
        epochs=spec.recipe.epochs if epochs is None else epochs,
        batch_size=spec.recipe.batch_size,
        learning_rate=spec.recipe.learning_rate if learning_rate is None else learning_rate,
        weight_decay=spec.recipe.weight_decay,
        seed=seed,
        device=device,
        augment=spec.recipe.augment,
        attack=spec.recipe.attack,
        precision=spec.recipe.precision,
        optimiser=spec.recipe.optimiser,
        progress=progress,
        on_epoch=on_epoch,
        resume=resume,
    )
    if out_dir is not None:
        # What is shipped is what is measured: rounding to half precision comes first.
        buffer = io.BytesIO()
        save_checkpoint(result.net, buffer, half=spec.is_half)
        shipped = load_checkpoint(buffer.getvalue(), spec.architecture)
        with guard(result.settings.device):
            shipped_accuracy = accuracy(shipped, test_data.inputs, test_data.labels)
        card = make_card(
            spec,
            result.net,
            result.settings,
            train_data,
            test_data,
            shipped_accuracy,
            result.progress.machines,
            command,
        )
        write_card(card, (Path(out_dir) / spec.checkpoint).with_suffix(".json"))
        # Last, because it is what says that the model is there.
        write_atomically(Path(out_dir) / spec.checkpoint, buffer.getvalue())
    if resume is not None:
        resume.unlink(missing_ok=True)
    return result


def _check_data(architecture: str, data: Dataset) -> None:
    """Raise a DataError unless there are images, and they and their classes fit the architecture."""
    expected = find_architecture(architecture)
    if len(data) == 0:
        raise DataError(f"The {data.split} data hold no images; give at least one.")
    if not getattr(data, "has_labels", True):
        raise DataError(
            "These images have no labels, and training needs them; bring images in folders by class."
        )
    shape = tuple(data.inputs.shape[1:])
    fits = shape == expected.input_shape or (expected.is_resizable and shape[:1] == expected.input_shape[:1])
    if not fits or len(data.classes) != expected.num_classes:
        other = f"; use {expected.dataset}" if expected.dataset else ""
        raise DataError(
            f"{architecture} expects images of shape {list(expected.input_shape)} in {expected.num_classes} "
            f"classes, got {list(shape)} in {len(data.classes)}{other}."
        )


def _check_layers(architecture: str, shape: tuple[int, ...], images: int, batch_size: int) -> None:
    """Raise a ModelError if the images are too small for the network, or a step would normalise over a single one."""
    net = build_without_weights(find_architecture(architecture))
    check_random_layers(net, architecture)
    try:
        # Without weights: the sizes alone are worked out, in no time.
        net.to("meta").eval()(torch.empty(1, *shape, device="meta"))
    except RuntimeError as error:
        raise ModelError(
            f"{architecture} cannot take images of {shape[-2]}×{shape[-1]} pixels, which are too small for its pooling "
            "or strides; give larger images, or another architecture."
        ) from error
    normalises = any(isinstance(layer, _NORMALISATIONS) for layer in net.modules())
    if normalises and (batch_size == 1 or images % batch_size == 1):
        raise ModelError(
            f"{architecture} normalises over a batch, so none may hold a single image; {images:,} images in batches of "
            f"{batch_size} leave one alone, choose another batch size."
        )
