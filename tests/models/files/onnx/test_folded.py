"""BatchNorm and multiplications of a file are to its graph what they are to that of the module it came from."""

import io

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from ncviz import build_graph
from ncviz.errors import ModelError
from ncviz.graph.activations import layer_activations
from ncviz.models.files.graph.blueprint import Blueprint
from ncviz.models.files.onnx.folded import folded_note
from ncviz.models.files.open_file import read_file

pytestmark = pytest.mark.filterwarnings("ignore")
SHAPE = (1, 6, 6)


def trained(net):
    torch.manual_seed(1)
    for layer in net.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
            nn.init.normal_(layer.weight)
    return net.eval()


def normed():
    return trained(
        nn.Sequential(
            nn.Conv2d(1, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4),
            nn.ReLU(), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3),
        )
    )  # fmt: skip


def exported(net, is_dynamo=False, shape=SHAPE, **options):
    buffer, images = io.BytesIO(), torch.zeros(1, *shape)
    if is_dynamo:
        torch.onnx.export(net, (images,), dynamo=True, verbose=False, **options).save(buffer)
    else:
        torch.onnx.export(net, (images,), buffer, dynamo=False, **options)
    return buffer.getvalue()


def note(content):
    return folded_note(onnx.load_from_string(content))


def same_graphs(one, other):
    assert one.layer_shapes == other.layer_shapes
    assert [(each.source, each.target) for each in one.links] == [
        (each.source, each.target) for each in other.links
    ]
    for a, b in zip((*one.connections, *one.links), (*other.connections, *other.links), strict=True):
        assert a.weight == pytest.approx(b.weight, rel=1e-6)
        assert (a.fields == b.fields).all()


@pytest.mark.slow
@pytest.mark.parametrize("is_dynamo", [False, True])
def test_a_file_of_which_batchnorm_was_folded_says_so(is_dynamo):
    content = exported(normed(), is_dynamo)
    count = 3 if is_dynamo else 2  # the older exporter folds into convolutions alone
    assert note(content).startswith(
        f"BatchNorm was folded into the weights of {count} layers before this file came"
    )
    network = read_file(content, "net.onnx")
    assert network.notes == (note(content),)
    # What is left of it is still none of the graph's.
    assert build_graph(network.module(), SHAPE).batchnorm == "own"
    bare = onnx.load_from_string(content)
    for node in bare.graph.node:
        del node.metadata_props[:]
    bare.producer_name = "a tool"
    assert folded_note(bare).startswith("BatchNorm may have been folded")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("is_dynamo", "options"), [(False, {"do_constant_folding": False}), (True, {"optimize": False})]
)
def test_a_file_of_which_it_was_not_has_the_networks_own_weights(is_dynamo, options):
    net = normed()
    content = exported(net, is_dynamo, **options)
    assert note(content) == ""
    module = read_file(content, "net.onnx").module()
    images = torch.rand(2, *SHAPE)
    assert torch.allclose(module(images), net(images), atol=1e-6)
    for batchnorm in ("own", "folded"):
        found, expected = (build_graph(each, SHAPE, batchnorm=batchnorm) for each in (module, net))
        assert found.batchnorm == batchnorm
        same_graphs(found, expected)


def named(weight, bias, operator="Conv", more=()):
    """A model of one convolution whose weights are called so, and of what follows it."""
    kernel = np.ones((2, 1, 3, 3), np.float32)
    nodes = [helper.make_node(operator, ["x", weight, bias], ["y"], name="layer"), *more]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *SHAPE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(kernel, weight), numpy_helper.from_array(np.ones(2, np.float32), bias),
         numpy_helper.from_array(np.ones((2, 1, 1), np.float32), "row"),
         numpy_helper.from_array(np.ones((), np.float32), "number")],
    )  # fmt: skip
    return helper.make_model(graph, producer_name="pytorch" if "onnx::" in weight else "")


def pair(row):
    return [helper.make_node("Mul", ["y", row], ["m"]), helper.make_node("Add", ["m", row], ["z"])]


