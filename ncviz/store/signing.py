"""The key with which records are signed that lie where others can write."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import tempfile
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path

from platformdirs import user_data_path

from ncviz.errors import StoreError
from ncviz.trust import CAREFUL, find_fault_of_open, make_private

KEY_VARIABLE = "NCVIZ_STORE_KEY"
_LEAST = 16
_BYTES = 32


class ProcessKeyWarning(UserWarning):
    """No key of the user's own could be kept, so that what is signed now counts until the process ends."""


def signing_key() -> bytes:
    """Return the key in NCVIZ_STORE_KEY, which a workspace shares, else this user's own.

    The user's own is drawn once and kept in the user's data folder, for that user's eyes alone; where that is not
    possible it lasts as long as the process, and so do results in a shared place, which is said once.

    Raises:
        StoreError: If the variable's value is too short to be a secret.
    """
    given = os.environ.get(KEY_VARIABLE)
    if not given:
        return _own_key()
    if len(given) < _LEAST:
        raise StoreError(
            f"{KEY_VARIABLE} has {len(given)} characters, expected at least {_LEAST}: "
            "draw it at random, and give the same to all who share the results."
        )
    return given.encode()


@cache
def _own_key() -> bytes:
    try:
        path = user_data_path("ncviz") / "store.key"
        if not path.is_absolute():
            raise FileNotFoundError(errno.ENOENT, "this user has no home folder")
        make_private(path.parent)
        if not os.path.lexists(path):
            _keep(path, secrets.token_bytes(_BYTES))
        return _read(path)
    except RuntimeError:
        fault = "this user has no home folder"
    except OSError as error:
        fault = f"{error.filename or 'the key'}: {error.strerror}"
    warnings.warn(
        f"No key to sign results with could be kept ({fault}), so those in shared places are computed again after this "
        f"process ends: set {KEY_VARIABLE} to a secret of {_LEAST} characters or more.",
        ProcessKeyWarning,
        stacklevel=3,
    )
    return secrets.token_bytes(_BYTES)


def _read(path: Path) -> bytes:
    """Return the key in a file that nobody else could have written or can read.

    The file itself is asked, and not the folders above it: whoever may write there, as all do in some homes, can remove
    the key, but make none that is this user's.

    Raises:
        OSError: If it is another's or no key.
    """
    number = os.open(path, os.O_RDONLY | CAREFUL)
    with open(number, "rb") as file:  # noqa: PTH123 (it is open already)
        found = os.fstat(number)
        fault = find_fault_of_open(number, path)
        if not fault and hasattr(os, "geteuid") and found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            fault = "others may read it"
        if not fault and not (stat.S_ISREG(found.st_mode) and found.st_size == _BYTES):
            fault = "it is no key"
        if fault:
            raise PermissionError(errno.EPERM, fault, str(path))
        return file.read(_BYTES)


def _keep(path: Path, key: bytes) -> None:
    """Write a key that is not there yet; of several processes one comes first, and all take that one's."""
    number, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with open(number, "wb") as file:  # noqa: PTH123 (it is open already)
            file.write(key)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
