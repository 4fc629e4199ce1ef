"""What the reading process does with a network's file, and how the network goes from there to the server."""

from __future__ import annotations

from typing import Any

import numpy as np

# These import onnx, which then takes nothing of a file's share of memory.
from ncviz.models.files.choices import SeveralFitError
from ncviz.models.files.open_file import is_of_weights, read_file
from ncviz.models.files.state_dict.recognition import prepare as prepare_outlines
from ncviz.progress import Progress


def prepare(arguments: dict[str, Any], blobs: list[bytes]) -> bool:
    """Build what weights of an unknown architecture are compared with, where there are such."""
    if arguments["architecture"] is not None or not is_of_weights(blobs[0]):
        return False
    prepare_outlines()
    return True


def read(arguments: dict[str, Any], blobs: list[bytes], progress: Progress) -> tuple[Any, list[np.ndarray]]:
    """Read one network; what the file leaves open comes back as a question.

    Raises:
        ModelError: As ``read_file``.
    """
    size = arguments.pop("size")
    # Nobody else holds the bytes, so that they can go as soon as they were looked through.
    content = blobs.pop()
    try:
        network = read_file(content, **arguments, size=None if size is None else tuple(size), is_asking=True)
    except SeveralFitError as error:
        return {"what": error.what, "choices": list(error.choices)}, []
    value = {
        "name": network.name, "title": network.title, "architecture": network.architecture, "dataset": network.dataset,
        "blueprint": None if network.blueprint is None else network.blueprint.to_json(), "format": network.format,
        "has_original": network.original is not None, "classes": network.classes, "input_shape": network.input_shape,
        "prefix": network.prefix, "notes": network.notes, "arrays": list(network.arrays),
    }  # fmt: skip
    return value, list(network.arrays.values())
