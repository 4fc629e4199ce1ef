"""Both readers of files give the same network for the same layers, by one table of operators."""

import io

import pytest
import torch
from torch import nn

from ncviz.models.files.graph.operators.table import OPERATORS, OWN
from ncviz.models.files.onnx.checks import check_supported
from ncviz.models.files.onnx.reader import read_onnx
from ncviz.models.files.pt2.aten import TRANSLATORS
from ncviz.models.files.pt2.reader import read_exported

# The exporters warn of their own deprecations.
pytestmark = pytest.mark.filterwarnings("ignore")


def layers(*inner):
    return nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), *inner, nn.Flatten(), nn.LazyLinear(5))


NETS = {
    "norm and pooling": [nn.ReLU(), nn.BatchNorm2d(4), nn.MaxPool2d(2, padding=1), nn.AvgPool2d(2, ceil_mode=True)],
    "activations": [nn.LeakyReLU(0.3), nn.ELU(0.7), nn.SELU(), nn.CELU(0.4), nn.GELU(), nn.Softplus(), nn.ReLU6(),
                    nn.Hardtanh(-0.5, 0.5), nn.Softsign(), nn.PReLU(4), nn.Hardsigmoid(), nn.SiLU(), nn.Mish()],
    "windows": [nn.ConvTranspose2d(4, 2, 3, stride=2, output_padding=1), nn.ZeroPad2d((1, 0, 2, 0)),
                nn.Conv2d(2, 2, 3, padding="same", dilation=2), nn.AdaptiveAvgPool2d(1)],
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_both_kinds_of_file_become_the_same_steps(name):
    torch.manual_seed(0)
    net, images = layers(*NETS[name]).eval(), torch.rand(2, 3, 8, 8)
    net(images)
    onnx, program = io.BytesIO(), io.BytesIO()
    torch.onnx.export(net, (images,), onnx, dynamo=False)
    torch.export.save(torch.export.export(net, (images,)), program)
    found = [read_onnx(onnx.getvalue(), "net.onnx"), read_exported(program.getvalue(), "net.pt2")]
    kinds = [[(step.operation, step.settings) for step in blueprint.steps] for blueprint, _ in found]
    for one, other in zip(*kinds, strict=True):
        assert one[0] == other[0]
        for (setting, value), (same, expected) in zip(one[1], other[1], strict=True):
            assert (setting, value) == (
                same,
                expected if isinstance(expected, str) else pytest.approx(expected),
            )


@pytest.mark.parametrize("name", sorted(OWN))
def test_an_onnx_file_may_not_use_what_onnx_has_not(name):
    from ncviz.errors import ModelError
    from ncviz.models.files.graph.reader import Node

    assert name in OPERATORS
    node = Node(0, "mine", name, "", ("x",), ("y",), {}, False)
    with pytest.raises(ModelError, match=f"the operation {name} at 'mine'"):
        check_supported([node], "x", "net.onnx")


def test_what_is_translated_is_in_the_table():
    # A translator that takes one tensor and no more gives a call that the table has.
    from ncviz.models.files.pt2.calls import Call, Name

    plain = [
        "relu",
        "silu",
        "selu",
        "log_sigmoid",
        "gelu",
        "hardsigmoid",
        "celu",
        "softplus",
        "erf",
        "relu6",
        "chunk",
    ]
    for name in plain:
        assert TRANSLATORS[name](Call(None, None, {"self": Name("x")})).operator in OPERATORS


@pytest.mark.parametrize("dilation", [1, 3])
def test_a_program_pads_an_even_kernel_as_torch_does(dilation):
    torch.manual_seed(1)
    net = layers(nn.Conv2d(4, 2, (2, 4), padding="same", dilation=dilation)).eval()
    images = torch.rand(2, 3, 8, 8)
    expected = net(images)
    program = io.BytesIO()
    torch.export.save(torch.export.export(net, (images,)), program)
    from ncviz.models.files.graph.build import build_module

    read = build_module(*read_exported(program.getvalue(), "net.pt2"))
    torch.testing.assert_close(read(images), expected)
