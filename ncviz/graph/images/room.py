"""Memory that one large table after the other is made in, so that it is not given back and asked for again each time.

A system that has given memory away has to find it and clear it when it is asked for again, which for tables that are
written once takes longer than making them.
"""

from __future__ import annotations

import threading
from math import prod

import numpy as np

# Smaller arrays are as quickly made anew.
_LARGE = 2**17


class Room:
    """Room for arrays that are all done with at the same time. Several threads may ask for some.

    Whoever calls ``clear`` answers for it that nobody reads what was made before.
    """

    def __init__(self) -> None:
        self._buffer = np.empty(0)
        self._used = 0
        self._lock = threading.Lock()

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array of float64 with anything in it."""
        size = prod(shape)
        if size < _LARGE:
            return np.empty(shape)
        with self._lock:
            begin, self._used = self._used, self._used + size
            if self._used > len(self._buffer):
                return np.empty(shape)
        return self._buffer[begin : begin + size].reshape(shape)

    def clear(self) -> None:
        """Let everything be written over, and keep as much memory as was asked for since this was last said."""
        with self._lock:
            if self._used > len(self._buffer):
                self._buffer = np.empty(0)
                self._buffer = np.empty(self._used)
            self._used = 0


def empty(shape: tuple[int, ...], room: Room | None) -> np.ndarray:
    """Return an array of float64 with anything in it, in some room or in memory of its own."""
    return np.empty(shape) if room is None else room.empty(shape)
