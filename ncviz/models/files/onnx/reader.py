"""Read an ONNX file into a blueprint and its arrays: own reader of a fixed list of operators.

onnx2torch (last release in 2024) builds modules of its own classes, which the graph reader would have to know, and
checks no sizes; here every operator becomes a plain torch layer, and every size is checked before it is allocated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

import numpy as np
import onnx

from ncviz.errors import ModelError
from ncviz.models.files.content import check_size, refusing
from ncviz.models.files.graph.blueprint import INPUT, Blueprint
from ncviz.models.files.graph.builder import BlueprintBuilder
from ncviz.models.files.graph.operators.table import read_node
from ncviz.models.files.graph.reader import GraphReader, Node, Source
from ncviz.models.files.onnx.checks import DOMAINS, ancestors, check_supported, choose_input, choose_output
from ncviz.models.files.onnx.nodes import node_of
from ncviz.models.files.onnx.tensors import array_of, is_external
from ncviz.models.files.onnx.wire import check_wire
from ncviz.text import quotable

MIN_OPSET = 9


def read_onnx(content: bytes, label: str) -> tuple[Blueprint, dict[str, np.ndarray]]:
    """Read an ONNX classifier.

    Args:
        content: The file, with its weights inside.
        label: Its name, for messages.

    Returns:
        The blueprint, and its arrays by the names of the built module's ``state_dict()``.

    Raises:
        ModelError: If it is damaged, too large, refers to other files, or has operations that are not read, each named
            with its node; one sentence.
    """
    blueprint, arrays, _ = read_sources(parse(content, label), label)
    return blueprint, arrays


def parse(content: bytes, label: str) -> onnx.ModelProto:
    """Return the file's message after every check that needs no reading of the graph.

    Raises:
        ModelError: If it is damaged, too large, refers to other files, or is of a version that is not read.
    """
    label = quotable(label)
    check_size(len(content), label)
    check_wire(content, label)
    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf's DecodeError, of a module that differs by its back end
        raise ModelError(
            f"{label} is no ONNX file, or a damaged one; export it again with torch.onnx.export."
        ) from error
    if any(is_external(tensor) for tensor in _tensors(model)):
        raise ModelError(
            f"{label} keeps its weights in another file, which is never opened; export it in one file, with "
            "torch.onnx.export(..., external_data=False)."
        )
    if model.graph.sparse_initializer:
        raise ModelError(f"{label} holds sparse weights, which are not read; export it with dense ones.")
    opset = opset_of(model)
    if not MIN_OPSET <= opset <= onnx.defs.onnx_opset_version():
        raise ModelError(
            f"{label} uses opset {opset} of ONNX, of which {MIN_OPSET} to {onnx.defs.onnx_opset_version()} are read; "
            "export it with another opset_version."
            if opset
            else f"{label} is no ONNX file, or one without a graph; export it again with torch.onnx.export."
        )
    return model


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operators, 0 if none is named."""
    return max((entry.version for entry in model.opset_import if entry.domain in DOMAINS), default=0)


def read_sources(
    model: onnx.ModelProto, label: str
) -> tuple[Blueprint, dict[str, np.ndarray], dict[str, Source]]:
    """Read a checked model; also return, for each array, which input of which node it was made from.

    Raises:
        ModelError: See ``read_onnx``.
    """
    label = quotable(label)
    with refusing(f"{label} is a damaged ONNX file", "export it again with torch.onnx.export"):
        return _read(model, label)


def _read(model: onnx.ModelProto, label: str) -> tuple[Blueprint, dict[str, np.ndarray], dict[str, Source]]:
    nodes = [node_of(node, index) for index, node in enumerate(model.graph.node)]
    producers = {name: node for node in nodes for name in node.outputs if name}
    output = choose_output(model, producers, label)
    needed = ancestors(output, producers)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    image = choose_input(model, [node for node in nodes if node.index in needed], tensors, label)
    check_supported([node for node in nodes if node.index in needed], image.name, label)
    reader = GraphReader(
        BlueprintBuilder(label, image.shape),
        label,
        opset_of(model),
        {name: partial(array_of, tensor, label) for name, tensor in tensors.items()},
        Counter(name for node in nodes if node.index in needed for name in node.inputs) + Counter([output]),
        image.batch,
    )
    reader.values[image.name] = reader.start(INPUT)
    for node in nodes:
        if node.index in needed:
            _read_node(reader, node)
    step = reader.step_of(reader.value(output, "output"), "output")
    blueprint = reader.builder.finish(step)
    named = {*reader.builder.arrays, *reader.builder.ties}
    kept = {name: source for name, source in reader.sources.items() if name in named}
    return blueprint, reader.builder.arrays, kept


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


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Return every tensor of a file, those in subgraphs and functions included."""
    graphs = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
            nodes.extend(graph.node)
            continue
        for attribute in nodes.pop().attribute:
            yield attribute.t
            yield from attribute.tensors
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            graphs.extend([attribute.g, *attribute.graphs])
