"""The store's table of contents, read from the records' headers alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ncviz.store.folder import Folder, Item
from ncviz.store.record import header_bytes, read_header

HEAD_BYTES = 2**14


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


def read_entry(
    folder: Folder, item: Item, key: str, last_used: float | None = None, *, is_bundled: bool = False
) -> Entry | None:
    """Return a record's line, or None if its header cannot be read.

    Args:
        folder: Where it lies.
        item: The file.
        key: Its key.
        last_used: When it was last used, by default when it was last changed.
        is_bundled: Whether it ships with the package.
    """
    try:
        head = folder.read(item.name, min(HEAD_BYTES, item.bytes))
        if len(head) < header_bytes(head) <= item.bytes:
            head = folder.read(item.name, header_bytes(head))
        header = read_header(head)
    except Exception:
        # Damaged, or removed by another process since it was listed.
        return None
    used = item.modified if last_used is None else last_used
    kind = str(header.meta.get("kind", ""))
    return Entry(key, kind, item.bytes, header.created, used, header.meta, is_bundled)
