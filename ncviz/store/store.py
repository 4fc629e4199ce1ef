"""The result store: get, put, what is there, and the least recently used out first."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from ncviz.errors import StoreError
from ncviz.store.cap import file_name, keep_within, key_of, redate_ahead
from ncviz.store.entries import HEAD_BYTES, Entry, read_entry
from ncviz.store.folder import Folder, Item, reason
from ncviz.store.opening import open_folder, store_place
from ncviz.store.record import DamagedError, ForeignError, Record, decode, encode, header_bytes, read_header
from ncviz.store.signing import KEY_VARIABLE, signing_key

DEFAULT_MAX_BYTES = 2 * 2**30
_MAX_PROBLEMS = 50


class StoreWarning(UserWarning):
    """A stored result was damaged or unreadable; whoever asked for it computes it again."""


class Store:
    """A bounded folder of results, one verified file a key, shared safely by threads and processes.

    When the records outgrow ``max_bytes``, ``put`` removes those unused for longest. On local file systems
    ``get`` sets the file's modification time, so that all processes agree on what is old; elsewhere only this
    object remembers what it got, and other processes go by the time of writing. What is dated ahead is used now.

    A folder to which nobody but this user can write is believed. Elsewhere, in others' folders and on servers, records
    are signed with the workspace's key (NCVIZ_STORE_KEY, else the user's own), and count only with that signature.

    Args:
        url: A folder or any fsspec URL. Without it, the environment variable NCVIZ_CACHE; without that, the
            user's cache folder.
        max_bytes: Most bytes of all records together, and of what writers are at; a record that alone takes more is
            refused.
        bundled: A read-only folder of record files, looked at where the store itself has no good record.

    Attributes:
        where: The folder or URL, for messages.
        folder: What its files lie in.
        bundled: What those lie in that came with the package, if any.
        max_bytes: As given.
        problems: The latest sentences about damaged, unreadable or other people's records, for the page to show.

    Raises:
        StoreError: If the URL's protocol is unknown or the package for it is missing.
    """

    def __init__(
        self, url: str | None = None, *, max_bytes: int = DEFAULT_MAX_BYTES, bundled: Path | None = None
    ) -> None:
        self.folder = open_folder(store_place(url))
        self.bundled = None if bundled is None else open_folder(str(bundled))
        self._used: dict[str, float] = {}
        self._counting: set[str] = set()
        self.where = self.folder.where
        self.max_bytes = max_bytes
        self.problems: list[str] = []

    def has(self, key: str) -> bool:
        """Return whether there is a file for ``key``, in the store or bundled, without verifying it.

        Where others can write, it has to be one that counts: it is read for that once, then believed to have stayed.

        Raises:
            StoreError: If ``key`` is not 64 hex characters, or the store cannot be read.
        """
        name = file_name(key)
        if self.bundled is not None and self.bundled.has(name):
            return True
        if not self.folder.has(name):
            return False
        if key in self._used or key in self._counting or not self.folder.find_fault(name):
            return True
        with contextlib.suppress(Exception):
            self.read(key)
            self._counting.add(key)
        return key in self._counting

    def get(self, key: str) -> Record | None:
        """Return the verified record of ``key``, or None where there is none and it has to be computed.

        A damaged file, or what is none, is removed and reported, in ``problems`` and as a StoreWarning. An unreadable
        one or one of others' is only reported. None of them stops a bundled record from being returned.

        Raises:
            StoreError: If ``key`` is not 64 hex characters.
        """
        name = file_name(key)
        record = self._read(self.folder, key)
        if record is not None:
            self._used[key] = time.time()
            self.folder.mark_used(name)
        elif self.bundled is not None:
            record = self._read(self.bundled, key)
        return record

    def read(self, key: str, *, is_bundled: bool = False) -> Record:
        """Return the verified record of ``key``, and change nothing.

        Raises:
            DamagedError: If its file is not what was written.
            ForeignError: If others may have written it.
            OSError: If there is none or it cannot be read, or whatever else its file system raises.
        """
        folder = self.bundled if is_bundled and self.bundled is not None else self.folder
        name = file_name(key)
        # What comes with the package is believed as its code is.
        signing = None if folder is self.bundled else self._signing(name)
        head = folder.read(name, HEAD_BYTES)
        if len(head) < header_bytes(head):
            head = folder.read(name, header_bytes(head))
        size = read_header(head).end
        if size > self.max_bytes:
            raise DamagedError("it says that it is larger than the store")
        # One more, so that what is longer than it says shows in its checksum.
        return decode(key, head if size < len(head) else folder.read(name, size + 1), signing)

    def put(self, key: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Store a result whole or not at all, then remove the least recently used ones beyond the cap.

        Args:
            key: 64 hex characters, see ``ncviz.fingerprint.digest``.
            arrays: Name → array of numbers or booleans; big-endian ones come back in native order.
            meta: Plain JSON values; tuples come back as lists. ``meta["kind"]`` is shown in ``entries``.

        Raises:
            StoreError: If the disk is full, the place not writable, the record larger than one may be, or ``key`` not
                64 hex characters. An earlier record of the key is still there then.
            TypeError: If an array or ``meta`` holds anything else.
        """
        name = file_name(key)
        if self.folder.find_fault():
            # It may be that others could have made it first.
            self.folder.make()
        stamp, body = encode(key, arrays, meta, self._signing())
        size = len(stamp) + len(body)
        if size > self.max_bytes:
            raise StoreError(
                f"This result takes {size:,} bytes, but the result store in {self.where} may hold only "
                f"{self.max_bytes:,} in all: raise that limit or use fewer samples."
            )
        self.folder.sweep()
        with contextlib.suppress(StoreError):
            # Before the new record has its date, which is then the latest.
            redate_ahead(self.folder)
        self._used = {other: used for other, used in self._used.items() if used <= time.time()}
        self.folder.write(name, stamp, body)
        self._used[key] = time.time()
        self._evict(key)

    def locked(self) -> AbstractContextManager[None]:
        """Return what holds off all others who want this too, between reading and replacing a record."""
        return self.folder.locked()

    def entries(self, *, with_bundled: bool = False) -> list[Entry]:
        """Return the table of contents, most recently used first, reading headers only.

        Files whose header cannot be read are left out; they still count in ``size`` and go with ``clear``.

        Raises:
            StoreError: If the store cannot be listed.
        """
        found = [
            read_entry(self.folder, item, key_of(item), self._last_used(item)) for item in self._records()
        ]
        if with_bundled and self.bundled is not None:
            shipped = [item for item in self.bundled.items() if key_of(item)]
            found += [read_entry(self.bundled, item, key_of(item), is_bundled=True) for item in shipped]
        return sorted((entry for entry in found if entry), key=lambda entry: -entry.last_used)

    def remove(self, key: str) -> bool:
        """Remove the record of ``key`` and return whether there was one; a bundled one stays.

        Raises:
            StoreError: If ``key`` is not 64 hex characters, or its file cannot be removed.
        """
        self._used.pop(key, None)
        return self.folder.remove(file_name(key))

    def clear(self) -> tuple[int, int]:
        """Remove all records but the bundled ones; return how many files and bytes that freed.

        Raises:
            StoreError: If the store cannot be listed or a file not be removed.
        """
        self.folder.sweep()
        self._used.clear()
        freed = [item.bytes for item in self._records() if self.folder.remove(item.name)]
        return len(freed), sum(freed)

    def size(self) -> int:
        """Return the bytes of all records and of what writers are at or left, without the bundled ones.

        Raises:
            StoreError: If the store cannot be listed.
        """
        return sum(item.bytes for item in self.folder.items() if item.is_temp or key_of(item))

    def _signing(self, name: str = "") -> bytes | None:
        return signing_key() if self.folder.find_fault(name) else None

    def _records(self) -> list[Item]:
        return [item for item in self.folder.items() if key_of(item)]

    def _read(self, folder: Folder, key: str) -> Record | None:
        try:
            return self.read(key, is_bundled=folder is self.bundled)
        except FileNotFoundError:
            return None
        except DamagedError as exc:
            fault = f"was damaged: {exc}"
            if folder is self.folder:
                self._try_remove(file_name(key))
        except ForeignError as exc:
            fault = (
                f"is not used, since {folder.find_fault(file_name(key))} and {exc}; set {KEY_VARIABLE} to the key of "
                "those whose results you share, or name a folder that is yours alone"
            )
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
            return self.folder.remove(name)
        except StoreError:
            return False

    def _last_used(self, item: Item) -> float:
        return min(max(item.modified, self._used.get(key_of(item), 0.0), 0.0), time.time())

    def _evict(self, newest: str) -> None:
        # The result itself is safely stored by now, so nothing here may turn that into a failure.
        with contextlib.suppress(StoreError):
            kept = keep_within(self.folder, self.max_bytes, file_name(newest), self._last_used)
            self._used = {key: used for key, used in self._used.items() if file_name(key) in kept}
