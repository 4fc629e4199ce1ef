"""Images and labels out of ``.npz`` and ``.npy``: headers checked before anything is unpacked, and never a pickle."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from ncviz.budget import Budget
from ncviz.data.image_settings import LAST, ImageSettings
from ncviz.data.images import fit_pixels
from ncviz.data.user_data.array_labels import class_names, whole_labels
from ncviz.data.user_data.image_files import BATCH, check_amount, check_most, drawn
from ncviz.data.user_data.pixel_range import as_shares, check_white, find_white
from ncviz.data.user_data.registry import ALL, Part, UserData
from ncviz.data.user_data.zip_archives import Archive, read_source
from ncviz.errors import DataError
from ncviz.limits import LIMITS
from ncviz.progress import Progress
from ncviz.text import file_name

IMAGES = ("images", "x", "inputs", "data", "image", "arr_0")
LABELS = ("labels", "y", "targets", "label", "target", "arr_1")
CLASSES = ("classes", "class_names", "label_names")
_MAGIC = b"\x93NUMPY"
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_MAX_HEADER = 10_000
_CHUNK = 10_000_000  # numbers


def read_arrays(
    source: str | Path | bytes | BinaryIO,
    settings: ImageSettings,
    title: str,
    *,
    labels: str | Path | bytes | BinaryIO | None = None,
    white: float | None = None,
    is_normalised: bool = False,
    most: int | None = None,
    progress: Progress | None = None,
) -> UserData:
    """Read images from an ``.npz``, with labels and class names if it has them, or from an ``.npy``.

    Arrays are known by their names: ``images``, ``x``, ``inputs``, ``data``; ``labels``, ``y``, ``targets``;
    ``classes``; with ``train``, ``test`` or ``val`` before or after, such as ``x_train`` or ``test_labels``. Images are
    [n, H, W], [n, H, W, C], [n, C, H, W] or [n, features].

    Args:
        source: The file, or where it lies.
        settings: How images become inputs.
        title: What to call it.
        labels: An ``.npy`` with labels, beside one with images.
        white: What a white pixel counts in the file; None for found out, and noted where that is a guess.
        is_normalised: Whether the file holds inputs, with the settings' mean and std in them already; ``white`` then
            has no place.
        most: Images of each split at most, drawn once and for all; None for all of them.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.

    Raises:
        DataError: If the file is damaged, unsafe or too large, or its arrays are not images and labels.
    """
    check_most(most)
    check_white(white, is_normalised=is_normalised)
    content = read_source(source, title)
    budget = Budget(file_name(title), len(content), DataError, pixels=True)
    if content.startswith(_MAGIC):
        found = {"images": lambda: array_of(content, title)}
        if labels is not None:
            beside = "The file of labels"
            found["labels"] = lambda: array_of(read_source(labels, beside), beside)
    else:
        archive = Archive(content, title)
        budget.widen(max(len(content), archive.unpacked))
        found = _members(archive, title)
    splits = _splits(found, title)
    names = _first(found, CLASSES)
    classes = None if names is None else class_names(found[names](), title)
    arrays: dict[str, np.ndarray] = {}
    given: dict[str, np.ndarray | None] = {}
    for split, (image_name, label_name) in splits.items():
        arrays[split] = found[image_name]()
        given[split] = None if label_name is None else found[label_name]()
    classes, whole = whole_labels(given, classes, title)
    for images in arrays.values():
        # Before a row is drawn of them: millions of tiny images would take gigabytes to be numbered alone.
        if images.ndim and len(images) > LIMITS.images:
            raise DataError(
                f"{title} holds {len(images):,} images, at most {LIMITS.images:,} are read; leave some out."
            )
    rows = {split: drawn(len(images) if images.ndim else 0, most) for split, images in arrays.items()}
    check_amount(sum(map(len, rows.values())), settings, title)
    for split, images in arrays.items():
        own = whole[split]
        if images.dtype.kind not in "buif":
            raise DataError(f"The images in {title} are {images.dtype}, expected numbers.")
        if images.ndim < 2 or (own is not None and len(own) != len(images)):
            raise DataError(
                f"{title} has images of shape {list(images.shape)} and {'no' if own is None else f'{len(own):,}'} "
                "labels; expected [n, height, width], with channels before or after, and n labels."
            )
    note = ""
    if white is None and not is_normalised:
        white, note = find_white(arrays.values(), title)
    parts, done, total = {}, 0, sum(map(len, rows.values()))

    def tell(count: int) -> None:
        if progress is not None:
            progress((done + count) / max(1, total), f"image {done + count + 1:,} of {total:,}")

    for split, images in arrays.items():
        own = whole[split]
        chosen = images if len(rows[split]) == len(images) else images[rows[split]]
        pixels = _pixels(chosen, settings, title, white, budget, tell)
        done += len(pixels)
        parts[split] = Part(pixels, None if own is None else own[rows[split]], len(images))
    return UserData(title, classes, settings, parts, (note,) if note else ())


def _members(archive: Archive, title: str) -> dict[str, Callable[[], np.ndarray]]:
    """Return what reads each array of an ``.npz``, by its name without the ending, in small letters."""

    def reader(name: str) -> Callable[[], np.ndarray]:
        return lambda: array_of(archive.read(name), f"{file_name(name)} in {title}")

    return {
        name.removesuffix(".npy").lower(): reader(name) for name in archive.names if name.endswith(".npy")
    }


def array_of(content: bytes, label: str) -> np.ndarray:
    """Return the array of an ``.npy``, after comparing what its header declares with how long it is.

    Args:
        content: The file.
        label: What to call it in messages.

    Raises:
        DataError: If it is damaged, empty, or holds anything but numbers or text.
    """
    file = io.BytesIO(content)
    try:
        version = npy.read_magic(file)
        shape, is_fortran, dtype = _HEADERS[version](file, max_header_size=_MAX_HEADER)
    except Exception as error:  # a crafted header makes numpy raise almost anything
        raise DataError(
            f"{label} is no NumPy array or a damaged one ({type(error).__name__}); save it again with numpy.save."
        ) from error
    if dtype.hasobject:
        raise DataError(
            f"{label} holds Python objects, which could only be read by running what the file says, and that is never "
            "done; save plain numbers, such as numpy.stack(images)."
        )
    if dtype.kind not in "biufUS":
        raise DataError(f"{label} holds values of type {str(dtype)[:40]}, expected numbers or texts.")
    sizes, held = [int(size) for size in shape], len(content) - file.tell()
    declared = math.prod(sizes) * dtype.itemsize
    if len(sizes) > LIMITS.dimensions or min(sizes, default=0) < 0 or declared != held:
        raise DataError(
            f"{label} declares {declared:,} bytes but holds {held:,}; save it again with numpy.save."
        )
    if not declared:
        raise DataError(f"{label} is empty; expected at least one image.")
    flat = np.frombuffer(content, dtype=dtype, offset=file.tell())
    return flat.reshape(sizes, order="F" if is_fortran else "C")


def _splits(found: dict[str, Callable[[], np.ndarray]], title: str) -> dict[str, tuple[str, str | None]]:
    """Return the names of images and labels of each split."""
    splits: dict[str, tuple[str, str | None]] = {}
    for split in ("train", "test", "val"):
        image_name, label_name = (
            _first(found, [form for name in names for form in (f"{name}_{split}", f"{split}_{name}")])
            for names in (IMAGES, LABELS)
        )
        if image_name is not None:
            splits[split] = image_name, label_name
    if "val" in splits:
        splits.setdefault("test", splits.pop("val"))
    if splits:
        return splits if len(splits) == 2 else {ALL: next(iter(splits.values()))}
    image_name = next(iter(found)) if len(found) == 1 else _first(found, IMAGES)
    if image_name is None:
        held = file_name(", ".join(sorted(found)), 120) or "no array"
        raise DataError(f"{title} holds {held}; call the images 'images' and the labels 'labels'.")
    return {ALL: (image_name, _first(found, LABELS))}


def _first(found: dict[str, Callable[[], np.ndarray]], names: list[str] | tuple[str, ...]) -> str | None:
    return next((name for name in names if name in found), None)


def _pixels(
    images: np.ndarray,
    settings: ImageSettings,
    title: str,
    white: float | None,
    budget: Budget,
    tell: Callable[[int], None],
) -> np.ndarray:
    """Return uint8, or float32 in [0, 1], [n, C, H, W] of the network's size; tell how many images are done."""
    images = _planes(images, settings, title)
    is_kept = images.dtype == np.uint8 and white == 255
    fitted = np.empty((len(images), *settings.pixel_shape), dtype=np.uint8 if is_kept else np.float32)
    # In parts, because what is whole numbers in the file takes up to four times the memory as float32.
    count = max(1, _CHUNK // max(1, math.prod(images.shape[1:])))
    for first in range(0, len(images), count):
        budget.check_time()
        tell(first)
        part = images[first : first + count]
        if not is_kept:
            part = as_shares(part, settings, title, white)
        if part.shape[1:] == settings.pixel_shape:
            fitted[first : first + count] = part
            continue
        for number, image in enumerate(part, first):
            if number % BATCH == 0:
                tell(number)
            fitted[number] = fit_pixels(np.ascontiguousarray(image), f"{number + 1:,} of {title}", settings)
    return fitted


def _planes(images: np.ndarray, settings: ImageSettings, title: str) -> np.ndarray:
    """Return [n, 1 or 3, H, W], however the axes stand."""
    shape = images.shape
    is_last = settings.layout == LAST
    if images.ndim == 2 and shape[1] == math.prod(settings.pixel_shape):
        images = images.reshape(-1, *settings.input_shape)
        return images.transpose(0, 3, 1, 2) if is_last else images
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and shape[3] in (1, 3) and (is_last or shape[1] not in (1, 3)):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise DataError(
            f"The images in {title} have shape {list(shape)}; expected [n, height, width], with 1 or 3 channels before "
            f"or after them, or [n, {math.prod(settings.pixel_shape)}]."
        )
    if images.shape[2] * images.shape[3] > LIMITS.image_pixels:
        raise DataError(
            f"The images in {title} have more than {LIMITS.image_pixels:,} pixels; make them smaller."
        )
    return images
