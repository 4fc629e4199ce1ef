"""How a store stays within its cap: what died writers left goes first, then what was used longest ago."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from ncviz.errors import StoreError
from ncviz.store.folder import Folder, Item

SUFFIX = ".ncviz"
_NAME = re.compile(r"([0-9a-f]{64})\.ncviz")
# The clocks of a file server and of its users differ by less.
AHEAD_SECONDS = 60.0


def redate_ahead(folder: Folder) -> None:
    """Set the dates of records that lie ahead to now, in their order.

    By a clock that was wrong, or by other hands, they would stay for as long as they are ahead, and all others go.

    Raises:
        StoreError: If the folder cannot be listed.
    """
    latest = time.time() + AHEAD_SECONDS
    for item in sorted(folder.items(), key=lambda item: item.modified):
        if key_of(item) and item.is_file and item.modified > latest:
            folder.mark_used(item.name)


def keep_within(folder: Folder, max_bytes: int, newest: str, last_used: Callable[[Item], float]) -> set[str]:
    """Remove files until the rest takes no more than the cap; return the names of those records that stay.

    Args:
        folder: Where records and temporary files lie.
        max_bytes: The cap.
        newest: Name of the record that was just written, which stays.
        last_used: When a record was last used, at most now.

    Raises:
        StoreError: If the folder cannot be listed.
    """
    items = folder.items()
    records = [item for item in items if item.is_file and key_of(item)]
    excess = sum(item.room for item in items if item.is_temp) + sum(item.room for item in records) - max_bytes
    if excess > 0 and any(item.is_temp for item in items):
        excess -= folder.sweep(needs_room=True)
    kept = {item.name for item in records}
    for item in sorted(records, key=lambda item: (last_used(item), item.modified)):
        if excess <= 0:
            break
        if item.name != newest and _try_remove(folder, item.name):
            kept.discard(item.name)
            excess -= item.room
    return kept


def _try_remove(folder: Folder, name: str) -> bool:
    try:
        return folder.remove(name)
    except StoreError:
        return False


def file_name(key: str) -> str:
    """Return the name of a key's record.

    Raises:
        StoreError: If it is not 64 hex characters.
    """
    name = f"{key}{SUFFIX}"
    if not isinstance(key, str) or not _NAME.fullmatch(name):
        raise StoreError(f"A store key must be 64 lower-case hex characters, got {key!r:.80}.")
    return name


def key_of(item: Item) -> str:
    """Return the key that a name says, or an empty string if it is no record's name."""
    found = _NAME.fullmatch(item.name)
    return found[1] if found else ""
