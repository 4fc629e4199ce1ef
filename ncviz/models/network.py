"""A trained network as plain arrays: of the zoo, or from a checkpoint of the user's own; needs no torch to be held."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ncviz.data.datasets import find_dataset
from ncviz.data.specs import DatasetSpec
from ncviz.fingerprint import digest
from ncviz.models.zoo import checkpoint_arrays, find_model

if TYPE_CHECKING:
    from torch import nn

    from ncviz.models.files.graph.blueprint import Blueprint

MAX_NAME = 40


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network as plain arrays: what it is, and what it weighs.

    Attributes:
        name: Name in the zoo, or what the user's checkpoint is called.
        title: For people.
        architecture: Name that ``find_architecture`` finds, or "onnx" or "pt2" for one with a blueprint.
        dataset: Name that ``find_dataset`` finds; empty if none was chosen yet.
        arrays: Parameter name → array.
        is_bundled: Whether it is one of the zoo.
        blueprint: The layers and how they are joined, for a network that came with them.
        original: The file that it came in, where it is written back into that (ONNX, .pt2).
        format: What it came as: "safetensors", "pt", "onnx", "pt2", or nothing.
        classes: Class names; empty for those of its data.
        input_shape: Shape of one image, (C, H, W); None for that of its data.
        prefix: What stands before every key in the file that it came in, such as "module.".
        words: Which words of the names of its arrays that file has others for, as (ours, the file's).
        notes: What was left out of the file or taken of several, one sentence each.
    """

    name: str
    title: str
    architecture: str
    dataset: str
    arrays: Mapping[str, np.ndarray] = field(repr=False)
    is_bundled: bool = True
    blueprint: Blueprint | None = field(default=None, repr=False)
    original: bytes | None = field(default=None, repr=False)
    format: str = ""
    classes: tuple[str, ...] = field(default=(), repr=False)
    input_shape: tuple[int, ...] | None = None
    prefix: str = ""
    words: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of architecture and every weight, and of what else decides how they are joined."""
        if self.blueprint is None and self.input_shape is None:
            return digest(self.architecture, dict(self.arrays))
        joined = None if self.blueprint is None else self.blueprint.to_json()
        return digest(self.architecture, dict(self.arrays), joined, self.input_shape)

    @cached_property
    def zeros(self) -> Mapping[str, int]:
        """How many zeros each of its arrays holds."""
        return {name: int(values.size - np.count_nonzero(values)) for name, values in self.arrays.items()}

    @property
    def has_batchnorm(self) -> bool:
        """Whether it has a BatchNorm, told by the statistics that such a layer keeps."""
        return any(name.rpartition(".")[2] == "running_var" for name in self.arrays)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image, (C, H, W): its own, or that of its data.

        Raises:
            DataError: If it has none of its own, and its data are unknown.
        """
        return self.dataset_spec.input_shape if self.input_shape is None else self.input_shape

    @property
    def dataset_spec(self) -> DatasetSpec:
        """What is known of its data without reading them.

        Raises:
            DataError: If they are unknown, or gone.
        """
        return find_dataset(self.dataset)

    @property
    def nbytes(self) -> int:
        """Memory that it takes: its arrays, and the file that is kept for the way back."""
        return sum(values.nbytes for values in self.arrays.values()) + len(self.original or b"")

    def module(self) -> nn.Module:
        """Build the network as a module, in eval mode."""
        if self.blueprint is not None:
            from ncviz.models.files.graph.build import build_module

            return build_module(self.blueprint, self.arrays)
        import torch

        from ncviz.models.catalogue.architectures import build_without_weights, find_architecture
        from ncviz.models.files.state_dict.state import load_state

        return load_state(
            build_without_weights(find_architecture(self.architecture)),
            {name: torch.from_numpy(np.array(values)) for name, values in self.arrays.items()},
        )


def open_network(name: str) -> Network:
    """Return a network of the zoo.

    Raises:
        ModelError: If there is none of that name.
    """
    spec = find_model(name)
    return Network(spec.name, spec.title, spec.architecture, spec.dataset, checkpoint_arrays(name))


def heading(name: str) -> str:
    """Return a file name fit for a heading: letters, digits, dots and dashes, at most 40 characters."""
    fit = re.sub(r"[^\w.\- ]|_", "-", name).strip() or "checkpoint"
    return fit if len(fit) <= MAX_NAME else f"{fit[: MAX_NAME - 12]}…{fit[-11:]}"
