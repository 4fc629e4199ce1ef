"""Who else can change what lies at a path: asked before anything from there is run or believed.

As OpenSSH asks before it reads a key: the file, its folder and every folder above belong to this user or to root, and
nobody else may write there. Where that holds, nobody else can exchange what was looked at before it is opened.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ncviz.errors import NcvizError

if sys.platform != "win32":
    import grp
    import pwd

# Opens neither links nor what would have to be waited for; of what does not exist on Windows, nothing is said there.
CAREFUL = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)  # fmt: skip
# Of Linux alone; elsewhere such lists show in the permissions or are not looked at.
_ACCESS_LIST = "system.posix_acl_access"
# Longer chains of links than any file system follows.
_MOST_LINKS = 40


class UntrustedFolderWarning(UserWarning):
    """A folder is left aside because others could change what lies in it; the message says why and what to do."""


def find_fault(path: Path, *, is_awaited: bool = False) -> str:
    """Return who else could change what lies at a path, in a few words, or an empty string if nobody can.

    Links are followed, and the folders they lie in are looked at, too. What does not exist yet is as good as the
    folder it would be made in. Where files have no owner (Windows), folders of a user's profile are that user's alone,
    and nothing is found.

    Args:
        path: The place.
        is_awaited: Whether what does not exist yet may be read as soon as it does, without another look at who made
            it: then it is a fault if others could.
    """
    if not hasattr(os, "geteuid"):
        return ""
    todo = list(path.absolute().parts)
    place, links, is_anybodys = Path(todo.pop(0)), 0, False
    while True:
        try:
            found = place.lstat()
        except FileNotFoundError:
            return f"others could make {place} first" if is_awaited and is_anybodys else ""
        except OSError as error:
            return f"{place} cannot be looked at ({error.strerror})"
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if not _is_trusted(found.st_uid) or links > _MOST_LINKS:
                return f"{place} is a link of another user's or one that leads nowhere"
            todo = [*place.readlink().parts, *todo]
            place = place.parent
            continue
        # In a folder with the sticky bit, as /tmp, others can neither remove nor rename what is ours.
        is_sticky = bool(found.st_mode & stat.S_ISVTX) and stat.S_ISDIR(found.st_mode) and bool(todo)
        fault = _fault_of(place, found, is_sticky)
        is_anybodys = is_sticky and bool(_fault_of(place, found))
        if fault or not todo:
            return fault
        part = todo.pop(0)
        # Not by resolve(), which would hide the folders that links lie in.
        place = place.parent if part == ".." else place / part


def find_fault_inside(folder: Path) -> str:
    """Return what below a folder others made or could change, as files left from when they could write there.

    Where nobody else can enter the folder, permissions below it say nothing: a umask of 002 or 000 makes such files.

    Raises:
        OSError: If it cannot be looked through.
    """
    if not hasattr(os, "geteuid"):
        return ""
    is_closed = not folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    todo = [str(folder)]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    found = entry.stat(follow_symlinks=False)
                    if stat.S_ISLNK(found.st_mode):
                        return f"{entry.path} is a link"
                    # A file may have another name outside.
                    is_alone = stat.S_ISDIR(found.st_mode) or found.st_nlink == 1
                    if fault := _fault_of(Path(entry.path), found, is_closed and is_alone):
                        return fault
                    if stat.S_ISDIR(found.st_mode):
                        todo.append(entry.path)
    return ""


def find_fault_of_open(file: int, place: Path) -> str:
    """Return the same of an open file itself, wherever it lies; ``place`` is for the words alone."""
    return _fault_of(place, os.fstat(file)) if hasattr(os, "geteuid") else ""


def refuse_foreign(settings: Path, reader: str) -> None:
    """Refuse a file of settings that others could have written, before a library looks for it.

    Args:
        settings: The file, which may be missing.
        reader: What would take its settings from there.

    Raises:
        NcvizError: If it is there and others could have written it.
    """
    place = settings.absolute()
    if place.exists() and (fault := find_fault(place)):
        raise NcvizError(
            f"{reader} would take its settings from {place}, but {fault}: start ncviz in a folder of your own, or "
            "remove that file."
        )


def make_private(folder: Path) -> None:
    """Make a folder that its owner alone can enter, and those above it that are missing.

    Raises:
        OSError: If it cannot be made.
    """
    missing = []
    above = folder
    while not above.exists():
        missing.append(above)
        above = above.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def remove_unused(folders: Iterable[Path], keep: int, older_than: float) -> None:
    """Remove folders but for the latest used ones and those changed after a time, as well as permissions allow."""
    dated = []
    for folder in folders:
        with suppress(OSError):
            found = folder.lstat()
            if stat.S_ISDIR(found.st_mode):
                dated.append((found.st_mtime, folder))
    for changed, folder in sorted(dated, reverse=True)[keep:]:
        if changed < older_than:
            shutil.rmtree(folder, ignore_errors=True)


def _fault_of(place: Path, found: os.stat_result, is_safe: bool = False) -> str:
    """Say what is wrong with one file or folder; if it is safe from others otherwise, its owner alone counts."""
    if not _is_trusted(found.st_uid):
        return f"{place} belongs to another user"
    if is_safe:
        return ""
    if found.st_mode & stat.S_IWOTH:
        return f"all users may write to {place}"
    if found.st_mode & stat.S_IWGRP and not _is_own_group(place, found.st_gid):
        return f"a group may write to {place}"
    return ""


def _is_trusted(owner: int) -> bool:
    return owner in (0, os.geteuid())


def _is_own_group(place: Path, group: int) -> bool:
    """Return whether a group is this user's alone, as where each user has one, and no list of others comes on top."""
    if hasattr(os, "listxattr"):
        try:
            if _ACCESS_LIST in os.listxattr(place, follow_symlinks=False):
                return False
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EPERM):
                return False
    if sys.platform == "win32":
        return False
    try:
        user, own = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    is_named_so = user.pw_gid == group and own.gr_name == user.pw_name
    return user.pw_uid != 0 and is_named_so and set(own.gr_mem) <= {user.pw_name}
