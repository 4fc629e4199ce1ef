"""Results on disk under the fingerprint of what made them: whole or absent, verified, bounded, no pickle."""

from ncviz.fingerprint import digest
from ncviz.store.record import Record
from ncviz.store.store import CACHE_VARIABLE, Entry, Store, StoreWarning

__all__ = ["CACHE_VARIABLE", "Entry", "Record", "Store", "StoreWarning", "digest"]
