"""The result store: get, put, what is there, and the least recently used out first."""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from ncviz.errors import StoreError
from ncviz.store.folder import Folder, Item, reason
from ncviz.store.record import DamagedError, Record, decode, encode, header_bytes, read_header

CACHE_VARIABLE = "NCVIZ_CACHE"
DEFAULT_MAX_BYTES = 2 * 2**30
SUFFIX = ".ncviz"

_HEAD_BYTES = 2**14
_MAX_PROBLEMS = 50
_KEY = re.compile(r"[0-9a-f]{64}")


class StoreWarning(UserWarning):
    """A stored result was damaged or unreadable; whoever asked for it computes it again."""


@dataclass(frozen=True)
class Entry:
    """One line of the store's table of contents, read from a record's header alone.

    Attributes:
        key: 64 hex characters.
        kind: ``meta["kind"]``, or an empty string.
        bytes: Size of the file.
        created: When the record was put, in seconds since the epoch.
        last_used: When it was last put or got, in seconds since the epoch.
        meta: The record's plain JSON values.
        is_bundled: Whether it ships with the package, and so is never evicted or cleared.
    """

    key: str
    kind: str
    bytes: int
    created: float
    last_used: float
    meta: dict[str, Any]
    is_bundled: bool = False


class Store:
    """A bounded folder of results, one verified file a key, shared safely by threads and processes.

    When the records outgrow ``max_bytes``, ``put`` removes those unused for longest. On local file systems
    ``get`` sets the file's modification time, so that all processes agree on what is old; elsewhere only this
    object remembers what it got, and other processes go by the time of writing.

    Args:
        url: A folder or any fsspec URL. Without it, the environment variable NCVIZ_CACHE; without that, the
            user's cache folder.
        max_bytes: Most bytes of all records together; a record that alone takes more is refused.
        bundled: A read-only folder of record files, looked at where the store itself has no good record.

    Attributes:
        where: The folder or URL, for messages.
        max_bytes: As given.
        problems: The latest sentences about damaged or unreadable records, for the page to show.

    Raises:
        StoreError: If the URL's protocol is unknown or the package for it is missing.
    """

    def __init__(
        self, url: str | None = None, *, max_bytes: int = DEFAULT_MAX_BYTES, bundled: Path | None = None
    ) -> None:
        self._folder = Folder(str(url or os.environ.get(CACHE_VARIABLE) or user_cache_path("ncviz")))
        self._bundled = None if bundled is None else Folder(str(bundled))
        self._used: dict[str, float] = {}
        self.where = self._folder.where
        self.max_bytes = max_bytes
        self.problems: list[str] = []

    def has(self, key: str) -> bool:
        """Return whether there is a file for ``key``, in the store or bundled, without verifying it.

        Raises:
            StoreError: If ``key`` is not 64 hex characters, or the store cannot be read.
        """
        name = _file_name(key)
        return self._folder.has(name) or (self._bundled is not None and self._bundled.has(name))

    def get(self, key: str) -> Record | None:
        """Return the verified record of ``key``, or None where there is none and it has to be computed.

        A damaged file is removed and reported, in ``problems`` and as a StoreWarning. An unreadable one is
        only reported. Neither stops a bundled record from being returned.

        Raises:
            StoreError: If ``key`` is not 64 hex characters.
        """
        name = _file_name(key)
        record = self._read(self._folder, name, key)
        if record is not None:
            self._used[key] = time.time()
            self._folder.mark_used(name)
        elif self._bundled is not None:
            record = self._read(self._bundled, name, key)
        return record

    def put(self, key: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Store a result whole or not at all, then remove the least recently used ones beyond the cap.

        Args:
            key: 64 hex characters, see ``ncviz.fingerprint.digest``.
            arrays: Name → array of numbers or booleans; big-endian ones come back in native order.
            meta: Plain JSON values; tuples come back as lists. ``meta["kind"]`` is shown in ``entries``.

        Raises:
            StoreError: If the disk is full, the place not writable, the record alone larger than the cap, or
                ``key`` not 64 hex characters. An earlier record of the key is still there then.
            TypeError: If an array or ``meta`` holds anything else.
        """
        name = _file_name(key)
        stamp, body = encode(key, arrays, meta)
        size = len(stamp) + len(body)
        if size > self.max_bytes:
            raise StoreError(
                f"This result takes {size:,} bytes, but the result store in {self.where} may hold only "
                f"{self.max_bytes:,} in all: raise that limit or use fewer samples."
            )
        self._folder.sweep()
        self._folder.write(name, stamp, body)
        self._used[key] = time.time()
        self._evict(key)

    def locked(self) -> AbstractContextManager[None]:
        """Return what holds off all others who want this too, between reading and replacing a record."""
        return self._folder.locked()

    def entries(self, *, with_bundled: bool = False) -> list[Entry]:
        """Return the table of contents, most recently used first, reading headers only.

        Files whose header cannot be read are left out; they still count in ``size`` and go with ``clear``.

        Raises:
            StoreError: If the store cannot be listed.
        """
        found = [self._entry(self._folder, item) for item in self._records()]
        if with_bundled and self._bundled is not None:
            found += [self._entry(self._bundled, item) for item in self._bundled.items() if _key_of(item)]
        return sorted((entry for entry in found if entry), key=lambda entry: -entry.last_used)

    def remove(self, key: str) -> bool:
        """Remove the record of ``key`` and return whether there was one; a bundled one stays.

        Raises:
            StoreError: If ``key`` is not 64 hex characters, or its file cannot be removed.
        """
        self._used.pop(key, None)
        return self._folder.remove(_file_name(key))

    def clear(self) -> tuple[int, int]:
        """Remove all records but the bundled ones; return how many files and bytes that freed.

        Raises:
            StoreError: If the store cannot be listed or a file not be removed.
        """
        self._folder.sweep()
        self._used.clear()
        freed = [item.bytes for item in self._records() if self._folder.remove(item.name)]
        return len(freed), sum(freed)

    def size(self) -> int:
        """Return the bytes of all records together, without the bundled ones.

        Raises:
            StoreError: If the store cannot be listed.
        """
        return sum(item.bytes for item in self._records())

    def _records(self) -> list[Item]:
        return [item for item in self._folder.items() if _key_of(item)]

    def _read(self, folder: Folder, name: str, key: str) -> Record | None:
        try:
            return decode(key, folder.read(name))
        except FileNotFoundError:
            return None
        except DamagedError as exc:
            fault = f"was damaged: {exc}"
            if folder is self._folder:
                self._try_remove(name)
        except Exception as exc:
            fault = f"could not be read: {reason(exc)}"
        self._report(f"A stored result in {folder.where} {fault}; it has to be computed again.")
        return None

    def _report(self, problem: str) -> None:
        self.problems.append(problem)
        del self.problems[:-_MAX_PROBLEMS]
        warnings.warn(problem, StoreWarning, stacklevel=4)

    def _try_remove(self, name: str) -> bool:
        try:
            return self._folder.remove(name)
        except StoreError:
            return False

    def _last_used(self, item: Item) -> float:
        return max(item.modified, self._used.get(_key_of(item), 0.0))

    def _evict(self, newest: str) -> None:
        # The result itself is safely stored by now, so nothing here may turn that into a failure.
        try:
            items = sorted(self._records(), key=self._last_used)
        except StoreError:
            return
        excess = sum(item.bytes for item in items) - self.max_bytes
        for item in items:
            if excess <= 0:
                return
            if _key_of(item) != newest and self._try_remove(item.name):
                self._used.pop(_key_of(item), None)
                excess -= item.bytes

    def _entry(self, folder: Folder, item: Item) -> Entry | None:
        try:
            head = folder.read(item.name, min(_HEAD_BYTES, item.bytes))
            if len(head) < header_bytes(head) <= item.bytes:
                head = folder.read(item.name, header_bytes(head))
            header = read_header(head)
        except Exception:
            # Damaged, or removed by another process since it was listed.
            return None
        is_bundled = folder is not self._folder
        last_used = item.modified if is_bundled else self._last_used(item)
        kind = str(header.meta.get("kind", ""))
        return Entry(_key_of(item), kind, item.bytes, header.created, last_used, header.meta, is_bundled)


def _file_name(key: str) -> str:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise StoreError(f"A store key must be 64 lower-case hex characters, got {key!r:.80}.")
    return key + SUFFIX


def _key_of(item: Item) -> str:
    """Return the key that a file's name says, or an empty string if it is no record's name."""
    key = item.name.removesuffix(SUFFIX)
    return key if item.name.endswith(SUFFIX) and _KEY.fullmatch(key) else ""
