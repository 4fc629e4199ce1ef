"""Read complete datasets in a user's folder, through torchvision's own readers and checks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.data.array_checks import Fault, find_fault
from ncviz.data.specs import DatasetSpec
from ncviz.errors import DataError
from ncviz.text import first_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Torchvision's classes for the data sets that ncviz has networks for.
KINDS = {"mnist": "MNIST", "cifar10": "CIFAR10", "cifar100": "CIFAR100"}


def read_folder(spec: DatasetSpec, split: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read one split from a folder in torchvision's layout, or from single images in folders by class.

    Single images, as ``<name>/<split>/<class>/<image>``, are taken where there are any. CIFAR's own files are pickles;
    torchvision compares their MD5 with the published ones before it opens them.

    Returns:
        Images [n, C, H, W] uint8 and labels [n] int64.

    Raises:
        DataError: If the folder or its files are missing, damaged, or hold something else.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name the one that holds {spec.first_file}.")
    pictures = folder / spec.name / split
    if pictures.is_dir():
        return _read_pictures(spec, pictures)
    missing = [file for file in spec.files if not (folder / file).is_file()]
    if missing:
        raise DataError(
            f"{folder} lacks {spec.title}: expected {missing[0]} in it; name another folder with --data-dir, "
            f"or download {spec.title} there."
        )
    read = partial(_torchvision_arrays, KINDS[spec.name], folder, split)
    images, labels = read_files(spec.title, folder, read)
    _check_arrays(spec, folder, images, labels)
    return images, labels


def _read_pictures(spec: DatasetSpec, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read single image files, a folder for each class, through torchvision's ``ImageFolder``.

    Raises:
        DataError: If the classes are other ones, or an image is damaged or of another size.
    """
    from torchvision.datasets import ImageFolder

    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    if classes != sorted(spec.classes):
        raise DataError(
            f"The {len(classes)} folders in {folder} are not the {len(spec.classes)} classes of {spec.title}; name "
            f"them {', '.join(spec.classes[:3])} and so on."
        )
    mode = "L" if spec.input_shape[0] == 1 else "RGB"
    try:
        listed = ImageFolder(folder)
        images = np.stack([np.asarray(image.convert(mode)) for image, _ in listed])
    except Exception as error:  # damaged images make the decoders raise almost anything
        raise DataError(
            f"The images in {folder} cannot be read ({first_line(error)}); expected {spec.title} as "
            f"{spec.name}/<split>/<class>/<image>, all of one size."
        ) from error
    own = np.array([spec.classes.index(name) for name in listed.classes], dtype=np.int64)
    labels = own[np.asarray(listed.targets)]
    images = images[..., None] if images.ndim == 3 else images
    images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    _check_arrays(spec, folder, images, labels)
    return images, labels


def read_files(
    title: str, folder: Path, read: Callable[[], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a reader makes of a data set's files.

    Raises:
        DataError: If they are incomplete or damaged.
    """
    try:
        return read()
    except DataError:
        raise
    except Exception as error:  # damaged files make the readers raise almost anything, assertions included
        raise DataError(
            f"The {title} files in {folder} are incomplete or damaged ({first_line(error)}); delete them and "
            f"download {title} again."
        ) from error


def torchvision_class(kind: str) -> Any:
    """Return torchvision's data set of that name."""
    from torchvision import datasets

    return getattr(datasets, kind)


def _torchvision_arrays(kind: str, folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a torchvision dataset's images [n, C, H, W] uint8 and labels [n] int64."""
    data = torchvision_class(kind)(folder, train=split == "train")
    images = np.asarray(data.data)  # MNIST [n, H, W], CIFAR [n, H, W, C]
    images = images.transpose(0, 3, 1, 2) if images.ndim == 4 else images[:, None]
    return np.ascontiguousarray(images), np.asarray(data.targets, dtype=np.int64)


def _check_arrays(spec: DatasetSpec, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Raise a DataError unless images and labels are what the dataset promises; their number is free."""
    found = f"{images.dtype} images of shape {list(images.shape)} and labels of shape {list(labels.shape)}"
    fault = find_fault(images, labels, spec.input_shape, len(spec.classes))
    if fault in (Fault.IMAGES, Fault.LABELS):
        raise DataError(
            f"The {spec.title} files in {folder} hold {found}, expected uint8 images of shape "
            f"{['n', *spec.input_shape]} and as many labels; download {spec.title} again."
        )
    if fault is Fault.CLASSES:
        raise DataError(
            f"The {spec.title} labels in {folder} run from {labels.min()} to {labels.max()}, expected 0 to "
            f"{len(spec.classes) - 1}; download {spec.title} again."
        )
