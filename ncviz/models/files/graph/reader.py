"""What is known while a network's graph is read: its nodes in plain form, and the values that they gave so far."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.graph.activations import Pointwise, start
from ncviz.models.files.graph.builder import BlueprintBuilder
from ncviz.text import megabytes, quotable

# The batch's size in a graph's arithmetic on shapes: no axis of an image is negative.
BATCH = -(2**40)
_MAX_NAME = 2_000  # of a node or an operator; none says more in more characters

Errors = type[Exception] | tuple[type[Exception], ...]
_MISFITS: Errors = (IndexError, KeyError, ValueError, TypeError, AttributeError, OverflowError)


class OfImages(np.ndarray):
    """A constant with a row for each of the first two images, of which every other image has the like."""


@dataclass(frozen=True, eq=False)
class Strewn:
    """Activations whose images the file has along another axis than the first, or along one with something else.

    Attributes:
        value: The same with the images first; what else lies along their axis is one axis there, none if it is 1.
        axis: Which of the file's axes the images lie along.
        before: How much of what else lies along it stands before the images, as tokens in [tokens · images, channels].
        behind: How much stands behind them, as heads in [images · heads, tokens, size].
    """

    value: Pointwise
    axis: int
    before: int
    behind: int

    @property
    def place(self) -> tuple[int, int, int]:
        """Where the images lie."""
        return self.axis, self.before, self.behind


Value = np.ndarray | Pointwise | Strewn


@dataclass(frozen=True)
class Node:
    """A node in plain form.

    Attributes:
        index: Its place in the graph.
        name: Its name in the file.
        operator: What it does, a name of ONNX's.
        domain: Where the operator is from, "" for the file's own kind.
        inputs: Names that it reads, "" for constants of its own and what is left out.
        outputs: Names that it gives.
        attributes: Its settings.
        has_graph: Whether a setting is a graph.
        place: The module in whose forward it stands, where the file tells.
        written: The operator as the file calls it, where that is not ONNX's name.
    """

    index: int
    name: str
    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    has_graph: bool
    place: str = ""
    written: str = ""

    @property
    def called(self) -> str:
        """The operator as the file calls it."""
        return self.written or self.operator

    @property
    def is_translated(self) -> bool:
        """Whether the file calls it otherwise: then it is a step even where it changes nothing.

        Networks are told apart by their steps, those that an ONNX file's nodes and a program's calls have always made.
        """
        return bool(self.written)

    @property
    def title(self) -> str:
        """Its name in quotes, or that of what it gives."""
        return f"'{quotable(self.name or (self.outputs[0] if self.outputs else '') or self.called)}'"

    @property
    def hint(self) -> str:
        """What a step of this node should be called: ``/layer1/layer1.0/conv1/Conv`` is ``layer1.0.conv1``."""
        parts: list[str] = []
        called = re.compile(rf"{re.escape(self.called[:_MAX_NAME])}(_\d+)?")
        for word in (self.name or self.called)[:_MAX_NAME].strip("/").split("/"):
            if parts and word.startswith(f"{parts[-1]}."):
                parts[-1] = word
            elif not parts or not called.fullmatch(word):
                parts.append(word)
        return ".".join(parts)

    def get(self, name: str, default: Any) -> Any:
        """Return an attribute, or what it is by default."""
        return self.attributes.get(name, default)


@dataclass(frozen=True)
class Source:
    """Which input of which node an array was made from, and how to make that input from the array.

    Attributes:
        node: Its index in the graph.
        slot: Which of its inputs.
        shape: Shape of that input.
        is_transposed: Whether the array is its transpose.
        factor: What the array is times that input.
    """

    node: int
    slot: int
    shape: tuple[int, ...]
    is_transposed: bool = False
    factor: float = 1.0


@dataclass
class GraphReader:
    """A graph while it is read.

    Attributes:
        builder: The network so far.
        label: The file's name.
        opset: Version of the operators.
        initialisers: Name → function that gives its array.
        uses: Name → how often it is read.
        batch: The batch's size, if the file fixes one.
        budget: What reading it may take.
        values: Name → array of a constant, or an activation.
        sources: Array of the network → what it was made from.
        parameters: Name → the parameter's name, where a file has both.
        spread: Name of a constant that is repeated for each image → what it was made from.
        biases: Name of a product → that of the constant which alone is added to it, as far as they are known.
        folders: Names of modules that have others inside, as far as parameters tell.
        attends: Whether activations are multiplied by each other as matrices somewhere.
    """

    builder: BlueprintBuilder
    label: str
    opset: int
    initialisers: Mapping[str, Callable[[], np.ndarray]]
    uses: Counter[str]
    batch: int | None
    budget: Budget
    values: dict[str, Value] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    spread: dict[str, Source] = field(default_factory=dict)
    attends: bool = False
    biases: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    _starts: dict[str, Pointwise] = field(default_factory=dict)
    _bytes: int = 0

    def keep_names(self, parameters: Iterable[str]) -> None:
        """Take down which names are those of modules with others inside; no step of an attention is called so."""
        for name in parameters:
            words = name.split(".")
            self.folders |= {".".join(words[:count]) for count in range(1, len(words) - 1)}
        if self.attends:
            self.builder.kept_names |= self.folders

    def place_of(self, node: Node, part: str) -> str:
        """Return what a part of a module's work is to be called that no module does."""
        place = node.place or node.hint
        return f"{place}.{part}" if re.fullmatch(r"[\w.]+", place) else node.hint

    def refusal(self, node: Node, why: str) -> ModelError:
        """Return the error that a node cannot be read."""
        return ModelError(f"{self.label}: node {node.title} ({quotable(node.called)}) {why}.")

    @contextmanager
    def refusing(self, node: Node, why: str, kinds: Errors = _MISFITS) -> Iterator[None]:
        """Make the error that a node cannot be read of what one with unfit inputs or attributes raises.

        Args:
            node: What is read.
            why: As for ``refusal``.
            kinds: What it raises; by default what it does if an input or attribute is missing or of another kind.
        """
        try:
            yield
        except ModelError:
            raise
        except kinds as error:
            raise self.refusal(node, why) from error

    def value(self, name: str, reader: str) -> Value:
        """Return what a name stands for.

        Raises:
            ModelError: If nothing before gives it.
        """
        if name not in self.values:
            if name not in self.initialisers:
                raise ModelError(
                    f"{self.label}: {reader} reads '{quotable(name)}', which nothing before it gives; export it again."
                )
            self.values[name] = self.counted(self.initialisers[name]())
        return self.values[name]

    def counted(self, array: np.ndarray) -> np.ndarray:
        """Return a constant after counting the memory that it takes.

        Raises:
            ModelError: If all of them take more than a file may have.
        """
        root = self.budget.hold_array(array)
        # What lies in the file's own bytes is no more than the file.
        self._bytes += 0 if root is None or root.base is not None else root.nbytes
        if self._bytes > LIMITS.file_bytes:
            raise ModelError(
                f"{self.label} holds more than {megabytes(LIMITS.file_bytes)} of constants; bring a smaller network."
            )
        return array

    def give(self, node: Node, value: Value | list[Value]) -> None:
        """Take in what a node gives, one value or several."""
        values = value if isinstance(value, list) else [value]
        self.values |= {name: each for name, each in zip(node.outputs, values, strict=False) if name}

    def part(self, node: Node, value: Value, axis: int, start: int, stop: int) -> Value:
        """Return activations from ``start`` to ``stop`` along an axis; negative ones count from the end.

        Raises:
            ModelError: If nothing is left, or the axis is the batch's.
        """
        shape = self.shape_of(value, node)
        axis %= len(shape) + 1
        if axis == 0:
            if start == 0 and stop >= np.iinfo(np.int32).max:
                return value
            raise self.refusal(node, "takes some of a batch, which is not supported")
        start, stop, _ = slice(start, stop).indices(shape[axis - 1])
        if stop <= start:
            raise self.refusal(node, f"leaves nothing of the shape {list(shape)} along axis {axis}")
        if stop - start == shape[axis - 1]:
            return value
        step = self.step_of(value, node)
        return self.start(
            self.builder.add(node.hint, "narrow", (step,), axis=axis, start=start, length=stop - start)
        )

    def start(self, step: str) -> Pointwise:
        """Return a step's result as a value."""
        return self._starts.setdefault(step, start(step))

    def shape_of(self, value: Value, node: Node) -> tuple[int, ...]:
        """Return an activation's shape without the batch axis."""
        while isinstance(value, Pointwise):
            root = value.roots[0][0]
            if isinstance(root, str):
                return self.builder.shapes[root]
            value = root
        raise self.refusal(node, "needs activations, but reads a constant")

    def file_shape(self, value: Value, node: Node) -> tuple[int, ...]:
        """Return an activation's shape as the file has it, ``BATCH`` (or a multiple of it) where its images lie."""
        if not isinstance(value, Strewn):
            return (BATCH, *self.shape_of(value, node))
        own, also = list(self.shape_of(value.value, node)), value.before * value.behind
        if also > 1:
            del own[value.axis]
        # One image alone is a number like others.
        own.insert(value.axis, also if self.batch == 1 else BATCH * also)
        return tuple(own)

    def step_of(self, value: Value | None, node: Node | str) -> str:
        """Return the step that gives a value, adding it if it is still a chain of pointwise operations.

        Raises:
            ModelError: If it is a constant, or a chain that is no known activation.
        """
        title = node if isinstance(node, str) else node.title
        if isinstance(value, Strewn):
            raise ModelError(
                f"{self.label}: {title} needs one row for each image, but reads activations that do not lie so; export "
                "the network with its images along the first axis."
            )
        if not isinstance(value, Pointwise):
            raise ModelError(f"{self.label}: {title} needs activations, but reads a constant.")
        if value.step is None:
            value.step = self._add_chain(value, node)
        return value.step

    def _add_chain(self, value: Pointwise, node: Node | str) -> str:
        for root, _, native in value.roots:
            if native is None or root is value:
                continue
            operation, settings = native
            source = root if isinstance(root, str) else self.step_of(root, node)
            if operation != "affine":
                return self.builder.add(value.node, operation, (source,), **settings)
            # A number that multiplies queries is none of their channels'.
            channels = 1 if self.attends else self.builder.shapes[source][0]
            scale, shift = (
                np.full(channels, usual if abs(settings[name] - usual) < 1e-12 else settings[name])
                for name, usual in (("scale", 1.0), ("shift", 0.0))
            )
            return self.scaled(value.node, source, scale, shift)
        if value.fallback is None:
            raise ModelError(
                f"{self.label}: what is computed up to node '{quotable(value.node)}' is no activation function that "
                "ncviz knows; export the network with torch.nn's own."
            )
        return value.fallback()

    def scaled(self, hint: str, step: str, scale: np.ndarray, shift: np.ndarray) -> str:
        """Add a fixed scale and shift per channel, each a step of its own unless it changes nothing; return the last.

        No BatchNorm: a multiplication weighs in the neural graph, as in a network of torch, and a BatchNorm does not.
        """
        if (scale == -1.0).all():  # a difference, which is the same units with another activation
            todo = {"subtract_from": shift}
        else:
            todo = {"scale": scale} if (scale != 1.0).any() else {}
            todo |= {"shift": shift} if (shift != 0.0).any() else {}
        for operation, numbers in todo.items():
            rank, arrays = len(self.builder.shapes[step]), {"weight": np.asarray(numbers, dtype=np.float32)}
            step = self.builder.add(hint, operation, (step,), arrays, channels=len(numbers), rank=rank)
        return step

    def layer(
        self,
        node: Node,
        operation: str,
        step: str,
        arrays: Mapping[str, tuple[np.ndarray, Source]],
        **settings: Any,
    ) -> Pointwise:
        """Add a layer, called after the weights that it reads; remember where its arrays came from."""
        hint = node.hint
        weight = node.inputs[1] if len(node.inputs) > 1 else ""
        weight = self.parameters.get(weight, weight)
        if re.fullmatch(r"[\w.]+\.(weight|bias)", weight):
            hint = weight.rpartition(".")[0]
        elif self.attends or hint.startswith("node_"):
            names = (weight, self.biases.get(node.outputs[0], ""))
            # Such as the in_proj_weight of nn.MultiheadAttention.
            found = next((name for name in names if re.fullmatch(r"[\w.]+[._](weight|bias)", name)), "")
            hint = re.sub(r"[._](weight|bias)\Z", "", found) or hint
            if re.fullmatch(r"[\w.]+", node.place) and node.place not in self.folders:
                hint = node.place
        values = {name: values for name, (values, _) in arrays.items()}
        name = self.builder.add(hint, operation, (step,), values, **settings)
        self.sources |= {f"{name}.{key}": source for key, (_, source) in arrays.items()}
        return self.start(name)


Handler = Callable[[GraphReader, Node, list[Any]], Value]
