"""Small classifiers of the kinds that are in circulation, each against what onnxruntime makes of the same file."""

import itertools

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import ncviz
from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.models.files.choices import SeveralFitError
from ncviz.models.files.onnx import lifting, writer
from ncviz.models.files.onnx.reader import read_onnx
from ncviz.models.files.open_file import load_network, read_file
from ncviz.models.files.write_file import write_file
from tests.examples.keras_files import keras_file
from tests.models.files.onnx.onnx_helpers import assert_same, run

RANDOM = np.random.default_rng(0)
N = helper.make_node
IMAGE = (3, 16, 16)


def array(name, *shape):
    values = RANDOM.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[1:])))
    return numpy_helper.from_array(values.astype(np.float32), name)


def positive(name, *shape):
    return numpy_helper.from_array((RANDOM.random(shape) + 0.5).astype(np.float32), name)


def whole(name, *values):
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def scalar(name, value):
    return numpy_helper.from_array(np.array(value, dtype=np.float32), name)


def file(nodes, arrays, outputs=(("y", ("n", 4)),), opset=13, image=IMAGE, is_old=False, batch="n"):
    """A model; before version 4 of the format the weights were among the inputs."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *image])]
    if is_old:
        inputs += [helper.make_tensor_value_info(a.name, a.data_type, list(a.dims)) for a in arrays]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)) for name, shape in outputs]
    graph = helper.make_graph(nodes, "g", inputs, given, arrays)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 3 if is_old else 8
    onnx.checker.check_model(model)
    return model.SerializeToString()


def check(content, image=IMAGE, output=None, shape=None, **options):
    """Read a file, compare what it gives with onnxruntime, and read the network's graph; return the network."""
    network = read_file(content, "net.onnx", output=output, **options)
    compare(network, content, image, output, shape)
    return network


def compare(network, content, image, output=None, shape=None, *, has_graph=True):
    """Compare what a network gives with onnxruntime, and read its graph, which takes longer than all else."""
    images = RANDOM.random((2, *image)).astype(np.float32)
    net = network.module()
    with torch.no_grad():
        found = net(torch.from_numpy(images)).numpy()
    assert found.shape == (shape or (2, 4))
    assert_same(found, run(content, images, None if output is None else [output]).reshape(found.shape))
    if has_graph:
        ncviz.build_graph(net, tuple(image))


FIRST = [N("Conv", ["x", "w1"], ["c1"], pads=[1] * 4), N("Relu", ["c1"], ["r1"])]
W1 = [array("w1", 6, 3, 3, 3)]
LAST = [array("wf", 6, 4), array("bf", 4)]


def end(of, flat="f"):
    return [
        N("GlobalAveragePool", [of], ["g"]),
        N("Flatten", ["g"], [flat]),
        N("Gemm", [flat, "wf", "bf"], ["y"]),
    ]


def normed(name, channels):
    return [positive(f"{name}s", channels), array(f"{name}b", channels), array(f"{name}m", channels),
            positive(f"{name}v", channels)]  # fmt: skip


