"""What the reading process does with a network's file: on its way in, and on the way back."""

from __future__ import annotations

from typing import Any

import numpy as np

# These import onnx, which then takes nothing of a file's share of memory.
from ncviz.models.files.choices import SeveralFitError
from ncviz.models.files.open_file import is_of_weights, read_file
from ncviz.models.files.state_dict.recognition import prepare as prepare_outlines
from ncviz.models.files.write_file import write_file
from ncviz.models.network import Network
from ncviz.progress import Progress
from ncviz.reading.described import described, fields_of


def prepare(arguments: dict[str, Any], blobs: list[bytes]) -> bool:
    """Build what weights of an unknown architecture are compared with, where there are such."""
    if arguments.get("architecture") is not None or not is_of_weights(blobs[0]):
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
    return described(network), list(network.arrays.values())


def write(arguments: dict[str, Any], blobs: list[bytes], progress: Progress) -> tuple[Any, list[np.ndarray]]:
    """Write a network with other weights into the file that it came in.

    Raises:
        ModelError: As ``write_file``.
    """
    content, *memory = blobs
    arrays = [
        np.frombuffer(blob, dtype=kind).reshape(shape)
        for blob, (kind, shape) in zip(memory, arguments["shapes"], strict=True)
    ]
    count = len(arguments["network"]["arrays"])
    network = Network(**fields_of(arguments["network"], arrays[:count], content))
    written, ending = write_file(network, dict(zip(arguments["changed"], arrays[count:], strict=True)))
    return {"ending": ending}, [np.frombuffer(written, dtype=np.uint8)]
