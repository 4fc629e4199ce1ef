"""What every reader of a user's files checks alike: sizes before bytes are read, and how an archive is packed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from ncviz.errors import NcvizError
from ncviz.limits import LIMITS
from ncviz.text import megabytes

_ENCRYPTED = 0x1
_ENTRY, _LEAST_ENTRY = b"PK\x01\x02", 46  # how an entry of the directory begins, and how long it is at least
# The others may ask for gigabytes of memory before the first byte comes out.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_bounded(
    source: Path | BinaryIO,
    most: int,
    label: str,
    error: type[NcvizError],
    unreadable: str = "check the path",
    large: str = "bring a smaller one",
) -> bytes:
    """Return the bytes of a file, of which no more than ``most`` and one are ever read.

    Args:
        source: Its path, or the file, open in binary mode, which is read from its beginning.
        most: How many bytes it may have.
        label: What it is called in messages.
        error: What is raised.
        unreadable: What to do where it cannot be read.
        large: What to do where it is too large.

    Raises:
        error: If it is missing, unreadable or too large.
    """
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                content = file.read(most + 1)
        else:
            source.seek(0)
            content = source.read(most + 1)
    except OSError as problem:
        raise error(f"{label} cannot be read ({problem.strerror or problem}); {unreadable}.") from problem
    if len(content) > most:
        raise error(f"{label} is larger than the {megabytes(most)} that are read; {large}.")
    return content


class ArchiveBytes(io.BytesIO):
    """A zip archive that refuses to be opened if its directory lists too many entries.

    ``zipfile`` makes an object of every entry before it returns, whatever number the archive gives and wherever it says
    that the directory lies. So the marks that entries begin with are counted in the very bytes that it goes through.

    Args:
        content: The file.
        most: Entries that it may have.
        refuse: Makes an error of their number.
    """

    def __init__(self, content: bytes, most: int, refuse: Callable[[int], NcvizError]) -> None:
        super().__init__(content)
        self._most, self._refuse = most, refuse

    def read(self, size: int | None = -1, /) -> bytes:
        """Return bytes as a file does.

        Raises:
            NcvizError: If they are a directory of too many entries.
        """
        data = super().read(size)
        if len(data) > self._most * _LEAST_ENTRY and data.startswith(_ENTRY):
            count = data.count(_ENTRY)
            if count > self._most:
                raise self._refuse(count)
        return data


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return an entry, never more of it than it declares.

    ``ZipFile.read`` would unpack all that is there before it cuts off what was not declared.

    Raises:
        Exception: Whatever zipfile raises for one that is damaged.
    """
    with archive.open(entry) as file:
        return file.read(entry.file_size)


def check_packing(
    entries: Sequence[zipfile.ZipInfo], label: str, error: type[NcvizError], advice: str
) -> None:
    """Refuse an archive that is encrypted, packed by an unusual method, or grows beyond measure.

    Args:
        entries: Of its directory.
        label: What it is called in messages.
        error: What is raised.
        advice: What to do, at the end of the sentence.

    Raises:
        error: Naming what is wrong.
    """
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise error(f"{label} is an encrypted archive, which cannot be read; {advice}.")
        if entry.compress_type not in _METHODS:
            raise error(f"{label} is packed by a method other than deflate; {advice}.")
        if entry.file_size > max(LIMITS.free_ratio_bytes, LIMITS.ratio * entry.compress_size):
            raise error(
                f"{label} holds an entry that grows from {entry.compress_size:,} to {entry.file_size:,} bytes, at most "
                f"{LIMITS.ratio}-fold is read; {advice}."
            )
