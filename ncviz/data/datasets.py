"""The one way to load a dataset: from a folder of the user's, or the sample that ships with ncviz."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ncviz.data.image_settings import FIRST, LAST, layouts_of
from ncviz.data.known.folders import read_folder
from ncviz.data.specs import DATASETS, DatasetSpec
from ncviz.data.user_data.registry import amount_of, find_user_data, is_user_data
from ncviz.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "DATASETS", "Dataset", "DatasetSpec", "default_data_dir", "find_dataset", "load_dataset",
    "load_pixels", "load_sample_arrays",
]  # fmt: skip

SAMPLE_DIR = Path(__file__).parent / "samples"
DATA_DIR_VARIABLE = "NCVIZ_DATA"
SPLITS = ("train", "test")
PIXEL_MAX = {"digits": 16, "mnist": 255, "cifar10": 255, "cifar100": 255}


@dataclass(frozen=True, eq=False)
class Dataset:
    """The images and labels of one split, in memory.

    Attributes:
        inputs: [n, C, H, W] float32, or [n, H, W, C], what the network sees: (pixel - mean) / std, with pixels in
            [0, 1].
        labels: [n] int64, indices into ``classes``; -1 everywhere if nobody knows them.
        classes: Class names.
        name: Name in ``DATASETS``, or of a registered data set of the user's own.
        split: "train" or "test".
        is_complete: Whether this is the whole split; False for a bundled subset.
        description: Such as "2,000 of the 10,000 MNIST test images".
        mean: Of each channel, or one for all.
        std: The same.
        has_labels: Whether the right classes are known; if not, ``ncviz.data.predicted_labels.labels_for`` gives the
            network's own.
        layout: Where the inputs have their channels, a name in ``LAYOUTS``.
    """

    inputs: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    name: str
    split: str
    is_complete: bool
    description: str
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    has_labels: bool = True
    layout: str = FIRST

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def is_normalised(self) -> bool:
        """Whether inputs differ from pixels."""
        return any(self.mean) or any(value != 1 for value in self.std)

    def pictures(self, inputs: Tensor | None = None) -> Tensor:
        """Return pixels [n, C, H, W] in [0, 1], as people look at them.

        Args:
            inputs: Some of this data set, in its layout; by default all of it.
        """
        inputs = self.inputs if inputs is None else inputs
        if self.layout == LAST:
            inputs = inputs.movedim(-1, 1)
        if not self.is_normalised:
            return inputs
        return (inputs * _by_channel(self.std, inputs) + _by_channel(self.mean, inputs)).clamp(0.0, 1.0)

    def normalised(self, pixels: Tensor) -> Tensor:
        """Return what the network sees of pixels [n, C, H, W] in [0, 1], in its layout; the inverse of ``pictures``."""
        if self.is_normalised:
            pixels = (pixels - _by_channel(self.mean, pixels)) / _by_channel(self.std, pixels)
        return pixels.movedim(1, -1) if self.layout == LAST else pixels

    def for_input(self, input_shape: Sequence[int]) -> Dataset:
        """Return the same images in the layout of a network's input; as they are where that has another size."""
        layout = layouts_of(input_shape)[0]
        if layout == self.layout or tuple(self.inputs.shape[1:]) == tuple(input_shape):
            return self
        inputs = self.inputs.movedim(-1, 1) if layout == FIRST else self.inputs.movedim(1, -1)
        return replace(self, inputs=inputs.contiguous(), layout=layout)


def default_data_dir() -> Path | None:
    """Return the folder that the environment variable NCVIZ_DATA names, or None if it is unset or empty."""
    folder = os.environ.get(DATA_DIR_VARIABLE, "")
    return Path(folder).expanduser() if folder else None


def find_dataset(name: str) -> DatasetSpec:
    """Return the dataset called ``name``: one of ``DATASETS``, or a registered one of a user's own.

    Raises:
        DataError: If there is none of that name; the message lists the choices.
    """
    if is_user_data(name):
        return find_user_data(name).spec
    if name not in DATASETS:
        raise DataError(f"Unknown dataset {name!r}; choose one of {', '.join(DATASETS)}.")
    return DATASETS[name]


