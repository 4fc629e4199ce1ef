"""Look through a store: which of its records would be used, and what else lies there."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ncviz.store.cap import AHEAD_SECONDS, SUFFIX, key_of
from ncviz.store.folder import Item, reason
from ncviz.store.record import DamagedError, ForeignError
from ncviz.store.store import Store


@dataclass(frozen=True)
class Finding:
    """One thing in a store that is not as it should be.

    Attributes:
        name: Its name.
        kind: "damaged", "not ours", "unreadable", "no file", "dated ahead", "stray", "being written" or "left behind".
        bytes: Its size.
        words: What was found, in a few words.
        is_bundled: Whether it came with the package.
        is_fault: Whether it keeps a result from being used.
    """

    name: str
    kind: str
    bytes: int
    words: str
    is_bundled: bool = False
    is_fault: bool = False


@dataclass(frozen=True)
class VerifyResult:
    """What a look through a store found.

    Attributes:
        where: The folder or URL.
        sound: How many records are whole and would be used, bundled ones included.
        findings: What is not as it should be.
        bytes: Size of records and temporary files together, without the bundled ones.
        max_bytes: What they may take.
        shared: Who else can write there, for which records are signed; empty if nobody can.
    """

    where: str
    sound: int
    findings: tuple[Finding, ...]
    bytes: int
    max_bytes: int
    shared: str

    @property
    def is_sound(self) -> bool:
        """Whether everything that is there would be used."""
        return not any(finding.is_fault for finding in self.findings)


def verify_store(store: Store) -> VerifyResult:
    """Read every record of a store, and change nothing.

    Raises:
        StoreError: If the store cannot be listed.
    """
    sound, findings = 0, []
    bundled = store.bundled.items() if store.bundled is not None else []
    items = [(item, False) for item in store.folder.items()] + [(item, True) for item in bundled]
    for item, is_bundled in items:
        found = _look_at(store, item, is_bundled)
        sound += bool(key_of(item)) and not any(finding.is_fault for finding in found)
        findings += found
    return VerifyResult(
        store.where, sound, tuple(findings), store.size(), store.max_bytes, store.folder.find_fault()
    )


def _look_at(store: Store, item: Item, is_bundled: bool) -> list[Finding]:
    def finding(kind: str, words: str, is_fault: bool = False) -> Finding:
        return Finding(item.name, kind, item.bytes, words, is_bundled, is_fault)

    if item.is_temp:
        if store.folder.is_left(item):
            return [finding("left behind", "its writer is gone; it goes when its room is needed, or in time")]
        return [finding("being written", "a writer is at it")]
    if not key_of(item):
        is_alike = item.name.endswith(SUFFIX)
        return [finding("stray", "its name is none that a record has; nothing reads it")] if is_alike else []
    found = []
    if not is_bundled and item.modified > time.time() + AHEAD_SECONDS:
        found = [finding("dated ahead", "its date lies ahead; it counts as used now")]
    try:
        store.read(key_of(item), is_bundled=is_bundled)
    except DamagedError as exc:
        kind = "damaged" if item.is_file else "no file"
        return [*found, finding(kind, f"{exc}; it goes when it is asked for", True)]
    except ForeignError as exc:
        return [*found, finding("not ours", f"others could have written it, and {exc}", True)]
    except FileNotFoundError:
        # Removed by another process since it was listed.
        return []
    except Exception as exc:
        kind = "unreadable" if item.is_file else "no file"
        return [*found, finding(kind, reason(exc), True)]
    return found
