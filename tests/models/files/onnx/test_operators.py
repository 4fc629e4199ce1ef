"""Each operator against onnxruntime, in models made by hand as other frameworks write them; and what is refused."""

import math

import numpy as np
import onnx
import pytest
import skl2onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from sklearn.neural_network import MLPClassifier

from ncviz.errors import ModelError
from ncviz.models.files.graph.blueprint import Blueprint
from ncviz.models.files.graph.build import build_module
from ncviz.models.files.onnx.reader import read_onnx
from ncviz.models.files.onnx.writer import write_onnx
from tests.models.files.onnx.onnx_helpers import assert_same, images_of, run

pytestmark = pytest.mark.filterwarnings("ignore")
RANDOM = np.random.default_rng(3)


def weights(*shape):
    return (RANDOM.standard_normal(shape) / math.sqrt(np.prod(shape[1:]) or 1)).astype(np.float32)


def model(nodes, shape, opset=17, outputs=1, constants=(), batch="n", **initialisers):
    """A model of ``nodes`` from "x" to "y", where a flatten and a Gemm make the classes of "y"."""
    last = [
        helper.make_node("Flatten", ["y"], ["flat"], name="flat"),
        helper.make_node("Gemm", ["flat", "last.weight", "last.bias"], ["scores"], name="last", transB=1),
    ]
    initialisers |= {"last.weight": weights(4, outputs), "last.bias": weights(4)}
    graph = helper.make_graph(
        [*nodes, *last], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *shape])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, 4])],
        [numpy_helper.from_array(values, name) for name, values in initialisers.items()],
    )  # fmt: skip
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8
    ).SerializeToString()


def node(operator, *inputs, to="y", **attributes):
    return helper.make_node(operator, list(inputs), [to], name=f"the_{operator}_{to}", **attributes)


def numbers(*values):
    return np.array(values, dtype=np.int64)


def scalar(value):
    return np.array(value, dtype=np.float32)


IMAGE = (2, 7, 7)
SIGMOID_FORMS = {
    "silu": [node("Sigmoid", "x", to="s"), node("Mul", "x", "s")],
    "mish": [node("Softplus", "x", to="a"), node("Tanh", "a", to="b"), node("Mul", "x", "b")],
    "gelu": [node("Div", "x", "root2", to="a"), node("Erf", "a", to="b"), node("Add", "b", "one", to="c"),
             node("Mul", "x", "c", to="d"), node("Mul", "d", "half")],
    "gelu other order": [node("Mul", "half", "x", to="h"), node("Div", "x", "root2", to="a"),
                         node("Erf", "a", to="b"), node("Add", "one", "b", to="c"), node("Mul", "h", "c")],
    "hardswish": [node("Add", "x", "three", to="a"), node("Clip", "a", "zero", "six", to="b"),
                  node("Mul", "x", "b", to="c"), node("Div", "c", "six")],
    "hardswish by hardsigmoid": [node("HardSigmoid", "x", to="a", alpha=1 / 6), node("Mul", "a", "x")],
    "relu by max": [node("Max", "x", "zero")],
    "softsign": [node("Abs", "x", to="a"), node("Add", "a", "one", to="b"), node("Div", "x", "b")],
    "mish of tanh": [node("Tanh", "x", to="t"), node("Softplus", "t", to="a"), node("Tanh", "a", to="b"),
                     node("Mul", "t", "b")],
}  # fmt: skip
SCALARS = {"root2": scalar(math.sqrt(2)), "one": scalar(1), "half": scalar(0.5), "three": scalar(3),
           "zero": scalar(0), "six": scalar(6)}  # fmt: skip

