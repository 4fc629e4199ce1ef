"""Nodes of an ONNX file in plain form."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import onnx
from onnx import AttributeProto

from ncviz.models.files.graph.reader import Node
from ncviz.models.files.onnx.tensors import array_of

_MAX_NUMBERS = 10_000  # of an attribute
_SCOPES, _MAX_SCOPES = "pkg.torch.onnx.name_scopes", 2_000


_READ: dict[int, Callable[[AttributeProto], Any]] = {
    AttributeProto.INT: lambda each: int(each.i),
    AttributeProto.FLOAT: lambda each: float(each.f),
    AttributeProto.STRING: lambda each: each.s.decode("utf-8", "replace"),
    AttributeProto.INTS: lambda each: tuple(each.ints[:_MAX_NUMBERS]),
    AttributeProto.FLOATS: lambda each: tuple(each.floats[:_MAX_NUMBERS]),
    AttributeProto.TENSOR: lambda each: array_of(each.t, "the file"),
}


def node_of(node: onnx.NodeProto, index: int) -> Node:
    """Return a node of a file in plain form."""
    kinds = {attribute.type for attribute in node.attribute}
    has_graph = bool(kinds & {AttributeProto.GRAPH, AttributeProto.GRAPHS})
    attributes = {attribute.name: _plain(attribute) for attribute in node.attribute}
    inputs, outputs = tuple(node.input), tuple(node.output)
    return Node(
        index, node.name, node.op_type, node.domain, inputs, outputs, attributes, has_graph, _place(node)
    )


def _place(node: onnx.NodeProto) -> str:
    """Return the module that torch's newer exporter notes for a node, "" where there is none."""
    scopes = next((each.value for each in node.metadata_props if each.key == _SCOPES), "")
    modules = re.findall(r"'([\w.]*)'", scopes[:_MAX_SCOPES])[:-1]
    return modules[-1] if modules else ""


def _plain(attribute: AttributeProto) -> Any:
    read = _READ.get(attribute.type)
    return None if read is None else read(attribute)