def load_sample_arrays(name: str, split: str = "test") -> tuple[np.ndarray, np.ndarray]:
    """Return the bundled sample as it is stored, without torch.

    Pixels run from 0 to ``PIXEL_MAX[name]`` (16 for digits, 255 for MNIST and CIFAR-10).

    Returns:
        Images uint8, [n, H, W] or, in colour, [n, 3, H, W], and labels [n] uint8.

    Raises:
        DataError: If the name or split is unknown, no sample of it ships with ncviz, or the file is damaged.
    """
    spec = _spec(name, split)
    if not spec.is_bundled:
        raise DataError(f"No sample of {spec.title} ships with ncviz; name a folder that holds it.")
    path = SAMPLE_DIR / f"{name}.npz"
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            return arrays[f"{split}_images"], arrays[f"{split}_labels"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"The bundled sample {path.name} cannot be read ({error}); install ncviz again."
        ) from error


def load_dataset(name: str, split: str = "test", data_dir: str | Path | None = None) -> Dataset:
    """Load one split: from ``data_dir``, else from the folder in NCVIZ_DATA, else the bundled sample.

    Digits are complete in their bundle and never look at a folder.

    Args:
        name: A name in ``DATASETS``, or of a registered data set of the user's own, which looks at no folder.
        split: "train" or "test".
        data_dir: Folder in torchvision's layout, such as one filled by ``download_dataset``, or with single images
            as ``<name>/<split>/<class>/<image>``.

    Raises:
        DataError: If the name or split is unknown, or the data are missing or damaged.
    """
    spec = _spec(name, split)
    if spec.is_user_data:
        return _user_dataset(name, split)
    return _as_dataset(spec, split, *_arrays(spec, split, data_dir))


def load_pixels(
    name: str, split: str = "test", data_dir: str | Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Load one split of a data set that ncviz knows as ``load_dataset`` does, but the pixels, without torch.

    Returns:
        Images [n, C, H, W], uint8 or, where white is not 255, float32 in [0, 1], and labels [n] int64.

    Raises:
        DataError: If the name or split is unknown, or the data are missing or damaged.
    """
    spec = _spec(name, split)
    images, labels = _arrays(spec, split, data_dir)
    images = images.reshape(-1, *spec.input_shape)
    white = PIXEL_MAX[name]
    return images if white == 255 else (images / np.float32(white)), labels.astype(np.int64)


def _arrays(spec: DatasetSpec, split: str, data_dir: str | Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images [n, H, W] or [n, C, H, W] and labels [n], both uint8 or int64."""
    folder = Path(data_dir).expanduser() if data_dir else default_data_dir()
    if not spec.first_file or (folder is None and spec.is_bundled):
        return load_sample_arrays(spec.name, split)
    if folder is None:
        raise DataError(
            f"{spec.title} does not ship with ncviz: name a folder that holds {spec.first_file} with "
            f"--data-dir or {DATA_DIR_VARIABLE}, or download it there."
        )

    return read_folder(spec, split, folder)


def _spec(name: str, split: str) -> DatasetSpec:
    """Return the data set called ``name``; raise a DataError unless ``split`` is one of ``SPLITS``."""
    spec = find_dataset(name)
    if split not in SPLITS:
        raise DataError(f'The split must be "train" or "test", got {split!r}.')
    return spec


def _by_channel(values: tuple[float, ...], images: Tensor) -> Tensor:
    return images.new_tensor(values).reshape(-1, 1, 1)


def _user_dataset(name: str, split: str) -> Dataset:
    own = find_user_data(name)
    part, how = own.part(split), own.settings
    is_complete, description = len(part) == part.total, own.description(split)
    return Dataset(
        *own.tensors(split), own.classes, name, split, is_complete, description,
        mean=how.pixel_mean, std=how.pixel_std, has_labels=own.has_labels, layout=how.layout,
    )  # fmt: skip


def _as_dataset(spec: DatasetSpec, split: str, images: np.ndarray, labels: np.ndarray) -> Dataset:
    """Return images [n, H, W] or [n, C, H, W] and labels [n], both uint8 or int64, as tensors."""
    import torch

    inputs = torch.from_numpy(images).reshape(-1, *spec.input_shape).float() / PIXEL_MAX[spec.name]
    total = spec.sizes[split]
    is_complete = len(labels) == total
    description = f"{amount_of(len(labels), total)} {spec.title} {split} images"
    known = torch.from_numpy(labels).long()
    return Dataset(inputs, known, spec.classes, spec.name, split, is_complete, description)
