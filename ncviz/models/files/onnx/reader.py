"""Read an ONNX file into a blueprint and its arrays: own reader of a fixed list of operators.

onnx2torch (last release in 2024) builds modules of its own classes, which the graph reader would have to know, and
checks no sizes; here every operator becomes a plain torch layer, and every size is checked before it is allocated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import onnx

from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.models.files.choices import SeveralFitError
from ncviz.models.files.content import refusing
from ncviz.models.files.graph.blueprint import INPUT, Blueprint
from ncviz.models.files.graph.builder import BlueprintBuilder
from ncviz.models.files.graph.operators.shapes import as_scores
from ncviz.models.files.graph.operators.table import read_node
from ncviz.models.files.graph.outputs import Asked, Output, decide_output
from ncviz.models.files.graph.reader import GraphReader, Node, Source
from ncviz.models.files.onnx.checks import (
    Image,
    check_supported,
    choose_input,
    float_outputs,
)
from ncviz.models.files.onnx.nodes import node_of
from ncviz.models.files.onnx.norms import joined_norms
from ncviz.models.files.onnx.parsing import opset_of, parse
from ncviz.models.files.onnx.tensors import array_of
from ncviz.text import quotable

# Height and width that are tried where a file fixes none, the most usual first.
_SIDES = (224, 32, 299, 227, 256, 128, 96, 64, 28, 48, 24, 16, 8)
_GREY_SIDES = (28, 32, 224, 64, 128, 48, 96, 24, 16, 8)


@dataclass(frozen=True, eq=False)
class OnnxResult:
    """A network read from an ONNX file.

    Attributes:
        blueprint: Its graph.
        arrays: Its arrays by the names of the built module's ``state_dict()``.
        sources: For each array, which input of which node it was made from.
        notes: What was taken of several, one sentence each.
    """

    blueprint: Blueprint
    arrays: dict[str, np.ndarray]
    sources: dict[str, Source]
    notes: tuple[str, ...] = ()


def read_onnx(content: bytes, label: str) -> tuple[Blueprint, dict[str, np.ndarray]]:
    """Read an ONNX classifier, its scores from the output that looks most like them.

    Args:
        content: The file, with its weights inside.
        label: Its name, for messages.

    Returns:
        The blueprint, and its arrays by the names of the built module's ``state_dict()``.

    Raises:
        ModelError: If it is damaged, too large, refers to other files, or has operations that are not read, each named
            with its node; one sentence.
    """
    budget = Budget(quotable(label), len(content), ModelError)
    found = read_model(parse(content, label, budget), label, budget)
    return found.blueprint, found.arrays


def read_model(model: onnx.ModelProto, label: str, budget: Budget, asked: Asked | None = None) -> OnnxResult:
    """Read a checked model.

    Args:
        model: As ``parse`` returns it.
        label: The file's name, for messages.
        budget: What reading it may take.
        asked: What the user says of it.

    Raises:
        SeveralFitError: If it leaves open its output or the size of its images, and the user wants to be asked.
        ModelError: See ``read_onnx``.
    """
    label, asked = quotable(label), asked or Asked()
    with refusing(f"{label} is a damaged ONNX file", "export it again with torch.onnx.export"):
        return _read(model, label, asked, budget)


def _read(model: onnx.ModelProto, label: str, asked: Asked, budget: Budget) -> OnnxResult:
    nodes = [node_of(node, index) for index, node in enumerate(model.graph.node)]
    budget.check_time()
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    small = {
        node.outputs[0]: node.get("value", None)
        for node in nodes
        if node.operator == "Constant" and node.outputs
    }

    same = {
        node.outputs[0]: node.inputs[0]
        for node in nodes
        if node.operator == "Identity" and node.inputs and node.outputs
    }

    def constant(name: str) -> np.ndarray | None:
        # Equal constants an exporter may have once, under the names of all.
        name = same.get(name, name)
        return array_of(tensors[name], label) if name in tensors else small.get(name)

    nodes = joined_norms(nodes, [each.name for each in model.graph.output], constant)
    producers = {name: node for node in nodes for name in node.outputs if name}
    outputs = float_outputs(model, producers, label)
    output, notes = decide_output(outputs, label, asked)
    image = choose_input(model, [node for node in nodes if node.index in output.needed], tensors, label)
    attends = check_supported([node for node in nodes if node.index in output.needed], image.name, label)

    def read_at(size: tuple[int, int] | None) -> OnnxResult:
        return _read_at(model, nodes, output, image, image.at(size), budget, attends)

    if not image.open_axes:
        return replace(read_at(None), notes=notes)
    size, found = _sized(read_at, asked, image.shape, label)
    if asked.size is None:
        notes += (
            f"{label} leaves the height and width of its images open: {size[0]}×{size[1]} were taken; another size can "
            "be given.",
        )
    return replace(found, notes=notes)


def _sized(
    read: Callable[[tuple[int, int]], OnnxResult], asked: Asked, shape: tuple[int | None, ...], label: str
) -> tuple[tuple[int, int], OnnxResult]:
    """Return the first usual size at which a network can be read whose file fixes none, or the size that is asked."""
    if asked.size is not None:
        return asked.size, read(asked.size)
    sides = _GREY_SIDES if 1 in shape else _SIDES
    fits: list[tuple[tuple[int, int], OnnxResult | None]] = []
    reason: ModelError | None = None
    for side in sides:
        try:
            found = read((side, side))
            # Of a second size it matters that it fits, and its arrays are as large as those of the first.
            fits.append(((side, side), None if fits else found))
        except ModelError as error:
            reason = reason or error
        if len(fits) > asked.is_asking:
            break
    if not fits:
        raise ModelError(
            f"{label} leaves the height and width of its images open, and cannot be read at {sides[0]}×{sides[0]}: "
            f"{str(reason).rstrip('.')}; say another size."
        )
    if asked.is_asking and len(fits) > 1:
        first = fits[0][0][0]
        raise SeveralFitError(
            f"{label} leaves the height and width of its images open; choose a size.",
            "size",
            tuple(f"{side}x{side}" for side in (first, *(side for side in sides if side != first))),
        )
    first_size, first_found = fits[0]
    assert first_found is not None
    return first_size, first_found


def _read_at(
    model: onnx.ModelProto,
    nodes: list[Node],
    output: Output,
    image: Image,
    shape: tuple[int, ...],
    budget: Budget,
    attends: bool,
) -> OnnxResult:
    label = budget.label
    # What an earlier size held is gone.
    budget = budget.again()
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    needed = [node for node in nodes if node.index in output.needed]
    reader = GraphReader(
        BlueprintBuilder(label, shape, budget),
        label,
        opset_of(model),
        {name: partial(array_of, tensor, label) for name, tensor in tensors.items()},
        Counter(name for node in needed for name in node.inputs) + Counter([output.value]),
        image.batch,
        budget,
        attends=attends,
    )
    # Equal constants an exporter may have once, under the names of all.
    named = {*tensors, *(name for node in needed if node.operator == "Identity" for name in node.outputs)}
    reader.keep_names(named)
    reader.biases |= _biases(needed, named, reader.uses)
    reader.values[image.name] = reader.start(INPUT)
    for node in needed:
        budget.check_time()
        _read_node(reader, node)
    step = as_scores(reader, reader.step_of(reader.value(output.value, "output"), "output"))
    blueprint = reader.builder.finish(step)
    named = {*reader.builder.arrays, *reader.builder.ties}
    kept = {name: source for name, source in reader.sources.items() if name in named}
    return OnnxResult(blueprint, reader.builder.arrays, kept)


def _biases(needed: list[Node], named: Container[str], uses: Mapping[str, int]) -> dict[str, str]:
    """Return the name of what alone is added to each product."""
    products = {
        node.outputs[0] for node in needed if node.operator == "MatMul" and uses[node.outputs[0]] == 1
    }
    return {
        own: other
        for node in needed
        if node.operator == "Add" and len(node.inputs) == 2
        for own, other in (node.inputs, node.inputs[::-1])
        if own in products and other in named
    }


def _read_node(reader: GraphReader, node: Node) -> None:
    if node.operator == "Constant":
        reader.give(node, reader.counted(_constant(node, reader.label)))
        return
    inputs = [reader.value(name, node.title) if name else None for name in node.inputs]
    with reader.refusing(node, "has inputs or attributes that do not fit its operator"):
        reader.give(node, read_node(reader, node, inputs))


def _constant(node: Node, label: str) -> np.ndarray:
    for name in ("value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            kind = np.float32 if "float" in name else np.int64
            return np.asarray(node.attributes[name], dtype=kind)
    value = node.attributes.get("value")
    if not isinstance(value, np.ndarray):
        raise ModelError(f"{label}: node {node.title} holds no number; export it again.")
    return value
