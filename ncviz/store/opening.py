"""Which folder a store lies in, and what opens it."""

from __future__ import annotations

import os
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem
from platformdirs import user_cache_path

from ncviz.errors import StoreError
from ncviz.store.folder import Folder, reason

CACHE_VARIABLE = "NCVIZ_CACHE"


def store_place(url: str | None) -> str:
    """Return a URL or path as given, else that in NCVIZ_CACHE, else the user's cache folder.

    Raises:
        StoreError: If nothing is given and the user has no home folder.
    """
    if found := url or os.environ.get(CACHE_VARIABLE):
        return str(found)
    try:
        place = user_cache_path("ncviz")
    except RuntimeError:
        place = Path("~")
    # Older versions of platformdirs return what cannot be expanded as it is.
    if not place.is_absolute():
        raise StoreError(
            f"There is no place for results, since this user has no home folder: set {CACHE_VARIABLE} to a folder."
        )
    return str(place)


def open_folder(url: str) -> Folder:
    """Return a folder by its path or its URL.

    Args:
        url: A folder or any fsspec URL.

    Raises:
        StoreError: If the protocol is unknown, its package is missing or its server refuses.
    """
    try:
        files, root = fsspec.core.url_to_fs(url)
    except Exception as exc:
        # The URL itself may hold a password, so only its protocol is shown.
        protocol = url.split("://")[0]
        raise StoreError(
            f"The result store cannot be opened by the protocol {protocol!r} ({reason(exc)}): "
            "install what it needs or set NCVIZ_CACHE to a folder."
        ) from exc
    # Neither kind needs what the other does.
    if isinstance(files, LocalFileSystem):
        from ncviz.store.local import LocalFolder

        return LocalFolder(Path(root))
    from ncviz.store.remote import RemoteFolder

    return RemoteFolder(files, str(root))
