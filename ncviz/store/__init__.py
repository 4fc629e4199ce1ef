"""Results on disk under the fingerprint of what made them: whole or absent, verified, bounded, no pickle."""

from ncviz.fingerprint import digest
from ncviz.store.entries import Entry
from ncviz.store.record import Record
from ncviz.store.signing import KEY_VARIABLE
from ncviz.store.store import CACHE_VARIABLE, Store, StoreWarning, open_folder

__all__ = [
    "CACHE_VARIABLE", "KEY_VARIABLE", "Entry", "Record", "Store", "StoreWarning", "digest", "open_folder",
]  # fmt: skip
