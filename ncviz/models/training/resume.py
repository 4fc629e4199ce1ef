"""A training that was interrupted goes on from its last finished epoch, to the same weights, bit for bit."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ncviz.errors import ModelError
from ncviz.fingerprint import digest
from ncviz.models.saving import write_atomically
from ncviz.models.training.settings import EpochResult, TrainingSettings

if TYPE_CHECKING:
    from ncviz.data.datasets import Dataset

# Raised whenever a training could take another way than before.
TRAINING_VERSION = 1


@dataclass(frozen=True)
class TrainingProgress:
    """The finished part of a training.

    Attributes:
        history: One entry per finished epoch.
        seconds: Wall time so far, over all its parts.
        machines: Where each part ran, as (first epoch, device, threads, torch); one entry if never interrupted.
    """

    history: tuple[EpochResult, ...] = ()
    seconds: float = 0.0
    machines: tuple[tuple[int, str, int, str], ...] = field(default=())

    def resumed_on(self, device: str) -> TrainingProgress:
        """Return the same with one more part, that begins on this machine now."""
        here = (len(self.history) + 1, device, torch.get_num_threads(), str(torch.__version__).split("+")[0])
        return TrainingProgress(self.history, self.seconds, (*self.machines, here))


class TrainingCheckpoint:
    """The file that a training resumes from.

    Args:
        path: The file; written anew after each epoch, whole or not at all.
        settings: What determines the training.
        data: The images learnt from and evaluated on.

    Raises:
        ModelError: If the file belongs to another training or is damaged; nothing in it is ever executed.
    """

    def __init__(self, path: Path, settings: TrainingSettings, *data: Dataset) -> None:
        self.path = path
        # The device is no part: a training may go on elsewhere, and its card says so.
        own = {name: value for name, value in asdict(settings).items() if name != "device"}
        images = [part.inputs.numpy() for part in data], [part.labels.numpy() for part in data]
        self._key = digest(TRAINING_VERSION, own, *images)
        self._found = self._read()

    @property
    def progress(self) -> TrainingProgress:
        """What was done when the file was opened."""
        if self._found is None:
            return TrainingProgress()
        history = tuple(EpochResult(*row) for row in self._found["history"])
        machines = tuple((int(a), str(b), int(c), str(d)) for a, b, c, d in self._found["machines"])
        return TrainingProgress(history, float(self._found["seconds"]), machines)

    def restore(self, parts: Mapping[str, Any], order: torch.Generator) -> None:
        """Put network, optimiser, schedule and random state back to where the last finished epoch left them."""
        if self._found is None:
            return
        for name, part in parts.items():
            part.load_state_dict(self._found["parts"][name])
        order.set_state(self._found["order"])

    def save(self, parts: Mapping[str, Any], order: torch.Generator, progress: TrainingProgress) -> None:
        """Write where the training is.

        Raises:
            ModelError: If the file cannot be written.
        """
        buffer = io.BytesIO()
        content = {
            "key": self._key,
            "parts": {name: part.state_dict() for name, part in parts.items()},
            "order": order.get_state(),
            "history": [tuple(vars(epoch).values()) for epoch in progress.history],
            "seconds": progress.seconds,
            "machines": list(progress.machines),
        }
        torch.save(content, buffer)
        write_atomically(self.path, buffer.getvalue())

    def _read(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch's, on what it did not write itself
                found: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
            key = found["key"]
        except Exception as error:  # a damaged file makes the reader raise almost anything
            raise ModelError(
                f"{self.path} cannot be read, so the training cannot go on from it; delete it to train from the start."
            ) from error
        if key != self._key:
            raise ModelError(
                f"{self.path} belongs to a training with other settings or images; delete it to train from the start, "
                "or give those settings."
            )
        return found
