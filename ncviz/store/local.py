"""A folder of this machine's file systems, in which nothing but regular files is opened and nothing is waited for."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import filelock

from ncviz.errors import StoreError
from ncviz.store.folder import TEMP_SUFFIX, Folder, Item
from ncviz.store.record import DamagedError
from ncviz.trust import CAREFUL, find_fault, make_private

if sys.platform != "win32":
    import fcntl

LOCK_SECONDS = 10.0
_LOCK = ".lock"
_TRIES = 5
# Who sweeps holds a file for less; another user, who may read it, could for ever.
_HOLD_TRIES, _HOLD_SECONDS = 20, 0.01
_IS_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
# Windows neither moves nor removes what is open.
_MOVES_OPEN = sys.platform != "win32"
_BLOCK_BYTES = 512


class LocalFolder(Folder):
    """A local folder; the move of a finished file is atomic, and its bytes are flushed first.

    A writer holds a lock on its unfinished file, so that what is left of one that died can be told by that alone. Where
    there are no locks, as on Windows and some clusters, its date has to do.

    Args:
        root: The folder, which may be missing; it is made for its owner alone.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self.where = str(self._root)

    def find_fault(self, name: str = "") -> str:  # noqa: D102
        return find_fault(self._root / name, is_awaited=True)

    def make(self) -> None:  # noqa: D102
        with contextlib.suppress(OSError):
            make_private(self._root)

    def items(self) -> list[Item]:  # noqa: D102
        found = []
        try:
            with os.scandir(self._root) as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):
                        about = entry.stat(follow_symlinks=False)
                        is_file = stat.S_ISREG(about.st_mode)
                        size = about.st_size if is_file else 0
                        room = getattr(about, "st_blocks", size) * _BLOCK_BYTES
                        found.append(Item(entry.name, size, about.st_mtime, is_file, min(size, room)))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as exc:
            self.fail("listed", exc)
        return found

    def has(self, name: str) -> bool:  # noqa: D102
        try:
            return stat.S_ISREG((self._root / name).lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as exc:
            self.fail("read", exc)

    def read(self, name: str, end: int | None = None) -> bytes:  # noqa: D102
        path = self._root / name
        try:
            number = os.open(path, os.O_RDONLY | CAREFUL)
        except OSError as exc:
            # A link, or a socket; what has no owner's permission stays an error of its own.
            if exc.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
                raise DamagedError("it is no regular file") from exc
            raise
        with open(number, "rb") as file:  # noqa: PTH123 (it is open already)
            about = os.fstat(number)
            if not stat.S_ISREG(about.st_mode):
                raise DamagedError("it is no regular file")
            return file.read(about.st_size if end is None else min(end, about.st_size))

    def write(self, name: str, *parts: bytes) -> None:  # noqa: D102
        temp = self._root / f".{name}.{uuid.uuid4().hex}{TEMP_SUFFIX}"
        try:
            make_private(self._root)
            with contextlib.ExitStack() as held:
                number = self._begin(temp)
                held.callback(os.close, number)
                self._write_parts(number, parts)
                if not _MOVES_OPEN:
                    held.close()
                self._move(temp, self._root / name)
        except BaseException as exc:
            with contextlib.suppress(OSError):
                temp.unlink()
            if not isinstance(exc, Exception):
                raise
            self.fail("written", exc)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:  # noqa: D102
        with contextlib.ExitStack() as held:
            # Where there can be no lock or its holder hangs, a looser result may stay, which is better than none.
            with contextlib.suppress(OSError, NotImplementedError, StoreError):
                make_private(self._root)
                lock = self._root / _LOCK
                # What opens it would follow a link, or wait for a pipe.
                with contextlib.suppress(FileNotFoundError):
                    if not stat.S_ISREG(lock.lstat().st_mode):
                        self.remove(_LOCK)
                held.enter_context(filelock.FileLock(lock).acquire(timeout=LOCK_SECONDS))
            yield

    def remove(self, name: str) -> bool:  # noqa: D102
        path = self._root / name
        try:
            if stat.S_ISDIR(path.lstat().st_mode):
                self._clear_away(path)
            else:
                path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as exc:
            self.fail("emptied", exc)
        return True

    def mark_used(self, name: str) -> None:  # noqa: D102
        now = time.time_ns()
        with contextlib.suppress(OSError, NotImplementedError):
            # Windows can but follow links, which few may make there.
            follows = os.utime not in os.supports_follow_symlinks
            # Without explicit times the kernel's clock is used, too coarse to order two quick uses.
            os.utime(self._root / name, ns=(now, now), follow_symlinks=follows)

    def is_left(self, item: Item) -> bool:  # noqa: D102
        return self._try_left(item, is_removed=False)

    def sweep(self, *, needs_room: bool = False) -> int:  # noqa: D102
        now, freed = time.time(), 0
        with contextlib.suppress(Exception):
            for item in self.items():
                # No writer of ours makes anything but files.
                if item.is_temp and (needs_room or item.is_stale(now) or not item.is_file):
                    freed += item.room if self._try_left(item, is_removed=True) else 0
        return freed

    def _begin(self, temp: Path) -> int:
        """Open a new file and hold it locked; return its number."""
        for _ in range(_TRIES):
            number = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CAREFUL, 0o644)
            for _ in range(_HOLD_TRIES):
                if _hold(number) is not False:
                    break
                time.sleep(_HOLD_SECONDS)
            with contextlib.suppress(FileNotFoundError):
                if temp.lstat().st_ino == os.fstat(number).st_ino:
                    return number
            # Swept between the two calls.
            os.close(number)
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    def _write_parts(self, number: int, parts: tuple[bytes, ...]) -> None:
        for part in parts:
            left = memoryview(part)
            while left:
                left = left[os.write(number, left) :]
        os.fsync(number)
        now = time.time_ns()
        with contextlib.suppress(NotImplementedError, TypeError):
            os.utime(number, ns=(now, now))

    def _move(self, source: Path, target: Path) -> None:
        try:
            source.replace(target)
        except OSError:
            if not stat.S_ISDIR(target.lstat().st_mode):
                raise
            self._clear_away(target)
            source.replace(target)

    def _clear_away(self, folder: Path) -> None:
        """Remove a folder that has a file's name; it is out of the way at once."""
        aside = self._root / f".{uuid.uuid4().hex}{TEMP_SUFFIX}"
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)

    def _try_left(self, item: Item, *, is_removed: bool) -> bool:
        """Return whether nobody writes a temporary file, after removing it if that is wanted."""
        path = self._root / item.name
        try:
            number = os.open(path, os.O_RDWR | CAREFUL)
        except FileNotFoundError:
            return False
        except OSError:
            # No writer of ours makes links or folders; what is another user's may not be removable.
            if is_removed:
                with contextlib.suppress(Exception):
                    return self.remove(path.name)
            return not is_removed and not self.has(path.name)
        with contextlib.ExitStack() as held:
            held.callback(os.close, number)
            is_ours = _hold(number)
            if not (item.is_stale(time.time()) if is_ours is None else is_ours):
                return False
            if is_removed:
                if not _MOVES_OPEN:
                    held.close()
                try:
                    path.unlink()
                except OSError:
                    return False
        return True


def _hold(number: int) -> bool | None:
    """Lock an open file while it is open; return whether nobody else had, or None where there are no locks."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        return False if exc.errno in _IS_HELD else None
    return True
