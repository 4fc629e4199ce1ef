"""What a server and its reading process tell each other: messages of JSON behind their length, and plain bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

_MAX_MESSAGE = 64_000_000
_LENGTH = 8


def send(file: Any, message: Mapping[str, Any]) -> None:
    """Write a message: its length, then JSON."""
    content = json.dumps(message, separators=(",", ":")).encode()
    file.write(len(content).to_bytes(_LENGTH, "little") + content)
    file.flush()


def receive(file: Any) -> dict[str, Any]:
    """Return a message.

    Raises:
        EOFError: If the other side has ended.
        ValueError: If it is no such message.
    """
    length = int.from_bytes(read_exactly(file, _LENGTH), "little")
    if length > _MAX_MESSAGE:
        raise ValueError("a message that is too long")
    message = json.loads(read_exactly(file, length))
    if not isinstance(message, dict):
        raise ValueError("no message")
    return message


def read_exactly(file: Any, size: int) -> bytes:
    """Return so many bytes.

    Raises:
        EOFError: If there are fewer.
    """
    content: bytes = file.read(size)
    if len(content) < size:
        raise EOFError("the other side has ended")
    return content


def filled(file: Any, values: np.ndarray) -> np.ndarray:
    """Return an array once its memory holds what comes.

    Raises:
        EOFError: If less comes.
    """
    view: Any = memoryview(values.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
    while len(view):
        count = file.readinto(view)
        if not count:
            raise EOFError("the other side has ended")
        view = view[count:]
    return values
