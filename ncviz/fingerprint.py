"""Fingerprints: one SHA-256 over every bit of a value, so that equal keys mean equal inputs."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

# Object, structured and extended-precision arrays hold pointers or padding: equal values, unequal bytes.
_ARRAY_KINDS = frozenset("biufcSU")
_MAX_ITEM_BYTES = {"f": 8, "c": 16}


def digest(*parts: Any) -> str:
    """Return the full SHA-256 of ``parts`` as 64 hex characters.

    Every value is written with its type and length, so different values never share an encoding: ``1``,
    ``1.0``, ``True`` and ``"1"`` differ, and so do ``("ab", "c")`` and ``("a", "bc")``. Lists and tuples
    count as the same sequence, dictionaries as the same mapping whatever their order. Arrays count with
    dtype, shape and every byte; nothing is sampled.

    Args:
        *parts: None, bool, int, float, str, bytes, tuples and lists of such parts, dictionaries with string
            keys, and numpy arrays of numbers, booleans or fixed-width strings.

    Raises:
        TypeError: If a part, at any depth, is of another type.
    """
    sha = hashlib.sha256()
    _feed(sha, parts)
    return sha.hexdigest()


def _feed(sha: hashlib._Hash, part: Any) -> None:
    if isinstance(part, np.ndarray):
        _feed_array(sha, part)
    elif isinstance(part, (tuple, list)):
        sha.update(b"l%d:" % len(part))
        for item in part:
            _feed(sha, item)
    elif isinstance(part, dict):
        if not all(isinstance(name, str) for name in part):
            raise TypeError("a fingerprint takes dictionaries with string keys only")
        sha.update(b"d%d:" % len(part))
        for name in sorted(part):
            _feed(sha, name)
            _feed(sha, part[name])
    else:
        tag, payload = _scalar(part)
        sha.update(b"%s%d:" % (tag, len(payload)))
        sha.update(payload)


def _scalar(part: Any) -> tuple[bytes, bytes]:
    if part is None:
        return b"n", b""
    # bool comes before int: True is an int to isinstance.
    if isinstance(part, bool):
        return b"b", b"1" if part else b"0"
    if isinstance(part, int):
        # Hexadecimal, because Python refuses to print decimal integers of thousands of digits.
        return b"i", hex(part).encode()
    if isinstance(part, float):
        # float.hex is exact, tells -0.0 from 0.0 and writes every NaN the same way.
        return b"f", float.hex(part).encode()
    if isinstance(part, str):
        return b"s", part.encode("utf-8", "surrogatepass")
    if isinstance(part, bytes):
        return b"y", part
    raise TypeError(f"a fingerprint cannot be taken of a {type(part).__name__}")


def _feed_array(sha: hashlib._Hash, array: np.ndarray) -> None:
    dtype = array.dtype
    if dtype.kind not in _ARRAY_KINDS or dtype.itemsize > _MAX_ITEM_BYTES.get(dtype.kind, dtype.itemsize):
        raise TypeError(f"a fingerprint cannot be taken of an array of dtype {dtype}")
    sha.update(b"a")
    _feed(sha, (dtype.str, array.shape))
    if array.nbytes:
        sha.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
