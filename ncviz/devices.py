"""Where to compute: the CPU, every CUDA GPU and Apple's GPU, and clear words when one is missing or full."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ncviz.errors import DeviceError
from ncviz.text import gigabytes

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Device:
    """A device that can be selected.

    Attributes:
        name: How to ask for it: "cpu", "cuda:N" or "mps".
        title: What it is, for people.
        free_bytes: Free memory, None where the system does not tell.
        total_bytes: All memory, None where the system does not tell.
    """

    name: str
    title: str
    free_bytes: int | None = None
    total_bytes: int | None = None

    def __str__(self) -> str:
        if self.free_bytes is None:
            return f"{self.name} · {self.title}"
        return f"{self.name} · {self.title}, {gigabytes(self.free_bytes)} free"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_devices() -> list[Device]:
    """Return every device of this machine, the CPU first."""
    import torch

    found = [Device("cpu", f"{os.cpu_count() or 1} cores")]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            found.append(Device(f"cuda:{index}", torch.cuda.get_device_name(index), free, total))
    if torch.backends.mps.is_available():
        found.append(Device("mps", "Apple GPU (distances on the CPU: it has no float64)"))
    return found


def free_memory() -> int | None:
    """Return the bytes of this machine's memory that are free for more; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        facts = dict(line.split(":", 1) for line in lines if ":" in line)
        free = int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        return None
    # A container may be allowed less than the machine has.
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            free = min(free, int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):
            continue
    return max(0, free)


def resolve_device(name: str | torch.device) -> str:
    """Return the full name of a device that is there, "cuda" meaning the first GPU.

    Raises:
        DeviceError: If there is no such device, naming those that can be had.
    """
    wanted = "cuda:0" if str(name) == "cuda" else str(name)
    if wanted == "cpu":
        return wanted
    names = [device.name for device in available_devices()]
    if wanted not in names:
        raise DeviceError(f"Device '{name}' is not on this machine; choose one of: {', '.join(names)}.")
    return wanted


@contextmanager
def guard(device: str) -> Iterator[None]:
    """Turn a device's out-of-memory into one sentence that offers a way on.

    Raises:
        DeviceError: If the work inside ran out of memory.
    """
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        if device.startswith("cuda"):
            torch.cuda.empty_cache()
        raise DeviceError(
            f"Device '{device}' ran out of memory; free some, choose fewer samples, or choose another device (cpu). "
            "Earlier results are kept."
        ) from error
    except (MemoryError, RuntimeError) as error:
        # torch's CPU allocator has no error type of its own.
        if isinstance(error, RuntimeError) and "DefaultCPUAllocator" not in str(error):
            raise
        raise DeviceError(
            "This machine ran out of memory; choose fewer samples or a smaller network. Earlier results are kept."
        ) from error
