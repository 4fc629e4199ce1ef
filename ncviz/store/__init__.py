"""Results on disk under the fingerprint of what made them: whole or absent, verified, bounded, no pickle."""

from ncviz.fingerprint import digest
from ncviz.store.entries import Entry
from ncviz.store.opening import CACHE_VARIABLE, open_folder
from ncviz.store.record import Record
from ncviz.store.signing import KEY_VARIABLE
from ncviz.store.store import Store, StoreWarning

__all__ = [
    "CACHE_VARIABLE", "KEY_VARIABLE", "Entry", "Record", "Store", "StoreWarning", "digest", "open_folder",
]  # fmt: skip
