"""Numba for the project's hot loops: compiled once for each machine, in a cache folder of the project's own.

Numba's cache looks at the file of the function alone, so that a change in a function that it calls would go unseen
there. The folder's name therefore carries a digest of all files with compiled code.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from ncviz.trust import (
    UntrustedFolderWarning,
    find_fault,
    find_fault_inside,
    make_private,
    refuse_foreign,
    remove_unused,
)

# Where modules are compiled, and what such a module says before anything else.
_FOLDERS = ("graph", "ricci", "transport", "engine")
_IS_COMPILED = re.compile(rb"^(?:from|import) (?:numba|ncviz\.compiled)\b", re.MULTILINE)
# The sums may be reordered, so that they vectorise; infinities are wanted.
_REORDERED = ("arcp", "contract", "nsz", "reassoc")
_PREFIX = "compiled-"
_NAME = re.compile(rf"{_PREFIX}[0-9a-f]{{12}}")
_KEPT_VERSIONS = 3
_KEPT_SECONDS = 86_400.0


def _sources() -> dict[str, bytes]:
    """Return the files with compiled code, by their names within the package, in a fixed order."""
    root = Path(__file__).parent
    files = sorted(path for folder in _FOLDERS for path in (root / folder).rglob("*.py"))
    found = ((path.relative_to(root).as_posix(), path.read_bytes()) for path in files)
    return {name: content for name, content in found if _IS_COMPILED.search(content)}


def _cache_folder() -> Path | None:
    """Return a folder for this version of the compiled code that nobody else can write to, or None without any.

    Numba unpickles and runs what it finds there. It lies in the folder that NUMBA_CACHE_DIR names, else in the user's
    cache folder.
    """
    content = repr(_REORDERED).encode() + b"".join(_sources().values())
    name = f"{_PREFIX}{hashlib.sha256(content).hexdigest()[:12]}"
    given = os.environ.get("NUMBA_CACHE_DIR") or _users_cache()
    base = Path(given).absolute()
    if base.name.startswith(_PREFIX):
        # Another process of ours named its own folder there.
        base = base.parent
    folder = base / name
    try:
        fault = _prepare(folder) if given else "this user has no home folder"
    except OSError as error:
        fault = f"{folder} cannot be used ({error.strerror})"
    if not fault:
        _remove_old(folder)
        return folder
    found = _temporary_folder(name)
    if found:
        instead = f"the engine's compiled code is kept in {found.parent}, until that is cleared"
    elif found := _fresh_folder(name):
        instead = (
            "the engine is compiled anew into a folder for this process alone, which takes a minute or two"
        )
    else:
        instead = "the engine is compiled anew without keeping it, which takes a minute or two"
    warnings.warn(
        f"{fault}, so {instead}: set NUMBA_CACHE_DIR to a folder that is yours and that nobody else can write to, or "
        "take that right from others (chmod go-w).",
        UntrustedFolderWarning,
        stacklevel=2,
    )
    return found


def _users_cache() -> str:
    """Return the user's cache folder; empty for a user without a home, as one that a container makes up."""
    with suppress(RuntimeError):
        found = platformdirs.user_cache_dir("ncviz")
        # Older versions return what cannot be expanded as it is.
        return "" if found.startswith("~") else found
    return ""


def _prepare(folder: Path) -> str:
    """Make a folder and mark it as used; return why others could change what lies in it, or an empty string."""
    if fault := find_fault(folder.parent):
        return fault
    make_private(folder)
    if fault := find_fault(folder):
        return fault
    if find_fault_inside(folder):
        # Left from when others could write here, as nobody can now; only a part of it may be removable.
        shutil.rmtree(folder, ignore_errors=True)
        make_private(folder)
        if fault := find_fault(folder) or find_fault_inside(folder):
            return fault
    with tempfile.TemporaryFile(dir=folder):
        os.utime(folder)
    return ""


def _temporary_folder(name: str) -> Path | None:
    """Return this user's folder among the temporary files, kept until the machine is started anew, or None.

    There others can come first, but then it is theirs and not used.
    """
    if not hasattr(os, "geteuid"):
        return None
    folder = Path(tempfile.gettempdir(), f"ncviz-{os.geteuid()}", name)
    with suppress(OSError):
        if not _prepare(folder):
            _remove_old(folder)
            return folder
    return None


def _fresh_folder(name: str) -> Path | None:
    """Return a new folder for this process and those it starts, removed when it ends."""
    owner = os.getpid()

    def remove(folder: Path) -> None:
        # What is forked from this process ends, too, and is not to take its parent's folder along.
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)

    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp", os.path.expanduser("~"))):  # noqa: PTH111 (raises nothing without a home)
        with suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix="ncviz-", dir=place))
            atexit.register(remove, folder)
            if not find_fault(folder):
                (folder / name).mkdir(mode=0o700)
                return folder / name
    return None


def _remove_old(folder: Path) -> None:
    """Remove what other versions compiled, but for the latest ones: several checkouts may be in use."""
    others = (each for each in folder.parent.iterdir() if _NAME.fullmatch(each.name) and each != folder)
    remove_unused(others, _KEPT_VERSIONS, time.time() - _KEPT_SECONDS)


def _check_driver_cache() -> None:
    """Keep CUDA's driver from running what it, or another user, left in a folder that others can write to."""
    place = os.environ.get("CUDA_CACHE_PATH") or os.path.expanduser("~/.nv/ComputeCache")  # noqa: PTH111 (as above)
    if place.startswith("~") or find_fault(Path(place)):
        os.environ["CUDA_CACHE_DISABLE"] = "1"


# It can be told there to load any library.
refuse_foreign(Path(".numba_config.yaml"), "numba")
_check_driver_cache()
_folder = _cache_folder()
if _folder is not None:
    # Before numba is imported, and where it looks whenever it reads its settings again; processes that this one starts
    # find what is compiled already.
    os.environ["NUMBA_CACHE_DIR"] = str(_folder)

import numba  # noqa: E402

_settings: Any = numba.config
_settings.CACHE_DIR = str(_folder or "")
_keeps: bool = _folder is not None


def cache_folder() -> str:
    """Return the folder in which another process of this user finds this one's compiled code; empty without any."""
    return str(_settings.CACHE_DIR)


def is_cached(function: Any) -> bool:
    """Whether this function's compiled code lies in the cache, so that its first use takes no compiler."""
    if not function.stats.cache_path:
        return False
    folder = Path(function.stats.cache_path)
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    return any(folder.glob(f"*.{function.__name__}-*.{version}*.nbc"))


compiled: Any = numba.njit(nogil=True, cache=_keeps)
# Small parts of hot loops, at no price: a call of its own would count the references of all its arrays.
inlined: Any = numba.njit(nogil=True, cache=_keeps, inline="always")
summing: Any = numba.njit(nogil=True, cache=_keeps, fastmath=set(_REORDERED))
