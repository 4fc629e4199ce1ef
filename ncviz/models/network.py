"""A trained network as plain arrays: of the zoo, or from a checkpoint of the user's own; needs no torch to be held."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ncviz.fingerprint import digest
from ncviz.models.zoo import checkpoint_arrays, find_model

if TYPE_CHECKING:
    from torch import nn

MAX_NAME = 40


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network as plain arrays: what it is, and what it weighs.

    Attributes:
        name: Name in the zoo, or what the user's checkpoint is called.
        title: For people.
        architecture: Name in ``ARCHITECTURES``.
        dataset: Name in ``DATASETS``.
        arrays: Parameter name → array.
        is_bundled: Whether it is one of the zoo.
    """

    name: str
    title: str
    architecture: str
    dataset: str
    arrays: Mapping[str, np.ndarray] = field(repr=False)
    is_bundled: bool = True

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of architecture and every weight."""
        return digest(self.architecture, dict(self.arrays))

    def module(self) -> nn.Module:
        """Build the network as a module, in eval mode."""
        import torch

        from ncviz.models.architectures import build_empty

        net = build_empty(self.architecture)
        net.load_state_dict(
            {name: torch.from_numpy(np.array(values)) for name, values in self.arrays.items()}
        )
        return net.eval()


def open_network(name: str) -> Network:
    """Return a network of the zoo.

    Raises:
        ModelError: If there is none of that name.
    """
    spec = find_model(name)
    return Network(spec.name, spec.title, spec.architecture, spec.dataset, checkpoint_arrays(name))


def open_checkpoint(
    source: str | Path | bytes | BinaryIO, architecture: str, filename: str | None = None
) -> Network:
    """Return a network from the user's own checkpoint of a zoo architecture.

    Raises:
        ModelError: If the file is not a safe, matching checkpoint.
    """
    from ncviz.models.architectures import find_architecture
    from ncviz.models.loading import load_checkpoint

    net = load_checkpoint(source, architecture, filename)
    arrays = {name: values.detach().numpy() for name, values in net.state_dict().items()}
    spec = find_architecture(architecture)
    label = _tame(filename or (Path(source).name if isinstance(source, (str, Path)) else "checkpoint"))
    return Network(label, f"{label} ({spec.title})", architecture, spec.dataset, arrays, is_bundled=False)


def _tame(name: str) -> str:
    """Return a file name fit for a heading: letters, digits, dots and dashes, at most 40 characters."""
    tame = re.sub(r"[^\w.\- ]|_", "-", name).strip() or "checkpoint"
    return tame if len(tame) <= MAX_NAME else f"{tame[: MAX_NAME - 12]}…{tame[-11:]}"
