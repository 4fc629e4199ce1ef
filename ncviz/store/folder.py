"""A folder of files on any file system: whole files in, whole files out, failures as one sentence."""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NoReturn

from ncviz.errors import StoreError

# A writer's unfinished file is left alone for so long, unless its room is needed; one dated further ahead is as old.
STALE_TEMP_SECONDS = 3600.0
TEMP_SUFFIX = ".ncviz-tmp"


@dataclass(frozen=True)
class Item:
    """What has one name in a folder.

    Attributes:
        name: The name.
        bytes: Its size.
        modified: When it was last changed, in seconds since the epoch.
        is_file: Whether it is a regular file, and not a link, a folder, a pipe or a device.
        taken: The bytes of the disk that it takes, fewer where it has holes; None if that cannot be known.
    """

    name: str
    bytes: int
    modified: float
    is_file: bool = True
    taken: int | None = None

    @property
    def room(self) -> int:
        """What would be free without it."""
        return self.bytes if self.taken is None else self.taken

    @property
    def is_temp(self) -> bool:
        """Whether a writer is at it, or left it."""
        return self.name.endswith(TEMP_SUFFIX)

    def is_stale(self, now: float) -> bool:
        """Return whether its date is far from now, to either side: no clock is sure to be right."""
        return abs(now - self.modified) > STALE_TEMP_SECONDS


class Folder(ABC):
    """Files of one folder, written beside their place and moved there, so that readers see them whole.

    Attributes:
        where: The folder or URL without credentials, for messages.
    """

    where: str

    @abstractmethod
    def find_fault(self, name: str = "") -> str:
        """Return who else could have written a file, or in the folder, or an empty string if nobody can."""

    def make(self) -> None:  # noqa: B027 (most need not be)
        """Make the folder before it is asked who could write there, if that matters and can be done."""

    @abstractmethod
    def items(self) -> list[Item]:
        """Return what is in the folder; one that does not exist yet has nothing.

        Raises:
            StoreError: If it cannot be listed.
        """

    @abstractmethod
    def has(self, name: str) -> bool:
        """Return whether the folder has a regular file of that name.

        Raises:
            StoreError: If that cannot be found out.
        """

    @abstractmethod
    def read(self, name: str, end: int | None = None) -> bytes:
        """Return a file's bytes, or its first ``end``; raises whatever the file system raises.

        Raises:
            DamagedError: If it is no regular file.
        """

    @abstractmethod
    def write(self, name: str, *parts: bytes) -> None:
        """Write a file whole or not at all; whatever has that name is replaced.

        Raises:
            StoreError: If the disk is full or the folder not writable; nothing has changed then.
        """

    @abstractmethod
    def locked(self) -> AbstractContextManager[None]:
        """Hold off others that want the same, for some seconds, where that can be done."""

    @abstractmethod
    def remove(self, name: str) -> bool:
        """Remove what has a name, without following links, and return whether it was there.

        Raises:
            StoreError: If it is there and cannot be removed.
        """

    @abstractmethod
    def mark_used(self, name: str) -> None:
        """Set a file's time to now, where that can be done."""

    @abstractmethod
    def is_left(self, item: Item) -> bool:
        """Return whether a temporary file's writer is gone."""

    @abstractmethod
    def sweep(self, *, needs_room: bool = False) -> int:
        """Remove what writers that died left behind; return how many bytes that freed.

        Args:
            needs_room: Whether those go, too, whose date is near.
        """

    def fail(self, done: str, exc: Exception) -> NoReturn:
        """Raise what a file system said as one sentence.

        Raises:
            StoreError: Always.
        """
        code = getattr(exc, "errno", None)
        if code in (errno.ENOSPC, errno.EDQUOT):
            text = "has no space left: free some, or set NCVIZ_CACHE to a folder on a larger disk"
        elif code in (errno.EACCES, errno.EPERM, errno.EROFS):
            text = (
                f"may not be {done} ({reason(exc)}): allow it, or set NCVIZ_CACHE to a folder that is yours"
            )
        else:
            text = f"could not be {done} ({reason(exc)}): check it, or set NCVIZ_CACHE to another folder"
        raise StoreError(f"The result store in {self.where} {text}.") from exc


def reason(exc: Exception) -> str:
    """Return an exception's first line, fit to stand in brackets."""
    text = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return str(text).splitlines()[0].rstrip(".")
