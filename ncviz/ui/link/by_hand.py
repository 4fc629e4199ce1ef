"""What is done by hand as a link holds it: as it is written, packed where that is long, else told to be in a file."""

from __future__ import annotations

from functools import lru_cache

from ncviz.errors import NcvizError
from ncviz.scene.surgery.packing import pack_steps, unpack_steps
from ncviz.scene.surgery.steps import LONGEST_LINK, read_steps, write_steps

# In a link in place of steps that are more than an address takes, however they are packed.
IN_FILE = "in-a-file"


@lru_cache(maxsize=16)
def link_text(steps: str) -> str:
    """Return steps as a link holds them, `IN_FILE` if none can."""
    if len(steps) <= LONGEST_LINK:
        return steps
    packed = pack_steps(steps)
    return packed if len(packed) <= LONGEST_LINK else IN_FILE


def read_by_hand(text: str) -> str:
    """Read what ``link_text`` wrote.

    Raises:
        NcvizError: If it is no steps, or says that they are in a file.
    """
    if text == IN_FILE:
        raise NcvizError(
            "its steps by hand are too many for a link, so the network is shown whole; whoever made it has them in a "
            "file, which opens under By hand in the sidebar."
        )
    return write_steps(read_steps(unpack_steps(text)))
