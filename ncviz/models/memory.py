"""How much memory the networks of all sessions of a server take together, and whether there is room for another."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.network import Network
from ncviz.text import megabytes

# Beside a file while it is read: what it unpacks to, and the weights.
_COPIES = 2


class NetworkMemory:
    """The memory of the networks that were brought to a server, for as long as anybody holds them; thread-safe.

    Nothing is kept alive here, and nothing is dropped for lack of room: a network that does not fit is refused.

    Args:
        most_bytes: Memory of all of them.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most, self._lock, self._reading = most_bytes, threading.Lock(), 0
        self._claimed: dict[int, tuple[weakref.ref[np.ndarray], int]] = {}

    @property
    def nbytes(self) -> int:
        """Memory that is taken, that of files being read included."""
        with self._lock:
            return self._taken()

    def claim(self, network: Network) -> None:
        """Count a network for as long as its arrays live; those that are counted already count once.

        Raises:
            ModelError: If there is no room, saying what to do.
        """
        if network.is_bundled:
            return
        with self._lock:
            taken = self._taken()
            new = {id(values): (weakref.ref(values), values.nbytes) for values in network.arrays.values()}
            new = {key: entry for key, entry in new.items() if key not in self._claimed}
            if new:
                # The file that is kept lives as long as the weights do.
                key, (first, size) = next(iter(new.items()))
                new[key] = first, size + len(network.original or b"")
            self._check(taken, sum(size for _, size in new.values()), network.name)
            self._claimed |= new

    @contextmanager
    def reading(self, size: int, label: str) -> Iterator[None]:
        """Keep room while a file of so many bytes is read.

        Raises:
            ModelError: If there is none, before anything is read.
        """
        with self._lock:
            self._check(self._taken(), _COPIES * size, label)
            self._reading += _COPIES * size
        try:
            yield
        finally:
            with self._lock:
                self._reading -= _COPIES * size

    def _taken(self) -> int:
        self._claimed = {key: entry for key, entry in self._claimed.items() if entry[0]() is not None}
        return self._reading + sum(size for _, size in self._claimed.values())

    def _check(self, taken: int, size: int, label: str) -> None:
        if taken + size > self._most:
            raise ModelError(
                f"{label} takes {megabytes(size)} of memory, and the networks that were brought to this server take "
                f"{taken / 1e6:,.0f} of {megabytes(self._most)}; forget one of yours under “Keep and take away”, "
                "try again later, or ask the server's owner to raise own_networks_bytes in ncviz/limits.py."
            )


NETWORK_MEMORY = NetworkMemory(LIMITS.own_networks_bytes)
