"""One training as it runs: network, optimiser, schedule, data, the order of the images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ncviz.attacks import attacked
from ncviz.data.datasets import Dataset
from ncviz.errors import ModelError
from ncviz.models.catalogue.architectures import build_seeded
from ncviz.models.catalogue.dropout import restore_dropout, seed_dropout
from ncviz.models.training.settings import EpochResult, TrainingSettings
from ncviz.progress import Progress

_STEPS_BETWEEN_REPORTS = 10
_EVALUATION_BATCH = 2000
_MAX_SHIFT = 4


class DivergedError(ModelError):
    """The loss of a training is no longer finite."""


class Run:
    """The moving parts of one training: network, optimiser, schedule, data, order of the images."""

    def __init__(
        self, settings: TrainingSettings, train_data: Dataset, test_data: Dataset, progress: Progress
    ) -> None:
        self.settings = settings
        self.progress = progress
        self.order = torch.Generator().manual_seed(settings.seed)
        self.net = build_seeded(settings.architecture, settings.seed).to(settings.device)
        self._is_half = settings.precision == "bfloat16"
        if self._is_half:
            # The layout that such products are fast in.
            self.net.to(memory_format=torch.channels_last)
        self._dropouts = seed_dropout(self.net, self.order)
        self.data = train_data
        self.inputs = train_data.inputs.to(settings.device)
        self.labels = train_data.labels.to(settings.device)
        self.test_inputs = test_data.inputs.to(settings.device)
        self.test_labels = test_data.labels.to(settings.device)
        self.steps = -(-len(self.labels) // settings.batch_size)
        self.optimiser = _optimiser(settings, self.net)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, settings.learning_rate, total_steps=settings.epochs * self.steps
        )

    def trained(self) -> nn.Module:
        """Return the network as its architecture builds it, on the CPU, in eval mode."""
        restore_dropout(self.net, self._dropouts)
        return self.net.cpu().to(memory_format=torch.contiguous_format).eval()

    @property
    def parts(self) -> dict[str, Any]:
        """What moves from step to step, the order of the images aside."""
        return {"net": self.net, "optimiser": self.optimiser, "schedule": self.schedule}

    def epoch(self, epoch: int) -> EpochResult:
        """Learn from every image once, in a fresh random order, then evaluate."""
        self.net.train()
        total_loss, hits = 0.0, 0
        order = torch.randperm(len(self.labels), generator=self.order)
        for step, batch in enumerate(order.split(self.settings.batch_size)):
            if step % _STEPS_BETWEEN_REPORTS == 0:
                done = ((epoch - 1) * self.steps + step) / (self.settings.epochs * self.steps)
                self.progress(done, f"Epoch {epoch} of {self.settings.epochs}")
            loss, batch_hits = self._step(batch.to(self.inputs.device), epoch)
            total_loss += loss * len(batch)
            hits += batch_hits
        result = EpochResult(
            epoch,
            total_loss / len(order),
            hits / len(order),
            accuracy(self.net, self.test_inputs, self.test_labels),
        )
        self.progress(
            epoch / self.settings.epochs,
            f"Epoch {epoch} of {self.settings.epochs}: {result.test_accuracy:.2%} on the test images",
        )
        return result

    def _step(self, batch: Tensor, epoch: int) -> tuple[float, int]:
        """Learn from the images at these indices [b]; return mean loss and number of right answers."""
        labels = self.labels[batch]
        images = self.inputs[batch]
        if self.settings.augment:
            images = augmented(images, self.order)
        if self.settings.attack is not None:
            # In eval mode: what a normalisation remembers must not come from the attack's own steps.
            net, data = self.net.eval(), self.data
            # An attack changes pixels, not what a normalisation makes of them.
            logits_of = (lambda pixels: net(data.normalised(pixels))) if data.is_normalised else net
            pixels = attacked(logits_of, data.pictures(images), labels, self.settings.attack, self.order)
            images = data.normalised(pixels)
            self.net.train()
        with torch.autocast(self.inputs.device.type, torch.bfloat16, enabled=self._is_half):
            logits = self.net(images)  # [b, classes]
            loss = F.cross_entropy(logits, labels)
        value = loss.item()
        if not torch.isfinite(loss):
            raise DivergedError(
                f"The loss became {value} in epoch {epoch}; train with a learning rate below "
                f"{self.settings.learning_rate:g}."
            )
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.schedule.step()
        return value, int((logits.argmax(1) == labels).sum())


def _optimiser(settings: TrainingSettings, net: nn.Module) -> torch.optim.Optimizer:
    """Return what takes the steps of a training; its schedule sets learning rate and momentum."""
    options: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.optimiser == "sgd":
        return torch.optim.SGD(net.parameters(), momentum=0.9, nesterov=True, **options)
    return torch.optim.Adam(net.parameters(), **options)


def augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return each image mirrored with probability 1/2, then shifted by up to four pixels each way, zeros behind.

    Args:
        images: [b, C, H, W].
        generator: Where the choices are drawn from, on the CPU, so that they are the same on every device.
    """
    count, _, height, width = images.shape
    mirrored = torch.rand(count, generator=generator) < 0.5
    down, right = torch.randint(0, 2 * _MAX_SHIFT + 1, (2, count, 1), generator=generator)
    rows = down + torch.arange(height)  # [b, H]
    columns = right + torch.arange(width)
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)  # [b, W]
    padded = F.pad(images, (_MAX_SHIFT,) * 4).permute(0, 2, 3, 1)  # [b, H + 8, W + 8, C]
    each = torch.arange(count)[:, None, None]
    at = [index.to(images.device) for index in (each, rows[:, :, None], columns[:, None, :])]
    return padded[at[0], at[1], at[2]].permute(0, 3, 1, 2)


def accuracy(net: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """Return the fraction of inputs [n, C, H, W] whose largest logit is their label [n]."""
    net.eval()
    with torch.inference_mode():
        hits = sum(
            int((net(x).argmax(1) == y).sum())
            for x, y in zip(inputs.split(_EVALUATION_BATCH), labels.split(_EVALUATION_BATCH), strict=True)
        )
    return hits / len(labels)
