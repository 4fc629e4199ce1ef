"""Valid files of images whose every number can be turned up: each maker takes numbers by name and gives a file."""

import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image


def png(width=8, height=8, texts=0, parts=1):
    """A flat PNG, with so many comments, its pixels cut into so many parts."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, packed = zlib.compressobj(9), []
    for _ in range(height):
        packed.append(packer.compress(bytes(1 + width)))
    data = b"".join([*packed, packer.flush()])
    step = max(1, -(-len(data) // parts))
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    pieces += [b""] * (parts - len(pieces))
    return "a.png", b"".join([
        b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        chunk(b"tEXt", b"a\0b") * texts, *(chunk(b"IDAT", piece) for piece in pieces), chunk(b"IEND", b""),
    ])  # fmt: skip


def jpeg(width=8, height=8, scans=0, segments=0):
    """A progressive JPEG, with so many passes and comments more."""
    stream = io.BytesIO()
    Image.new("L", (width, height)).save(stream, "JPEG", progressive=True, quality=30)
    content = stream.getvalue()
    at, found = 2, []
    while content[at + 1] != 0xD9:
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if content[at + 1] == 0xDA:
            while content[end] != 255 or content[end + 1] in (0, *range(0xD0, 0xD8)):
                end += 1
        found.append(content[at:end])
        at = end
    # One of what comes after the means of the blocks, which may come again.
    again = min((each for each in found if each[1] == 0xDA and each[5 + 2 * each[4]] > 0), key=len)
    return "a.jpg", content[:2] + b"\xff\xfe\0\x02" * segments + b"".join(found) + again * scans + b"\xff\xd9"


def tiff(width=16, height=16, tile_width=16, tile_height=16, tiles=1, comment=0):
    """A TIFF of one packed tile, with as many offsets as it says."""
    data = zlib.compress(bytes(min(tile_width * tile_height, 1 << 20)))
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 8), (262, 3, 1), (277, 3, 1),
            (322, 4, tile_width), (323, 4, tile_height), (324, 4, None), (325, 4, None)]  # fmt: skip
    place = 8 + 2 + 12 * (len(tags) + bool(comment)) + 4
    entries = b"".join(
        struct.pack(
            "<HHII", tag, kind, tiles, place if tiles == 1 else place + len(data) + 4 * tiles * (tag - 324)
        )
        if value is None and tag == 324
        else struct.pack(
            "<HHII", tag, kind, tiles, len(data) if tiles == 1 else place + len(data) + 4 * tiles
        )
        if value is None
        else struct.pack("<HHII", tag, kind, 1, value)
        for tag, kind, value in tags
    )
    if comment:
        entries += struct.pack("<HHII", 700, 4, comment, place)
    lists = b"" if tiles == 1 else struct.pack("<I", place) * tiles + struct.pack("<I", len(data)) * tiles
    return "a.tif", b"II*\0" + struct.pack("<IH", 8, len(tags) + bool(comment)) + entries + bytes(
        4
    ) + data + lists


def gif(width=8, height=8, comments=0):
    """A GIF with so many comments of one letter."""
    stream = io.BytesIO()
    Image.new("P", (width, height)).save(stream, "GIF")
    content = stream.getvalue()
    start = 13 + (3 << (content[10] & 7) + 1 if content[10] & 0x80 else 0)
    return "a.gif", content[:start] + b"\x21\xfe\x01a\0" * comments + content[start:]


def zipped(images=2, width=8, height=8, empty=0):
    """An archive of so many flat images, and of so many empty files."""
    content = png(width, height)[1]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for number in range(images):
            packed.writestr(f"{'ab'[number % 2]}/{number}.png", content)
    archive = stream.getvalue()
    return ("a.zip", archive) if not empty else ("a.zip", with_empty(archive, empty))


def with_empty(archive, count):
    """An archive with so many entries more in its directory than it has."""
    end = archive.rindex(b"PK\x05\x06")
    start = int.from_bytes(archive[end + 16 : end + 20], "little")
    more = b"".join(
        struct.pack(
            "<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0
        )
        + name
        for name in (b"%d" % number for number in range(count))
    )
    directory = archive[start:end] + more
    total = int.from_bytes(archive[end + 10 : end + 12], "little") + count
    return archive[:start] + directory + struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, min(total, 65_535), min(total, 65_535), len(directory), start, 0
    )  # fmt: skip


def npz(images=2, height=8, width=8, labels=0, columns=1, letters=0, kind="u1", value=1, is_stored=0):
    """Arrays, packed or not: images, and labels of so many columns, or as texts."""
    arrays = {"images": np.full((images, height, width), value, dtype=kind)}
    rows = labels or images
    if letters:
        arrays["labels"] = np.full(rows, "a" * letters)
    else:
        arrays["labels"] = np.zeros((rows, columns) if columns > 1 else rows, dtype="u1")
        arrays["labels"].flat[:: max(1, columns)] = columns > 1
    stream = io.BytesIO()
    (np.savez if is_stored else np.savez_compressed)(stream, **arrays)
    return "a.npz", stream.getvalue()
