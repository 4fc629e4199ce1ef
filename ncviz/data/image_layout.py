"""Sizes inside an image file that its decoder would take at their word, looked at before Pillow opens it.

Pillow bounds an image's width and height. What it does not bound is how the file is divided: a TIFF of a few pixels may
have tiles of gigabytes, and a JPEG, PNG, GIF or TIFF may be cut into millions of parts, each of which costs time and
memory, or be kept in thousands of passes over all its pixels.
"""

from __future__ import annotations

import struct

from ncviz.limits import LIMITS

_JPEG, _PNG, _GIF = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8"
_TIFFS = {b"II*\0": "<", b"MM\0*": ">"}
_LONG_TIFFS = (b"II+\0", b"MM\0+")
_MAX_PARTS, _MAX_STRIPS = 10_000, 100_000
# Every tag of a TIFF that says how large what is decoded at once is; a strip has no more rows than the image.
_SIDES = {256: "width", 257: "height", 322: "tile width", 323: "tile height"}
_MAX_TOLD = 10 * LIMITS.free_ratio_bytes
_ITEM_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SHORT, _LONG = 3, 4
# Read as bytes, not as objects for each number: text, or what a program keeps for itself, such as layers.
_BYTES = (1, 2, 7)
# Tags of which each value is a strip or tile.
_OFFSETS, _COUNTS = (273, 324), (279, 325)


def check_layout(content: bytes) -> None:
    """Raise a ValueError, saying why, for an image file that is divided as no program divides one.

    Args:
        content: The file, of any format; those that are not known here pass.
    """
    if content.startswith(_JPEG):
        _check_jpeg(content)
    elif content.startswith(_PNG):
        _check_png(content)
    elif content.startswith(_GIF):
        _check_gif(content)
    elif content[:4] in _TIFFS:
        _check_tiff(content, _TIFFS[content[:4]])
    elif content[:4] in _LONG_TIFFS:
        raise ValueError("it is a BigTIFF, which is not read")


def _check_jpeg(content: bytes) -> None:
    # In what is packed 0xFF is followed by 0 or a restart's number, so that this counts all scans and few others.
    if content.count(b"\xff\xda") > LIMITS.scans:
        raise ValueError(f"it is kept in more than {LIMITS.scans} passes")
    at = 2
    for _ in range(_MAX_PARTS):
        if at + 4 > len(content) or content[at] != 0xFF or content[at + 1] == 0xDA:
            return
        is_filled = content[at + 1] == 0xFF
        at += 1 if is_filled else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    raise ValueError(f"it begins with more than {_MAX_PARTS:,} parts")


def _check_png(content: bytes) -> None:
    at, parts, most = 8, 0, _MAX_PARTS + len(content) // 1_000
    while at + 12 <= len(content):
        parts += 1
        if parts > most:
            raise ValueError(f"it has more than {most:,} parts")
        at += 12 + int.from_bytes(content[at : at + 4], "big")


def _check_gif(content: bytes) -> None:
    """Count the blocks before the first picture, and those of the picture."""
    flags = content[10] if len(content) > 12 else 0
    at, blocks, most = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0), 0, _MAX_PARTS + len(content) // 100
    is_picture = False
    while at < len(content) and not is_picture:
        if content[at] == 0x21:
            at += 2
        elif content[at] == 0x2C and at + 10 < len(content):
            flags, is_picture = content[at + 9], True
            at += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        else:
            at += 1
            continue
        while at < len(content) and content[at]:
            at += 1 + content[at]
            blocks += 1
            if blocks > most:
                raise ValueError(f"it has more than {most:,} parts")
        at += 1
        blocks += 1


def _check_tiff(content: bytes, order: str) -> None:
    (at,) = struct.unpack_from(f"{order}I", content, 4)
    if at + 2 > len(content):
        return
    (tags,) = struct.unpack_from(f"{order}H", content, at)
    found: dict[int, int] = {}
    parts, told = 0, 0
    for number in range(tags):
        place = at + 2 + 12 * number
        if place + 12 > len(content):
            return
        tag, kind, count = struct.unpack_from(f"{order}HHI", content, place)
        size = count * _ITEM_BYTES.get(kind, 1)
        told += size
        # Each says something else, so that a file whose tags say more than it holds has them share their bytes.
        if told > len(content) + _MAX_TOLD or (size > _MAX_TOLD and kind not in _BYTES):
            raise ValueError(f"it says more beside its pixels than {_MAX_TOLD:,} bytes")
        if tag in (*_OFFSETS, *_COUNTS):
            parts = max(parts, count)
        if tag in _SIDES:
            if count != 1 or kind not in (_SHORT, _LONG):
                raise ValueError(f"its {_SIDES[tag]} is no whole number")
            found[tag] = struct.unpack_from(f"{order}{'H' if kind == _SHORT else 'I'}", content, place + 8)[0]
    # Some programs make a strip of each row, of each colour.
    most = max(_MAX_PARTS, min(4 * found.get(257, 0), _MAX_STRIPS))
    if parts > most:
        raise ValueError(f"it is cut into {parts:,} parts")
    # A tile may reach beyond the image, but not by more than one of the usual sizes.
    width, height = found.get(322, 0), found.get(323, 0)
    most = 2 * max(found.get(256, 0), 1_024) * max(found.get(257, 0), 1_024)
    if width * height > min(most, LIMITS.image_pixels):
        raise ValueError(f"its tiles have {width:,} × {height:,} pixels")
