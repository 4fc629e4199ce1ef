"""What the readers of a ``torch.export`` program's operators share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ncviz.models.files.graph.reading import Node, Reading, Value

Arguments = dict[str, Any]
Operator = Callable[[Reading, Node, Arguments], Value | list[Value]]


@dataclass(frozen=True)
class Name:
    """A reference to a tensor of the program, or to one of its sizes that is left open."""

    text: str
    is_size: bool = False


def step_of(reading: Reading, node: Node, arguments: Arguments) -> str:
    """Return the step that an operator reads."""
    value = arguments.get("input", arguments.get("self"))
    return reading.step_of(value, node)


def many(value: Any, axes: int, default: Any = None) -> tuple[int, ...]:
    """Return a size given once or per axis as one per axis."""
    value = default if value is None or value == [] else value
    sizes = [value] if isinstance(value, int) else list(value)
    return tuple(sizes * axes if len(sizes) == 1 else sizes)
