"""Every operator that is read, by its name in ONNX; where ONNX has none, by a name of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

import numpy as np

from ncviz.models.files.graph.operators import layers, reductions, shapes, windows
from ncviz.models.files.graph.operators.constants import FOLDS, fold
from ncviz.models.files.graph.operators.pointwise import POINTWISE
from ncviz.models.files.graph.reader import GraphReader, Node, Value

OPERATORS: dict[str, Callable[[GraphReader, Node, list[Any]], Value | list[Value]]] = {
    **POINTWISE,
    "Conv": layers.convolution(is_transposed=False), "ConvTranspose": layers.convolution(is_transposed=True),
    "Gemm": layers.gemm, "MatMul": layers.matmul, "BatchNormalization": layers.batch_norm,
    "LayerNormalization": layers.layer_norm("layer_norm"), "GroupNormalization": layers.group_norm,
    **dict.fromkeys(("RMSNormalization", "SimplifiedLayerNormalization"), layers.layer_norm("rms_norm")),
    "InstanceNormalization": layers.instance_norm, "LRN": layers.local_response_norm,
    "MaxPool": windows.pool("max_pool"), "AveragePool": windows.pool("avg_pool"),
    **dict.fromkeys(("GlobalAveragePool", "AdaptiveAveragePool"), reductions.adaptive_pool("avg")),
    **dict.fromkeys(("GlobalMaxPool", "AdaptiveMaxPool"), reductions.adaptive_pool("max")),
    "ReduceMean": reductions.reduce("avg"), "ReduceMax": reductions.reduce("max"), "Pad": windows.pad,
    "Reshape": shapes.reshape, "Flatten": shapes.flatten, "Squeeze": shapes.squeeze, "Unsqueeze": shapes.unsqueeze,
    "Transpose": shapes.transpose, "Concat": shapes.concat, "Gather": shapes.gather, "Tile": shapes.tile,
    "Expand": shapes.expand, "Split": shapes.split, "Slice": shapes.cut,
    "Softmax": shapes.softmax("softmax"), "LogSoftmax": shapes.softmax("log_softmax"),
    **dict.fromkeys(("Identity", "Dropout", "CastLike"), shapes.same), "Cast": shapes.cast, "Shape": shapes.shape_value,
}  # fmt: skip
# Those of the table that no ONNX file may use.
OWN = frozenset({"AdaptiveAveragePool", "AdaptiveMaxPool", "LogSigmoid"})


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
    if inputs and len(arrays) == sum(value is not None for value in inputs) and node.operator in folds:
        # Numpy refuses what does not fit in many ways.
        with reader.refusing(node, "computes a constant from values that do not fit", Exception):
            return reader.counted(fold(node, arrays, reader.opset, reader.budget))
    handler = OPERATORS.get(node.operator)
    if handler is None:
        raise reader.refusal(node, "is applied to activations, which is not supported")
    return handler(reader, node, inputs)
