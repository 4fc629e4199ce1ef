"""Data sets of the user's own on disk: one file each, pixels and what is said of them in JSON, never a pickle."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ncviz.data.image_settings import ImageSettings
from ncviz.data.specs import USER_DATA_PREFIX
from ncviz.data.user_data.arrays import array_of
from ncviz.data.user_data.registry import Part, UserData
from ncviz.data.user_data.zip_archives import Archive, read_source
from ncviz.errors import DataError
from ncviz.limits import LIMITS

FORMAT = 1
_ABOUT = "about.json"
_NAME = re.compile(re.escape(USER_DATA_PREFIX) + "[0-9a-f]{32}")
# Pixels as float32, labels, and what is said of them.
_MOST = 4 * LIMITS.image_values + 8 * LIMITS.images + LIMITS.header_bytes


def save_user_data(folder: str | Path, own: UserData) -> Path:
    """Keep a data set in a folder, made if it is missing, and return its file; all of it is written or nothing.

    Raises:
        DataError: If the folder cannot be written to.
    """
    root = Path(folder).expanduser()
    about = {
        "format": FORMAT, "title": own.title, "classes": list(own.classes), "settings": own.settings.as_dict(),
        "totals": {split: part.total for split, part in own.parts.items()}, "notes": list(own.notes),
    }  # fmt: skip
    arrays = {_ABOUT: np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
    for split, part in own.parts.items():
        arrays[f"{split}_images"] = part.images
        if part.labels is not None:
            arrays[f"{split}_labels"] = part.labels
    path = root / f"{own.name}.npz"
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=root, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                # Not compressed: black images pack so well that reading would have to refuse them as a bomb.
                np.savez(file, allow_pickle=False, **arrays)
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DataError(
            f"The images cannot be kept in {root} ({error.strerror or error}); choose another folder."
        ) from error
    return path


def saved_names(folder: str | Path) -> tuple[str, ...]:
    """Return the names of the data sets that are kept in a folder, sorted; none if there is no such folder."""
    files = Path(folder).expanduser().glob("*.npz")
    return tuple(sorted(path.stem for path in files if _NAME.fullmatch(path.stem)))


def remove_user_data(folder: str | Path, name: str) -> None:
    """Delete a data set that ``save_user_data`` kept, if it is there.

    Raises:
        DataError: If there can be none of that name, or it cannot be deleted.
    """
    path = _file(folder, name)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"{name}.npz cannot be removed ({error.strerror}); check the folder's rights."
        ) from error


def open_saved(folder: str | Path, name: str) -> UserData:
    """Return a data set that ``save_user_data`` kept.

    Raises:
        DataError: If there is none of that name, or its file is damaged or was changed.
    """
    path = _file(folder, name)
    archive = Archive(read_source(path, path.name, _MOST), path.name, _MOST)
    held = {member.removesuffix(".npy"): member for member in archive.names}
    try:
        about = json.loads(array_of(archive.read(held[_ABOUT]), _ABOUT).tobytes())
        parts = {split: _part(archive, held, split, total) for split, total in about["totals"].items()}
        classes, notes = (tuple(map(str, about[key])) for key in ("classes", "notes"))
        settings = ImageSettings.from_dict(about["settings"])
        own = UserData(str(about["title"]), classes, settings, parts, notes)
    except DataError:
        raise
    except Exception as error:  # a crafted file can hold anything where something else is expected
        raise DataError(f"{name}.npz is damaged ({type(error).__name__}); bring the images again.") from error
    if own.name != name:
        raise DataError(f"{name}.npz was changed after it was kept; bring the images again.")
    return own


def _file(folder: str | Path, name: str) -> Path:
    """Return where a data set of that name is kept, which must be one of a user's own."""
    if not _NAME.fullmatch(name):
        raise DataError(f"{name[:60]!r} is not the name of images that were kept.")
    return Path(folder).expanduser() / f"{name}.npz"


def _part(archive: Archive, held: dict[str, str], split: str, total: Any) -> Part:
    images = array_of(archive.read(held[f"{split}_images"]), f"{split}_images")
    member = held.get(f"{split}_labels")
    labels = None if member is None else array_of(archive.read(member), member)
    # What comes out of a file's bytes cannot be written to, which torch warns of.
    return Part(images.copy(), None if labels is None else labels.copy(), int(total))
