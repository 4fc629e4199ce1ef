"""What is done by hand as a file: made, and read back strictly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ncviz.errors import NcvizError
from ncviz.scene.surgery.steps import Step, read_steps

FORMAT, VERSION = "ncviz steps by hand", 1
MAX_BYTES = 16_000_000
LONGEST_NAME = 40
_PARTS = ("name", "network", "steps", "order", "removed")
_NOTHING: Any = None


@dataclass(frozen=True)
class StepsFile:
    """Steps by hand on one network.

    Attributes:
        name: What their maker calls them; may be empty.
        fingerprint: The network's.
        steps: What is done.
        removed: How many weights are removed with them in all.
        order: Criterion, scope, which end goes first, and where never-active weights go.
    """

    name: str
    fingerprint: str
    steps: tuple[Step, ...]
    removed: int
    order: tuple[str, str, str, str]

    def to_bytes(self) -> bytes:
        """Return the file."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "network": self.fingerprint,
            "order": list(self.order),
            "removed": self.removed,
            "steps": [str(step) for step in self.steps],
        }
        return json.dumps(content, indent=1).encode()


def read_name(text: str) -> str:
    """Return a name with single spaces.

    Raises:
        NcvizError: If it is too long, or holds what cannot be seen.
    """
    name = " ".join(text.split())
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise NcvizError(f"a name has at most {LONGEST_NAME} letters, got '{name[:LONGEST_NAME]}'.")
    return name


def read_file(content: bytes, fingerprint: str) -> StepsFile:
    """Read a file that was made here.

    Args:
        content: The bytes.
        fingerprint: Of the network that is looked at.

    Raises:
        NcvizError: If it is none, or of another network.
    """
    if len(content) > MAX_BYTES:
        raise NcvizError(f"A file of steps by hand has at most {MAX_BYTES // 10**6} MB.")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise NcvizError("This is no file of steps by hand: it is not JSON.") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or found.get("version") != VERSION:
        raise NcvizError(f"This is no file of steps by hand: it does not say '{FORMAT}', version {VERSION}.")
    told: dict[str, Any] = found
    name, network, steps, order, removed = (told.get(key, _NOTHING) for key in _PARTS)
    is_right = (
        isinstance(name, str)
        and isinstance(network, str)
        and isinstance(steps, list)
        and all(isinstance(step, str) and "," not in step for step in steps)
        and isinstance(order, list)
        and len(order) == 4
        and all(isinstance(part, str) for part in order)
        and isinstance(removed, int)
        and not isinstance(removed, bool)
        and removed >= 0
    )
    if not is_right:
        raise NcvizError("This file of steps by hand lacks a part, or has one of another kind.")
    if network != fingerprint:
        raise NcvizError("This file is about another network; open that one first.")
    return StepsFile(
        read_name(name),
        network,
        read_steps(",".join(steps)),
        removed,
        (order[0], order[1], order[2], order[3]),
    )
