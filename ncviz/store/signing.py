"""The key with which records are signed that lie where others can write."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from platformdirs import user_data_path

from ncviz.errors import StoreError
from ncviz.trust import find_fault, make_private

KEY_VARIABLE = "NCVIZ_STORE_KEY"
_LEAST = 16
_BYTES = 32


def signing_key() -> bytes:
    """Return the key in NCVIZ_STORE_KEY, which a workspace shares, else this user's own.

    The user's own is drawn once and kept in the user's data folder, for that user's eyes alone; where that is not
    possible it lasts as long as the process, and so do results in a shared place.

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
    path = user_data_path("ncviz") / "store.key"
    with suppress(OSError):
        make_private(path.parent)
        if not find_fault(path) and not path.exists():
            _keep(path, secrets.token_bytes(_BYTES))
        if not find_fault(path) and len(found := path.read_bytes()) == _BYTES:
            return found
    return secrets.token_bytes(_BYTES)


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
