"""Whether a file's BatchNorm was folded into its weights before it came: exporters leave their marks.

Read off files of torch.onnx.export (its TorchScript exporter names the new weight and bias ``onnx::Conv_12``, older
ones by numbers alone; its newer exporter notes the rule that rewrote a node), of tf2onnx (``…_weights_fused_bn``) and
of onnxruntime's own optimiser (``ConvBnFusion_W_…``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod

import onnx

from ncviz.text import plural

_LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_RULE = "pkg.onnxscript.rewriter.rule_name"
_MARKED = re.compile(r".*_weights_fused_bn|ConvBnFusion_W_.*")
_ARITHMETIC = ("Add", "Sub", "Mul", "Div")
# What an exporter of torch calls a weight that is no parameter of the network.
_MADE = re.compile(r"(onnx::Conv\w*_)?\d+")
_REWRITTEN = re.compile(r"node_(Conv|ConvTranspose|Gemm)_\d+")
# With so many convolutions and skips, and no normalisation, hardly any network was trained.
_MANY = 8
_REMEDY = (
    "export it with torch.onnx.export(..., optimize=False), or with dynamo=False and do_constant_folding=False, for "
    "that of the network's own weights"
)


def folded_note(model: onnx.ModelProto) -> str:
    """Return what is known or suspected of BatchNorm in the weights of a file, in one sentence; "" if nothing is."""
    nodes = list(model.graph.node)
    layers = [node for node in nodes if node.op_type in _LAYERS and len(node.input) > 1]
    is_torch = model.producer_name == "pytorch"
    known = sum(_is_known(node, is_torch) for node in layers)
    if known:
        return (
            f"BatchNorm was folded into the weights of {plural(known, 'layer')} before this file came, and κ is that "
            f"of the folded network; {_REMEDY}."
        )
    multiplied = len(set(_multiplied(model)))
    if multiplied:
        return (
            f"The numbers that multiply the output of {plural(multiplied, 'layer')} in this file may have been "
            "BatchNorm; as they are, they multiply the weights, and κ is that of the folded network."
        )
    if any(map(_is_suspect, layers)) or _lacks_norms(nodes):
        return (
            "BatchNorm may have been folded into the weights before this file came, and κ would be that of the folded "
            f"network; {_REMEDY}."
        )
    return ""


def _is_known(node: onnx.NodeProto, is_torch: bool) -> bool:
    weight, bias = node.input[1], node.input[2] if len(node.input) > 2 else ""
    rules = next((entry.value for entry in node.metadata_props if entry.key == _RULE), "")
    # A weight that is computed, such as by a weight norm, is called so too, but its bias is not.
    is_made = (
        is_torch and node.op_type in ("Conv", "ConvTranspose") and all(map(_MADE.fullmatch, (weight, bias)))
    )
    return "FuseBatchNorm" in rules or is_made or bool(_MARKED.fullmatch(weight))


def _is_suspect(node: onnx.NodeProto) -> bool:
    """Whether a layer is called as one that was rewritten, in a file that does not say by which rule."""
    is_made = (
        node.op_type.startswith("Conv") and len(node.input) > 2 and all(map(_MADE.fullmatch, node.input[1:3]))
    )
    is_told = any(entry.key == _RULE for entry in node.metadata_props)
    return is_made or (bool(_REWRITTEN.fullmatch(node.name)) and not is_told)


def _multiplied(model: onnx.ModelProto) -> Iterator[str]:
    """Yield the output of each layer that is multiplied, then shifted, by one number for each channel."""
    sizes = {each.name: tuple(each.dims) for each in model.graph.initializer}
    producers: dict[str, onnx.NodeProto] = {}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            sizes[node.output[0]] = tuple(node.attribute[0].t.dims)
        producers |= dict.fromkeys(node.output, node)

    def operand(name: str, operators: tuple[str, ...]) -> str | None:
        """Return what a node of these operators does to channels with constants, None if this is none."""
        node = producers.get(name)
        if node is None or node.op_type not in operators or len(node.input) != 2:
            return None
        constants = [each for each in node.input if prod(sizes.get(each, ())) > 1 and _is_row(sizes[each])]
        return (
            next((each for each in node.input if each not in constants), None)
            if len(constants) == 1
            else None
        )

    origins: dict[
        str, str | None
    ] = {}  # value → the layer's output that it is one of, so that none is followed twice
    for node in model.graph.node:
        scaled = operand(node.output[0], ("Add", "Sub")) if node.output else None
        value = operand(scaled, ("Mul", "Div")) if scaled else None
        path: list[str] = []
        while value is not None and value in producers and producers[value].op_type not in _LAYERS:
            if value in origins:
                value = origins[value]
                continue
            # Until it is found there is none, as in a circle.
            path.append(value)
            origins[value] = None
            before = producers[value]
            value = (
                next(iter(before.input), None)
                if before.op_type in ("Transpose", "Identity")
                else operand(value, _ARITHMETIC)
            )
        origins |= dict.fromkeys(path, value)
        if value is not None and value in producers:
            yield value


def _is_row(shape: tuple[int, ...]) -> bool:
    return sum(size > 1 for size in shape) == 1


def _lacks_norms(nodes: list[onnx.NodeProto]) -> bool:
    """Whether there are many convolutions, all with a bias, and skips, but no normalisation."""
    layers = [node for node in nodes if node.op_type == "Conv"]
    produced = {name for node in nodes if node.op_type != "Constant" for name in node.output}
    is_joined = any(node.op_type == "Add" and set(node.input) <= produced for node in nodes)
    has_norm = any("Normalization" in node.op_type for node in nodes)
    return len(layers) >= _MANY and all(len(node.input) > 2 for node in layers) and is_joined and not has_norm
