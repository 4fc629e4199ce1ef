"""ONNX files as tf2onnx writes them of Keras: inputs with their channels last."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def keras_file(side=20, channels=3, is_last=True, classes=3):
    """A small convolutional classifier as tf2onnx writes one of Keras, or its twin with channels first."""
    rng = np.random.default_rng(0)

    def array(name, *shape):
        values = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        return numpy_helper.from_array(values.astype(np.float32), name)

    nodes = [
        helper.make_node("Conv", ["t", "w1", "b1"], ["c1"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("GlobalAveragePool", ["r2"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "w3"], ["y"]),
    ]
    first = helper.make_node(*(("Transpose", ["x"], ["t"]) if is_last else ("Identity", ["x"], ["t"])))
    if is_last:
        first.attribute.append(helper.make_attribute("perm", [0, 3, 1, 2]))
    shape = [side, side, channels] if is_last else [channels, side, side]
    graph = helper.make_graph(
        [first, *nodes],
        "k",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", classes])],
        [array("w1", 4, channels, 3, 3), array("b1", 4), array("w2", 5, 4, 3, 3), array("w3", 5, classes)],
    )
    opset = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="tf2onnx")
    onnx.checker.check_model(model)
    return model.SerializeToString()
