"""What reading every kind of stored result has in common: it must be of that kind, and whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from ncviz.errors import StoreError
from ncviz.store import Record

T = TypeVar("T")


def read(
    record: Record, kind: str, what: str, build: Callable[[Mapping[str, np.ndarray], Mapping[str, Any]], T]
) -> T:
    """Return what a record holds.

    Args:
        record: Out of the store.
        kind: What its ``meta["kind"]`` must be.
        what: What it is called for people, such as "curve".
        build: Makes the result of the record's arrays and meta; raises KeyError where a part is missing.

    Raises:
        StoreError: If the record is of another kind or lacks a part.
    """
    try:
        if record.meta["kind"] != kind:
            raise KeyError("kind")
        return build(record.arrays, record.meta)
    except KeyError as error:
        raise StoreError(
            f"A stored {what} lacks {error}; clear it from the cache and compute again."
        ) from error