# Name → nodes, units of "y", initialisers, opset, shape of an image.
CASES = {
    "conv, groups, dilation": ([node("Conv", "x", "w", "b", group=2, dilations=[2, 1], pads=[1, 1, 1, 1])],
                               4 * 5 * 7, {"w": weights(4, 1, 3, 3), "b": weights(4)}),
    "conv, asymmetric padding": ([node("Conv", "x", "w", pads=[0, 1, 2, 0], strides=[2, 2])], 3 * 4 * 3,
                                 {"w": weights(3, 2, 3, 3)}),
    "conv, SAME_UPPER": ([node("Conv", "x", "w", auto_pad="SAME_UPPER", strides=[2, 2])], 3 * 16,
                         {"w": weights(3, 2, 2, 2)}),
    "conv, SAME_LOWER": ([node("Conv", "x", "w", auto_pad="SAME_LOWER")], 3 * 49, {"w": weights(3, 2, 2, 2)}),
    "conv, VALID": ([node("Conv", "x", "w", auto_pad="VALID")], 3 * 25, {"w": weights(3, 2, 3, 3)}),
    "conv, bias added": ([node("Conv", "x", "w", to="c"), node("Add", "b", "c")], 3 * 25,
                         {"w": weights(3, 2, 3, 3), "b": weights(3, 1, 1)}),
    "conv1d": ([node("Conv", "x", "w", strides=[2])], 3 * 3, {"w": weights(3, 2, 3)}, 17, (2, 7)),
    "transposed conv": ([node("ConvTranspose", "x", "w", "b", strides=[2, 2], pads=[1, 1, 1, 1],
                              output_padding=[1, 0])], 3 * 14 * 13, {"w": weights(2, 3, 3, 3), "b": weights(3)}),
    "transposed conv1d": ([node("ConvTranspose", "x", "w")], 3 * 9, {"w": weights(2, 3, 3)}, 17, (2, 7)),
    "gemm, alpha, beta": ([node("Gemm", "x", "w", "b", alpha=0.5, beta=2.0)], 5,
                          {"w": weights(7, 5), "b": weights(1, 5)}, 17, (7,)),
    "gemm, one bias": ([node("Gemm", "x", "w", "b")], 5, {"w": weights(7, 5), "b": weights(1)}, 17, (7,)),
    "matmul, add behind another name": ([node("MatMul", "x", "w", to="m"), node("Identity", "m", to="i"),
                                        node("Add", "i", "b", to="a"), node("Add", "m", "a")], 5,
                                       {"w": weights(7, 5), "b": weights(5)}, 17, (7,)),
    "matmul, add to what is times one": ([node("MatMul", "x", "w", to="m"), node("Mul", "m", "one", to="i"),
                                         node("Add", "i", "b", to="a"), node("Add", "m", "a")], 5,
                                        {"w": weights(7, 5), "b": weights(5), "one": scalar(1.0)}, 17, (7,)),
    "matmul, add": ([node("MatMul", "x", "w", to="m"), node("Add", "m", "b")], 5,
                    {"w": weights(7, 5), "b": weights(5)}, 17, (7,)),
    "batch norm": ([node("BatchNormalization", "x", "s", "b", "m", "v", epsilon=0.01)], 98,
                   {"s": weights(2), "b": weights(2), "m": weights(2), "v": np.float32([0.5, 2.0])}),
    "batch norm of features": ([node("BatchNormalization", "x", "s", "b", "m", "v")], 7,
                               {"s": weights(7), "b": weights(7), "m": weights(7),
                                "v": np.abs(weights(7)) + 0.1}, 17, (7,)),
    **{operator: ([node(operator, "x", **settings)], 98, {}, opset) for operator, settings, opset in [
        ("Relu", {}, 9), ("LeakyRelu", {"alpha": 0.2}, 17), ("Elu", {"alpha": 0.5}, 17), ("Selu", {}, 17),
        ("Celu", {"alpha": 0.5}, 17), ("Sigmoid", {}, 17), ("Tanh", {}, 17), ("Softplus", {}, 17),
        ("Softsign", {}, 17), ("HardSigmoid", {"alpha": 1 / 6}, 17), ("HardSwish", {}, 17), ("Mish", {}, 18),
        ("Gelu", {"approximate": "tanh"}, 20), ("GlobalMaxPool", {}, 17)]
        if operator != "GlobalMaxPool"},
    "prelu": ([node("PRelu", "x", "a")], 98, {"a": weights(2, 1, 1)}),
    "clip, attributes": ([node("Clip", "x", min=-0.5, max=0.25)], 98, {}, 10),
    "clip, one bound": ([node("Clip", "x", "", "half")], 98, {"half": scalar(0.5)}),
    **{form: (nodes, 98, SCALARS) for form, nodes in SIGMOID_FORMS.items()},
    "max pool, ceil": ([node("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)], 2 * 16, {}),
    "max pool, padding": ([node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])], 32, {}),
    "max pool, asymmetric": ([node("Relu", "x", to="r"),
                              node("MaxPool", "r", kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER")],
                             2 * 16, {}),
    "average pool, padding out": ([node("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2],
                                        pads=[1, 1, 1, 1])], 32, {}),
    "average pool, padding in": ([node("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1],
                                       count_include_pad=1)], 32, {}),
    "average pool, ceil": ([node("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)], 18, {}),
    "global average": ([node("GlobalAveragePool", "x")], 2, {}),
    "global max": ([node("GlobalMaxPool", "x")], 2, {}),
    "mean over space": ([node("ReduceMean", "x", axes=[2, 3], keepdims=0)], 2, {}, 13),
    "mean over space, input": ([node("ReduceMean", "x", "axes")], 2, {"axes": numbers(-1, -2)}, 18),
    "reshape": ([node("Reshape", "x", "to")], 98, {"to": numbers(0, 7, -1, 2)}),
    "reshape and transpose": ([node("Transpose", "x", to="t", perm=[0, 2, 3, 1]), node("Reshape", "t", "to")], 98,
                              {"to": numbers(-1, 98)}),
    "squeeze": ([node("GlobalAveragePool", "x", to="g"), node("Squeeze", "g", "axes")], 2, {"axes": numbers(2, 3)}),
    "unsqueeze": ([node("Unsqueeze", "x", "axes", to="u"), node("Conv", "u", "w")], 3 * 6,
                  {"axes": numbers(1), "w": weights(3, 1, 2)}, 17, (7,)),
    "shape arithmetic": ([node("Shape", "x", to="s"), node("Gather", "s", "zero", to="n"),
                          node("Unsqueeze", "n", "zeros", to="u"), node("Concat", "u", "rest", to="to", axis=0),
                          node("Reshape", "x", "to")], 98,
                         {"zero": np.array(0), "zeros": numbers(0), "rest": numbers(-1)}),
    "identity, dropout, cast": ([node("Identity", "x", to="a"), node("Dropout", "a", to="b"),
                                 node("Cast", "b")], 98, {}),
    "residual": ([node("Relu", "x", to="r"), node("Add", "r", "x")], 98, {}),
    "residual of a convolution": ([node("Conv", "x", "w", to="c", pads=[1, 1, 1, 1]), node("Sum", "c", "x")], 98,
                                  {"w": weights(2, 2, 3, 3)}),
    "concatenation": ([node("Relu", "x", to="r"), node("Concat", "r", "x", axis=1)], 196, {}),
    "split": ([helper.make_node("Split", ["x"], ["a", "b"], name="s", axis=1), node("Relu", "b", to="r"),
               node("Concat", "r", "a", axis=1)], 98, {}, 13),
    "split, uneven": ([helper.make_node("Split", ["x"], ["a", "b"], name="s", axis=2, num_outputs=2),
                       node("Concat", "b", "a", axis=2)], 98, {}, 18),
    "split, sizes": ([helper.make_node("Split", ["x", "sizes"], ["a", "unread", "b"], name="s", axis=-1),
                      node("Concat", "b", "a", axis=3)], 2 * 7 * 5, {"sizes": numbers(1, 2, 4)}),
    "split, attribute": ([helper.make_node("Split", ["x"], ["a", "b"], name="s", axis=2, split=[3, 4]),
                          node("Concat", "b", "a", axis=2)], 98, {}, 11),
    "slice": ([node("Slice", "x", "start", "end", "axes")], 2 * 6 * 3,
              {"start": numbers(1, -4), "end": numbers(2**60, -1), "axes": numbers(-1, 2)}),
    "slice, all axes": ([node("Slice", "x", "start", "end")], 2 * 7 * 5,
                        {"start": numbers(0, 0, 0, 2), "end": numbers(2**60, 2, 9, 9)}),
    "slice, attributes": ([node("Slice", "x", starts=[2], ends=[5], axes=[2])], 2 * 3 * 7, {}, 9),
    "tile": ([node("Tile", "x", "times")], 6 * 7 * 14, {"times": numbers(1, 3, 1, 2)}),
    "expand": ([node("Slice", "x", "one", "two", "one", to="a"), node("Expand", "a", "to")], 3 * 49,
               {"one": numbers(1), "two": numbers(2), "to": numbers(3, 1, 7)}),
    "expand, batch": ([node("Slice", "x", "one", "two", "one", to="a"), node("Shape", "x", to="s"),
                       node("Expand", "a", "s")], 98, {"one": numbers(1), "two": numbers(2)}),
    "gather, one": ([node("Gather", "x", "at", axis=-2)], 14, {"at": np.array(-1)}),
    "gather, some": ([node("Gather", "x", "at", axis=3)], 2 * 7 * 3, {"at": numbers(5, 0, 0)}),
    "pad": ([node("Pad", "x", "pads")], 2 * 8 * 9, {"pads": numbers(0, 0, 1, 0, 0, 0, 0, 2)}),
    "normalised input": ([node("Div", "x", "std", to="a"), node("Sub", "a", "mean")], 98,
                         {"std": np.abs(weights(1, 2, 1, 1)) + 1, "mean": weights(2, 1, 1)}),
    "scaled input": ([node("Mul", "x", "k", to="a"), node("Sub", "one", "a")], 98,
                     {"k": scalar(1 / 255), "one": scalar(1)}),
    "float16 weights": ([node("Cast", "w", to="wide"), node("Conv", "x", "wide")], 3 * 25,
                        {"w": weights(3, 2, 3, 3).astype(np.float16)}),
    "double weights": ([node("Cast", "w", to="wide"), node("Conv", "x", "wide")], 3 * 25,
                       {"w": weights(3, 2, 3, 3).astype(np.float64)}),
    "transposed weights": ([node("Transpose", "w", to="t", perm=[1, 0]), node("MatMul", "x", "t")], 5,
                           {"w": weights(5, 7)}, 17, (7,)),
    "shared, read otherwise": ([node("Gemm", "x", "w", to="a", transB=1), node("Relu", "a", to="r"),
                                node("Transpose", "w", to="t", perm=[1, 0]), node("MatMul", "r", "t")], 7,
                               {"w": weights(7, 7)}, 17, (7,)),
    "shared weights": ([node("Conv", "x", "w", to="a", pads=[1, 1, 1, 1]), node("Relu", "a", to="r"),
                        node("Conv", "r", "w", pads=[1, 1, 1, 1])], 98, {"w": weights(2, 2, 3, 3)}),
}  # fmt: skip


def build(case):
    nodes, units, initialisers, opset, shape = (*CASES[case], *(17, IMAGE)[len(CASES[case]) - 3 :])
    nodes = [n if n.op_type != "Cast" or n.attribute else _float_cast(n) for n in nodes]
    return model(nodes, shape, opset, units, **initialisers), shape


def _float_cast(cast):
    return helper.make_node("Cast", list(cast.input), list(cast.output), name=cast.name, to=TensorProto.FLOAT)


@pytest.mark.parametrize("case", CASES)
def test_operators_there_and_back(case):
    content, shape = build(case)
    images = images_of(shape, seed=5)
    blueprint, arrays = read_onnx(content, "net.onnx")
    with torch.no_grad():
        result = build_module(blueprint, arrays)(torch.from_numpy(images)).numpy()
    assert_same(result, run(content, images))

    changed = {
        name: np.where(RANDOM.random(values.shape) < 0.3, 0, 0.9 * values).astype(values.dtype)
        if values.ndim > 1
        else values
        for name, values in arrays.items()
    }
    written = write_onnx(content, changed)
    with torch.no_grad():
        expected = build_module(blueprint, changed)(torch.from_numpy(images)).numpy()
    tolerance = 1e-2 if "float16" in case else 1e-4
    np.testing.assert_allclose(run(written, images), expected, atol=tolerance * np.abs(expected).max())
    kept = {n.name for n in onnx.load_from_string(written).graph.node}
    assert {"flat", "last"} <= kept


def test_float16_weights_stay_float16():
    content, _ = build("float16 weights")
    before = onnx.load_from_string(content)
    graph = helper.make_graph(
        [node("Conv", "x", "w")], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT16, [1, 2, 3, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT16, [1, 3, 1, 1])],
        [next(t for t in before.graph.initializer if t.name == "w")],
    )  # fmt: skip
    graph.node.append(helper.make_node("Flatten", ["y"], ["scores"]))
    graph.output[0].name = "scores"
    del graph.output[0].type.tensor_type.shape.dim[2:]
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    _, arrays = read_onnx(content, "half.onnx")
    (name,) = arrays
    written = onnx.load_from_string(write_onnx(content, {name: arrays[name] * 0.5}))
    assert written.graph.initializer[0].data_type == TensorProto.FLOAT16
    np.testing.assert_allclose(
        numpy_helper.to_array(written.graph.initializer[0]), arrays[name] * 0.5, rtol=1e-3
    )


@pytest.mark.parametrize("case", ["shared weights", "shared, read otherwise"])
def test_weights_that_two_layers_share_are_one(case):
    content, shape = build(case)
    blueprint, arrays = read_onnx(content, "net.onnx")
    (name,) = (name for name in arrays if not name.startswith("last."))
    ((tied, home),) = blueprint.ties
    assert (home, tied in arrays) == (name, False)
    assert Blueprint.from_json(blueprint.to_json()) == blueprint
    pruned = {**arrays, name: arrays[name] * (np.abs(arrays[name]) > 0.5)}
    assert 0 < (pruned[name] == 0).sum() < arrays[name].size
    net = build_module(blueprint, pruned)
    assert net.state_dict()[tied].data_ptr() == net.state_dict()[name].data_ptr()
    images = images_of(shape)
    with torch.no_grad():
        expected = net(torch.from_numpy(images)).numpy()
    written = write_onnx(content, pruned)
    np.testing.assert_allclose(run(written, images), expected, atol=1e-5)
    again, kept = read_onnx(written, "net.onnx")
    np.testing.assert_array_equal(kept[name], pruned[name])
    if case == "shared weights":
        assert again == blueprint
        assert len(onnx.load_from_string(written).graph.initializer) == 3


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("classes", [3, 10])
def test_a_classifier_of_sklearn(zipmap, classes):
    features = np.random.default_rng(0).standard_normal((80, 12)).astype(np.float32)
    net = MLPClassifier((9, 7), max_iter=20, random_state=0).fit(features, np.arange(80) % classes)
    kind = skl2onnx.common.data_types.FloatTensorType([None, 12])
    content = skl2onnx.convert_sklearn(
        net, initial_types=[("x", kind)], options={id(net): {"zipmap": zipmap}}
    ).SerializeToString()
    blueprint, arrays = read_onnx(content, "sklearn.onnx")
    assert blueprint.input_shape == (12,)
    with torch.no_grad():
        probabilities = build_module(blueprint, arrays)(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(probabilities, net.predict_proba(features), atol=1e-5)

    name = next(name for name, values in arrays.items() if values.shape == (9, 12))
    pruned = {**arrays, name: arrays[name] * (np.abs(arrays[name]) > 0.2)}
    with torch.no_grad():
        expected = build_module(blueprint, pruned)(torch.from_numpy(features)).numpy()
    written = write_onnx(content, pruned)
    if not zipmap:
        np.testing.assert_allclose(run(written, features, ["probabilities"]), expected, atol=1e-5)
        assert (run(written, features, ["label"]) == expected.argmax(1)).all()


REFUSED = {
    "recurrence": ([node("LSTM", "x", "w", "w", hidden_size=3)], {"w": weights(3, 3)}, "recurrence.*the_LSTM_y"),
    "two kinds": ([node("LSTM", "x", "w", "w", to="a", hidden_size=3), node("Attention", "a", "a", "a")],
                  {"w": weights(3, 3)}, "recurrence at 'the_LSTM_a'; attention at 'the_Attention_y'"),
    "images by images": ([node("Transpose", "x", to="t", perm=[1, 0, 2, 3]), node("MatMul", "x", "t")], {},
                         "images lie along different axes"),
    "softmax inside": ([node("Softmax", "x")], {}, "softmax inside"),
    "resize": ([node("Resize", "x")], {}, "the operation Resize at 'the_Resize_y'"),
    "custom": ([helper.make_node("Conv", ["x", "w"], ["y"], name="mine", domain="com.mine")],
               {"w": weights(2, 2, 1, 1)}, "the custom operator Conv of com.mine at 'mine'"),
    "every other image": ([node("Transpose", "x", to="t", perm=[1, 0, 2, 3]),
                           node("Slice", "t", "zero", "end", "one", "two", to="h"),
                           node("Transpose", "h", perm=[1, 0, 2, 3])],
                          {"zero": numbers(0), "end": numbers(2**62), "one": numbers(1), "two": numbers(2)},
                          "some of a batch"),
    "millions of bounds": ([node("Transpose", "x", to="t", perm=[1, 0, 2, 3]),
                            node("ConstantOfShape", "many", to="z"), node("Slice", "t", "z", "z")],
                           {"many": numbers(5_000_000)}, "the_Slice_y"),
    "batch divided": ([helper.make_node("Split", ["x"], ["y", "z"], name="the_Split")], {}, "'the_Split'.*a batch"),
    "every other": ([node("Slice", "x", "zero", "end", "one", "two")],
                    {"zero": numbers(0), "end": numbers(7), "one": numbers(2), "two": numbers(2)}, "every other"),
    "parts that do not add up": ([helper.make_node("Split", ["x", "w"], ["y", "z"], axis=2)], {"w": numbers(1, 1)},
                                 "not all that it reads"),
    "mean of images": ([node("ReduceMean", "x", axes=[0, 2])], {}, "only those of space"),
    "images added": ([node("Add", "x", "mean")], {"mean": weights(3, 2, 7, 7)}, "only one number for each channel"),
    "batch repeated": ([node("Tile", "x", "times")], {"times": numbers(2, 1, 1, 1)}, "repeats its input"),
    "repeated too often": ([node("Tile", "x", "times")], {"times": numbers(1, 1, 1, 2**40)}, "repeats its input"),
    "spread over other sizes": ([node("Expand", "x", "to")], {"to": numbers(1, 3, 7, 7)}, "spreads the shape"),
    "spread over new axes": ([node("Expand", "x", "to")], {"to": numbers(4, 1, 2, 7, 7)}, "spreads the shape"),
    "images taken": ([node("Gather", "x", "at")], {"at": numbers(0)}, "takes images of a batch"),
    "gathered outside": ([node("Gather", "x", "at", axis=1)], {"at": numbers(2)}, "has inputs .* that do not fit"),
    "batch moved": ([node("Transpose", "x", perm=[1, 0, 2, 3])], {}, "images of a batch by weights"),
    "unknown function": ([node("Exp", "x")], {}, "no activation function"),
    "weights computed": ([node("Conv", "x", "x")], {}, "that the network computes"),
    "wrong channels": ([node("Conv", "x", "w")], {"w": weights(2, 3, 1, 1)}, "reads 2 channels"),
    "wrong values": ([node("Reshape", "x", "to")], {"to": numbers(0, 5, 5)}, "another number of values"),
    "kernel too large": ([node("Conv", "x", "w")], {"w": weights(2, 2, 9, 9)}, "does not fit"),
    "no weights": ([node("Relu", "nowhere")], {}, "nothing before it gives|takes 0 inputs"),
    "not finite": ([node("Conv", "x", "w")], {"w": weights(2, 2, 1, 1) * np.nan}, "not finite"),
    "three axes": ([node("Reshape", "x", "to", to="r"), node("Conv", "r", "w")],
                   {"to": numbers(0, 2, 7, 7, 1), "w": weights(2, 2, 1, 1, 1)}, "3 axes"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_read_is_named_in_one_sentence(case):
    nodes, initialisers, match = REFUSED[case]
    with pytest.raises(ModelError, match=match) as caught:
        read_onnx(model(nodes, IMAGE, opset=17, outputs=98, **initialisers), "net.onnx")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith((".", ")."))


def test_external_data_is_refused_and_never_opened(tmp_path, monkeypatch):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(weights(4, 98).tobytes())
    monkeypatch.chdir(tmp_path)
    parsed = onnx.load_from_string(model([node("Relu", "x")], IMAGE, outputs=98))
    tensor = parsed.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.bin")
    secret.chmod(0)
    with pytest.raises(ModelError, match="another file, which is never opened"):
        read_onnx(parsed.SerializeToString(), "net.onnx")


@pytest.mark.parametrize("size", [98 * 4 + 1, 2**40, 0])
def test_declared_sizes_are_checked_against_the_bytes(size):
    parsed = onnx.load_from_string(model([node("Relu", "x")], IMAGE, outputs=98))
    del parsed.graph.initializer[0].dims[:]
    parsed.graph.initializer[0].dims.extend([size])
    with pytest.raises(ModelError, match="holds|unfit"):
        read_onnx(parsed.SerializeToString(), "net.onnx")


@pytest.mark.slow
def test_small_files_that_would_fill_the_memory_are_refused():
    with pytest.raises(ModelError, match="graph of more than"):
        read_onnx(b"\x3a\x84\xad\xe2\x04" + b"\x0a\x00" * 5_000_002, "net.onnx")
    nodes = [node("ConstantOfShape", "n", to=f"c{at}") for at in range(10)]
    nodes += [node("Concat", *[f"c{at}" for at in range(10)], to="all", axis=0), node("Add", "x", "all")]
    with pytest.raises(ModelError, match="takes more than 64 MB of memory"):
        read_onnx(model(nodes, IMAGE, outputs=98, n=numbers(9_000_000)), "net.onnx")


@pytest.mark.parametrize("opset", [6, 99])
def test_other_opsets_are_refused(opset):
    with pytest.raises(ModelError, match=f"opset {opset}"):
        read_onnx(model([node("Relu", "x")], IMAGE, opset, 98), "net.onnx")


def test_images_of_open_channels_are_refused():
    with pytest.raises(ModelError, match="does not fix the size"):
        read_onnx(model([node("GlobalAveragePool", "x")], ("c", "h", "w"), outputs=2), "net.onnx")


def test_a_batch_that_the_file_fixes_is_left_open():
    content = model([node("Reshape", "x", "to")], IMAGE, outputs=98, batch=5, to=numbers(5, -1))
    blueprint, arrays = read_onnx(content, "net.onnx")
    assert build_module(blueprint, arrays)(torch.zeros(2, *IMAGE)).shape == (2, 4)


def test_the_writer_refuses_other_arrays():
    content, _ = build("conv, VALID")
    _, arrays = read_onnx(content, "net.onnx")
    with pytest.raises(ModelError, match="missing or has another shape"):
        write_onnx(content, {})
    assert write_onnx(content, arrays)
    content, _ = build("normalised input")
    _, arrays = read_onnx(content, "net.onnx")
    scale = next(name for name, values in arrays.items() if name.endswith("weight") and values.ndim == 1)
    with pytest.raises(ModelError, match="not one of the file's weights"):
        write_onnx(content, {**arrays, scale: arrays[scale] + 1})
