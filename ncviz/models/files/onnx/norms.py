"""A layer normalisation that a file writes out (mean, difference, square, mean, root, quotient) as the one node it is.

Exporters before opset 17 write it so. What it divides by is no part of the neural graph, nor are its scale and shift.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ncviz.models.files.graph.reader import Node

Constant = Callable[[str], np.ndarray | None]


def joined_norms(nodes: Sequence[Node], outputs: Sequence[str], constant: Constant) -> list[Node]:
    """Return nodes with each layer normalisation that several write out as one.

    Args:
        nodes: Those of a file, in their order.
        outputs: Names that the file gives.
        constant: Gives the constant of a name, None for what is none.
    """
    makers = {name: node for node in nodes for name in node.outputs if name}
    uses = Counter(name for node in nodes for name in node.inputs) + Counter(outputs)
    readers: dict[str, list[Node]] = {}
    for node in nodes:
        for name in dict.fromkeys(node.inputs):
            readers.setdefault(name, []).append(node)
    gone: set[int] = set()
    made: dict[int, Node] = {}
    for node in nodes:
        found = _norm_of(node, makers, uses, constant)
        if found is not None:
            inside, norm = found
            last, norm = _with_affine(node, norm, readers, uses, constant)
            gone |= {each.index for each in (*inside, *last)}
            made[(last or [node])[-1].index] = norm
    return [made.get(node.index, node) for node in nodes if node.index in made or node.index not in gone]


def _norm_of(
    node: Node, makers: Mapping[str, Node], uses: Mapping[str, int], constant: Constant
) -> tuple[list[Node], Node] | None:
    """Return the nodes that a quotient ends, and the norm that they are; None if they are none."""

    def maker(name: str, operators: tuple[str, ...], readers: int = 1) -> Node | None:
        found = makers.get(name)
        fits = (
            found is not None and found.operator in operators and not found.domain and uses[name] == readers
        )
        return found if fits else None

    if node.operator != "Div" or node.domain or len(node.inputs) != 2:
        return None
    root = maker(node.inputs[1], ("Sqrt",))
    total = maker(root.inputs[0], ("Add",)) if root else None
    if root is None or total is None:
        return None
    eps = next((own for name in total.inputs if (own := constant(name)) is not None), None)
    variance = next((found for name in total.inputs if (found := maker(name, ("ReduceMean",)))), None)
    square = maker(variance.inputs[0], ("Pow", "Mul")) if variance else None
    if eps is None or eps.size != 1 or variance is None or square is None:
        return None
    power = constant(square.inputs[1]) if square.operator == "Pow" else np.array(2.0)
    is_square = power is not None and power.size == 1 and float(power.ravel()[0]) == 2.0
    is_of_itself = square.operator == "Pow" or square.inputs[0] == square.inputs[1]
    difference = maker(node.inputs[0], ("Sub",), 3 if square.operator == "Mul" else 2)
    if not is_square or not is_of_itself or difference is None or square.inputs[0] != node.inputs[0]:
        return None
    value, mean = difference.inputs[0], maker(difference.inputs[1], ("ReduceMean",))
    if mean is None or mean.inputs[0] != value:
        return None
    axes = [_axes(each, constant) for each in (mean, variance)]
    if axes[0] is None or axes[0] != axes[1] or not all(each.get("keepdims", 1) for each in (mean, variance)):
        return None
    attributes = {"axes": axes[0], "axis": min(axes[0]), "epsilon": float(eps.ravel()[0])}
    norm = replace(node, operator="LayerNormalization", inputs=(value,), attributes=attributes)
    return [mean, difference, square, variance, total, root, node], norm


def _axes(node: Node, constant: Constant) -> tuple[int, ...] | None:
    given = constant(node.inputs[1]) if len(node.inputs) > 1 else node.get("axes", None)
    return None if given is None else tuple(sorted(int(axis) for axis in np.ravel(given)))


def _with_affine(
    node: Node, norm: Node, readers: Mapping[str, list[Node]], uses: Mapping[str, int], constant: Constant
) -> tuple[list[Node], Node]:
    """Return the scale and shift behind a norm, and the norm with both; none where it is not followed by them."""
    found, parameters, places = [], [], []
    last = node
    for operator in ("Mul", "Add"):
        name = last.outputs[0]
        following = readers.get(name, [])
        if uses[name] != 1 or len(following) != 1 or following[0].operator != operator or following[0].domain:
            break
        each = following[0]
        slot = 1 if each.inputs[0] == name else 0
        value = constant(each.inputs[slot])
        if value is None or value.ndim != len(norm.attributes["axes"]) or value.size == 1:
            break
        found.append(each)
        parameters.append(each.inputs[slot])
        places.append((each.index, slot))
        last = each
    attributes = {**norm.attributes, "places": tuple(places)}
    inputs = (*norm.inputs, *parameters)
    return found, replace(norm, index=last.index, inputs=inputs, outputs=last.outputs, attributes=attributes)
