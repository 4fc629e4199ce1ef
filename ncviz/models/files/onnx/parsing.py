"""From an ONNX file's bytes to its message, after every check that needs no reading of the graph."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.models.files.content import check_size
from ncviz.models.files.onnx.checks import DOMAINS
from ncviz.models.files.onnx.lifting import LIFTED, TARGET, lift
from ncviz.models.files.onnx.tensors import is_external
from ncviz.models.files.onnx.wire import check_wire
from ncviz.text import quotable


def parse(content: bytes, label: str, budget: Budget) -> onnx.ModelProto:
    """Return the file's message after every check that needs no reading of the graph.

    Args:
        content: The file.
        label: Its name, for messages.
        budget: What reading it may take.

    Raises:
        ModelError: If it is damaged, too large, refers to other files, or is of a version that is not read.
    """
    label = quotable(label)
    check_size(len(content), label)
    check_wire(content, label)
    budget.check_time()
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
    if opset in LIFTED:
        return lift(model, opset, label, budget)
    if not TARGET <= opset <= onnx.defs.onnx_opset_version():
        raise ModelError(
            f"{label} uses opset {opset} of ONNX, of which {LIFTED[0]} to {onnx.defs.onnx_opset_version()} are read; "
            "export it with another opset_version, or convert it: onnx.version_converter.convert_version(model, 13)."
            if opset
            else f"{label} is no ONNX file, or one without a graph; export it again with torch.onnx.export."
        )
    return model


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operators, 0 if none is named."""
    return max((entry.version for entry in model.opset_import if entry.domain in DOMAINS), default=0)


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
