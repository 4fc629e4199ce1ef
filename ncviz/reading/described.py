"""A network as it goes between the server and the process that reads: JSON, and its arrays in the JSON's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ncviz.models.network import Network


def described(network: Network) -> dict[str, Any]:
    """Return all that a network is but its arrays and the file that it came in."""
    return {
        "name": network.name, "title": network.title, "architecture": network.architecture, "dataset": network.dataset,
        "blueprint": None if network.blueprint is None else network.blueprint.to_json(), "format": network.format,
        "has_original": network.original is not None, "classes": network.classes, "input_shape": network.input_shape,
        "prefix": network.prefix, "words": network.words, "notes": network.notes, "arrays": list(network.arrays),
    }  # fmt: skip


def fields_of(value: Mapping[str, Any], arrays: Sequence[np.ndarray], content: bytes) -> dict[str, Any]:
    """Return the attributes of the network of a description.

    Args:
        value: As ``described`` gave it.
        arrays: Its arrays, in the description's order.
        content: The file that it came in.

    Raises:
        Exception: Whatever a description raises that is none.
    """
    blueprint = None
    if value["blueprint"] is not None:
        from ncviz.models.files.graph.blueprint import Blueprint

        blueprint = Blueprint.from_json(value["blueprint"])
    shape = value["input_shape"]
    said = {name: value[name] for name in ("name", "title", "architecture", "dataset", "format", "prefix")}
    return said | {
        "arrays": dict(zip(value["arrays"], arrays, strict=True)), "is_bundled": False, "blueprint": blueprint,
        "original": content if value["has_original"] else None, "classes": tuple(value["classes"]),
        "input_shape": None if shape is None else tuple(shape), "notes": tuple(value["notes"]),
        "words": tuple((own, other) for own, other in value["words"]),
    }  # fmt: skip
