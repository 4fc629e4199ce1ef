"""What the reading of one file may take: memory, numbers gone through, entries and time, counted where work is done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

import numpy as np

from ncviz.errors import NcvizError
from ncviz.limits import LIMITS
from ncviz.text import megabytes

# Half precision is done in software, one number at a time.
_HALF = 10


class Budget:
    """What is left of the work that the reading of one file may be; every reader takes one, and none goes beyond it.

    A file's size bounds what it holds, not what it asks for: a few bytes may say how large an array is, or have one
    gone through again and again. So everything that may be more than the file is charged here before it is done.

    Args:
        label: The file's name, for messages.
        size: Its bytes, or what an archive unpacks to if that is more.
        error: What is raised.
        pixels: Whether the numbers are pixels, of which a file holds many in few bytes, and which take longer.
    """

    def __init__(self, label: str, size: int, error: type[NcvizError], *, pixels: bool = False) -> None:
        self.label, self.error, self._is_of_pixels = label, error, pixels
        self.bytes = 0
        self._seen: dict[int, Any] = {}
        self._gone_through = Counter[str]()
        self._started = time.thread_time()
        self.widen(size)

    def widen(self, size: int) -> None:
        """Take the file for one of so many bytes, as an archive is that unpacks to them."""
        self.most_bytes = LIMITS.reading_bytes + LIMITS.reading_copies * size
        self.most_elements = (
            LIMITS.pixels + LIMITS.pixels_per_byte * size
            if self._is_of_pixels
            else LIMITS.elements + LIMITS.elements_per_byte * size
        )
        per_mb = LIMITS.image_seconds_per_mb if self._is_of_pixels else LIMITS.reading_seconds_per_mb
        self.seconds = LIMITS.reading_seconds + per_mb * size / 1e6

    def again(self) -> Budget:
        """Return a budget for another try at the same file: time and numbers go on, what was held is gone."""
        other = copy(self)
        other.bytes, other._seen = 0, {}
        return other

    def hold(self, size: int) -> None:
        """Count so many bytes that are to be kept.

        Raises:
            NcvizError: If there is no room for them, as the error that was given.
        """
        self.bytes += size
        if self.bytes > self.most_bytes:
            raise self.error(
                f"{self.label} takes more than {megabytes(self.most_bytes)} of memory to read, far more than it holds; "
                "bring a smaller one, or save it again."
            )
        self.check_time()

    def check_room(self, size: int) -> None:
        """Raise the error if so many more bytes could not be held."""
        self.hold(size)
        self.bytes -= size

    def hold_array(self, values: np.ndarray) -> np.ndarray | None:
        """Count the memory that an array lies in, once for all arrays that lie in it; return it if it is new.

        A view has a base, and so has a copy that was reshaped: what tells them apart is the last base of all.
        """
        root: Any = values
        while isinstance(root, np.ndarray) and isinstance(root.base, np.ndarray):
            root = root.base
        if id(root) in self._seen:
            return None
        # Kept, so that nothing else comes to lie there.
        self._seen[id(root)] = root
        self.hold(root.nbytes)
        return root

    def touch(self, elements: int, dtype: np.dtype[Any] | None = None) -> None:
        """Count so many numbers that are gone through.

        Raises:
            NcvizError: If they are too many in all, as the error that was given.
        """
        self._gone_through["all"] += elements * (_HALF if dtype == np.float16 else 1)
        if self._gone_through["all"] > self.most_elements:
            what = "unpacks to" if self._is_of_pixels else "asks for arithmetic on"
            raise self.error(
                f"{self.label} {what} more than {self.most_elements:,} {'pixels' if self._is_of_pixels else 'numbers'} "
                "in all, the most that is read of a file of its size; bring a smaller one."
            )
        self.check_time()

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Leave out the time of what is done once for all files, such as the building of outlines to compare with."""
        begun = time.thread_time()
        try:
            yield
        finally:
            self._started += time.thread_time() - begun

    def check_time(self) -> None:
        """Raise the error if reading has taken too long, by the time that this thread computed."""
        if time.thread_time() - self._started > self.seconds:
            raise self.error(
                f"{self.label} takes more than {self.seconds:.0f} s to read, far more than a file of its size should; "
                "bring a smaller one, or save it again."
            )
