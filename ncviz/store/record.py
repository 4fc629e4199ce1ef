"""The file of one result: a magic line, the SHA-256 of the rest, then safetensors with JSON in the header."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

_MAGIC = b"ncviz-record 1\n"
_STAMP_BYTES = len(_MAGIC) + 65  # the magic line, then 64 hex characters and a newline
_LENGTH_BYTES = 8  # safetensors begins with the length of its header
_DTYPES = frozenset({"bool", "float16", "float32", "float64", "complex64"}) | frozenset(
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
)


class DamagedError(Exception):
    """A file that is not what was written; the message says in a few words what gave it away."""


@dataclass(frozen=True)
class Record:
    """One stored result.

    Attributes:
        arrays: Name → array, in the order in which they were put; nobody else holds them.
        meta: Plain JSON values.
    """

    arrays: Mapping[str, np.ndarray]
    meta: dict[str, Any]


@dataclass(frozen=True)
class Header:
    """What a file says of itself before its arrays.

    Attributes:
        key: The key that it was written for.
        created: Seconds since the epoch.
        names: Names of the arrays, in the order in which they were put; safetensors sorts them.
        meta: Plain JSON values.
    """

    key: str
    created: float
    names: list[str]
    meta: dict[str, Any]


def encode(key: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return a file's stamp (magic line and checksum) and its body.

    Raises:
        TypeError: If an array holds other than numbers or booleans, or ``meta`` other than plain JSON.
    """
    packed = {name: _packable(name, array) for name, array in arrays.items()}
    try:
        text = json.dumps(dict(meta), allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"the meta of a stored result must be plain JSON: {exc}") from exc
    header = {"key": key, "created": repr(time.time()), "names": json.dumps(list(packed)), "meta": text}
    body = save(packed, metadata=header)
    return _stamp(body), body


def decode(key: str, data: bytes) -> Record:
    """Return the record in a file's bytes, after verifying every one of them.

    Raises:
        DamagedError: If anything differs from what was written for ``key``.
    """
    body = data[_STAMP_BYTES:]
    if data[:_STAMP_BYTES] != _stamp(body):
        raise DamagedError("its contents do not match its checksum")
    header = read_header(data)
    if header.key != key:
        raise DamagedError("it belongs to another key")
    try:
        arrays = load(body)
        return Record({name: arrays[name] for name in header.names}, header.meta)
    except (SafetensorError, KeyError, TypeError, ValueError) as exc:
        raise DamagedError(f"its arrays cannot be read, {type(exc).__name__}") from exc


def header_bytes(head: bytes) -> int:
    """Return how many bytes of a file its header ends at, from the first ones.

    Raises:
        DamagedError: If they are no start of a record file.
    """
    body_start = _STAMP_BYTES + _LENGTH_BYTES
    if len(head) < body_start or not head.startswith(_MAGIC):
        raise DamagedError("it does not start like a record")
    return body_start + int.from_bytes(head[_STAMP_BYTES:body_start], "little")


def read_header(head: bytes) -> Header:
    """Return the header of a file, from its first bytes, unverified.

    Raises:
        DamagedError: If ``head`` holds no whole header.
    """
    end = header_bytes(head)
    if end > len(head):
        raise DamagedError("its header is cut short")
    try:
        raw = json.loads(head[_STAMP_BYTES + _LENGTH_BYTES : end])["__metadata__"]
        header = Header(raw["key"], float(raw["created"]), json.loads(raw["names"]), json.loads(raw["meta"]))
    except (KeyError, TypeError, ValueError, RecursionError) as exc:
        raise DamagedError(f"its header cannot be read, {type(exc).__name__}") from exc
    if not isinstance(header.meta, dict) or not isinstance(header.names, list):
        raise DamagedError("its header is of another kind")
    return header


def _stamp(body: bytes) -> bytes:
    return _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n"


def _packable(name: str, array: np.ndarray) -> np.ndarray:
    if not isinstance(array, np.ndarray) or array.dtype.name not in _DTYPES or name == "__metadata__":
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"the store keeps arrays of numbers or booleans, got {name!r} of {kind}")
    # safetensors reads the memory as it lies, so a transposed or big-endian view would be stored scrambled.
    return np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
