"""Every operator that is read, by its name in ONNX; where ONNX has none, by a name of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

import numpy as np

from ncviz.models.files.graph.operators import layers, reductions, reshaping, shapes, windows
from ncviz.models.files.graph.operators.constants import FOLDS, fold
from ncviz.models.files.graph.operators.pointwise import POINTWISE
from ncviz.models.files.graph.operators.products import einsum, matmul
from ncviz.models.files.graph.operators.strewn import read_strewn
from ncviz.models.files.graph.reader import GraphReader, Node, Strewn, Value

OPERATORS: dict[str, Callable[[GraphReader, Node, list[Any]], Value | list[Value]]] = {
    **POINTWISE,
    "Conv": layers.convolution(is_transposed=False), "ConvTranspose": layers.convolution(is_transposed=True),
    "Gemm": layers.gemm, "MatMul": matmul, "BatchNormalization": layers.batch_norm,
    "LayerNormalization": layers.layer_norm("layer_norm"), "GroupNormalization": layers.group_norm,
    **dict.fromkeys(("RMSNormalization", "SimplifiedLayerNormalization"), layers.layer_norm("rms_norm")),
    "InstanceNormalization": layers.instance_norm, "LRN": layers.local_response_norm,
    "MaxPool": windows.pool("max_pool"), "AveragePool": windows.pool("avg_pool"),
    **dict.fromkeys(("GlobalAveragePool", "AdaptiveAveragePool"), reductions.adaptive_pool("avg")),
    **dict.fromkeys(("GlobalMaxPool", "AdaptiveMaxPool"), reductions.adaptive_pool("max")),
    "ReduceMean": reductions.reduce("avg"), "ReduceMax": reductions.reduce("max"), "Pad": windows.pad,
    "Reshape": reshaping.reshape, "Flatten": reshaping.flatten, "Squeeze": reshaping.squeeze,
    "Unsqueeze": reshaping.unsqueeze, "Transpose": reshaping.transpose, "Shape": reshaping.shape_value,
    "Concat": shapes.concat, "Gather": shapes.gather, "Tile": shapes.tile, "Expand": shapes.expand,
    "Split": shapes.split, "Slice": shapes.cut, "Einsum": einsum, "Roll": shapes.roll,
    "Softmax": shapes.softmax("softmax"), "LogSoftmax": shapes.softmax("log_softmax"),
    **dict.fromkeys(("Identity", "Dropout", "CastLike"), shapes.same), "Cast": shapes.cast,
}  # fmt: skip
# Those that look themselves where the images lie.
_PLACING = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Shape", "Expand", "Einsum"})
# Those of the table that no ONNX file may use.
OWN = frozenset({"AdaptiveAveragePool", "AdaptiveMaxPool", "LogSigmoid", "Roll"})


def read_node(
    reader: GraphReader, node: Node, inputs: list[Any], folds: Container[str] = FOLDS
) -> Value | list[Value]:
    """Return what a node gives, adding its steps.

    Args:
        reader: The graph so far.
        node: An operator of the table, or one that is done on constants.
        inputs: What it reads, None for what is left out.
        folds: The operators that are done at once where all that they read are constants.

    Raises:
        ModelError: If it is not read as it is used here, saying why.
        Exception: IndexError, KeyError, ValueError, TypeError, AttributeError or OverflowError if an input or an
            attribute is missing or of another kind.
    """
    arrays = [value for value in inputs if isinstance(value, np.ndarray)]
    is_constant = bool(inputs) and len(arrays) == sum(value is not None for value in inputs)
    if is_constant and node.operator == "Expand":
        with reader.refusing(node, "spreads a constant over sizes that do not fit", Exception):
            return reader.counted(np.asarray(shapes.spread_constant(reader, node, inputs)))
    if is_constant and node.operator in folds:
        # Numpy refuses what does not fit in many ways.
        with reader.refusing(node, "computes a constant from values that do not fit", Exception):
            return reader.counted(fold(node, arrays, reader.opset, reader.budget))
    handler = OPERATORS.get(node.operator)
    if handler is None:
        raise reader.refusal(node, "is applied to activations, which is not supported")
    strewn = [value for value in inputs if isinstance(value, Strewn)]
    is_product = node.operator == "MatMul" and len(arrays) == 0
    if strewn and node.operator not in _PLACING and not is_product:
        return read_strewn(reader, node, inputs, handler)
    return handler(reader, node, inputs)
