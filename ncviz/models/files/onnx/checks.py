"""What is checked of an ONNX file before its graph is read: its operators, its input, its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.graph.operators.constants import FOLDS
from ncviz.models.files.graph.operators.pointwise import POINTWISE
from ncviz.models.files.graph.operators.table import OPERATORS, OWN
from ncviz.models.files.graph.reader import Node
from ncviz.models.files.graph.unsupported import check_read
from ncviz.text import quotable

DOMAINS = {"", "ai.onnx"}
_SHAPES = frozenset({"Shape", "Size"})
_UNITWISE = frozenset({*POINTWISE, "Identity", "Dropout", "Cast", "CastLike"}) - OWN
_FLOATS = {getattr(onnx.TensorProto, kind) for kind in ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16")}


@dataclass(frozen=True)
class Image:
    """The input that takes the images: its name, their shape, and the batch if the file fixes one."""

    name: str
    shape: tuple[int, ...]
    batch: int | None


def choose_input(model: onnx.ModelProto, needed: list[Node], tensors: dict[str, Any], label: str) -> Image:
    """Return the one input that takes images."""
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
    return Image(inputs[0].name, tuple(sizes), dims[0])


def choose_output(model: onnx.ModelProto, producers: dict[str, Node], label: str) -> str:
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


def ancestors(output: str, producers: dict[str, Node]) -> set[int]:
    """Return the indices of the nodes that an output needs."""
    needed: set[int] = set()
    waiting = [output]
    while waiting:
        node = producers.get(waiting.pop())
        if node is not None and node.index not in needed:
            needed.add(node.index)
            waiting.extend(node.inputs)
    return needed


def check_supported(needed: list[Node], image: str, label: str) -> None:
    """Refuse nodes that are not read, every one of them named."""
    if len(needed) > 5 * LIMITS.nodes:  # constants and arithmetic on shapes are nodes too
        raise ModelError(f"{label} has {len(needed):,} nodes, at most {5 * LIMITS.nodes:,} are read.")
    check_read(
        [node for node in needed if node.operator != "Constant" or not node.outputs],
        image,
        label,
        fault=_fault,
        plain=lambda node: node.operator,
        unitwise=_UNITWISE,
        shapes=_SHAPES,
        handled=FOLDS.keys() | OPERATORS.keys() - OWN,
    )


def _fault(node: Node) -> str:
    """Return why a node is not read whatever it reads, or nothing."""
    operator = quotable(node.operator or "a node without an operator")
    if node.has_graph:
        return f"control flow ({operator})"
    if node.domain not in DOMAINS and (node.domain, node.operator) != ("ai.onnx.ml", "Scaler"):
        return f"the custom operator {operator} of {quotable(node.domain)}"
    return "" if node.outputs else f"{operator} without an output"
