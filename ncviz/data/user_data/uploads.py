"""Whatever a user drops in: a zip of images, arrays, or single images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import PurePath

from ncviz.data.image_settings import ImageSettings
from ncviz.data.images import SUFFIXES, read_size
from ncviz.data.user_data.arrays import read_arrays
from ncviz.data.user_data.image_files import read_images, read_zip
from ncviz.data.user_data.registry import UserData
from ncviz.data.user_data.zip_archives import Archive
from ncviz.errors import DataError
from ncviz.limits import LIMITS
from ncviz.progress import Progress
from ncviz.text import file_name, megabytes

# What a file dialogue offers.
ENDINGS = ("zip", "npz", "npy", *sorted(suffix.lstrip(".") for suffix in SUFFIXES))

# Of a large archive as many images are looked at; a set is of one size throughout, or these few show that it is not.
_LOOKED_AT = 20


def shared_size(files: Sequence[tuple[str, bytes]]) -> tuple[int, int] | None:
    """Return height and width that the images of a zip, or single images, have in common; None if there are none.

    A sample spread evenly over them is looked at. What cannot be read has no size: ``read_uploads`` says why.

    Args:
        files: Name and content of each, as for ``read_uploads``.
    """
    contents: Sequence[Callable[[], bytes]]
    if len(files) == 1 and PurePath(files[0][0]).suffix.lower() == ".zip":
        try:
            archive = Archive(files[0][1], files[0][0])
        except DataError:
            return None
        names = [name for name in archive.names if PurePath(name).suffix.lower() in SUFFIXES]
        contents = [partial(archive.read, name) for name in names]
    else:
        contents = [partial(bytes, content) for _, content in files]
    try:
        sizes = {read_size(read()) for read in contents[:: -(-len(contents) // _LOOKED_AT) or 1]}
    except DataError:
        return None
    return sizes.pop() if len(sizes) == 1 else None


def read_uploads(
    files: Sequence[tuple[str, bytes]],
    settings: ImageSettings,
    *,
    label: str | None = None,
    white: float | None = None,
    is_normalised: bool = False,
    most: int | None = None,
    progress: Progress | None = None,
) -> UserData:
    """Read one zip, one ``.npz``, one ``.npy`` or two (images, and labels beside them), or any number of images.

    Args:
        files: Name and content of each.
        settings: How images become inputs.
        label: For single images, the class of all of them.
        white: As for ``read_arrays``.
        is_normalised: As for ``read_arrays``.
        most: Images of each split at most, drawn once and for all; None for all of them.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.

    Raises:
        DataError: If the files do not belong together, or cannot be read.
    """
    if sum(len(content) for _, content in files) > LIMITS.image_file_bytes:
        raise DataError(
            f"These files are larger than the {megabytes(LIMITS.image_file_bytes)} that are read; leave some out."
        )
    endings = [PurePath(name).suffix.lower() for name, _ in files]
    if endings == [".zip"]:
        return read_zip(files[0][1], settings, files[0][0], most=most, progress=progress)
    if endings == [".npz"] or (set(endings) == {".npy"} and len(files) <= 2):
        # Of two arrays, that with the labels is the smaller one.
        name, content = max(files, key=lambda file: len(file[1]))
        labels = min(files, key=lambda file: len(file[1]))[1] if len(files) == 2 else None
        return read_arrays(
            content, settings, name, labels=labels, white=white, is_normalised=is_normalised, most=most,
            progress=progress,
        )  # fmt: skip
    strange = [name for (name, _), ending in zip(files, endings, strict=True) if ending not in SUFFIXES]
    if strange:
        raise DataError(
            f"{file_name(strange[0])} cannot be read beside the others; bring one zip, one .npz, one .npy with "
            "another for its labels, or images."
        )
    labels_of = {name: label for name, _ in files} if label else None
    return read_images(files, settings, labels=labels_of, progress=progress)