def written_out():
    """(y − mean) / spread · scale + shift, as a BatchNorm is written out."""
    steps = [("Sub", "y", "c"), ("Div", "c", "d"), ("Mul", "d", "m"), ("Add", "m", "z")]
    return [helper.make_node(operator, [source, "row"], [to]) for operator, source, to in steps]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (named("onnx::Conv_12", "onnx::Conv_13"), "was folded into the weights of 1 layer "),
        (named("onnx::Conv_12", "conv.bias"), ""),  # a weight that is computed, such as by a weight norm
        (named("545", "546"), "may have been folded"),
        (named("conv/Conv2D_weights_fused_bn", "conv/Conv2D_bias_fused_bn"), "was folded into the weights of 1 layer"),
        (named("ConvBnFusion_W_a.weight", "ConvBnFusion_BN_B_a.bias"), "was folded into the weights of 1 layer"),
        (named("conv.weight", "conv.bias"), ""),
        (named("a", "b", more=pair("row")), "multiply the output of 1 layer in this file may have been BatchNorm"),
        (named("a", "b", more=written_out()), "multiply the output of 1 layer in this file may have been BatchNorm"),
        (named("a", "b", more=pair("number")), ""),
        (named("a", "b", more=pair("row")[:1]), ""),
    ],
)  # fmt: skip
def test_what_the_marks_of_exporters_say(model, words):
    found = folded_note(model)
    assert words in found
    assert bool(words) == bool(found)


def test_a_residual_network_without_any_normalisation_is_suspect():
    class Skips(nn.Module):
        def __init__(self, is_joined):
            super().__init__()
            self.is_joined, self.stem = is_joined, nn.Conv2d(1, 2, 1)
            self.blocks = nn.ModuleList(nn.Conv2d(2, 2, 3, padding=1) for _ in range(8))
            self.head = nn.Linear(72, 3)

        def forward(self, x):
            x = self.stem(x)
            for block in self.blocks:
                x = x + F.relu(block(x)) if self.is_joined else F.relu(block(x))
            return self.head(x.flatten(1))

    assert note(exported(Skips(True).eval())).startswith("BatchNorm may have been folded")
    assert note(exported(Skips(False).eval())) == ""


class Arithmetic(nn.Module):
    """Multiplications, sums and differences with constants, of sums and of activations."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.a, self.b, self.head = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 2, 3), nn.Linear(8, 3)
        self.scale = nn.Parameter(torch.tensor([0.5, -2.0, 1.5]).reshape(3, 1, 1))
        self.shift = nn.Parameter(torch.tensor([0.1, 0.2, -0.3]).reshape(3, 1, 1))

    def forward(self, x):
        y = self.a(x)
        y = y if self.kind.startswith("sum") else F.relu(y)
        what = self.kind.partition(" ")[2]
        if what == "scaled":
            y = y * self.scale
        elif what == "halved":
            y = y * 0.5
        elif what == "shifted":
            y = y + self.shift
        elif what == "from":
            y = self.shift - y
        elif what == "from one":
            y = 1 - y
        else:
            y = y * self.scale + self.shift
        return self.head(torch.tanh(self.b(torch.sigmoid(y))).flatten(1))


def program(net):
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(net, (torch.zeros(1, *SHAPE),)), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("ending", ["onnx", "pt2"])
@pytest.mark.parametrize("what", ["scaled", "halved", "shifted", "from", "from one", "both"])
@pytest.mark.parametrize("of", ["sum", "activation"])
def test_arithmetic_with_constants_is_what_it_is_in_torch(of, what, ending):
    net = Arithmetic(f"{of} {what}").eval()
    content = exported(net) if ending == "onnx" else program(net)
    module, images = read_file(content, f"net.{ending}").module(), torch.rand(2, *SHAPE)
    assert torch.allclose(module(images), net(images), atol=1e-6)
    found, expected = build_graph(module, SHAPE), build_graph(net, SHAPE)
    assert found.batchnorm == ""
    same_graphs(found, expected)
    for one, other in zip(
        layer_activations(module, found, images), layer_activations(net, expected, images), strict=True
    ):
        assert torch.allclose(one, other, atol=1e-6)


def test_a_stored_network_whose_multiplications_were_taken_for_batchnorm_is_brought_again():
    content = exported(Arithmetic("sum scaled").eval())
    text = read_file(content, "net.onnx").blueprint.to_json()
    assert Blueprint.from_json(text).to_json() == text
    old = text.replace(
        '"scale",["a"],{"channels":3,"rank":3}', '"batch_norm2d",["a"],{"channels":3,"eps":1e-12}'
    )
    assert old != text
    with pytest.raises(
        ModelError, match="earlier version of ncviz, which took its multiplications for BatchNorm"
    ):
        Blueprint.from_json(old)
