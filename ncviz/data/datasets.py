"""The one way to load a dataset: from a folder of the user's, or the sample that ships with ncviz."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ncviz.data.specs import DATASETS, DatasetSpec, find_dataset
from ncviz.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetSpec",
    "default_data_dir",
    "download_dataset",
    "find_dataset",
    "load_dataset",
    "load_sample_arrays",
]

SAMPLE_DIR = Path(__file__).parent / "samples"
DATA_DIR_VARIABLE = "NCVIZ_DATA"
SPLITS = ("train", "test")
PIXEL_MAX = {"digits": 16, "mnist": 255, "cifar10": 255, "cifar100": 255}


@dataclass(frozen=True, eq=False)
class Dataset:
    """The images and labels of one split, in memory.

    Attributes:
        inputs: [n, C, H, W] float32 in [0, 1].
        labels: [n] int64, indices into ``classes``.
        classes: Class names.
        name: Name in ``DATASETS``.
        split: "train" or "test".
        is_complete: Whether this is the whole split; False for a bundled subset.
        description: Such as "2,000 of the 10,000 MNIST test images".
    """

    inputs: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    name: str
    split: str
    is_complete: bool
    description: str

    def __len__(self) -> int:
        return len(self.labels)


def default_data_dir() -> Path | None:
    """Return the folder that the environment variable NCVIZ_DATA names, or None if it is unset or empty."""
    folder = os.environ.get(DATA_DIR_VARIABLE, "")
    return Path(folder).expanduser() if folder else None


def load_sample_arrays(name: str, split: str = "test") -> tuple[np.ndarray, np.ndarray]:
    """Return the bundled sample as it is stored, without torch.

    Pixels run from 0 to ``PIXEL_MAX[name]`` (16 for digits, 255 for MNIST and CIFAR-10).

    Returns:
        Images uint8, [n, H, W] or, in colour, [n, 3, H, W], and labels [n] uint8.

    Raises:
        DataError: If the name or split is unknown, no sample of it ships with ncviz, or the file is damaged.
    """
    import zipfile

    import numpy as np

    spec = find_dataset(name)
    _check_split(split)
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
        name: A name in ``DATASETS``.
        split: "train" or "test".
        data_dir: Folder in torchvision's layout, such as one filled by ``download_dataset``, or with single images
            as ``<name>/<split>/<class>/<image>``.

    Raises:
        DataError: If the name or split is unknown, or the data are missing or damaged.
    """
    spec = find_dataset(name)
    _check_split(split)
    folder = Path(data_dir).expanduser() if data_dir else default_data_dir()
    if not spec.first_file or (folder is None and spec.is_bundled):
        images, labels = load_sample_arrays(name, split)
    elif folder is None:
        raise DataError(
            f"{spec.title} does not ship with ncviz: name a folder that holds {spec.first_file} with "
            f"--data-dir or {DATA_DIR_VARIABLE}, or download it there."
        )
    else:
        from ncviz.data.folders import read_folder

        images, labels = read_folder(spec, split, folder)
    return _as_dataset(spec, split, images, labels)


def download_dataset(name: str, data_dir: str | Path) -> None:
    """Download a dataset into ``data_dir`` with torchvision; nothing else in ncviz uses the network.

    Args:
        name: A name in ``DATASETS`` that is not complete in its bundle.
        data_dir: The folder to fill; made if it is missing.

    Raises:
        DataError: If there is nothing to download under that name, or the download or the folder fails.
    """
    from ncviz.data.folders import fill_folder

    fill_folder(find_dataset(name), Path(data_dir).expanduser())


def _check_split(split: str) -> None:
    """Raise a DataError unless ``split`` is one of ``SPLITS``."""
    if split not in SPLITS:
        raise DataError(f'The split must be "train" or "test", got {split!r}.')


def _as_dataset(spec: DatasetSpec, split: str, images: np.ndarray, labels: np.ndarray) -> Dataset:
    """Return images [n, H, W] or [n, C, H, W] and labels [n], both uint8 or int64, as tensors."""
    import torch

    inputs = torch.from_numpy(images).reshape(-1, *spec.input_shape).float() / PIXEL_MAX[spec.name]
    total = spec.sizes[split]
    is_complete = len(labels) == total
    amount = f"all {total:,}" if is_complete else f"{len(labels):,} of the {total:,}"
    return Dataset(
        inputs=inputs,
        labels=torch.from_numpy(labels).long(),
        classes=spec.classes,
        name=spec.name,
        split=split,
        is_complete=is_complete,
        description=f"{amount} {spec.title} {split} images",
    )
