"""Check a zip archive from its directory alone, before anything in it is unpacked; nothing is ever written to disk."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from pathlib import Path
from typing import BinaryIO

from ncviz.archives import ArchiveBytes, check_packing, read_bounded, read_entry
from ncviz.errors import DataError
from ncviz.limits import LIMITS
from ncviz.text import file_name, megabytes

_LOCAL_HEADER = 30
# Files of the operating system's that nobody packed on purpose.
_CLUTTER = re.compile(r"(^|/)(__MACOSX/|\.|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
PACK_AGAIN = "pack the images again as an ordinary zip"


def read_source(
    source: str | Path | bytes | BinaryIO, label: str, most: int = LIMITS.image_file_bytes
) -> bytes:
    """Return a file's bytes, of which no more than ``most`` are ever read.

    Raises:
        DataError: If it is missing or larger than what is read.
    """
    if isinstance(source, (str, Path)):
        source = Path(source).expanduser()
    elif isinstance(source, bytes):
        source = io.BytesIO(source)
    return read_bounded(source, most, label, DataError, large="leave some of the images out")


class Archive:
    """A checked zip archive of images or arrays.

    Args:
        content: The file.
        label: Its name, for messages.
        unpacked: Bytes that all its entries may declare together.

    Raises:
        DataError: If it is no zip archive, declares too many entries or bytes, is encrypted, has overlapping entries,
            links, or paths that lead out of it.
    """

    def __init__(self, content: bytes, label: str, unpacked: int = LIMITS.unpacked_bytes) -> None:
        self.label = label
        most = 2 * LIMITS.images

        def refuse(_: int) -> DataError:
            return DataError(f"{label} holds more than {most:,} entries; leave some of the images out.")

        try:
            self._zip = zipfile.ZipFile(ArchiveBytes(content, most, refuse))
            entries = self._zip.infolist()
        except DataError:
            raise
        except Exception as error:  # a crafted archive makes zipfile raise almost anything
            raise DataError(
                f"{label} is a damaged or incomplete zip archive ({type(error).__name__}); copy the file again, or "
                f"{PACK_AGAIN}."
            ) from error
        _check_entries(entries, len(content), label, unpacked)
        files = [entry for entry in entries if not entry.is_dir() and not _CLUTTER.search(entry.filename)]
        self._entries = {entry.filename: entry for entry in files}

    @property
    def names(self) -> list[str]:
        """Paths of the files in it, without the clutter of operating systems, sorted."""
        return sorted(self._entries)

    @property
    def unpacked(self) -> int:
        """Bytes of all files in it, as it declares them."""
        return sum(entry.file_size for entry in self._entries.values())

    def read(self, name: str) -> bytes:
        """Unpack one file, of no more bytes than it declares.

        Raises:
            DataError: If it is damaged.
        """
        entry = self._entries[name]
        try:
            return read_entry(self._zip, entry)
        except Exception as error:  # a crafted archive makes zipfile raise almost anything
            raise DataError(
                f"{file_name(name)} in {self.label} is damaged ({type(error).__name__}); copy the file again, or "
                f"{PACK_AGAIN}."
            ) from error


def _check_entries(entries: list[zipfile.ZipInfo], file_bytes: int, label: str, most: int) -> None:
    """Raise a DataError if the archive's directory declares too much, or what no archive of images declares."""
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > most:
        raise DataError(
            f"{label} would grow to {megabytes(unpacked)}, at most {megabytes(most)} are read; "
            "leave some of the images out."
        )
    for entry in entries:
        path = entry.filename
        parts = path.split("/")
        is_odd = not path or "\\" in path or "\0" in path or ":" in parts[0] or len(path) > LIMITS.name_length
        # ``orig_filename`` is the name as it stands in the file: zipfile cuts what follows a NUL and turns backslashes.
        if is_odd or path.startswith("/") or ".." in parts or "\0" in entry.orig_filename:
            raise DataError(
                f"{label} holds a path that leads out of it ({path[:60]!r}), which is refused; {PACK_AGAIN}."
            )
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise DataError(f"{label} holds a link ({path[:60]!r}), which is refused; {PACK_AGAIN}.")
    check_packing(entries, label, DataError, PACK_AGAIN)
    _check_overlap(entries, file_bytes, label)


def _check_overlap(entries: list[zipfile.ZipInfo], file_bytes: int, label: str) -> None:
    """Raise a DataError if two entries share bytes of the file, or a name: a few kilobytes could then be terabytes."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        is_inside = entry.header_offset >= 0 and entry.header_offset + entry.compress_size <= file_bytes
        if entry.header_offset < end or not is_inside:
            raise DataError(f"{label} is a crafted archive: its entries overlap; {PACK_AGAIN}.")
        end = entry.header_offset + _LOCAL_HEADER + entry.compress_size
    if len({entry.filename for entry in entries}) < len(entries):
        raise DataError(f"{label} holds two entries of one name, which is refused; {PACK_AGAIN}.")
