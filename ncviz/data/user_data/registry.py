"""Data sets of the user's own: what they hold, and the bounded registry in which a server keeps them by name."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.data.array_checks import Fault, find_fault
from ncviz.data.image_settings import LAST, ImageSettings
from ncviz.data.specs import USER_DATA_PREFIX, DatasetSpec
from ncviz.errors import DataError
from ncviz.fingerprint import digest
from ncviz.limits import LIMITS

if TYPE_CHECKING:
    from torch import Tensor

ALL = "all"


@dataclass(frozen=True, eq=False)
class Part:
    """One split of a data set of the user's own.

    Attributes:
        images: [n, C, H, W], uint8, or float32 in [0, 1].
        labels: int64 [n], or None.
        total: How many images there were to choose from.
    """

    images: np.ndarray
    labels: np.ndarray | None
    total: int

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class UserData:
    """A data set of the user's own, images at the size that the network takes.

    Attributes:
        title: For people, such as the name of its file.
        classes: Class names; none before ``fit_classes`` if there are no labels.
        settings: How pixels become inputs.
        parts: "train" and "test"; or "all", which serves both to calibrate and to evaluate.
        notes: What was left out or decided on the way, one sentence each.

    Raises:
        DataError: If images, labels and classes do not belong together.
    """

    title: str
    classes: tuple[str, ...]
    settings: ImageSettings
    parts: Mapping[str, Part]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if set(self.parts) not in ({ALL}, {"train", "test"}):
            raise DataError("A data set needs a training and a test part, or one part that serves as both.")
        if len({part.labels is None for part in self.parts.values()}) > 1:
            raise DataError(
                f"One part of {self.title} has labels and the other has none; give both or neither."
            )
        for part in self.parts.values():
            self._check(part)

    def _check(self, part: Part) -> None:
        images, labels = part.images, part.labels
        fault = find_fault(
            images, labels, self.settings.pixel_shape, len(self.classes), (np.uint8, np.float32)
        )
        if fault is Fault.IMAGES:
            raise DataError(
                f"{self.title} needs at least one image of shape {list(self.settings.pixel_shape)}, got {images.dtype} "
                f"{list(images.shape)}; bring the images again."
            )
        if labels is not None and fault is Fault.LABELS:
            raise DataError(
                f"{self.title} needs one label for each of its {len(images):,} images, got shape {list(labels.shape)}."
            )
        if labels is not None and fault is Fault.CLASSES:
            raise DataError(
                f"The labels of {self.title} run from {labels.min()} to {labels.max()}, but it has "
                f"{len(self.classes)} classes, from 0 on."
            )

    @property
    def has_labels(self) -> bool:
        """Whether the right classes are known."""
        return all(part.labels is not None for part in self.parts.values())

    @property
    def nbytes(self) -> int:
        """Memory that it takes, inputs included."""
        return sum(part.images.nbytes + 4 * part.images.size for part in self.parts.values())

    @cached_property
    def name(self) -> str:
        """Its name among the data sets: "own-" and what everything in it comes to."""
        splits = sorted(self.parts)
        content = [(self.parts[split].images, self.parts[split].labels) for split in splits]
        sha = digest(self.title, self.classes, self.settings.as_dict(), splits, content)
        return f"{USER_DATA_PREFIX}{sha[:32]}"

    @cached_property
    def spec(self) -> DatasetSpec:
        """What is known of it, as of every data set."""
        sizes = {split: self.part(split).total for split in ("train", "test")}
        return DatasetSpec(
            self.name, self.title, self.classes, self.settings.pixel_shape, sizes, is_bundled=False, files=(),
            source="your own images", licence="", citation="", normalisation=self.settings.told,
            sample_note=" ".join(self.notes), has_labels=self.has_labels,
        )  # fmt: skip

    def part(self, split: str) -> Part:
        """Return the images of "train" or "test"."""
        return self.parts[ALL if ALL in self.parts else split]

    def description(self, split: str) -> str:
        """Return what the images of a split are, in words."""
        part = self.part(split)
        amount = amount_of(len(part), part.total)
        unlabelled = "" if self.has_labels else " without labels"
        if ALL in self.parts:
            unlabelled += f" of {self.title}, which serve both to calibrate and to evaluate"
            return f"{amount} images{unlabelled}"
        return f"{amount} {split} images{unlabelled} of {self.title}"

    def fingerprint(self, split: str) -> str:
        """SHA-256 of a split's images and labels, and of how they become inputs."""
        return self._fingerprints[ALL if ALL in self.parts else split]

    def tensors(self, split: str) -> tuple[Tensor, Tensor]:
        """Return the inputs [n, *input_shape] float32 as the network sees them, and labels [n] int64, -1 for unknown.

        Made once; not to be changed.
        """
        return self._tensors[ALL if ALL in self.parts else split]

    @cached_property
    def _fingerprints(self) -> dict[str, str]:
        how = self.settings.as_dict()
        return {name: digest(part.images, part.labels, how) for name, part in self.parts.items()}

    @cached_property
    def _tensors(self) -> dict[str, tuple[Tensor, Tensor]]:
        import torch

        mean, std = (
            torch.tensor(values).reshape(-1, 1, 1)
            for values in (self.settings.pixel_mean, self.settings.pixel_std)
        )
        found = {}
        for name, part in self.parts.items():
            images = torch.from_numpy(part.images)
            pixels = images.float() / 255 if part.images.dtype == np.uint8 else images.clone()
            labels = part.labels if part.labels is not None else np.full(len(part), -1, dtype=np.int64)
            inputs = pixels.sub_(mean).div_(std)
            if self.settings.layout == LAST:
                inputs = inputs.permute(0, 2, 3, 1).contiguous()
            found[name] = inputs, torch.from_numpy(labels)
        return found


def amount_of(count: int, total: int) -> str:
    """Return such as "all 2,000" or "2,000 of the 10,000"."""
    return f"all {total:,}" if count == total else f"{count:,} of the {total:,}"


class UserDataRegistry:
    """The own data sets that a server holds, by name; thread-safe.

    Args:
        most_bytes: Memory of all of them; those used least recently go first, the newest always stays.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most, self._held, self._lock = most_bytes, OrderedDict[str, UserData](), threading.Lock()

    def register(self, own: UserData) -> str:
        """Keep a data set, and return its name."""
        name = own.name
        with self._lock:
            self._held.setdefault(name, own)
            self._held.move_to_end(name)
            while len(self._held) > 1 and sum(other.nbytes for other in self._held.values()) > self._most:
                self._held.popitem(last=False)
        return name

    def find(self, name: str) -> UserData:
        """Return a data set.

        Raises:
            DataError: If there is none of that name, or no longer.
        """
        with self._lock:
            if name not in self._held:
                raise DataError(
                    f"The images {name[: len(USER_DATA_PREFIX) + 8]}… are no longer on the server; bring them again."
                )
            self._held.move_to_end(name)
            return self._held[name]


_REGISTRY = UserDataRegistry(LIMITS.own_data_bytes)


def register(own: UserData) -> str:
    """Make a data set known to ``find_dataset`` and ``load_dataset`` in this process, and return its name."""
    return _REGISTRY.register(own)


def find_user_data(name: str) -> UserData:
    """Return a registered data set.

    Raises:
        DataError: If there is none of that name, or no longer.
    """
    return _REGISTRY.find(name)


def is_user_data(name: Any) -> bool:
    """Whether this is the name of a data set of the user's own, here or no longer."""
    return isinstance(name, str) and name.startswith(USER_DATA_PREFIX)
