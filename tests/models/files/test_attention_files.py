"""Files with attention: the same numbers, the same graph and κ, and back out after pruning."""

import io
import warnings

import numpy as np
import onnxruntime
import pytest
import torch
import torchvision
from torch import nn

from ncviz import neural_curvature
from ncviz.errors import ModelError
from ncviz.graph.build import build_graph
from ncviz.models.files.graph.build import build_module
from ncviz.models.files.onnx.reader import read_onnx
from ncviz.models.files.onnx.writer import write_onnx
from ncviz.models.files.pt2.reader import read_exported
from ncviz.models.files.pt2.writer import write_exported
from tests.curvature.test_attention import edges_of, worst
from tests.examples.attending import make
from tests.examples.brute_force_wired import slow_curvature
from tests.examples.vits import vit


def transformer():
    """torchvision's own: its nn.MultiheadAttention has the images along the second axis, and among its heads."""
    torch.manual_seed(0)
    net = torchvision.models.VisionTransformer(4, 2, 1, 2, 8, 6, num_classes=3)
    net.conv_proj = nn.Conv2d(1, 8, 2, stride=2)
    for parameter in (net.heads.head.weight, net.class_token):
        nn.init.normal_(parameter)
    return net.eval()


def shifted():
    """Windows among the images, the second time shifted, with a mask and a bias of relative positions."""
    torch.manual_seed(0)
    net = torchvision.models.SwinTransformer([1, 1], 4, [2], [2], [2, 2], num_classes=3)
    net.features[0][0] = nn.Conv2d(1, 4, 1)
    with torch.no_grad():
        for parameter in net.parameters():
            # Of equal ones an exporter keeps one.
            parameter.add_(0.3 * torch.randn(parameter.shape))
    return net.eval()


def made(name):
    if name == "swin":
        return shifted()
    return transformer() if name == "torchvision" else vit(name).float().eval()


def exported(net, shape, kind, images=None, **how):
    """Return a file of a network, for any number of images or so many."""
    buffer, x = io.BytesIO(), torch.rand(images or 3, *shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "onnx":
            axes = {} if images else {"dynamic_axes": {"x": {0: "n"}}}
            how = {"dynamo": False, "opset_version": 17, "input_names": ["x"]} | axes | how
            torch.onnx.export(net, (x,), buffer, **how)
        else:
            sizes = {} if images else {"dynamic_shapes": ({0: torch.export.Dim("n")},)}
            torch.export.save(torch.export.export(net, (x,), **sizes), buffer)
    return buffer.getvalue()


def read(content, kind):
    blueprint, arrays = (read_onnx if kind == "onnx" else read_exported)(content, "net")
    return build_module(blueprint, arrays), arrays


def run(content, x):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]


def ends(graph):
    return [(each.source, each.target, each.number_of_edges) for each in (*graph.connections, *graph.links)]


CASES = [
    ("written out", "onnx", None), ("einsum", "onnx", None), ("heads among the images", "onnx", None),
    ("torchvision", "onnx", None), ("torchvision", "onnx", 1), ("torchvision", "onnx", 2), ("swin", "onnx", None),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in [
        ("torchvision", "pt2", None), ("chunked", "pt2", None), ("einsum", "pt2", None),
        ("scaled_dot_product_attention", "pt2", 1), ("nn.MultiheadAttention, tokens first", "pt2", None),
        ("heads among the images", "pt2", 2), ("swin", "pt2", None), ("swin", "onnx", 1),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "images"), CASES)
def test_the_network_of_a_file_is_the_one_that_was_exported(name, kind, images):
    net, shape = made(name), (1, 4, 4)
    content = exported(net, shape, kind, images)
    found, _ = read(content, kind)
    x = torch.rand(images or 5, *shape)
    with torch.no_grad():
        expected = net(x)
        assert torch.allclose(found(x), expected, atol=2e-6)
        # It is one for any number of images, whatever the file was made for.
        more = torch.rand(4, *shape)
        assert torch.allclose(found(more), net(more), atol=2e-6)
    if kind == "onnx":
        assert np.allclose(run(content, x), expected, atol=2e-6)
    own, other = build_graph(net, shape), build_graph(found, shape)
    assert ends(own) == ends(other)
    # Where a file fixes one image, its axis may stay as one of one place.
    shapes = [tuple(s for s in shape if s > 1 or images != 1) for shape in other.layer_shapes]
    assert shapes == [tuple(s for s in shape if s > 1 or images != 1) for shape in own.layer_shapes]
    for mine, theirs in zip(own.layer_names, other.layer_names, strict=True):
        if (kind == "pt2" or name != "einsum") and mine != "avgpool":
            assert theirs.replace(".in_proj", "") == mine
    for mine, theirs in zip(own.connections, other.connections, strict=True):
        assert theirs.parameter.replace("in_proj.weight", "in_proj_weight") == mine.parameter


