"""The data sets of torchvision's that ncviz has no network for: classes, files, and how each is read and downloaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ncviz.data.specs import DIGITS
from ncviz.errors import DataError
from ncviz.limits import LIMITS
from ncviz.text import megabytes

FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
KMNIST_CLASSES = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
STL10_CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")


@dataclass(frozen=True)
class NamedSet:
    """A data set that torchvision reads, and that ncviz has no network for.

    Attributes:
        name: How to ask for it.
        title: For people.
        classes: Class names, in the order of the labels.
        input_shape: (C, H, W).
        files: For "train" and "test", the files that a folder must hold.
        kind: Name of torchvision's class for it.
        read: Reads one split from a folder: images uint8 [n, C, H, W] and labels int64 [n].
        downloads: What that class is asked for, once for each, to fill a folder.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    files: dict[str, tuple[str, ...]]
    kind: str
    read: Callable[[Path, str], tuple[np.ndarray, np.ndarray]]
    downloads: tuple[dict[str, Any], ...]


def _idx_reader(files: dict[str, tuple[str, ...]]) -> Callable[[Path, str], tuple[np.ndarray, np.ndarray]]:
    def read(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
        from torchvision.datasets.mnist import read_image_file, read_label_file

        image_file, label_file = (folder / file for file in files[split])
        for file in (image_file, label_file):
            if file.stat().st_size > LIMITS.unpacked_bytes:
                raise DataError(
                    f"{file} is larger than the {megabytes(LIMITS.unpacked_bytes)} that are read; check what it is."
                )
        images = read_image_file(str(image_file)).numpy()
        return images[:, None], read_label_file(str(label_file)).numpy()

    return read


def _like_mnist(name: str, title: str, classes: tuple[str, ...], kind: str, emnist: str = "") -> NamedSet:
    """Return a data set whose files are MNIST's."""
    prefixes = {"train": "train", "test": "t10k"}
    if emnist:
        prefixes = {split: f"emnist-{emnist}-{split}" for split in prefixes}
    files = {
        split: tuple(f"{kind}/raw/{prefix}-{part}-ubyte" for part in ("images-idx3", "labels-idx1"))
        for split, prefix in prefixes.items()
    }
    asked = {"train": True, **({"split": emnist} if emnist else {})}
    return NamedSet(name, title, classes, (1, 28, 28), files, kind, _idx_reader(files), (asked,))


def _by_class(
    name: str, title: str, classes: tuple[str, ...], side: int, kind: str, files: Sequence[str]
) -> NamedSet:
    """Return a data set read through torchvision's class, which compares the files' MD5 before it opens them."""

    def read(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
        from torchvision import datasets

        data = getattr(datasets, kind)(folder, split=split, download=False)
        return np.ascontiguousarray(data.data), np.asarray(data.labels).astype(np.int64)

    named = {split: tuple(file.format(split) for file in files) for split in ("train", "test")}
    asked = tuple({"split": split} for split in named)
    return NamedSet(name, title, classes, (3, side, side), named, kind, read, asked)


# EMNIST's letters without upper and lower case apart: those whose two forms look alike count as one.
_BALANCED = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")
_LETTERS = ("N/A", *"abcdefghijklmnopqrstuvwxyz")

NAMED: dict[str, NamedSet] = {
    named.name: named
    for named in (
        _like_mnist("fashion-mnist", "Fashion-MNIST", FASHION_CLASSES, "FashionMNIST"),
        _like_mnist("kmnist", "KMNIST", KMNIST_CLASSES, "KMNIST"),
        _like_mnist("emnist-balanced", "EMNIST, balanced", _BALANCED, "EMNIST", "balanced"),
        _like_mnist("emnist-letters", "EMNIST, letters", _LETTERS, "EMNIST", "letters"),
        _like_mnist("emnist-digits", "EMNIST, digits", DIGITS, "EMNIST", "digits"),
        _by_class("svhn", "SVHN", DIGITS, 32, "SVHN", ("{}_32x32.mat",)),
        _by_class(
            "stl10", "STL-10", STL10_CLASSES, 96, "STL10", ("stl10_binary/{}_X.bin", "stl10_binary/{}_y.bin")
        ),
    )
}
