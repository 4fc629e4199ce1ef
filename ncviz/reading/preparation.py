"""What the reading process does before the first file: libraries, and what all files of weights are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np

from ncviz.models.files.state_dict.recognition import prepare as prepare_outlines
from ncviz.progress import Progress
from ncviz.reading import images, networks

__all__ = ["images", "networks", "prepare_all"]


def prepare_all(
    arguments: dict[str, Any], blobs: list[bytes], progress: Progress
) -> tuple[Any, list[np.ndarray]]:
    """Build the outlines of all known architectures."""
    prepare_outlines()
    return None, []