def test_a_norm_that_is_written_out_is_one():
    net, shape = made("written out"), (1, 4, 4)
    with torch.no_grad():
        for parameter in net.parameters():
            # Of equal ones an exporter keeps one.
            parameter.add_(0.3 * torch.randn(parameter.shape))
    content = exported(net, shape, "onnx", opset_version=16)
    assert b"LayerNormalization" not in content
    found, arrays = read(content, "onnx")
    x = torch.rand(3, *shape)
    with torch.no_grad():
        assert torch.allclose(found(x), net(x), atol=2e-6)
    own, other = build_graph(net, shape), build_graph(found, shape)
    assert ends(own) == ends(other)
    assert own.layer_shapes == other.layer_shapes
    assert [type(each).__name__ for each in found.modules()].count("LayerNorm") == 3
    name = next(each for each in arrays if each.startswith("first") and each.endswith(".weight"))
    changed = {**arrays, name: np.arange(1.0, 5.0, dtype=np.float32)}
    written = write_onnx(content, changed)
    assert np.array_equal(read(written, "onnx")[1][name], changed[name])
    blueprint, _ = read_onnx(content, "net")
    with torch.no_grad():
        assert np.allclose(run(written, x), build_module(blueprint, changed)(x), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("images", [None, 2])
def test_what_the_newer_exporter_lays_out_anew_is_read(images):
    # Of channels that come last it writes a mean over space, then takes each image's own numbers by where they lie.
    net = Channels().eval()
    how = {} if images else {"dynamic_axes": None, "dynamic_shapes": ({0: torch.export.Dim("n")},)}
    content = exported(net, net.shape, "onnx", images, dynamo=True, **how)
    assert b"Gather" in content
    found, _ = read(content, "onnx")
    x = torch.rand(images or 4, *net.shape)
    with torch.no_grad():
        assert torch.allclose(found(x), net(x), atol=1e-6)
    assert np.allclose(run(content, x), net(x).detach(), atol=1e-6)
    assert ends(build_graph(found, net.shape)) == ends(build_graph(net, net.shape))
    assert "mix.weight" in build_graph(found, net.shape).parameters


class Channels(nn.Module):
    """A linear layer over channels that come last, as in a ConvNeXt, then a pooling."""

    shape = (2, 4, 4)

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.stem, self.mix, self.pool = nn.Conv2d(2, 3, 2, 2), nn.Linear(3, 5), nn.AdaptiveAvgPool2d((1, 1))
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        x = self.mix(self.stem(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.head(self.pool(x).flatten(1))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "pt2"])
def test_every_edge_of_what_is_read_agrees_with_the_definition(kind):
    # Vectors of four numbers, whose scale is exact in a file.
    net, x = make(3, 0.3, tokens=2, channels=2, inner=4, wide=2)
    net = net.float()
    # The older exporter has no words for this network's unflatten.
    found, _ = read(exported(net, net.shape, kind, 1, **({"dynamo": True} if kind == "onnx" else {})), kind)
    net, found = net.double(), found.double()
    for alpha in (0.9, 0.3):
        result = neural_curvature(found, x, alpha=alpha, keep_edges=True)
        assert worst(edges_of(result), slow_curvature(net.wiring(), x, alpha)) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "pt2"])
def test_weights_of_torchvisions_own_have_the_curvature_of_the_module(kind):
    net, x = transformer(), torch.rand(2, 1, 4, 4, dtype=torch.float64)
    found, _ = read(exported(net, (1, 4, 4), kind), kind)
    for alpha in (0.9, 0.3):
        expected, result = (neural_curvature(each.double(), x, alpha=alpha).weights for each in (net, found))
        # ONNX has the scale of the scores in float32.
        for mine, theirs in zip(expected.values(), result.values(), strict=True):
            assert torch.allclose(mine, theirs, rtol=0, atol=1e-9 if kind == "pt2" else 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "pt2"])
def test_pruned_weights_go_back_into_the_file(kind):
    net, shape = transformer(), (1, 4, 4)
    content = exported(net, shape, kind)
    found, arrays = read(content, kind)
    prunable = set(build_graph(found, shape).parameters)
    generator = np.random.default_rng(0)
    changed = {
        name: values * (generator.random(values.shape) > 0.4) if name in prunable else values
        for name, values in arrays.items()
    }
    assert any("in_proj" in name for name in prunable)
    if kind == "onnx":
        written = write_onnx(content, changed)
    else:
        blueprint, _ = read_exported(content, "net")
        names = {array: name for name, array in blueprint.names}
        written = write_exported(content, {names.get(name, name): changed[name] for name in prunable}, "net")
    again, values = read(written, kind)
    for name in changed:
        assert np.array_equal(values[name], changed[name])
    x = torch.rand(3, *shape)
    blueprint, _ = (read_onnx if kind == "onnx" else read_exported)(content, "net")
    pruned = build_module(blueprint, changed)
    with torch.no_grad():
        expected = pruned(x)
        assert torch.allclose(again(x), expected, atol=1e-6)
        assert (expected - net(x)).abs().max() > 1e-3
        if kind == "onnx":
            assert np.allclose(run(written, x), expected, atol=1e-5)
        else:
            assert torch.allclose(torch.export.load(io.BytesIO(written)).module()(x), expected, atol=1e-5)


def test_what_only_looks_like_a_norm_is_none():
    net = nn.Sequential(nn.Flatten(), Halved(), nn.Linear(4, 3)).eval()
    content = exported(net, (4,), "onnx", opset_version=16)
    with pytest.raises(ModelError, match="divisions by activations"):
        read_onnx(content, "net")


class Halved(nn.Module):
    """Divides by the root of a mean, but of another power."""

    def forward(self, x):
        own = x - x.mean(-1, keepdim=True)
        return own / torch.sqrt((own**4).mean(-1, keepdim=True) + 1e-5)
