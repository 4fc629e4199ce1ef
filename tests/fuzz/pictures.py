"""Valid files of images whose every number can be turned up: each maker takes numbers by name and gives a file."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from tests.fuzz.archives import archive, packed_zeros


def png(side=8, width=0, height=0, texts=0, parts=1):
    """A flat PNG, with so many comments, its pixels cut into so many parts."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    width, height = width or side, height or side
    data = packed_zeros(min((1 + width) * height, 1_000_000_000))
    step = max(1, -(-len(data) // parts))
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    pieces += [b""] * (parts - len(pieces))
    return "a.png", b"".join([
        b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        chunk(b"tEXt", b"a\0b") * texts, *(chunk(b"IDAT", piece) for piece in pieces), chunk(b"IEND", b""),
    ])  # fmt: skip


def jpeg(side=8, width=0, height=0, scans=0, segments=0):
    """A progressive JPEG, with so many passes and comments more."""
    stream = io.BytesIO()
    Image.new("L", (width or side, height or side)).save(stream, "JPEG", progressive=True, quality=30)
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
    more = min((each for each in found if each[1] == 0xDA and each[5 + 2 * each[4]] > 0), key=len)
    return "a.jpg", content[:2] + b"\xff\xfe\0\x02" * segments + b"".join(found) + more * scans + b"\xff\xd9"


def tiff(side=16, width=0, height=0, tile=16, tile_width=0, tile_height=0, tiles=1, comment=0):
    """A TIFF of one packed tile, with as many offsets as it says."""
    width, height = width or side, height or side
    tile_width, tile_height = tile_width or tile, tile_height or tile
    data = packed_zeros(min(tile_width * tile_height, 1 << 20))
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 8), (262, 3, 1), (277, 3, 1),
            (322, 4, tile_width), (323, 4, tile_height)]  # fmt: skip
    count = len(tags) + 2 + bool(comment)
    place = 8 + 2 + 12 * count + 4
    after = place + len(data)
    # One number lies in the tag itself, more of them lie elsewhere.
    offsets = (place, len(data)) if tiles == 1 else (after, after + 4 * tiles)
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    entries += struct.pack("<HHII", 324, 4, tiles, offsets[0]) + struct.pack(
        "<HHII", 325, 4, tiles, offsets[1]
    )
    if comment:
        entries += struct.pack("<HHII", 700, 4, comment, place)
    lists = b"" if tiles == 1 else struct.pack("<I", place) * tiles + struct.pack("<I", len(data)) * tiles
    return "a.tif", b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(4) + data + lists


def gif(side=8, width=0, height=0, comments=0, frames=0):
    """A GIF with so many comments of one letter, and frames more."""
    stream = io.BytesIO()
    Image.new("P", (width or side, height or side)).save(stream, "GIF")
    content = stream.getvalue()
    start = 13 + (3 << (content[10] & 7) + 1 if content[10] & 0x80 else 0)
    image = content[start:-1]
    return "a.gif", content[:start] + b"\x21\xfe\x01a\0" * comments + image * (1 + frames) + content[-1:]


def zipped(images=2, side=8, listed=0, grows=1):
    """An archive of so many flat images, and of so many empty files."""
    content = png(side)[1]
    files = [(f"{'ab'[number % 2]}/{number}.png", content) for number in range(images)]
    return "a.zip", archive(files, grows, listed=listed)


def npz(images=2, side=8, labels=0, columns=1, letters=0, arrays=0, listed=0, grows=1, kind="u1", value=1):
    """Arrays: images, labels of so many columns or as texts, and others that nobody asked for."""
    rows = labels or images
    if letters:
        given = np.full(rows, "a" * letters)
    else:
        given = np.zeros((rows, columns) if columns > 1 else rows, dtype="u1")
        given.flat[:: max(1, columns)] = columns > 1
    found = {"images": np.full((images, side, side), value, dtype=kind), "labels": given}
    entries = []
    for name, values in [*found.items(), *((f"n{number}", np.zeros(1)) for number in range(arrays))]:
        stream = io.BytesIO()
        np.lib.format.write_array(stream, values)
        entries.append((f"{name}.npy", stream.getvalue()))
    return "a.npz", archive(entries, grows, listed=listed)
