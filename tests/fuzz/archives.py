"""Zip archives whose every number can be turned up, written by hand: at once, and as no library would."""

import functools
import io
import struct
import zipfile
import zlib

import numpy as np

_BLOCK = 2**20
_LISTED = 46


def squeezed(data=b"", more=0, plain=0):
    """A deflate stream of data, so much of it as it is, and of so many zeros after it."""
    stream = b""
    if plain:
        packer = zlib.compressobj(0, wbits=-15)
        stream = packer.compress(data[:plain]) + packer.flush(zlib.Z_FULL_FLUSH)
    packer = zlib.compressobj(1, wbits=-15)
    stream += packer.compress(memoryview(data)[plain:]) + packer.flush(zlib.Z_FULL_FLUSH)
    packer = zlib.compressobj(9, wbits=-15)
    return stream + _zeros() * (more // _BLOCK) + packer.compress(bytes(more % _BLOCK)) + packer.flush()


@functools.cache
def _zeros():
    packer = zlib.compressobj(9, wbits=-15)
    # After a full flush nothing refers to what came before, so that it may come again and again.
    return packer.compress(bytes(_BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)


def packed_zeros(size):
    """A zlib stream of so many zeros."""
    # Adler's sum of zeros: one, and one for each of them.
    return b"\x78\x9c" + squeezed(more=size) + struct.pack(">HH", size % 65_521, 1)


def archive(entries, grows=1, past=0, ending="", listed=0):
    """A zip archive.

    Args:
        entries: Pairs of a name and bytes.
        grows: How many times an entry grows when it is unpacked; 1 for entries that are not packed.
        past: Bytes that the entry with this ending unpacks to beyond what it declares.
        ending: See ``past``.
        listed: Entries that its directory has beyond those.
    """
    content, directory, made = bytearray(), bytearray(), {}
    for name, data in entries:
        raw, over = name.encode(), past if ending and name.endswith(ending) else 0
        is_packed = grows > 1 or bool(over)
        key = id(data), over
        if key not in made:
            stream = squeezed(data, over, len(data) // grows if grows > 1 else 0) if is_packed else data
            # Kept with its bytes, so that nothing else comes to lie there.
            made[key] = stream, zlib.crc32(data), data
        stream, sum_, _ = made[key]
        sizes = (8 if is_packed else 0, 0, 33, sum_, len(stream), len(data), len(raw))
        directory += _entry(sizes, len(content)) + raw
        content += struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, *sizes, 0) + raw + stream
    return bytes(content) + _directory(directory, listed, len(entries), len(content))


def again(content, grows=1, listed=0):
    """An archive that a library wrote, written anew."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        return archive([(name, old.read(name)) for name in old.namelist()], grows, listed=listed)


def _entry(sizes, place):
    return struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, 0, 0, *sizes, 0, 0, 0, 0, 0, place)


def _directory(directory, listed, count, start):
    digits = 8
    more = np.zeros((listed, _LISTED + digits), np.uint8)
    more[:, :_LISTED] = np.frombuffer(_entry((0, 0, 33, 0, 0, 0, digits), 0), np.uint8)
    numbers = np.arange(listed)
    for at in range(digits):
        more[:, _LISTED + at] = 48 + numbers // 10 ** (digits - 1 - at) % 10
    directory = bytes(directory) + more.tobytes()
    count += listed
    large = b""
    if count > 65_534:
        large = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), start)
        large += struct.pack("<4sLQL", b"PK\6\7", 0, start + len(directory), 1)
    short = min(count, 65_535)
    end = struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, short, short, len(directory), 2**32 - 1 if large else start, 0
    )
    return directory + large + end