OLD = {
    "plain": (FIRST + end("r1"), W1 + LAST),
    "batch norm, spatial, and an upsampling of 1": (
        [N("Conv", ["x", "w1"], ["c1"], pads=[1] * 4),
         N("BatchNormalization", ["c1", "ns", "nb", "nm", "nv"], ["n1"], epsilon=1e-3),
         N("Relu", ["n1"], ["r1"]), *end("r1")],
        W1 + LAST + normed("n", 6),
    ),
    "residual by Sum, dropout, softmax after a Reshape": (
        [*FIRST, N("Conv", ["r1", "w2"], ["c2"], pads=[1] * 4), N("Sum", ["c2", "r1"], ["s"]),
         N("Relu", ["s"], ["r2"]), N("AveragePool", ["r2"], ["p"], kernel_shape=[16, 16]),
         N("Dropout", ["p"], ["d"], ratio=0.5), N("Reshape", ["d", "to"], ["f"]),
         N("Gemm", ["f", "wf", "bf"], ["l"]), N("Softmax", ["l"], ["y"])],
        [*W1, *LAST, array("w2", 6, 6, 3, 3), whole("to", -1, 6)],
    ),
    "SqueezeNet 1.0": (
        [*FIRST, N("MaxPool", ["r1"], ["p"], kernel_shape=[3, 3], strides=[2, 2], pads=[0] * 4),
         N("Conv", ["p", "wa"], ["a"]), N("Relu", ["a"], ["ra"]), N("Conv", ["p", "wb"], ["b"], pads=[1] * 4),
         N("Relu", ["b"], ["rb"]), N("Concat", ["ra", "rb"], ["k"], axis=1), N("Dropout", ["k"], ["d"]),
         N("Conv", ["d", "wc", "bf"], ["c"]), N("Relu", ["c"], ["rc"]), N("GlobalAveragePool", ["rc"], ["q"]),
         N("Softmax", ["q"], ["y"])],
        [*W1, LAST[1], array("wa", 3, 6, 1, 1), array("wb", 3, 6, 3, 3), array("wc", 4, 6, 1, 1)],
        (("y", ("n", 4, 1, 1)),),
    ),
    "CNTK's MNIST: SAME, a bias of three axes, weights given another shape": (
        [N("Conv", ["x", "w1"], ["c"], auto_pad="SAME_UPPER", kernel_shape=[3, 3], strides=[1, 1]),
         N("Add", ["c", "b1"], ["a"]), N("Relu", ["a"], ["r"]),
         N("MaxPool", ["r"], ["p"], kernel_shape=[4, 4], strides=[4, 4], auto_pad="NOTSET", pads=[0] * 4),
         N("Reshape", ["p", "to"], ["f"]), N("Reshape", ["wd", "two"], ["m"]), N("MatMul", ["f", "m"], ["h"]),
         N("Add", ["h", "bd"], ["y"])],
        [*W1, array("b1", 6, 1, 1), whole("to", -1, 96), array("wd", 6, 4, 4, 4), whole("two", 96, 4),
         array("bd", 1, 4)],
    ),
    "MobileNet: clip by attributes, depthwise": (
        [N("Conv", ["x", "w1"], ["c1"], strides=[2, 2], pads=[1] * 4), N("Clip", ["c1"], ["r1"], min=0.0, max=6.0),
         N("Conv", ["r1", "wd"], ["c2"], group=6, pads=[1] * 4),
         N("BatchNormalization", ["c2", "ns", "nb", "nm", "nv"], ["n"]), N("Clip", ["n"], ["r2"], min=0.0, max=6.0),
         *end("r2")],
        [*W1, *LAST, array("wd", 6, 1, 3, 3), *normed("n", 6)],
    ),
    "DenseNet of Caffe2: scales and shifts that are unsqueezed": (
        [*FIRST, N("BatchNormalization", ["r1", "ns", "nb", "nm", "nv"], ["n"]),
         N("Unsqueeze", ["sc"], ["us"], axes=[1, 2]), N("Mul", ["n", "us"], ["m"]),
         N("Unsqueeze", ["sh"], ["uh"], axes=[1, 2]), N("Add", ["m", "uh"], ["a"]), N("Relu", ["a"], ["r2"]),
         N("Concat", ["r1", "r2"], ["k"], axis=1), N("Conv", ["k", "w2"], ["c2"]), *end("c2")],
        [*W1, *LAST, *normed("n", 6), positive("sc", 6), array("sh", 6), array("w2", 6, 12, 1, 1)],
    ),
    "MATLAB: the mean image is subtracted": (
        [N("Sub", ["x", "image"], ["z"]), N("Conv", ["z", "w1"], ["c1"], pads=[1, 1, 0, 0], strides=[2, 2]),
         N("Relu", ["c1"], ["r1"]), *end("r1")],
        [*W1, *LAST, positive("image", 1, *IMAGE)],
    ),
    "MATLAB: the mean of each channel is subtracted": (
        [N("Sub", ["x", "mu"], ["z"]), N("Conv", ["z", "w1"], ["c1"], pads=[1, 1, 0, 0]), N("Relu", ["c1"], ["r1"]),
         *end("r1")],
        [*W1, *LAST, positive("mu", 1, 3, 1, 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("opset", "is_old"), [(7, True), (8, False)])
@pytest.mark.parametrize("case", OLD)
def test_opsets_seven_and_eight_are_lifted(case, opset, is_old):
    nodes, arrays, *outputs = OLD[case]
    content = file(nodes, arrays, *outputs, opset=opset, is_old=is_old)
    network = check(content)
    # The way back: the same numbers by other weights.
    name = next(name for name, values in network.arrays.items() if values.ndim == 4)
    changed = {name: network.arrays[name] * np.float32(0.5)}
    written, ending = write_file(network, changed)
    assert ending == ".onnx"
    again = read_file(written, "net.onnx")
    np.testing.assert_allclose(again.arrays[name], changed[name], atol=1e-7)
    images = torch.rand(2, *IMAGE)
    assert_same(again.module()(images).detach().numpy(), run(written, images.numpy()).reshape(2, 4))


def test_lifting_keeps_the_producer_and_imports_nothing_from_the_folder(tmp_path, monkeypatch):
    content = onnx.load_from_string(file(FIRST + end("r1"), W1 + LAST, opset=8))
    content.producer_name = "pytorch"
    (tmp_path / "onnx.py").write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    assert lifting.lift(content, 8, "net.onnx", Budget("net.onnx", 0, ModelError)).producer_name == "pytorch"


@pytest.mark.parametrize("opset", [6, 99])
def test_other_opsets_name_the_way_out(opset):
    content = onnx.load_from_string(file(FIRST + end("r1"), W1 + LAST))
    content.opset_import[0].version = opset
    with pytest.raises(ModelError, match=rf"opset {opset} .*convert_version\(model, 13\)"):
        read_onnx(content.SerializeToString(), "net.onnx")


def test_what_the_converter_refuses_or_cannot_hold_is_one_sentence():
    crafted = onnx.load_from_string(file(FIRST + end("r1"), W1 + LAST, opset=8))
    crafted.graph.node.append(N("Upsample", ["nothing"], ["u"], scales=[1.0]))
    crafted.graph.node.append(N("Loop", ["u"], ["v"]))
    with pytest.raises(ModelError, match="converter does not lift it to 9; convert it with"):
        read_onnx(crafted.SerializeToString(), "net.onnx")


@pytest.mark.parametrize(
    "program", ["import os\nos.abort()", "import time\ntime.sleep(60)", "print('no model')"]
)
def test_a_converter_that_breaks_takes_nothing_with_it(program, monkeypatch):
    monkeypatch.setattr(lifting, "_PROGRAM", program)
    monkeypatch.setattr(lifting, "_OWN_SECONDS", -8)
    monkeypatch.setattr(lifting, "_SLOWER", 1)
    with pytest.raises(
        ModelError, match=r"opset 8 of ONNX, and onnx's converter does not lift it to 9; convert it"
    ):
        read_onnx(file(FIRST + end("r1"), W1 + LAST, opset=8), "net.onnx")


HEAD = [N("Conv", ["r1", "w2"], ["c2"]), N("GlobalAveragePool", ["c2"], ["q"])]
W2 = [*W1, array("w2", 4, 6, 1, 1)]
ONES = (("y", ("n", 4, 1, 1)),)
SCORES = {
    "softmax over the channels": ([*HEAD, N("Softmax", ["q"], ["y"], axis=1)], ONES, 13),
    "softmax before opset 13": ([*HEAD, N("Softmax", ["q"], ["y"])], ONES, 11),
    "log-softmax": ([*HEAD, N("LogSoftmax", ["q"], ["y"], axis=1)], ONES, 13),
    "flattened afterwards": ([*HEAD, N("Softmax", ["q"], ["s"], axis=1), N("Flatten", ["s"], ["y"])], None, 13),
    "squeezed afterwards": (
        [*HEAD, N("Softmax", ["q"], ["s"], axis=1), N("Squeeze", ["s", "last two"], ["y"])], None, 13
    ),
    "reshaped afterwards": (
        [*HEAD, N("Softmax", ["q"], ["s"], axis=1), N("Reshape", ["s", "row"], ["y"])], None, 13
    ),
    "no softmax": ([HEAD[0], N("GlobalAveragePool", ["c2"], ["y"])], ONES, 13),
    "a convolution of the whole image": (
        [N("Conv", ["r1", "wide"], ["y"])], ONES, 13
    ),
    "channels last": ([*HEAD, N("Transpose", ["q"], ["y"], perm=[0, 2, 3, 1])], (("y", ("n", 1, 1, 4)),), 13),
    "channels last, softmax": (
        [*HEAD, N("Transpose", ["q"], ["t"], perm=[0, 2, 3, 1]), N("Softmax", ["t"], ["y"], axis=-1)],
        (("y", ("n", 1, 1, 4)),), 13,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SCORES)
def test_scores_may_have_axes_of_size_one(case):
    nodes, outputs, opset = SCORES[case]
    arrays = [*W2, array("wide", 4, 6, 16, 16), whole("last two", 2, 3), whole("row", 0, -1)]
    used = {name for node in nodes + FIRST for name in node.input}
    arrays = [each for each in arrays if each.name in used]
    check(file(FIRST + nodes, arrays, outputs or (("y", ("n", 4)),), opset=opset))


def test_a_softmax_over_places_is_refused():
    nodes = [*FIRST, N("Softmax", ["r1"], ["s"], axis=3), *end("s")]
    with pytest.raises(ModelError, match="softmax inside the network"):
        read_onnx(file(nodes, W1 + LAST), "net.onnx")


def test_open_height_and_width_follow_the_size_that_is_asked():
    content = file(FIRST + end("r1"), W1 + LAST, image=(3, "h", "w"))
    assert check(content, (3, 32, 24), size=(32, 24)).image_shape == (3, 32, 24)
    assert check(content, (3, 20, 20), input_shape=(3, 20, 20)).image_shape == (3, 20, 20)
    usual = read_file(content, "net.onnx")
    assert usual.image_shape == (3, 224, 224)
    assert "224×224 were taken" in usual.notes[0]
    with pytest.raises(SeveralFitError) as raised:
        read_file(content, "net.onnx", is_asking=True)
    assert raised.value.what == "size"
    assert raised.value.choices[:2] == ("224x224", "32x32")


def test_open_sizes_of_a_network_that_fits_only_one():
    nodes = [*FIRST, N("Flatten", ["r1"], ["f"]), N("Gemm", ["f", "wide"], ["y"])]
    content = file(nodes, [*W1, array("wide", 6 * 32 * 32, 4)], image=(3, "h", "w"))
    for is_asking in (False, True):
        assert read_file(content, "net.onnx", is_asking=is_asking).image_shape == (3, 32, 32)
    check(content, (3, 32, 32))
    with pytest.raises(ModelError, match="does not fit what it reads"):
        read_file(content, "net.onnx", size=(30, 30))
    odd = file(nodes, [*W1, array("wide", 6 * 17 * 19, 4)], image=(3, "h", "w"))
    with pytest.raises(
        ModelError, match=r"leaves the height and width of its images open.*say another size\.$"
    ):
        read_onnx(odd, "net.onnx")
    assert check(odd, (3, 17, 19), size=(17, 19)).image_shape == (3, 17, 19)


def test_open_sizes_with_channels_last_and_shapes_that_are_computed():
    nodes = [N("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]), N("Conv", ["t", "w1"], ["c1"]),
             N("Relu", ["c1"], ["r1"]), *end("r1")]  # fmt: skip
    content = file(nodes, W1 + LAST, image=("h", "w", 3))
    assert check(content, (18, 14, 3), size=(18, 14)).image_shape == (18, 14, 3)
    nodes = [*FIRST, N("GlobalAveragePool", ["r1"], ["g"]), N("Shape", ["g"], ["s"]),
             N("Gather", ["s", "first"], ["n"]), N("Concat", ["n", "rest"], ["to"], axis=0),
             N("Reshape", ["g", "to"], ["f"]), N("Gemm", ["f", "wf", "bf"], ["y"])]  # fmt: skip
    content = file(nodes, [*W1, *LAST, whole("first", 0), whole("rest", -1)], image=(3, "h", "w"))
    check(content, (3, 21, 15), size=(21, 15))


@pytest.mark.parametrize("image", [("c", "h", "w"), ("c", 16, 16), (3, "l")])
def test_what_else_is_open_names_the_way_out(image):
    content = onnx.load_from_string(file(FIRST + end("r1"), W1 + LAST))
    shape = content.graph.input[0].type.tensor_type.shape
    del shape.dim[1:]
    for size in image:
        shape.dim.add(**({"dim_param": size} if isinstance(size, str) else {"dim_value": size}))
    with pytest.raises(ModelError, match="does not fix the size.*update_inputs_outputs_dims"):
        read_onnx(content.SerializeToString(), "net.onnx")


BRANCHES = [
    N("Conv", ["r1", "w3"], ["a"], pads=[1] * 4), N("Conv", ["r1", "w4"], ["b"], pads=[1] * 4),
    N("Relu", ["a"], ["ra"]),
]  # fmt: skip
W34 = [array("w3", 6, 6, 3, 3), array("w4", 6, 6, 3, 3)]
MANY = {
    "Sum of three": [N("Sum", ["r1", "ra", "b"], ["s"])],
    "Sum of four": [N("Sum", ["r1", "ra", "b", "r1"], ["s"])],
    "Sum with a constant": [N("Sum", ["ra", "k", "b"], ["s"])],
    "Sum with two constants": [N("Sum", ["k", "ra", "k"], ["s"])],
    "Mean of two": [N("Mean", ["ra", "b"], ["s"])],
    "Mean of three": [N("Mean", ["r1", "ra", "b"], ["s"])],
    "Max with a constant": [N("Max", ["b", "zero"], ["s"])],
    "Max with two constants": [N("Max", ["b", "zero", "zero"], ["s"])],
    "Max and Min of one": [N("Max", ["b"], ["m"]), N("Min", ["m", "six"], ["k2"]), N("Max", ["k2", "zero"], ["s"])],
}  # fmt: skip


@pytest.mark.parametrize("case", MANY)
def test_operators_of_many_inputs(case):
    nodes = FIRST + BRANCHES + MANY[case] + end("s")
    arrays = [*W1, *LAST, *W34, array("k", 1, 6, 1, 1), scalar("zero", 0.0), scalar("six", 6.0)]
    used = {name for node in nodes for name in node.input}
    check(file(nodes, [each for each in arrays if each.name in used]))


NHWC = [*FIRST, N("Transpose", ["r1"], ["t"], perm=[0, 2, 3, 1])]
REDUCTIONS = {
    "mean": [*NHWC, N("ReduceMean", ["t"], ["f"], axes=[1, 2], keepdims=0)],
    "mean, axes from the end": [*NHWC, N("ReduceMean", ["t"], ["f"], axes=[-3, -2], keepdims=0)],
    "mean, axes kept": [*NHWC, N("ReduceMean", ["t"], ["k"], axes=[1, 2], keepdims=1), N("Flatten", ["k"], ["f"])],
    "mean, axes kept, squeezed": [
        *NHWC, N("ReduceMean", ["t"], ["k"], axes=[1, 2]), N("Squeeze", ["k", "middle"], ["f"])
    ],
    "maximum": [*NHWC, N("ReduceMax", ["t"], ["f"], axes=[1, 2], keepdims=0)],
    "one axis after the other": [
        *FIRST, N("ReduceMean", ["r1"], ["k"], axes=[3], keepdims=0),
        N("ReduceMean", ["k"], ["f"], axes=[2], keepdims=0),
    ],
    "one axis after the other, kept": [
        *FIRST, N("ReduceMean", ["r1"], ["k"], axes=[2]), N("ReduceMax", ["k"], ["l"], axes=[-1]),
        N("Flatten", ["l"], ["f"]),
    ],
    "space of channels first": [*FIRST, N("ReduceMean", ["r1"], ["f"], axes=[2, 3], keepdims=0)],
}  # fmt: skip


@pytest.mark.parametrize("case", REDUCTIONS)
def test_means_and_maxima_over_space(case):
    nodes = [*REDUCTIONS[case], N("Gemm", ["f", "wf", "bf"], ["y"])]
    arrays = [*W1, *LAST, whole("middle", 1, 2)]
    used = {name for node in nodes for name in node.input}
    check(file(nodes, [each for each in arrays if each.name in used]))


def test_a_mean_over_channels_is_refused():
    nodes = [
        *FIRST,
        N("ReduceMean", ["r1"], ["k"], axes=[1]),
        N("Flatten", ["k"], ["f"]),
        N("Gemm", ["f", "w"], ["y"]),
    ]
    with pytest.raises(ModelError, match="joins channels with each other"):
        read_onnx(file(nodes, [*W1, array("w", 256, 4)]), "net.onnx")


def pooled(operator, side, kernel, stride, padding, is_ceil):
    settings = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2}
    settings |= {"auto_pad": padding} if isinstance(padding, str) else {"pads": padding}
    settings |= {"ceil_mode": 1} if is_ceil else {}
    nodes = [N("Conv", ["x", "w1"], ["c1"], pads=[1] * 4), N(operator, ["c1"], ["p"], **settings), *end("p")]
    return file(nodes, W1 + LAST, image=(3, side, side + 1), opset=11)


@pytest.mark.slow
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_poolings_with_other_padding_on_each_side(operator):
    paddings = ["SAME_UPPER", "SAME_LOWER", "VALID", [0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 1]]
    grid = itertools.product((7, 8), (2, 3, 4), (1, 2, 3), paddings, (False, True))
    refused = []
    for side, kernel, stride, padding, is_ceil in grid:
        # What pads less than nothing onnxruntime refuses.
        if isinstance(padding, str) and (is_ceil or kernel < stride):
            continue
        content = pooled(operator, side, kernel, stride, padding, is_ceil)
        try:
            network = read_file(content, "net.onnx")
        except ModelError:
            refused.append((side, kernel, stride, padding, is_ceil))
        else:
            compare(network, content, (3, side, side + 1), has_graph=kernel == 3)
    # Only such a window more as rounding up gives beyond one-sided padding has no counterpart in torch.
    assert len(refused) < 10
    assert all(is_ceil for *_, is_ceil in refused)


@pytest.mark.parametrize(
    ("operator", "kernel", "stride", "padding"),
    [
        ("MaxPool", 3, 2, [0, 0, 1, 1]), ("MaxPool", 2, 1, "SAME_UPPER"), ("MaxPool", 3, 1, [1, 1, 0, 0]),
        ("AveragePool", 3, 2, "SAME_UPPER"), ("AveragePool", 2, 1, "SAME_LOWER"), ("AveragePool", 2, 1, "SAME_UPPER"),
        ("AveragePool", 3, 2, [0, 0, 1, 1]),
    ],
)  # fmt: skip
def test_poolings_of_keras_and_caffe(operator, kernel, stride, padding):
    for side in (15, 16):
        check(pooled(operator, side, kernel, stride, padding, False), (3, side, side + 1))


def with_outputs(*outputs, more=()):
    return file(FIRST + end("r1") + list(more), W1 + LAST, outputs)


OUTPUTS = {
    "embedding first": (with_outputs(("f", ("n", 6)), ("y", ("n", 4))), "y", ("f",)),
    "embedding last": (with_outputs(("y", ("n", 4)), ("f", ("n", 6))), "y", ("f",)),
    "probabilities beside the logits": (
        with_outputs(("y", ("n", 4)), ("z", ("n", 4)), more=[N("Softmax", ["y"], ["z"])]), "z", ("y",)
    ),
    "feature maps beside the logits": (with_outputs(("r1", ("n", 6, 16, 16)), ("y", ("n", 4))), "y", ()),
    "shapes that nobody declares": (with_outputs(("f", ("n", "e")), ("y", ("n", "c"))), "y", ("f",)),
}  # fmt: skip


@pytest.mark.parametrize("case", OUTPUTS)
def test_of_several_outputs_the_last_row_is_taken_and_said(case, tmp_path):
    content, taken, others = OUTPUTS[case]
    network = read_file(content, "net.onnx")
    images = RANDOM.random((2, *IMAGE)).astype(np.float32)
    assert_same(network.module()(torch.from_numpy(images)).detach().numpy(), run(content, images, [taken]))
    told = [note for note in network.notes if "outputs that may be the class scores" in note]
    assert bool(told) == bool(others)
    for name in others:
        assert f"'{taken}' was taken; there are also {name}." in told[0]
    if others:
        with pytest.raises(SeveralFitError) as raised:
            read_file(content, "net.onnx", is_asking=True)
        assert raised.value.what == "output"
        assert raised.value.choices == (taken, *others)


def test_the_output_that_is_named_is_taken(tmp_path):
    content, _, _ = OUTPUTS["embedding first"]
    network = check(content, output="f", shape=(2, 6))
    assert network.notes == ()
    with pytest.raises(ModelError, match="no output 'g' of scores; choose one of 'f' and 'y'"):
        read_file(content, "net.onnx", output="g")
    written, _ = write_file(network, {"w1": network.arrays["w1"]} if "w1" in network.arrays else {})
    assert run(written, np.zeros((1, *IMAGE), np.float32), ["f"]).shape == (1, 6)
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="'y' was taken"):
        assert load_network(path)(torch.zeros(1, *IMAGE)).shape == (1, 4)
    assert load_network(path, output="f")(torch.zeros(1, *IMAGE)).shape == (1, 6)


def test_outputs_are_read_until_one_is_the_network_that_came(monkeypatch):
    """Each is as much work as the whole file."""
    content, read, asked = OUTPUTS["embedding first"][0], writer.read_model, []

    def counted(model, label, budget, of):
        asked.append(of.output)
        return read(model, label, budget, of)

    monkeypatch.setattr(writer, "read_model", counted)
    for output, expected in (("y", [None]), ("f", [None, "f"])):
        network = read_file(content, "net.onnx", output=output)
        asked.clear()
        write_file(network, network.arrays)
        assert asked == expected


def test_the_number_of_classes_tells_which_output_is_meant():
    aux = [N("GlobalMaxPool", ["c1"], ["g2"]), N("Flatten", ["g2"], ["f2"]), N("Gemm", ["f2", "wa"], ["z"])]
    outputs = (("y", ("n", 4)), ("z", ("n", 10)))
    content = file(FIRST + end("r1") + aux, [*W1, *LAST, array("wa", 6, 10)], outputs, image=(3, 32, 32))
    assert read_file(content, "net.onnx").module()(torch.zeros(1, 3, 32, 32)).shape == (1, 4)
    assert read_file(content, "net.onnx", dataset="cifar10").module()(torch.zeros(1, 3, 32, 32)).shape == (
        1,
        10,
    )


IN = [
    N("Transpose", ["n"], ["t"], perm=[0, 3, 1, 2]),
    N("Conv", ["t", "w1"], ["c1"], auto_pad="SAME_UPPER", strides=[2, 2]),
]
KERAS = {
    "rescaling": [N("Mul", ["x", "scale"], ["m"]), N("Add", ["m", "minus"], ["n"]), *IN, N("Relu", ["c1"], ["r"])],
    "normalisation of each channel": [
        N("Sub", ["x", "mean"], ["m"]), N("Div", ["m", "std"], ["n"]), *IN, N("Relu", ["c1"], ["r"])
    ],
    "bias added where channels are last": [
        N("Identity", ["x"], ["n"]), *IN, N("Transpose", ["c1"], ["b0"], perm=[0, 2, 3, 1]),
        N("Add", ["b0", "bias"], ["b1"]), N("Relu", ["b1"], ["b2"]), N("Transpose", ["b2"], ["r"], perm=[0, 3, 1, 2]),
    ],
    "swish": [N("Identity", ["x"], ["n"]), *IN, N("Sigmoid", ["c1"], ["s"]), N("Mul", ["c1", "s"], ["r"])],
    "residual where channels are last": [
        N("Identity", ["x"], ["n"]), *IN, N("Transpose", ["c1"], ["b0"], perm=[0, 2, 3, 1]), N("Relu", ["b0"], ["b1"]),
        N("Transpose", ["b1"], ["b2"], perm=[0, 3, 1, 2]), N("Conv", ["b2", "w3"], ["b3"], pads=[1] * 4),
        N("Transpose", ["b3"], ["b4"], perm=[0, 2, 3, 1]), N("Add", ["b1", "b4"], ["b5"]),
        N("Transpose", ["b5"], ["r"], perm=[0, 3, 1, 2]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("side", [12, 20])
@pytest.mark.parametrize("case", KERAS)
def test_networks_of_keras_take_their_channels_last(case, side):
    nodes = [*KERAS[case], *end("r")]
    arrays = [*W1, *LAST, *W34, scalar("scale", 2.0), scalar("minus", -1.0), positive("mean", 1, 1, 1, 3),
              positive("std", 3), array("bias", 6)]  # fmt: skip
    used = {name for node in nodes for name in node.input}
    content = file(nodes, [each for each in arrays if each.name in used], image=(side, side, 3))
    network = check(content, (side, side, 3))
    assert ncviz.build_graph(network.module(), network.image_shape).layer_shapes[0] == (3, side, side)


def test_the_flatten_of_keras_keeps_its_order():
    nodes = [
        N("Identity", ["x"], ["n"]), *IN, N("Relu", ["c1"], ["r"]), N("Transpose", ["r"], ["l"], perm=[0, 2, 3, 1]),
        N("Reshape", ["l", "row"], ["f"]), N("MatMul", ["f", "wide"], ["m"]), N("Add", ["m", "bf"], ["y"]),
    ]  # fmt: skip
    arrays = [*W1, LAST[1], whole("row", -1, 600), array("wide", 600, 4)]
    network = check(file(nodes, arrays, image=(20, 20, 3)), (20, 20, 3))
    images = torch.rand(1, 20, 20, 3, generator=torch.Generator().manual_seed(0))
    found = ncviz.neural_curvature(network.module(), images).weights
    # The twin, whose head has its columns in the order of channels first.
    twin = [N("Conv", ["x", "w1"], ["c1"], auto_pad="SAME_UPPER", strides=[2, 2]), N("Relu", ["c1"], ["r"]),
            N("Flatten", ["r"], ["f"]), N("MatMul", ["f", "wide"], ["m"]), N("Add", ["m", "bf"], ["y"])]  # fmt: skip
    wide = numpy_helper.to_array(arrays[-1]).reshape(10, 10, 6, 4).transpose(2, 0, 1, 3).reshape(600, 4)
    moved = numpy_helper.from_array(np.ascontiguousarray(wide), "wide")
    first = read_file(file(twin, [*W1, LAST[1], moved], image=(3, 20, 20)), "net.onnx").module()
    expected = ncviz.neural_curvature(first, images.movedim(-1, 1).contiguous()).weights
    for (_, ours), (_, theirs) in zip(found.items(), expected.items(), strict=True):
        values = ours if ours.ndim == 4 else ours.reshape(4, 10, 10, 6).movedim(-1, 1).reshape(4, 600)
        np.testing.assert_allclose(values, theirs, atol=1e-9)


def test_curvature_behind_a_mean_image_is_that_of_the_images_without_it():
    nodes, arrays = OLD["MATLAB: the mean image is subtracted"]
    network = read_file(file(nodes, arrays), "net.onnx")
    mean = torch.from_numpy(
        numpy_helper.to_array(next(each for each in arrays if each.name == "image")).copy()
    )
    images = torch.rand(2, *IMAGE, generator=torch.Generator().manual_seed(0))
    plain = [N("Identity", ["x"], ["z"]), *nodes[1:]]
    twin = read_file(file(plain, [each for each in arrays if each.name != "image"]), "net.onnx")
    found = ncviz.neural_curvature(network.module(), images)
    expected = ncviz.neural_curvature(twin.module(), images - mean)
    assert found.weights.keys() == expected.weights.keys()
    for name, values in expected.weights.items():
        np.testing.assert_allclose(found.weights[name], values, atol=1e-9)


def test_curvature_of_a_file_of_keras_is_that_of_its_twin():
    last, first = (read_file(keras_file(36, is_last=is_last), "net.onnx") for is_last in (True, False))
    images = torch.rand(2, 36, 36, 3, generator=torch.Generator().manual_seed(0))
    found = ncviz.neural_curvature(last.module(), images)
    expected = ncviz.neural_curvature(first.module(), images.movedim(-1, 1).contiguous())
    for name, values in expected.weights.items():
        np.testing.assert_allclose(found.weights[name], values, atol=1e-12)


def test_of_two_heads_alike_the_one_that_was_read_is_written():
    pooled = [N("GlobalAveragePool", ["r1"], ["g"]), N("Flatten", ["g"], ["f"])]
    heads = [N("Gemm", ["f", "wa"], ["a"]), N("Gemm", ["f", "wb"], ["b"])]
    content = file(
        [*FIRST, *pooled, *heads],
        [*W1, array("wa", 6, 4), array("wb", 6, 4)],
        (("a", ("n", 4)), ("b", ("n", 4))),
    )

    def weights(content):
        return {
            each.name: numpy_helper.to_array(each)
            for each in onnx.load_from_string(content).graph.initializer
        }

    before = weights(content)
    for head, other in ("ab", "ba"):
        network = read_file(content, "net.onnx", output=head)
        name = next(name for name, values in network.arrays.items() if values.ndim == 2)
        written, _ = write_file(network, {name: network.arrays[name] * np.float32(0.5)})
        after = weights(written)
        np.testing.assert_array_equal(after[f"w{head}"], before[f"w{head}"] * np.float32(0.5))
        np.testing.assert_array_equal(after[f"w{other}"], before[f"w{other}"])
