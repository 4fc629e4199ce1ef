"""A call of ATen in a ``torch.export`` program, and the same in ONNX's words, which the table of operators reads."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ncviz.errors import ModelError
from ncviz.models.files.graph.operators.constants import MOST_VALUES, MOVES
from ncviz.models.files.graph.operators.table import read_node
from ncviz.models.files.graph.reader import BATCH, GraphReader, Node, Value
from ncviz.text import quotable

_OF_SIZES: dict[str, Callable[..., int]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "floordiv": operator.floordiv, "neg": operator.neg,
}  # fmt: skip
OF_SIZES = frozenset(f"_operator.{name}" for name in _OF_SIZES)
OPSET = 18  # of what calls are translated into


@dataclass(frozen=True)
class Name:
    """A reference to a tensor of the program, or to one of its sizes that is left open."""

    text: str
    is_size: bool = False


@dataclass(frozen=True)
class Onnx:
    """A call of one of the table's operators; it reads tensors by name, constants, and what other such calls give."""

    operator: str
    inputs: tuple[Any, ...]
    attributes: Mapping[str, Any]


def onnx(operator: str, *inputs: Any, **attributes: Any) -> Onnx:
    """Return a call of one of the table's operators."""
    return Onnx(operator, inputs, attributes)


@dataclass(frozen=True)
class Call:
    """An operator of ATen with its arguments: tensors as ``Name``, sizes that are left open as ``BATCH``."""

    reader: GraphReader
    node: Node
    arguments: Mapping[str, Any]

    def first(self, *names: str) -> Any:
        """Return the argument that goes by one of these names, None if it is left out."""
        return next((self.arguments[name] for name in names if name in self.arguments), None)

    @property
    def tensor(self) -> Any:
        """The first tensor that it reads."""
        return self.first("input", "self")

    @property
    def shape(self) -> tuple[int, ...]:
        """The first tensor's shape, as of ``shape_of``."""
        return self.shape_of(self.tensor)

    def shape_of(self, given: Any) -> tuple[int, ...]:
        """Return the shape of a tensor that it reads; ``BATCH``, or a multiple, where the images of activations lie."""
        value = self.value(given)
        return value.shape if isinstance(value, np.ndarray) else self.reader.file_shape(value, self.node)

    @property
    def is_constant(self) -> bool:
        """Whether the first tensor is a constant."""
        return isinstance(self.value(self.tensor), np.ndarray)

    def refusal(self, why: str) -> ModelError:
        """Return the error that it cannot be read."""
        return self.reader.refusal(self.node, why)

    def check_constant(self, *shapes: tuple[int, ...], itemsize: int = 8) -> None:
        """Refuse a constant as large as what these shapes are spread over, before it is made.

        Raises:
            ModelError: If it has more values than a constant may have, or there is no room for it.
        """
        shape = np.broadcast_shapes(*shapes)
        if min((*shape, 1)) < 0 or math.prod(shape) > MOST_VALUES:
            raise self.refusal(f"makes a constant of shape {list(shape)[:9]}, which is not supported")
        self.reader.budget.check_room(math.prod(shape) * itemsize)
        self.reader.budget.touch(math.prod(shape))

    def value(self, given: Any) -> Any:
        """Return the constant or activation that an input stands for, None where it is left out.

        Raises:
            ModelError: If it is not read, or nothing before gives it.
        """
        if isinstance(given, Name):
            return self.reader.value(given.text, self.node.title)
        if isinstance(given, Onnx):
            return self.read(given)
        return None if given is None else np.asarray(given)

    def read(self, onnx: Onnx | np.ndarray | Sequence[Onnx]) -> Value | list[Value]:
        """Return what it gives, several in a list.

        Args:
            onnx: Its result in ONNX's words, or the constant that it is.

        Raises:
            ModelError: If it is not read as it is used here.
        """
        if isinstance(onnx, np.ndarray):
            return self.reader.counted(onnx)
        if not isinstance(onnx, Onnx):
            found = [self.read(each) for each in onnx]
            return [each for each in found if not isinstance(each, list)]
        node = replace(
            self.node,
            operator=onnx.operator,
            written=self.node.operator,
            inputs=tuple(given.text if isinstance(given, Name) else "" for given in onnx.inputs),
            # Of several results only a list's count; the others are indices and saved statistics.
            outputs=self.node.outputs if onnx.operator == "Split" else self.node.outputs[:1],
            attributes=onnx.attributes,
        )
        # Torch has rules of its own for the types that arithmetic gives, so that none is done here.
        return read_node(self.reader, node, [self.value(given) for given in onnx.inputs], MOVES)


def sized(argument: Any, sizes: Mapping[str, int]) -> Any:
    """Return an argument with the graph's own sizes in the place of their names; ``BATCH`` for what is left open."""
    if isinstance(argument, list):
        return [sized(each, sizes) for each in argument]
    return sizes.get(argument.text, BATCH) if isinstance(argument, Name) and argument.is_size else argument


def size_after(operator: str, arguments: Sequence[Any]) -> int:
    """Return what arithmetic on sizes gives.

    Raises:
        ModelError: If there is no such arithmetic here.
    """
    function = _OF_SIZES.get(operator)
    if function is None or not all(type(each) is int for each in arguments):
        raise ModelError(f"The program computes sizes by '{quotable(operator)}', which is not supported.")
    return int(function(*arguments))


def many(value: Any, axes: int, default: Any = None) -> tuple[int, ...]:
    """Return a size given once or per axis as one per axis."""
    value = default if value is None or value == [] else value
    sizes = [value] if isinstance(value, int) else list(value)
    return tuple(sizes * axes if len(sizes) == 1 else sizes)
