"""Work in chunks that fit a device's memory."""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch

from ncviz.devices import guard
from ncviz.errors import CancelledError

CPU_BYTES = 512 * 2**20
# Larger chunks are no faster.
MOST_BYTES = 4 * 2**30
_SHARE = 0.5


class Chunks:
    """Work in chunks that take so much memory at most: half as much each time that the device runs out of it.

    Args:
        device: "cpu" or "cuda:N".
        free_bytes: How much there is; by default a part of what the device has free.
        cancel: Set it to stop before the next chunk.
    """

    def __init__(
        self, device: str, free_bytes: int | None = None, cancel: threading.Event | None = None
    ) -> None:
        self.device, self.cancel = device, cancel
        self.bytes = min(MOST_BYTES, _free_bytes(device) if free_bytes is None else free_bytes)

    def fill(self, total: int, need: Callable[[int, int], int], work: Callable[[int, int], None]) -> None:
        """Do all of some work.

        Args:
            total: How many there are to be done.
            need: Given begin and count, the bytes that each of these takes; must not fall as the count grows.
            work: Given begin and count, does these; may be called once more for some of them if it ran out of memory.

        Raises:
            CancelledError: If ``cancel`` was set.
            DeviceError: If not even one fits.
        """
        begin = 0
        while begin < total:
            if self.cancel is not None and self.cancel.is_set():
                raise CancelledError
            count = max(1, min(total - begin, self.bytes // max(1, need(begin, 1))))
            while (fits := max(1, self.bytes // max(1, need(begin, count)))) < count:
                count = fits
            begin += self._try(begin, count, work)

    def _try(self, begin: int, count: int, work: Callable[[int, int], None]) -> int:
        while True:
            try:
                work(begin, count)
                return count
            except torch.OutOfMemoryError:
                if count == 1:
                    with guard(self.device):
                        raise
            # Only here has the failed attempt let go of its memory.
            count //= 2
            self.bytes //= 2
            if self.device.startswith("cuda"):
                torch.cuda.empty_cache()


def _free_bytes(device: str) -> int:
    if not device.startswith("cuda"):
        return CPU_BYTES
    free, _ = torch.cuda.mem_get_info(device)
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(_SHARE * (free + cached))
