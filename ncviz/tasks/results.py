"""What a step of the pipeline hands back, and how it reaches the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ncviz.data.user_data.registry import is_user_data
from ncviz.errors import CancelledError, StoreError
from ncviz.models.network import Network
from ncviz.store import Record, Store

if TYPE_CHECKING:
    import threading

BUNDLED = Path(__file__).parents[1] / "models" / "results"
# Where a result speaks of images in the words of whoever brought them, and what every session may read instead.
_ABOUT_IMAGES = ("pool", "calibrated_on", "evaluated_on", "trained_on")
_OWN_IMAGES = "a user's own images"

Progress = Callable[[float, str], None]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Outcome(Generic[T]):
    """A result, where it came from, and what kept it from being stored, if anything did."""

    record: T
    is_stored: bool
    problem: str | None = None


def open_store(url: str | None = None) -> Store:
    """Return the user's store, with the results that ship with ncviz behind it."""
    return Store(url, bundled=BUNDLED)


def put(store: Store, key: str, record: Record) -> str | None:
    """Store a result; one that cannot be stored is still shown, with the reason."""
    try:
        store.put(key, record.arrays, _impersonal(record.meta))
    except StoreError as error:
        return str(error)
    return None


def anonymous(network: Network) -> dict[str, Any]:
    """What the store calls a network: every session sees its list, so the name of an upload stays out of it."""
    if network.is_bundled:
        return {"model": network.name, "title": network.title}
    return {"model": "own checkpoint", "title": f"own checkpoint ({network.architecture})"}


def _impersonal(meta: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a user's own images and their classes are called: the store is everybody's."""
    if not is_user_data(meta.get("dataset")):
        return meta
    told = {name: _OWN_IMAGES for name in _ABOUT_IMAGES if name in meta}
    return {**meta, **told, **({"notes": []} if "notes" in meta else {})}


def speaker(progress: Progress | None, cancel: threading.Event | None) -> Progress:
    """Return what tells how far a long step is, and raises ``CancelledError`` once ``cancel`` is set."""

    def say(fraction: float, message: str) -> None:
        if cancel is not None and cancel.is_set():
            raise CancelledError
        if progress is not None:
            progress(fraction, message)

    return say
