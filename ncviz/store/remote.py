"""A folder on any other file system that fsspec knows."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from fsspec.implementations.memory import MemoryFileSystem

from ncviz.store.folder import TEMP_SUFFIX, Folder, Item

# Each file system has its own name for the time of the last change.
_TIME_NAMES = ("mtime", "LastModified", "last_modified", "modified", "updated", "created")


class RemoteFolder(Folder):
    """A folder of an fsspec file system; object stores move by a copy, which appears at once.

    Args:
        files: The file system.
        root: The folder's name there.
    """

    def __init__(self, files: Any, root: str) -> None:
        self._fs = files
        self._root = root
        self.where = str(files.unstrip_protocol(root))

    def find_fault(self, name: str = "") -> str:  # noqa: D102
        is_own = isinstance(self._fs, MemoryFileSystem)
        return "" if is_own else f"{self.where} is shared with others"

    def items(self) -> list[Item]:  # noqa: D102
        try:
            self._fs.invalidate_cache(self._root)
            infos = self._fs.ls(self._root, detail=True)
        except FileNotFoundError:
            return []
        except Exception as exc:
            self.fail("listed", exc)
        return [_item(info) for info in infos]

    def has(self, name: str) -> bool:  # noqa: D102
        try:
            self._fs.invalidate_cache(self._root)
            return bool(self._fs.isfile(self._path(name)))
        except Exception as exc:
            self.fail("read", exc)

    def read(self, name: str, end: int | None = None) -> bytes:  # noqa: D102
        data: bytes = self._fs.cat_file(self._path(name), start=0, end=end)
        return data

    def write(self, name: str, *parts: bytes) -> None:  # noqa: D102
        temp = self._path(f".{name}.{uuid.uuid4().hex}{TEMP_SUFFIX}")
        try:
            self._fs.makedirs(self._root, exist_ok=True)
            self._write_parts(temp, parts)
            self._move(temp, self._path(name))
        except BaseException as exc:
            with contextlib.suppress(Exception):
                self._fs.rm_file(temp)
            if not isinstance(exc, Exception):
                raise
            self.fail("written", exc)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold off nobody: there are no locks here."""
        yield

    def remove(self, name: str) -> bool:  # noqa: D102
        try:
            self._fs.rm(self._path(name), recursive=self._fs.isdir(self._path(name)))
        except FileNotFoundError:
            return False
        except Exception as exc:
            self.fail("emptied", exc)
        return True

    def mark_used(self, name: str) -> None:
        """Do nothing: dates are the server's."""

    def is_left(self, item: Item) -> bool:
        """Return whether a temporary file is old by the server's own clock, the only sign there is."""
        dates = [other.modified for other in self.items() if not other.is_temp]
        return item.is_stale(max(dates, default=time.time()))

    def sweep(self, *, needs_room: bool = False) -> int:  # noqa: D102
        freed = 0
        with contextlib.suppress(Exception):
            for item in self.items():
                if item.is_temp and self.is_left(item):
                    with contextlib.suppress(Exception):
                        freed += item.bytes if self.remove(item.name) else 0
        return freed

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _write_parts(self, path: str, parts: tuple[bytes, ...]) -> None:
        with self._fs.open(path, "wb") as file:
            for part in parts:
                file.write(part)

    def _move(self, source: str, target: str) -> None:
        self._fs.mv(source, target)


def _item(info: dict[str, Any]) -> Item:
    found = next((info[name] for name in _TIME_NAMES if info.get(name) is not None), None)
    if isinstance(found, str):
        with contextlib.suppress(ValueError):
            found = datetime.fromisoformat(found)
    if isinstance(found, datetime):
        found = found.timestamp()
    # A file of unknown age counts as new, so that nobody sweeps another writer's unfinished one.
    modified = float(found) if isinstance(found, (int, float)) else time.time()
    name = str(info["name"]).rsplit("/", 1)[-1]
    return Item(name, int(info["size"] or 0), modified, info["type"] == "file")
