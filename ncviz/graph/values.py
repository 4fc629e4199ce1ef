"""What the operations of a trace hand on: units of finished layers, sums that are not yet a layer, probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from ncviz.graph.operations import SUPPORTED, reads_values
from ncviz.graph.terms import Term

# How far apart the units of two images of a batch are numbered.
APART = 2**40
NOT_SUPPORTED = "is not supported"


@dataclass(frozen=True, eq=False)
class Units:
    """Units of finished layers, in any arrangement.

    Attributes:
        ids: int64 [BATCH, …], units numbered through all layers, -1 for a zero that is no unit; each image's rows lie
            ``APART`` further on, so that an operation which mixes images is found out.
        stamps: int64 [BATCH, …], which of its values each unit has here: more than one where an activation follows.
        node: The operation that returns them.
    """

    ids: Tensor
    stamps: Tensor
    node: fx.Node

    @property
    def own(self) -> np.ndarray:
        """The units for one image, int64 without the batch axis."""
        found: np.ndarray = self.ids[0].numpy()
        return found

    @property
    def traced_shape(self) -> tuple[int, ...]:
        """The shape of the traced value, with the batch axis."""
        return tuple(self.ids.shape)

    def is_as(self, other: object) -> bool:
        """Whether another value holds the same units in the same places."""
        return isinstance(other, Units) and torch.equal(self.ids, other.ids)


@dataclass(frozen=True, eq=False)
class Pending:
    """A sum or product that is not yet a layer: what follows may still add to it, scale it, or be its activation.

    Attributes:
        terms: What is summed up or multiplied.
        shape: Shape of the layer that it becomes, channels first.
        arrangement: int64 [BATCH, …], which of that layer's units, in C order, each number of the traced value is;
            those of each image ``APART`` further on.
        node: The operation that returns it.
        is_closed: Whether nothing can be added to its terms any more: it is a product, or after an activation function.
        is_product: Whether its terms are multiplied by each other.
        whole: What it is a part of; None where it holds all of its units.
        is_changed: Whether its numbers are others than in the whole that it is a part of.
    """

    terms: tuple[Term, ...]
    shape: tuple[int, ...]
    arrangement: Tensor
    node: fx.Node
    is_closed: bool = False
    is_product: bool = False
    whole: Pending | None = None
    is_changed: bool = False

    @property
    def traced_shape(self) -> tuple[int, ...]:
        """The shape of the traced value, with the batch axis."""
        return tuple(self.arrangement.shape)

    @property
    def own(self) -> np.ndarray:
        """Which of its units each number is for one image, int64 without the batch axis."""
        found: np.ndarray = self.arrangement[0].numpy()
        return found

    @property
    def is_whole(self) -> bool:
        """Whether it holds all of its units, each once."""
        return self.whole is None

    def is_as(self, other: object) -> bool:
        """Whether another value holds the same units in the same places."""
        return (
            isinstance(other, Pending)
            and self.terms is other.terms
            and torch.equal(self.arrangement, other.arrangement)
        )

    def followed(self, node: fx.Node, *, is_closed: bool = False) -> Pending:
        """Return the same units with the numbers that an operation makes of theirs: a bias, a norm, an activation."""
        return replace(self, node=node, is_changed=True, is_closed=self.is_closed or is_closed)

    def arranged(self, arrangement: Tensor, node: fx.Node) -> Pending:
        """Return the same units in another arrangement, or some of them."""
        own = arrangement[0].reshape(-1)
        is_whole = self.is_whole and torch.equal(own.sort().values, torch.arange(prod(self.shape)))
        whole = None if is_whole else self.whole or self
        # A part that is taken from a whole has the whole's numbers.
        is_changed = self.is_changed and (is_whole or self.whole is not None)
        return replace(self, arrangement=arrangement, node=node, whole=whole, is_changed=is_changed)


def layout_of(shape: tuple[int, ...], axis: int) -> tuple[tuple[int, ...], Tensor]:
    """Return a layer's shape, channels first, and how its units are arranged in a traced value.

    Args:
        shape: Shape [BATCH, …] of that value.
        axis: Which of one image's axes holds the channels.
    """
    own = list(shape[1:])
    layer = (own.pop(axis), *own) if own else ()
    units = torch.arange(prod(layer)).reshape(layer)
    units = units.movedim(0, axis) if own else units
    return layer, torch.stack([units + APART * image for image in range(shape[0])])


@dataclass(frozen=True, eq=False)
class Probabilities:
    """What a softmax returns: nothing but the output may follow."""

    of: Units | Pending
    name: str


@dataclass(frozen=True, eq=False)
class Problem:
    """An operation that cannot be read.

    Attributes:
        name: What it is, quoted and with its kind.
        why: What is wrong with it, so that "Layer {name} {why}." is a sentence.
    """

    name: str
    why: str


class UnreadableError(Exception):
    """Why an operation cannot be read: the end of a sentence that begins with its name."""


def flat(values: Any) -> list[Any]:
    """Return what is in nested lists and tuples, one after the other."""
    return [
        each for value in values for each in (flat(value) if isinstance(value, (list, tuple)) else [value])
    ]


def size_of(n: fx.Node, value: Any, args: Sequence[Any]) -> Any:
    """Return what an operation asks of a value's shape.

    Raises:
        UnreadableError: If it asks for something else.
    """
    value = value.of if isinstance(value, Probabilities) else value
    shape = torch.Size(value.traced_shape)
    name = args[1] if n.op == "call_function" and n.target is getattr else str(n.target)
    if name == "shape":
        return shape
    if name in ("dim", "ndim"):
        return len(shape)
    if name == "size" or "sym_size" in name:
        return shape[args[1]] if len(args) > 1 else shape
    raise UnreadableError(NOT_SUPPORTED)


def readers(n: fx.Node) -> int:
    """Return how many operations read the values of this one, not its size alone."""
    return sum(1 for user in n.users if reads_values(user, n))


def sentence(problems: Sequence[Problem]) -> str:
    """Return all problems as one sentence, those of one kind together."""
    return f"{'; '.join(told_by_kind(problems))}; ncviz reads {SUPPORTED}."


def told_by_kind(problems: Sequence[Problem]) -> list[str]:
    """Return what is to be said of problems, those of one kind together, without a full stop."""
    by_reason: dict[str, list[str]] = {}
    for problem in problems:
        by_reason.setdefault(problem.why, []).append(problem.name)
    parts = []
    for why, names in by_reason.items():
        listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        if len(names) == 1:
            parts.append(f"Layer {listed} {why}")
        else:
            parts.append(f"Layers {listed} {'are not supported' if why == NOT_SUPPORTED else f'each {why}'}")
    return parts
