"""From a zip, a folder or single files of images to a data set of the user's own; checked before it is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ncviz.budget import Budget
from ncviz.data.image_settings import ImageSettings
from ncviz.data.images import read_image
from ncviz.data.user_data.folder_layout import Layout, find_layout
from ncviz.data.user_data.registry import ALL, Part, UserData
from ncviz.data.user_data.zip_archives import Archive, read_source
from ncviz.errors import DataError
from ncviz.limits import LIMITS
from ncviz.progress import Progress
from ncviz.text import file_name

# So many images are read between two words on how far it is.
BATCH = 50


def read_zip(
    source: str | Path | bytes | BinaryIO,
    settings: ImageSettings,
    title: str,
    *,
    most: int | None = None,
    progress: Progress | None = None,
) -> UserData:
    """Read a zip of images, in memory: ``<class>/<image>``, with splits above or not, or images alone.

    Args:
        source: The file, or where it lies.
        settings: How images become inputs.
        title: What to call it.
        most: Images of each split at most, drawn once and for all; None for all of them.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.

    Raises:
        DataError: If the archive is damaged, unsafe or too large, or an image cannot be read, naming it.
    """
    content = read_source(source, title)
    archive = Archive(content, title)
    size = max(len(content), archive.unpacked)
    budget = Budget(file_name(title), size, DataError, pixels=True)
    return _read(find_layout(archive.names, title), archive.read, settings, title, most, progress, budget)


def read_tree(
    folder: str | Path,
    settings: ImageSettings,
    title: str = "",
    *,
    most: int | None = None,
    progress: Progress | None = None,
) -> UserData:
    """Read a folder of images on this machine, laid out as for ``read_zip``.

    Links that lead out of the folder are refused, since whoever may name a folder need not be allowed what
    lies beside it.

    Args:
        folder: Where it lies.
        settings: How images become inputs.
        title: What to call it; by default the folder's name.
        most: Images of each split at most, drawn once and for all; None for all of them.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.

    Raises:
        DataError: If the folder is missing, holds too much, or an image cannot be read, naming it.
    """
    root = Path(folder).expanduser()
    title = title or root.name or str(root)
    try:
        names = _names_in(root.resolve(strict=True), title)
    except OSError as error:
        raise DataError(
            f"{root} is not a folder that can be read ({error.strerror or error}); name another."
        ) from error

    def read(name: str) -> bytes:
        return read_source(root / name, file_name(name))

    # Of the machine's own owner, who may have as many images as the machine holds.
    return _read(find_layout(names, title), read, settings, title, most, progress, None)


def read_images(
    files: Sequence[tuple[str, bytes]],
    settings: ImageSettings,
    *,
    labels: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> UserData:
    """Read single images.

    Args:
        files: Name and content of each.
        settings: How images become inputs.
        labels: Class of each file by its name, for all or none of them.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.

    Raises:
        DataError: If there are none, too many, or one cannot be read, naming it.
    """
    title = files[0][0] if len(files) == 1 else f"{len(files):,} images"
    if not files:
        raise DataError("No image was given; choose at least one.")
    check_amount(len(files), settings, title)
    budget = Budget(file_name(title), sum(len(content) for _, content in files), DataError, pixels=True)
    images = np.empty((len(files), *settings.pixel_shape), dtype=np.uint8)
    for place, (name, content) in enumerate(files):
        if progress is not None and place % BATCH == 0:
            progress(place / len(files), f"image {place + 1:,} of {len(files):,}")
        images[place] = read_image(content, name, settings, budget)
    if not labels:
        return UserData(title, (), settings, {ALL: Part(images, None, len(images))})
    missing = [name for name, _ in files if name not in labels]
    if missing:
        raise DataError(
            f"{file_name(missing[0])} has no class, but others have; choose one for each or for none."
        )
    classes = tuple(sorted(set(labels.values())))
    own = np.array([classes.index(labels[name]) for name, _ in files], dtype=np.int64)
    return UserData(title, classes, settings, {ALL: Part(images, own, len(images))})


def drawn(total: int, most: int | None) -> list[int]:
    """Return at most so many numbers of 0 … total - 1, growing; always the same."""
    if most is None or most >= total:
        return list(range(total))
    return sorted(np.random.default_rng(0).permutation(total)[: max(1, most)].tolist())


def check_most(most: int | None) -> None:
    """Raise a DataError unless this can be the number of images to read of each split."""
    if most is not None and (not isinstance(most, int) or most < 1):
        raise DataError(f"The number of images to read must be a whole number from 1, got {most!r:.40}.")


def _names_in(root: Path, title: str) -> list[str]:
    """Return the files below a folder, without links out of it, stopping where there are too many."""
    names, seen = [], 0
    if not root.is_dir():
        raise NotADirectoryError(20, "it is a file")
    for place, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        seen += len(folders) + len(files)
        if seen > 2 * LIMITS.images:
            raise DataError(f"{title} holds more than {2 * LIMITS.images:,} files; name a folder inside it.")
        for name in files:
            path = Path(place, name)
            if name.startswith("."):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                raise DataError(
                    f"{title} holds a link that leads out of it ({name[:60]!r}), which is refused."
                )
            if path.is_file():
                names.append(path.relative_to(root).as_posix())
    return names


def _read(
    layout: Layout,
    read: Callable[[str], bytes],
    settings: ImageSettings,
    title: str,
    most: int | None,
    progress: Progress | None,
    budget: Budget | None,
) -> UserData:
    check_most(most)
    rows = {split: drawn(len(paths), most) for split, paths in layout.paths.items()}
    total = sum(map(len, rows.values()))
    check_amount(total, settings, title)
    parts, done = {}, 0
    for split, chosen in rows.items():
        images = np.empty((len(chosen), *settings.pixel_shape), dtype=np.uint8)
        for place, row in enumerate(chosen):
            if progress is not None and done % BATCH == 0:
                progress(done / total, f"image {done + 1:,} of {total:,}")
            path = layout.paths[split][row]
            images[place] = read_image(read(path), path, settings, budget)
            done += 1
        labels = layout.labels[split]
        own = None if labels is None else np.array(labels, dtype=np.int64)[chosen]
        parts[split] = Part(images, own, len(layout.paths[split]))
    return UserData(title, layout.classes, settings, parts, layout.notes)


def check_amount(count: int, settings: ImageSettings, title: str) -> None:
    """Raise a DataError unless so many images of that size are held."""
    fits = min(LIMITS.images, LIMITS.image_values // int(np.prod(settings.pixel_shape)))
    if count > fits:
        shape = " × ".join(map(str, settings.pixel_shape))
        raise DataError(
            f"{title} has {count:,} images, at {shape} at most {fits:,} are held at once; read fewer, or make "
            "them smaller."
        )
