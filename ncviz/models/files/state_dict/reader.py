"""The reader of weights alone, which are never trusted: what a ``.pt``, ``.pth`` or ``.safetensors`` file holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch

from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.content import Source, read_content
from ncviz.models.files.state_dict.archive import SAVE_AGAIN, repack_archive
from ncviz.models.files.state_dict.candidates import Candidate, find_candidates
from ncviz.models.files.state_dict.computed import check_complete, is_masks, with_computed_weights
from ncviz.text import quotable

ZIP_START = b"PK\x03\x04"
PICKLE_START = b"\x80"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The tensors that a file of weights holds, whatever network they are of.

    Attributes:
        candidates: Every dict with tensors in it.
        format: "safetensors" or "pt".
        label: The file's name, for messages.
        budget: What is left of what reading it may take.
    """

    candidates: tuple[Candidate, ...]
    format: str
    label: str
    budget: Budget


def read_checkpoint(source: Source, filename: str | None = None) -> Checkpoint:
    """Return the tensors that a ``.pt``, ``.pth`` or ``.safetensors`` file holds; nothing in it is run.

    Args:
        source: A path, the file's bytes, or an open binary file.
        filename: The file's name for messages; by default that of the source.

    Raises:
        ModelError: If the file is missing, too large, damaged, unsafe, or holds no tensors; one sentence.
    """
    label = quotable(filename or _name_of(source))
    content = read_content(source, label)
    budget = Budget(label, len(content), ModelError)
    if content.startswith(ZIP_START):
        packed = repack_archive(content, label)
        budget.widen(max(len(content), packed.getbuffer().nbytes))
        # The largest files are as large as memory may be, and what was read is in ``packed`` now.
        del content
        loaded, format = _load_torch(packed, label), "pt"
    elif is_safetensors(content):
        loaded, format = load_safetensors(content, label), "safetensors"
    elif content.startswith(PICKLE_START):
        raise ModelError(
            f"{label} is a bare pickle or was written before PyTorch 1.6, neither of which is opened; {SAVE_AGAIN}."
        )
    elif not content:
        raise ModelError(
            f"{label} is empty, expected a network (.pt, .pth, .safetensors, .onnx or .pt2); copy the file again."
        )
    else:
        raise ModelError(
            f"{label} is no checkpoint, expected a .pt or .pth file of torch.save or a .safetensors file; {SAVE_AGAIN}."
        )
    candidates = [
        replace(each, tensors=with_computed_weights(each.tensors, label, budget))
        for each in find_candidates(loaded, label)
    ]
    check_complete([each.tensors for each in candidates], label)
    # Beside the network that they were laid over, masks say nothing new.
    return Checkpoint(tuple(each for each in candidates if not is_masks(each.tensors)), format, label, budget)


def _name_of(source: Source) -> str:
    """Return a name for messages."""
    name = source if isinstance(source, (str, Path)) else getattr(source, "name", None)
    return Path(name).name if isinstance(name, (str, Path)) and Path(name).name else "The checkpoint"


def _load_torch(content: BinaryIO, label: str) -> Any:
    """Return what a checked archive holds.

    Raises:
        ModelError: If torch's restricted reader refuses it.
    """
    try:
        return torch.load(content, map_location="cpu", weights_only=True)
    except (
        Exception
    ) as error:  # junk makes it raise EOFError, KeyError, RuntimeError, UnpicklingError and more
        raise ModelError(
            f"{label} cannot be read as a PyTorch checkpoint ({_reason(error)}); {SAVE_AGAIN}."
        ) from error


def is_safetensors(content: bytes) -> bool:
    """Return whether the file starts as safetensors do: the header's length in 8 bytes, then a JSON object."""
    return len(content) > 8 and content[8:9] == b"{"


def load_safetensors(content: bytes, label: str) -> Any:
    """Return the tensors of a safetensors file.

    Raises:
        ModelError: If its header is too long, is no JSON object, or lies about the data.
    """
    header_bytes = int.from_bytes(content[:8], "little")
    if header_bytes > min(LIMITS.header_bytes, len(content) - 8):
        raise ModelError(
            f"{label} announces a header of {header_bytes:,} bytes, but holds {len(content) - 8:,} after that (at most "
            f"{LIMITS.header_bytes:,} are read); copy the file again."
        )
    try:
        return safetensors.torch.load(content)
    except (
        Exception
    ) as error:  # SafetensorError, KeyError for a new dtype, RuntimeError, RecursionError and more
        raise ModelError(
            f"{label} cannot be read as a safetensors file ({_reason(error)}); save it again with "
            "safetensors.torch.save_file(net.state_dict(), path)."
        ) from error


def _reason(error: Exception) -> str:
    """Return an error's kind and the first line of its text, shortened."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {quotable(lines[0].rstrip('.'), 100)}" if lines else type(error).__name__
