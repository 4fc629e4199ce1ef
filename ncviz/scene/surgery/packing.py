"""Steps by hand as few letters as an address takes: sets of weights as bytes, all of it deflated, in base64.

The bytes are the steps with empty sets as text, a zero, and for each set the number of its runs, all their gaps and all
their lengths less one. Numbers are in base 128, the least digits first, all but the last with the high bit.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator

import numpy as np

from ncviz.errors import NcvizError

# No step begins like that.
PACKED = "z."
MOST_BYTES = 4_000_000
_SET = re.compile(r"(?<=set-)[0-9a-z.-]*")
_RAW = -zlib.MAX_WBITS


def pack_steps(text: str) -> str:
    """Return steps, as ``write_steps`` writes them, in fewer letters."""
    numbers: list[int] = []
    for runs in _SET.findall(text):
        each = [run.partition(".") for run in runs.split("-")]
        numbers += [len(each), *(int(gap, 36) for gap, _, _ in each)]
        numbers += [int(length, 36) - 1 if length else 0 for _, _, length in each]
    content = _SET.sub("", text).encode() + b"\0" + b"".join(map(_written, numbers))
    deflate = zlib.compressobj(9, zlib.DEFLATED, _RAW)
    packed = deflate.compress(content) + deflate.flush()
    return PACKED + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def unpack_steps(text: str) -> str:
    """Return the steps that were packed; what is not packed is returned as it is.

    Raises:
        NcvizError: If it begins like what is packed, and is nothing of that.
    """
    if not text.startswith(PACKED):
        return text
    letters = text.removeprefix(PACKED)
    try:
        packed = base64.b64decode(letters + "=" * (-len(letters) % 4), b"-_", validate=True)
        inflate = zlib.decompressobj(_RAW)
        content = inflate.decompress(packed, MOST_BYTES)
        if not inflate.eof:
            raise ValueError("cut off, or larger than anything that is packed")
        steps, _, rest = content.partition(b"\0")
        numbers = _read(rest)
        found = _SET.sub(lambda _: "-".join(_runs(numbers)), steps.decode("ascii"))
        if next(numbers, None) is not None:
            raise ValueError("more numbers than sets")
    except (ValueError, StopIteration, binascii.Error, zlib.error) as error:
        raise NcvizError("these packed steps by hand are damaged.") from error
    return found


def _runs(numbers: Iterator[int]) -> list[str]:
    count = _next(numbers)
    gaps = [_next(numbers) for _ in range(count)]
    lengths = [_next(numbers) + 1 for _ in gaps]
    return [
        f"{_base36(gap)}.{_base36(length)}" if length > 1 else _base36(gap)
        for gap, length in zip(gaps, lengths, strict=True)
    ]


def _next(numbers: Iterator[int]) -> int:
    found = next(numbers, None)
    if found is None:
        raise ValueError("fewer numbers than the sets need")
    return found


def _base36(number: int) -> str:
    return np.base_repr(number, 36).lower()


def _written(number: int) -> bytes:
    digits = bytearray()
    while number >= 128:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def _read(content: bytes) -> Iterator[int]:
    number = shift = 0
    for digit in content:
        number |= (digit & 127) << shift
        shift += 7
        if digit < 128:
            yield number
            number = shift = 0
        elif shift > 56:
            raise ValueError("a number without an end")
    if shift:
        raise ValueError("a number is cut off")
