"""Data sets with a name of their own, of ncviz's or torchvision's, prepared as a user's network wants them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from ncviz.data.array_checks import find_fault
from ncviz.data.datasets import default_data_dir, find_dataset, load_pixels
from ncviz.data.image_settings import ImageSettings
from ncviz.data.images import fit_pixels
from ncviz.data.known.folders import KINDS, read_files
from ncviz.data.known.published_files import download_files
from ncviz.data.known.torchvision_sets import NAMED, NamedSet
from ncviz.data.specs import DATASETS, DatasetSpec
from ncviz.data.user_data.image_files import check_amount, check_most, drawn
from ncviz.data.user_data.registry import Part, UserData
from ncviz.errors import DataError
from ncviz.progress import Progress

_MOST = 10_000
_BATCH = 500


def known_names() -> tuple[str, ...]:
    """Return the names that ``read_named`` takes."""
    return (*DATASETS, *NAMED)


def read_named(
    name: str,
    settings: ImageSettings,
    data_dir: str | Path | None = None,
    *,
    most: int | None = _MOST,
    progress: Progress | None = None,
) -> UserData:
    """Read a data set by its name, at a size and with a normalisation of the user's choice.

    Nothing is downloaded: the data lie in a folder in torchvision's layout, or ship with ncviz as a sample.

    Args:
        name: One of ``known_names()``.
        settings: How images become inputs.
        data_dir: The folder; None for the one in NCVIZ_DATA.
        most: Images of each split at most, drawn once and for all; None for all of them.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.

    Raises:
        DataError: If there is no such data set, or its files are missing, damaged or too large.
    """
    check_most(most)
    folder = Path(data_dir).expanduser() if data_dir else default_data_dir()
    known: DatasetSpec | NamedSet = DATASETS[name] if name in DATASETS else find_named(name)
    title, parts = known.title, {}
    for at, split in enumerate(("train", "test")):
        images, labels = (
            load_pixels(name, split, folder) if name in DATASETS else _from_folder(NAMED[name], split, folder)
        )
        rows = drawn(len(images), most)
        check_amount(len(rows) * (1 if at else 2), settings, title)
        pixels = np.empty((len(rows), *settings.pixel_shape), dtype=images.dtype)
        for place, row in enumerate(rows):
            if progress is not None and place % _BATCH == 0:
                progress((at + place / len(rows)) / 2, f"{split} image {place + 1:,} of {len(rows):,}")
            pixels[place] = fit_pixels(images[row], f"{row + 1:,} of {title}", settings)
        parts[split] = Part(pixels, labels[rows], len(images))
    return UserData(title, known.classes, settings, parts)


def download_dataset(name: str, data_dir: str | Path, progress: Progress | None = None) -> None:
    """Download a dataset into ``data_dir`` with torchvision; nothing else in ncviz uses the network.

    Args:
        name: A name in ``DATASETS`` that is not complete in its bundle.
        data_dir: The folder to fill; made if it is missing.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.

    Raises:
        DataError: If there is nothing to download under that name, or the download or the folder fails.
        CancelledError: If it was stopped.
    """
    spec = find_dataset(name)
    if not spec.files:
        choices = ", ".join(other.name for other in DATASETS.values() if other.files)
        raise DataError(f"{spec.title} is complete in ncviz; only {choices} can be downloaded.")
    folder = Path(data_dir).expanduser()
    download_files(spec.title, KINDS[spec.name], spec.files, folder, ({"train": True},), progress)


def download_named(name: str, data_dir: str | Path, progress: Progress | None = None) -> None:
    """Download a data set into a folder with torchvision, made if it is missing; on a user's click alone.

    Args:
        name: One of ``known_names()``.
        data_dir: The folder.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.

    Raises:
        DataError: If there is nothing to download under that name, or the download or the folder fails.
        CancelledError: If it was stopped.
    """
    if name in DATASETS:
        download_dataset(name, data_dir, progress)
        return
    named = find_named(name)
    needed = [file for files in named.files.values() for file in files]
    download_files(named.title, named.kind, needed, Path(data_dir).expanduser(), named.downloads, progress)


def find_named(name: str) -> NamedSet:
    """Return what is known of one of ``NAMED``.

    Raises:
        DataError: If there is none of that name; the message lists the choices.
    """
    if name not in NAMED:
        raise DataError(f"Unknown data set {name[:60]!r}; choose one of {', '.join(known_names())}.")
    return NAMED[name]


def _from_folder(named: NamedSet, split: str, folder: Path | None) -> tuple[np.ndarray, np.ndarray]:
    files = named.files[split]
    if folder is None:
        raise DataError(
            f"{named.title} does not ship with ncviz; name a folder that holds {files[0]}, or download it there."
        )
    missing = [file for file in files if not (folder / file).is_file()]
    if missing:
        raise DataError(
            f"{folder} lacks {named.title}: expected {missing[0]} in it; name another folder, or download it there."
        )
    images, labels = read_files(named.title, folder, partial(named.read, folder, split))
    if find_fault(images, labels, named.input_shape, len(named.classes)) is not None:
        raise DataError(
            f"The {named.title} files in {folder} hold {images.dtype} images {list(images.shape)} and labels "
            f"{list(labels.shape)} that do not belong together; download {named.title} again."
        )
    return images, labels
