"""What the reading process does with files of images."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ncviz.data.image_settings import ImageSettings
from ncviz.data.images import read_image
from ncviz.data.user_data.uploads import read_uploads, shared_size
from ncviz.progress import Progress

# Its decoders then take nothing of a file's share of memory.
Image.init()
Result = tuple[Any, list[np.ndarray]]


def read(arguments: dict[str, Any], blobs: list[bytes], progress: Progress) -> Result:
    """Read a data set.

    Raises:
        DataError: As ``read_uploads``.
    """
    files = list(zip(arguments.pop("names"), blobs, strict=True))
    settings = ImageSettings.from_dict(arguments.pop("settings"))
    data = read_uploads(files, settings, **arguments, progress=progress)
    parts, arrays = [], []
    for split, part in data.parts.items():
        parts.append([split, part.total, part.labels is not None])
        arrays += [part.images, *([] if part.labels is None else [part.labels])]
    return {"title": data.title, "classes": data.classes, "notes": data.notes, "parts": parts}, arrays


def sizes(arguments: dict[str, Any], blobs: list[bytes], progress: Progress) -> Result:
    """Return the size that images have in common, or None."""
    return shared_size(list(zip(arguments["names"], blobs, strict=True))), []


def picture(arguments: dict[str, Any], blobs: list[bytes], progress: Progress) -> Result:
    """Read one image.

    Raises:
        DataError: As ``read_image``.
    """
    settings = ImageSettings.from_dict(arguments["settings"])
    found = read_image(blobs[0], arguments["name"], settings, is_as_viewed=arguments["is_as_viewed"])
    return None, [found]
