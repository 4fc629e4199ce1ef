"""The file of one result: a magic line, the SHA-256 of the rest, then safetensors with JSON in the header.

Where others can write, too, an HMAC-SHA-256 by the workspace's key stands behind the SHA-256, which says who wrote it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ncviz.errors import StoreError
from ncviz.limits import LIMITS

_MAGIC = b"ncviz-record 1\n"
_SIGNED_MAGIC = b"ncviz-record 2\n"
_LATEST = 253_402_300_800.0  # the year 10,000, from which no date is printed
_LINE_BYTES = 65  # 64 hex characters and a newline
_STAMP_BYTES = len(_MAGIC) + _LINE_BYTES
_SIGNED_STAMP_BYTES = _STAMP_BYTES + _LINE_BYTES
_LENGTH_BYTES = 8  # safetensors begins with the length of its header
_DTYPES = frozenset({"bool", "float16", "float32", "float64", "complex64"}) | frozenset(
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
)


class DamagedError(Exception):
    """A file that is not what was written; the message says in a few words what gave it away."""


class ForeignError(Exception):
    """A whole file that may be anybody's; the message says in a few words why."""


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
        end: Bytes of the whole file.
    """

    key: str
    created: float
    names: list[str]
    meta: dict[str, Any]
    end: int


def encode(
    key: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], signing: bytes | None = None
) -> tuple[bytes, bytes]:
    """Return a file's stamp (magic line, checksum and perhaps signature) and its body.

    Raises:
        StoreError: If ``meta`` is too long.
        TypeError: If an array holds other than numbers or booleans, or ``meta`` other than plain JSON.
    """
    packed = {name: _packable(name, array) for name, array in arrays.items()}
    try:
        text = json.dumps(dict(meta), allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"the meta of a stored result must be plain JSON: {exc}") from exc
    header = {"key": key, "created": repr(time.time()), "names": json.dumps(list(packed)), "meta": text}
    body = save(packed, metadata=header)
    if int.from_bytes(body[:_LENGTH_BYTES], "little") > LIMITS.record_header_bytes:
        raise StoreError(
            f"What is said of this result takes more than the {LIMITS.record_header_bytes:,} bytes that a stored one "
            "may have for it; the result is not kept."
        )
    return _stamp(body, signing), body


def decode(key: str, data: bytes, signing: bytes | None = None) -> Record:
    """Return the record in a file's bytes, after verifying every one of them.

    Args:
        key: The key that it was asked for by.
        data: The file's bytes.
        signing: The key that it must be signed with, where others can write.

    Raises:
        DamagedError: If anything differs from what was written for ``key``.
        ForeignError: If it is whole, but not signed with that key.
    """
    body = data[_stamp_bytes(data) :]
    stamp = _stamp(body)
    if data[len(_MAGIC) : _STAMP_BYTES] != stamp[len(_MAGIC) :]:
        raise DamagedError("its contents do not match its checksum")
    header = read_header(data)
    if header.key != key:
        raise DamagedError("it belongs to another key")
    if signing is not None:
        if not data.startswith(_SIGNED_MAGIC):
            raise ForeignError("it is not signed")
        if not hmac.compare_digest(data[:_SIGNED_STAMP_BYTES], _stamp(body, signing)):
            raise ForeignError("it is signed with another key")
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
    start = _stamp_bytes(head) + _LENGTH_BYTES
    if len(head) < start:
        raise DamagedError("it does not start like a record")
    length = int.from_bytes(head[start - _LENGTH_BYTES : start], "little")
    if length > LIMITS.record_header_bytes:
        raise DamagedError("its header is longer than any record's")
    return start + length


def read_header(head: bytes) -> Header:
    """Return the header of a file, from its first bytes, unverified.

    Raises:
        DamagedError: If ``head`` holds no whole header.
    """
    end = header_bytes(head)
    if end > len(head):
        raise DamagedError("its header is cut short")
    try:
        raw = json.loads(head[_stamp_bytes(head) + _LENGTH_BYTES : end])
        said = raw.pop("__metadata__")
        last = max((int(each["data_offsets"][1]) for each in raw.values()), default=0)
        header = Header(
            said["key"],
            float(said["created"]),
            json.loads(said["names"]),
            json.loads(said["meta"]),
            end + last,
        )
    except (
        AttributeError,
        IndexError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as exc:
        raise DamagedError(f"its header cannot be read, {type(exc).__name__}") from exc
    if not (
        isinstance(header.meta, dict) and isinstance(header.names, list) and 0 <= header.created < _LATEST
    ):
        raise DamagedError("its header is of another kind")
    return header


def _stamp_bytes(data: bytes) -> int:
    if data.startswith(_SIGNED_MAGIC):
        return _SIGNED_STAMP_BYTES
    if data.startswith(_MAGIC):
        return _STAMP_BYTES
    raise DamagedError("it does not start like a record")


def _stamp(body: bytes, signing: bytes | None = None) -> bytes:
    checksum = hashlib.sha256(body).hexdigest().encode() + b"\n"
    if signing is None:
        return _MAGIC + checksum
    signature = hmac.new(signing, _SIGNED_MAGIC + body, hashlib.sha256)
    return _SIGNED_MAGIC + checksum + signature.hexdigest().encode() + b"\n"


def _packable(name: str, array: np.ndarray) -> np.ndarray:
    if not isinstance(array, np.ndarray) or array.dtype.name not in _DTYPES or name == "__metadata__":
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"the store keeps arrays of numbers or booleans, got {name!r} of {kind}")
    # safetensors reads the memory as it lies, so a transposed or big-endian view would be stored scrambled.
    return np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
