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
from ncviz.models.files.graph.outputs import Output, check_outputs
from ncviz.models.files.graph.reader import Node
from ncviz.models.files.graph.unsupported import check_read
from ncviz.text import quotable

DOMAINS = {"", "ai.onnx"}
_SHAPES = frozenset({"Shape", "Size"})
_UNITWISE = frozenset({*POINTWISE, "Identity", "Dropout", "Cast", "CastLike"}) - OWN
_COLOURS = (1, 3)
_FLOATS = {getattr(onnx.TensorProto, kind) for kind in ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16")}


@dataclass(frozen=True)
class Image:
    """The input that takes the images: its name, their shape, and the batch if the file fixes one.

    Attributes:
        name: Of the input.
        shape: Of one image; None for a height or width that the file leaves open.
        batch: The batch, if the file fixes it.
    """

    name: str
    shape: tuple[int | None, ...]
    batch: int | None

    @property
    def open_axes(self) -> tuple[int, ...]:
        """The axes of one image that the file leaves open."""
        return tuple(axis for axis, size in enumerate(self.shape) if size is None)

    def at(self, size: tuple[int, int] | None) -> tuple[int, ...]:
        """Return the shape with a height and width in the place of those that are open."""
        sides = (1, 2) if self.shape[0] is not None else (0, 1)
        filled = dict(zip(sides, size or (), strict=False))
        return tuple(filled[axis] if own is None else own for axis, own in enumerate(self.shape))


def choose_input(model: onnx.ModelProto, needed: list[Node], tensors: dict[str, Any], label: str) -> Image:
    """Return the one input that takes images.

    Raises:
        ModelError: If there is none or several, of other numbers, or of a shape that does not say where the channels
            are.
    """
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
    # Some exporters write 0 or -1 for what they leave open.
    dims = [None if size is not None and size < 1 else size for size in dims]
    image = Image(inputs[0].name, tuple(dims[1:]), dims[0] if dims else None)
    known = [size for size in image.shape if size is not None]
    is_open_in_space = len(image.shape) == 3 and (image.shape[0] is not None or image.shape[2] in _COLOURS)
    if (
        len(dims) < 2
        or max(known, default=1) > LIMITS.layer_units
        or (image.open_axes and not is_open_in_space)
    ):
        raise ModelError(
            f"{label} does not fix the size of its images (its input has the shape "
            f"{[size or '?' for size in dims[:9]]}); only height and width may be left open beside the batch: fix the "
            "rest with onnx.tools.update_model_dims.update_inputs_outputs_dims, or export it again."
        )
    return image


def float_outputs(model: onnx.ModelProto, producers: dict[str, Node], label: str) -> list[Output]:
    """Return the outputs of floating-point numbers, seen through a ZipMap of sklearn.

    Raises:
        ModelError: If there are too many.
    """
    check_outputs(len(model.graph.output), label)
    found = []
    for value in model.graph.output:
        node = producers.get(value.name)
        if node is not None and node.operator == "ZipMap" and node.inputs:
            needed = frozenset(ancestors(node.inputs[0], producers))
            found.append(Output(value.name, node.inputs[0], True, None, needed))
            continue
        kind = value.type.tensor_type
        if not value.type.HasField("tensor_type") or kind.elem_type not in _FLOATS:
            continue
        dims = [d.dim_value if d.WhichOneof("value") == "dim_value" else None for d in kind.shape.dim]
        wide = [size for size in dims[1:] if size != 1]
        is_row = not kind.HasField("shape") or len(dims) == 2 or (len(dims) > 2 and len(wide) < 2)
        classes = wide[0] if len(wide) == 1 else None
        needed = frozenset(ancestors(value.name, producers))
        found.append(Output(value.name, value.name, is_row, classes, needed))
    return found


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


def check_supported(needed: list[Node], image: str, label: str) -> bool:
    """Refuse nodes that are not read, every one of them named; return whether there is an attention."""
    if len(needed) > 5 * LIMITS.nodes:  # constants and arithmetic on shapes are nodes too
        raise ModelError(f"{label} has {len(needed):,} nodes, at most {5 * LIMITS.nodes:,} are read.")
    return check_read(
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
