"""What can be selected in the pictures, and the one place that reads and writes it as links and the browser do.

What is none raises a ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import ClassVar, NamedTuple

_SELECTION = re.compile(r"(unit|channel)-\d{1,4}-\d{1,9}|weight-\d{1,9}|slice(-\d{1,9}){3}", re.ASCII)
_EDGE = re.compile(r"\d{1,4}-\d{1,9}-\d{1,9}", re.ASCII)
_FLOW = re.compile(r"all|own|(image|class)-\d{1,6}", re.ASCII)


@dataclass(frozen=True)
class _Part:
    """Written as its kind and its numbers, such as "unit-1-7"."""

    kind: ClassVar[str]

    def __str__(self) -> str:
        return "-".join([self.kind, *map(str, astuple(self))])


@dataclass(frozen=True)
class Unit(_Part):
    """A unit, by its layer and its index in it."""

    kind = "unit"
    layer: int
    index: int


@dataclass(frozen=True)
class Channel(_Part):
    """A feature map, by its layer and its number in it."""

    kind = "channel"
    layer: int
    index: int


@dataclass(frozen=True)
class Weight(_Part):
    """A weight, by its index in the flat list of all weights."""

    kind = "weight"
    parameter: int


@dataclass(frozen=True)
class KernelSlice(_Part):
    """The weights of a connection between two channels."""

    kind = "slice"
    connection: int
    target: int
    source: int


Selection = Unit | Channel | Weight | KernelSlice
_KINDS: dict[str, type[Selection]] = {kind.kind: kind for kind in (Unit, Channel, Weight, KernelSlice)}


class Edge(NamedTuple):
    """An edge between two units, written such as "1-20-7"."""

    connection: int
    source: int
    target: int

    def __str__(self) -> str:
        return "-".join(map(str, self))


@dataclass(frozen=True)
class Flow:
    """What flows: "all" calibration images, those of one "class", one "image" by its number, or one of one's "own".

    The curvature is drawn over these images, and over all of them for an image of one's own.
    """

    kind: str = "all"
    number: int = 0

    def __str__(self) -> str:
        return self.kind if self.kind in ("all", "own") else f"{self.kind}-{self.number}"

    def samples(self, labels: Sequence[int]) -> list[int] | None:
        """Return which calibration images these are, given their classes; None for all, or for what is not there."""
        if self.kind == "image":
            return [self.number] if self.number < len(labels) else None
        return [
            at for at, label in enumerate(labels) if self.kind == "class" and label == self.number
        ] or None


def read_selection(text: str) -> Selection | None:
    """Read such as "unit-1-7" or "weight-42"; None for ""."""
    kind, *numbers = _matched(_SELECTION, text)
    return _KINDS[kind](*map(int, numbers)) if kind else None


def read_edge(text: str) -> Edge | None:
    """Read such as "1-20-7" (connection, source, target); None for ""."""
    first, *others = _matched(_EDGE, text)
    return Edge(int(first), *map(int, others)) if first else None


def read_flow(text: str) -> Flow:
    """Read such as "all", "image-3" or "class-7"."""
    kind, *numbers = _matched(_FLOW, text)
    return Flow(kind, *map(int, numbers)) if kind else Flow()


def _matched(form: re.Pattern[str], text: str) -> list[str]:
    if text and not form.fullmatch(text):
        raise ValueError(f"'{text[:40]}' is neither selected nor an edge nor a flow")
    return text.split("-")
