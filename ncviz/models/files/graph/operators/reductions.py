"""Operators that make one value of many places: means and maxima over space."""

from __future__ import annotations

from typing import Any

from ncviz.models.files.graph.operators.constants import axes_of
from ncviz.models.files.graph.operators.placing import reshaped
from ncviz.models.files.graph.reader import GraphReader, Handler, Node, Value


def adaptive_pool(kind: str) -> Handler:
    """Return the reader of a pooling ("avg", "max") to a size, by default over all of space."""
    return lambda reader, node, inputs: reader.start(
        _pooled(reader, node, reader.step_of(inputs[0], node), kind)
    )


def _pooled(reader: GraphReader, node: Node, step: str, kind: str) -> str:
    axes = len(reader.builder.shapes[step]) - 1
    if axes not in (1, 2):
        raise reader.refusal(node, f"pools over {axes} axes, of which 1 and 2 are supported")
    size = tuple(node.get("output_size", (1,) * axes))
    return reader.builder.add(node.hint, f"adaptive_{kind}_pool{axes}d", (step,), size=size)


def reduce(kind: str) -> Handler:
    """Return the reader of a mean or maximum over some of space, wherever the channels are, or of all of it."""

    def handle(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
        step = reader.step_of(inputs[0], node)
        shape = reader.builder.shapes[step]
        rank = len(shape) + 1
        given = axes_of(inputs, node) or ()
        axes = sorted({axis % rank for axis in given})
        others = [axis for axis in range(1, rank) if axis not in axes]
        if not axes or axes[0] == 0 or not others or rank - 1 not in (2, 3):
            raise reader.refusal(
                node, f"reduces the axes {list(given)[:9]}, of which only those of space are supported"
            )
        kept = tuple(1 if axis in axes else shape[axis - 1] for axis in range(1, rank))
        if not node.get("keepdims", 1):
            kept = tuple(shape[axis - 1] for axis in others)
        if axes == list(range(2, rank)):
            step = _pooled(reader, node, step, kind)
        elif others == [rank - 1]:
            step = reader.builder.add(f"{node.hint}_first", "permute", (step,), axes=(0, rank - 1, *axes))
            step = _pooled(reader, node, step, kind)
        elif 1 not in axes:
            kernel = tuple(shape[axis - 1] if axis in axes else 1 for axis in range(2, rank))
            settings: dict[str, Any] = {"kernel": kernel, "stride": kernel, "padding": (0,) * len(kernel)}
            settings |= {"dilation": (1,) * len(kernel)} if kind == "max" else {"count_include_pad": False}
            operation = f"{kind}_pool{len(kernel)}d"
            step = reader.builder.add(node.hint, operation, (step,), ceil_mode=False, **settings)
        else:
            raise reader.refusal(
                node,
                f"reduces the axes {list(given)[:9]}, which joins channels with each other: not supported",
            )
        return reshaped(reader, node, step, kept)

    return handle
