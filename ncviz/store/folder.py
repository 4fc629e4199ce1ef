"""A folder on any fsspec file system: whole files in, whole files out, failures as one sentence."""

from __future__ import annotations

import contextlib
import errno
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import filelock
import fsspec
from fsspec.implementations.local import LocalFileSystem

from ncviz.errors import StoreError

STALE_TEMP_SECONDS = 3600.0
LOCK_SECONDS = 10.0
_TEMP_SUFFIX = ".ncviz-tmp"
_LOCK = ".lock"
# Each file system has its own name for the time of the last change.
_TIME_NAMES = ("mtime", "LastModified", "last_modified", "modified", "updated", "created")


@dataclass(frozen=True)
class Item:
    """One file of a folder: its name, its bytes, and when it was last changed in seconds since the epoch."""

    name: str
    bytes: int
    modified: float


class Folder:
    """Files of one folder, written beside their place and moved there, so that readers see them whole.

    On local file systems the move is atomic and the bytes are flushed first. Elsewhere it is what the file
    system offers: object stores copy and then delete, and the copy appears at once.

    Args:
        url: A folder or any fsspec URL.

    Attributes:
        where: The folder or URL without credentials, for messages.
        is_local: Whether it lies on a local file system.

    Raises:
        StoreError: If the protocol is unknown, its package is missing or its server refuses.
    """

    def __init__(self, url: str) -> None:
        try:
            self._fs, root = fsspec.core.url_to_fs(url)
        except Exception as exc:
            # The URL itself may hold a password, so only its protocol is shown.
            protocol = url.split("://")[0]
            raise StoreError(
                f"The result store cannot be opened by the protocol {protocol!r} ({reason(exc)}): "
                "install what it needs or set NCVIZ_CACHE to a folder."
            ) from exc
        self.is_local = isinstance(self._fs, LocalFileSystem)
        self._root = str(Path(root).absolute()) if self.is_local else str(root)
        self.where = self._root if self.is_local else str(self._fs.unstrip_protocol(self._root))

    def items(self) -> list[Item]:
        """Return the folder's files; a folder that does not exist yet has none.

        Raises:
            StoreError: If it cannot be listed.
        """
        try:
            self._fs.invalidate_cache(self._root)
            infos = self._fs.ls(self._root, detail=True)
        except FileNotFoundError:
            return []
        except Exception as exc:
            self._fail("listed", exc)
        return [_item(info) for info in infos if info["type"] == "file" and not _is_temp(info["name"])]

    def has(self, name: str) -> bool:
        """Return whether the folder has a file of that name.

        Raises:
            StoreError: If that cannot be found out.
        """
        try:
            self._fs.invalidate_cache(self._root)
            return bool(self._fs.isfile(self._path(name)))
        except Exception as exc:
            self._fail("read", exc)

    def read(self, name: str, end: int | None = None) -> bytes:
        """Return a file's bytes, or its first ``end``; raises whatever the file system raises."""
        data: bytes = self._fs.cat_file(self._path(name), start=0, end=end)
        return data

    def write(self, name: str, *parts: bytes) -> None:
        """Write a file whole or not at all; a file of that name is replaced.

        Raises:
            StoreError: If the disk is full or the folder not writable; nothing has changed then.
        """
        temp = self._path(f".{name}.{uuid.uuid4().hex}{_TEMP_SUFFIX}")
        try:
            self._fs.makedirs(self._root, exist_ok=True)
            self._write_parts(temp, parts)
            self._move(temp, self._path(name))
        except BaseException as exc:
            with contextlib.suppress(Exception):
                self._fs.rm_file(temp)
            if not isinstance(exc, Exception):
                raise
            self._fail("written", exc)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold off others that want the same, for some seconds, on local file systems that can."""
        lock = filelock.FileLock(self._path(_LOCK)) if self.is_local else None
        with contextlib.ExitStack() as held:
            if lock is not None:
                # Where there can be no lock or its holder hangs, a looser result may stay, which is better than none.
                with contextlib.suppress(OSError, NotImplementedError):
                    self._fs.makedirs(self._root, exist_ok=True)
                    held.enter_context(lock.acquire(timeout=LOCK_SECONDS))
            yield

    def remove(self, name: str) -> bool:
        """Remove a file and return whether it was there.

        Raises:
            StoreError: If it is there and cannot be removed.
        """
        try:
            self._fs.rm_file(self._path(name))
        except FileNotFoundError:
            return False
        except Exception as exc:
            self._fail("emptied", exc)
        return True

    def mark_used(self, name: str) -> None:
        """Set a local file's time to now, as well as permissions allow; elsewhere do nothing."""
        if self.is_local:
            now = time.time_ns()
            with contextlib.suppress(OSError):
                # Without explicit times the kernel's clock is used, too coarse to order two quick uses.
                os.utime(self._path(name), ns=(now, now))

    def sweep(self) -> None:
        """Remove what writers that died long ago left behind, as well as permissions allow."""
        limit = time.time() - STALE_TEMP_SECONDS
        with contextlib.suppress(Exception):
            self._fs.invalidate_cache(self._root)
            for info in self._fs.ls(self._root, detail=True):
                if _is_temp(info["name"]) and _item(info).modified < limit:
                    with contextlib.suppress(Exception):
                        self._fs.rm_file(info["name"])

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _write_parts(self, path: str, parts: tuple[bytes, ...]) -> None:
        if not self.is_local:
            with self._fs.open(path, "wb") as file:
                for part in parts:
                    file.write(part)
            return
        with Path(path).open("xb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        now = time.time_ns()
        os.utime(path, ns=(now, now))

    def _move(self, source: str, target: str) -> None:
        if self.is_local:
            Path(source).replace(target)
        else:
            self._fs.mv(source, target)

    def _fail(self, done: str, exc: Exception) -> NoReturn:
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


def _is_temp(path: str) -> bool:
    return path.endswith(_TEMP_SUFFIX)


def _item(info: dict[str, Any]) -> Item:
    found = next((info[name] for name in _TIME_NAMES if info.get(name) is not None), None)
    if isinstance(found, str):
        with contextlib.suppress(ValueError):
            found = datetime.fromisoformat(found)
    if isinstance(found, datetime):
        found = found.timestamp()
    # A file of unknown age counts as new, so that nobody sweeps another writer's unfinished one.
    modified = float(found) if isinstance(found, (int, float)) else time.time()
    return Item(str(info["name"]).rsplit("/", 1)[-1], int(info["size"] or 0), modified)
