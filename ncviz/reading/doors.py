"""Every way in for what visitors bring, and back: the same as the readers' own functions, in a process of its own.

Whoever reads their own files from Python or on the command line waits for nobody else, and reads them in place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ncviz.budget import Budget
from ncviz.data.image_settings import ImageSettings
from ncviz.data.user_data.registry import Part, UserData
from ncviz.errors import DataError, ModelError, NcvizError
from ncviz.limits import LIMITS
from ncviz.models.network import Network
from ncviz.progress import Progress
from ncviz.reading.confined import Answer
from ncviz.reading.described import described, fields_of
from ncviz.reading.pool import ConfinedPool
from ncviz.text import file_name, quotable

READER = ConfinedPool("ncviz.reading")
# What the decoders of images, and the libraries that read networks, take for themselves.
_OWN_BYTES = 250_000_000
# A pixel while its image is decoded, changed and resized.
_PIXEL_BYTES = 16
_ZIP = b"PK"
_ENDS, _REMEMBERED = 65_536, 32
_sizes: dict[Any, tuple[int, int] | None] = {}


def prepare_reading() -> None:
    """Have a process get ready, so that the first file need not wait for it; returns at once."""
    READER.prepare("preparation")


def read_network_file(
    content: bytes,
    filename: str,
    architecture: str | None = None,
    *,
    weights: str | None = None,
    output: str | None = None,
    size: tuple[int, int] | None = None,
    visitor: str | None = None,
) -> Network | tuple[str, tuple[str, ...]]:
    """Return the network in a file as ``ncviz.models.files.open_file.read_file`` does, or what the file leaves open.

    Args:
        content: The file.
        filename: Its name.
        architecture: As for ``read_file``.
        weights: Likewise.
        output: Likewise.
        size: Likewise.
        visitor: Whose it is: each has one reading process at most at a time. None for nobody's.

    Returns:
        The network; or what has to be chosen, and the choices.

    Raises:
        ModelError: If it is none that is read; one sentence.
    """
    arguments = {
        "filename": filename, "architecture": architecture, "weights": weights, "output": output, "size": size,
    }  # fmt: skip
    label, unpacked = quotable(filename), _unpacked(content, LIMITS.file_bytes)
    budget = Budget(label, unpacked, ModelError)
    answer = READER.call(
        "network", arguments, [content], label, seconds=budget.seconds,
        room=budget.most_bytes + 2 * unpacked + _OWN_BYTES, most_bytes=budget.most_bytes, error=ModelError,
        visitor=visitor,
    )  # fmt: skip
    with _believed(label, ModelError):
        if "what" in answer.value:
            return answer.value["what"], tuple(answer.value["choices"])
        return Network(**fields_of(answer.value, answer.arrays, content))


def write_network_file(
    network: Network, arrays: Mapping[str, np.ndarray], *, visitor: str | None = None
) -> tuple[bytes, str]:
    """Return what ``ncviz.models.files.write_file.write_file`` does for a network that holds the file it came in.

    Args:
        network: As for ``write_file``.
        arrays: Likewise.
        visitor: As for ``read_network_file``.

    Raises:
        ModelError: As ``write_file``, or if that file takes too much to be read again.
    """
    assert network.original is not None
    given = [np.ascontiguousarray(values) for values in (*network.arrays.values(), *arrays.values())]
    arguments = {
        "network": described(network), "changed": list(arrays),
        "shapes": [[values.dtype.name, values.shape] for values in given],
    }  # fmt: skip
    label, unpacked = quotable(network.name), _unpacked(network.original, LIMITS.file_bytes)
    budget, held = Budget(label, unpacked, ModelError), sum(values.nbytes for values in given)
    answer = READER.call(
        "written", arguments, [network.original, *(values.reshape(-1).view(np.uint8).data for values in given)], label,
        seconds=2 * budget.seconds, room=2 * budget.most_bytes + 2 * held + _OWN_BYTES,
        most_bytes=len(network.original) + unpacked + held, error=ModelError, visitor=visitor,
    )  # fmt: skip
    with _believed(label, ModelError):
        (content,) = answer.arrays
        return content.tobytes(), {".onnx": ".onnx", ".pt2": ".pt2"}[answer.value["ending"]]


def read_uploads(
    files: Sequence[tuple[str, bytes]],
    settings: ImageSettings,
    *,
    label: str | None = None,
    white: float | None = None,
    is_normalised: bool = False,
    most: int | None = None,
    progress: Progress | None = None,
    visitor: str | None = None,
) -> UserData:
    """Return what ``ncviz.data.user_data.uploads.read_uploads`` does, of which the arguments are.

    Raises:
        DataError: If the files do not belong together, or cannot be read.
        CancelledError: If ``progress`` raises it; the reading ends at once.
    """
    arguments = {
        "names": [name for name, _ in files], "settings": settings.as_dict(), "label": label, "white": white,
        "is_normalised": is_normalised, "most": most,
    }  # fmt: skip
    name, blobs = files[0][0] if files else "", [content for _, content in files]
    answer = _of_images("uploads", arguments, blobs, name, visitor, progress)
    with _believed(name or "What was brought", DataError):
        value, arrays = answer.value, iter(answer.arrays)
        parts = {
            split: Part(next(arrays), next(arrays) if has_labels else None, int(total))
            for split, total, has_labels in value["parts"]
        }
        for part in parts.values():
            if part.images.shape[1:] != settings.pixel_shape or part.images.dtype == np.int64:
                raise ValueError("images of another shape")
            if part.labels is not None and (part.labels.shape, part.labels.dtype) != (
                part.images.shape[:1],
                np.int64,
            ):
                raise ValueError("labels of another shape")
        return UserData(value["title"], tuple(value["classes"]), settings, parts, tuple(value["notes"]))


def shared_size(files: Sequence[tuple[str, bytes]], visitor: str | None = None) -> tuple[int, int] | None:
    """Return what ``ncviz.data.user_data.uploads.shared_size`` does; a page asks for it again and again."""
    key = tuple(
        (name, len(content), hashlib.sha256(content[:_ENDS] + content[-_ENDS:]).digest())
        for name, content in files
    )
    with suppress(KeyError):
        return _sizes[key]
    arguments = {"names": [name for name, _ in files]}
    try:
        found = _of_images("sizes", arguments, [content for _, content in files], "The images", visitor).value
    except NcvizError:
        # Whoever reads them says why; it may have been the machine's fault, and is not remembered.
        return None
    size = None if found is None else (int(found[0]), int(found[1]))
    while len(_sizes) >= _REMEMBERED:
        _sizes.pop(next(iter(_sizes)), None)
    _sizes[key] = size
    return size


def read_image(
    content: bytes,
    name: str,
    settings: ImageSettings,
    *,
    is_as_viewed: bool = False,
    visitor: str | None = None,
) -> np.ndarray:
    """Return what ``ncviz.data.images.read_image`` does, of which the arguments are.

    Raises:
        DataError: If it is damaged, of another format, or too large, naming it.
    """
    arguments = {"name": name, "settings": settings.as_dict(), "is_as_viewed": is_as_viewed}
    answer = _of_images("picture", arguments, [content], name, visitor)
    with _believed(name, DataError):
        (pixels,) = answer.arrays
        if pixels.shape != settings.pixel_shape:
            raise ValueError("an image of another shape")
        return pixels


def _of_images(
    task: str,
    arguments: dict[str, Any],
    blobs: list[bytes],
    name: str,
    visitor: str | None,
    progress: Progress | None = None,
) -> Answer:
    label = file_name(name) if name else "What was brought"
    unpacked = sum(_unpacked(blob, LIMITS.unpacked_bytes) for blob in blobs)
    values = 4 * LIMITS.image_values + 8 * LIMITS.images
    room = _OWN_BYTES + _PIXEL_BYTES * LIMITS.image_pixels + 2 * unpacked + values
    seconds = Budget(label, unpacked, DataError, pixels=True).seconds
    return READER.call(
        task, arguments, blobs, label, seconds=seconds, room=room, most_bytes=values, error=DataError,
        progress=progress, visitor=visitor,
    )  # fmt: skip


@contextmanager
def _believed(label: str, error: type[NcvizError]) -> Iterator[None]:
    """Raise ``error`` where an answer is none that a reader gives, but one of whatever had the process taken over."""
    try:
        yield
    except NcvizError:
        raise
    except Exception as problem:
        raise error(
            f"{quotable(label)} made its reader answer what it never does; it is damaged: save it again."
        ) from problem


def _unpacked(content: bytes, most: int) -> int:
    """Return how many bytes a file holds at most once it is unpacked."""
    if not content.startswith(_ZIP):
        return len(content)
    return max(len(content), min(most, LIMITS.ratio * len(content) + LIMITS.free_ratio_bytes))
