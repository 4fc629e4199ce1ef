"""Files with gates and with norms of each image: the same numbers, the same graph, and back out after pruning."""

import io
import warnings

import numpy as np
import onnxruntime
import pytest
import torch
import torchvision
from torch import nn

from ncviz.graph.build import build_graph
from ncviz.models.files.graph.build import build_module
from ncviz.models.files.onnx.reader import read_onnx
from ncviz.models.files.onnx.writer import write_onnx
from ncviz.models.files.pt2.reader import read_exported
from ncviz.pruning.masks import prune
from tests.examples.gated import Excited, Factors, Next, Units


def read(net, x, kind):
    """Return a network's file and the network that is read from it."""
    buffer = io.BytesIO()
    if kind == "onnx":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                net,
                (x,),
                buffer,
                dynamo=False,
                opset_version=17,
                input_names=["x"],
                dynamic_axes={"x": {0: "n"}},
            )
        blueprint, arrays = read_onnx(buffer.getvalue(), "net.onnx")
    else:
        sizes = ({0: torch.export.Dim("n")},)
        torch.export.save(torch.export.export(net, (x,), dynamic_shapes=sizes), buffer)
        blueprint, arrays = read_exported(buffer.getvalue(), "net.pt2")
    return buffer.getvalue(), build_module(blueprint, arrays).eval()


class Grouped(nn.Sequential):
    """Norms that a file holds by name, with and without numbers of their own."""

    shape = (4, 4)

    def __init__(self):
        super().__init__(
            nn.Conv1d(4, 6, 1), nn.GroupNorm(2, 6), nn.Tanh(), nn.InstanceNorm1d(6, affine=True), nn.Conv1d(6, 2, 1),
            nn.LayerNorm(4, elementwise_affine=False), nn.Flatten(), nn.Linear(8, 3, bias=False),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "kind"),
    [(make, kind) for make in (Excited, Next, Factors) for kind in ("onnx", "pt2")]
    + [(Units, "pt2"), (Grouped, "pt2")],
)
def test_the_network_of_a_file_is_the_one_that_was_exported(make, kind):
    torch.manual_seed(1)
    net, x = make().eval(), torch.rand(3, *make.shape)
    _, found = read(net, x, kind)
    with torch.no_grad():
        assert torch.allclose(found(x), net(x), atol=1e-6)
    own, other = build_graph(net, make.shape), build_graph(found, make.shape)
    ends = [[(each.source, each.target, each.number_of_edges) for each in (*graph.connections, *graph.links)]
            for graph in (own, other)]  # fmt: skip
    assert ends[0] == ends[1]
    # Norms, and factors of channels, are nobody's to prune.
    assert all(len(shape) > 1 for shape in other.parameters.values())


def test_a_pruned_one_goes_back_out():
    torch.manual_seed(2)
    net, x = Next().eval(), torch.rand(2, *Next.shape)
    content, found = read(net, x, "onnx")
    weights = dict(found.named_parameters())
    scores = {name: weights[name].abs() for name in build_graph(found, Next.shape).parameters}
    pruned = prune(found, scores, sparsity=0.4)
    state = {name: values.numpy() for name, values in pruned.state_dict().items()}
    session = onnxruntime.InferenceSession(write_onnx(content, state))
    with torch.no_grad():
        assert np.allclose(session.run(None, {"x": x.numpy()})[0], pruned(x).numpy(), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "pt2"])
@pytest.mark.parametrize("name", ["efficientnet_b0", "convnext_tiny"])
def test_classifiers_with_gates_and_norms_are_read(name, kind):
    torch.manual_seed(0)
    net, x = torchvision.models.get_model(name, weights=None, num_classes=4).eval(), torch.rand(2, 3, 32, 32)
    _, found = read(net, x, kind)
    with torch.no_grad():
        assert torch.allclose(found(x), net(x), atol=1e-4)
    assert build_graph(found, (3, 32, 32)).number_of_edges == build_graph(net, (3, 32, 32)).number_of_edges
