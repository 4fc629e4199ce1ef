"""Read an ONNX file into a blueprint and its arrays: own reader of a fixed list of operators.

The converters at hand (onnx2torch, onnx2pytorch) build modules of their own classes, which the graph reader would have
to know, follow external data and have had no release for long; here every operator becomes a plain torch layer, and
every size is checked before anything is allocated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.blueprint import INPUT, Blueprint
from ncviz.models.drafting import Draft
from ncviz.models.onnx_layers import HANDLERS
from ncviz.models.onnx_nodes import node_of
from ncviz.models.onnx_pointwise import POINTWISE
from ncviz.models.onnx_tensors import FOLDS, array_of, fold, is_external
from ncviz.models.onnx_wire import check_wire
from ncviz.models.pickles import shorten
from ncviz.models.reading import Node, Reading, Source

__all__ = ["read_onnx", "read_sources"]

MIN_OPSET = 9
SUPPORTED = (
    "convolutions, linear layers, BatchNorm, pointwise activations, pooling, flatten, reshape, transpose, additions "
    "and concatenations"
)
_DOMAINS = {"", "ai.onnx"}
_KINDS = {
    "recurrence": {"LSTM", "GRU", "RNN"},
    "attention": {"Attention", "MultiHeadAttention", "RotaryEmbedding"},
    "control flow": {"If", "Loop", "Scan", "SequenceMap"},
    "quantised weights": {"QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "QuantizeLinear",
                          "DequantizeLinear", "DynamicQuantizeLinear"},
    "normalisation by the image itself": {"LayerNormalization", "InstanceNormalization", "GroupNormalization",
                                          "RMSNormalization", "LRN", "LpNormalization"},
}  # fmt: skip
_FLOATS = {
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.FLOAT16,
    onnx.TensorProto.BFLOAT16,
}
_NAMED = 12  # operators of which every node is listed, up to so many


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
    label = shorten(label)
    if len(content) > LIMITS.file_bytes:
        raise ModelError(
            f"{label} is larger than {LIMITS.file_bytes / 1e6:.0f} MB, the most that is read; bring a smaller network."
        )
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
    return max((entry.version for entry in model.opset_import if entry.domain in _DOMAINS), default=0)


def read_sources(
    model: onnx.ModelProto, label: str
) -> tuple[Blueprint, dict[str, np.ndarray], dict[str, Source]]:
    """Read a checked model; also return, for each array, which input of which node it was made from.

    Raises:
        ModelError: See ``read_onnx``.
    """
    label = shorten(label)
    try:
        return _read(model, label)
    except ModelError:
        raise
    except (
        Exception
    ) as error:  # a crafted graph holds names that are no text, and more that protobuf lets pass
        raise ModelError(
            f"{label} is a damaged ONNX file ({type(error).__name__}); export it again with torch.onnx.export."
        ) from error


def _read(model: onnx.ModelProto, label: str) -> tuple[Blueprint, dict[str, np.ndarray], dict[str, Source]]:
    nodes = [node_of(node, index) for index, node in enumerate(model.graph.node)]
    producers = {name: node for node in nodes for name in node.outputs if name}
    output = _choose_output(model, producers, label)
    needed = _ancestors(output, producers)
    _check_supported([node for node in nodes if node.index in needed], model, label)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    image = _choose_input(model, [node for node in nodes if node.index in needed], tensors, label)
    reading = Reading(
        Draft(label, image.shape),
        label,
        opset_of(model),
        {name: _Lazy(tensor, label) for name, tensor in tensors.items()},
        Counter(name for node in nodes if node.index in needed for name in node.inputs) + Counter([output]),
        image.batch,
    )
    reading.values[image.name] = reading.start(INPUT)
    for node in nodes:
        if node.index in needed:
            _read_node(reading, node, model.graph.node[node.index])
    step = reading.step_of(reading.value(output, "output"), "output")
    blueprint = reading.draft.finish(step)
    kept = {name: source for name, source in reading.sources.items() if name in reading.draft.arrays}
    return blueprint, reading.draft.arrays, kept


def _read_node(reading: Reading, node: Node, proto: onnx.NodeProto) -> None:
    if node.operator == "Constant":
        reading.keep(node, _constant(node, reading.label))
        return
    inputs = [reading.value(name, node.title) if name else None for name in node.inputs]
    arrays = [value for value in inputs if isinstance(value, np.ndarray)]
    if inputs and len(arrays) == sum(value is not None for value in inputs) and node.operator in FOLDS:
        try:
            reading.keep(node, fold(proto, arrays, dict(node.attributes), reading.opset))
        except ModelError:
            raise
        except Exception as error:  # numpy refuses what does not fit in many ways
            raise reading.refusal(node, "computes a constant from values that do not fit") from error
        return
    handler = HANDLERS.get(node.operator) or POINTWISE.get(node.operator)
    if handler is None:
        raise reading.refusal(node, "is applied to activations, which is not supported")
    try:
        reading.values[node.outputs[0]] = handler(reading, node, inputs)
    except ModelError:
        raise
    except (IndexError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        # A required input or attribute is missing or of another kind.
        raise reading.refusal(node, "has inputs or attributes that do not fit its operator") from error


def _constant(node: Node, label: str) -> np.ndarray:
    for name, kind in (("value_float", np.float32), ("value_int", np.int64)):
        if name in node.attributes:
            return np.asarray(node.attributes[name], dtype=kind)
    for name, kind in (("value_floats", np.float32), ("value_ints", np.int64)):
        if name in node.attributes:
            return np.asarray(node.attributes[name], dtype=kind)
    value = node.attributes.get("value")
    if not isinstance(value, np.ndarray):
        raise ModelError(f"{label}: node {node.title} holds no number; export it again.")
    return value


class _Lazy:
    """An initialiser that is converted when it is first used."""

    def __init__(self, tensor: onnx.TensorProto, label: str) -> None:
        self.tensor, self.label = tensor, label

    def __call__(self) -> np.ndarray:
        return array_of(self.tensor, self.label)


@dataclass(frozen=True)
class _Image:
    name: str
    shape: tuple[int, ...]
    batch: int | None


def _choose_input(model: onnx.ModelProto, needed: list[Node], tensors: dict[str, Any], label: str) -> _Image:
    used = {name for node in needed for name in node.inputs}
    inputs = [value for value in model.graph.input if value.name not in tensors and value.name in used]
    if len(inputs) != 1:
        raise ModelError(f"{label} takes {len(inputs)} inputs, expected one, the images.")
    kind = inputs[0].type.tensor_type
    if kind.elem_type not in _FLOATS:
        raise ModelError(
            f"{label} takes an input that is not of floating-point numbers, expected images in float32."
        )
    dims = [d.dim_value if d.WhichOneof("value") == "dim_value" else None for d in kind.shape.dim]
    sizes = [size for size in dims[1:] if size is not None and 0 < size <= LIMITS.layer_units]
    if len(dims) < 2 or len(sizes) != len(dims) - 1:
        raise ModelError(
            f"{label} does not fix the size of its images (its input has the shape "
            f"{[size or '?' for size in dims[:9]]}); export it with only the first axis, the batch, left open."
        )
    return _Image(inputs[0].name, tuple(sizes), dims[0])


def _choose_output(model: onnx.ModelProto, producers: dict[str, Node], label: str) -> str:
    """Return the output that holds class scores: [n, classes] in floats, seen through a ZipMap of sklearn."""
    ranked: list[tuple[int, int, str]] = []
    for position, value in enumerate(model.graph.output):
        node = producers.get(value.name)
        if node is not None and node.operator == "ZipMap" and node.inputs:
            ranked.append((1, position, node.inputs[0]))
            continue
        kind = value.type.tensor_type
        if value.type.HasField("tensor_type") and kind.elem_type in _FLOATS:
            ranked.append((0 if len(kind.shape.dim) == 2 else 2, position, value.name))
    if not ranked:
        raise ModelError(f"{label} has no output of floating-point numbers, expected class scores.")
    return min(ranked)[2]


def _ancestors(output: str, producers: dict[str, Node]) -> set[int]:
    needed: set[int] = set()
    waiting = [output]
    while waiting:
        node = producers.get(waiting.pop())
        if node is not None and node.index not in needed:
            needed.add(node.index)
            waiting.extend(node.inputs)
    return needed


def _check_supported(needed: list[Node], model: onnx.ModelProto, label: str) -> None:
    if len(needed) > 5 * LIMITS.nodes:  # constants and arithmetic on shapes are nodes too
        raise ModelError(f"{label} has {len(needed):,} nodes, at most {5 * LIMITS.nodes:,} are read.")
    found: dict[str, list[str]] = {}
    for node in needed:
        what = _fault(node)
        if what:
            found.setdefault(what, []).append(node.title)
    if not found:
        return
    parts = []
    for what, titles in list(found.items())[:_NAMED]:
        rest = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
        parts.append(f"{what} at {', '.join(titles[:_NAMED])}{rest}")
    if len(found) > _NAMED:
        parts.append(f"{len(found) - _NAMED} other kinds")
    raise ModelError(
        f"{label} has operations that are not supported: {'; '.join(parts)} (ncviz reads {SUPPORTED})."
    )


def _fault(node: Node) -> str:
    """Return why a node is not read, or nothing."""
    operator = shorten(node.operator or "a node without an operator")
    kind = next((kind for kind, operators in _KINDS.items() if node.operator in operators), "")
    if node.has_graph:
        return f"{operator} ({kind or 'control flow'})"
    if node.domain not in _DOMAINS and (node.domain, node.operator) != ("ai.onnx.ml", "Scaler"):
        return f"{operator} ({kind or 'custom operator of ' + shorten(node.domain)})"
    if node.operator in HANDLERS or node.operator in POINTWISE or node.operator in FOLDS:
        return "" if node.outputs else f"{operator} without an output"
    if node.operator == "Constant":
        return "" if node.outputs else f"{operator} without an output"
    return f"{operator} ({kind})" if kind else operator


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
