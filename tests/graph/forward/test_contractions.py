"""A product with a parameter is a linear layer under the parameter's own name, however it is written."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ncviz import build_graph, neural_curvature
from ncviz.errors import ModelError


class Product(nn.Module):
    """A hidden layer that a function computes from the image and a weight [4, 6], then a head."""

    def __init__(self, product):
        super().__init__()
        torch.manual_seed(1)
        self.w, self.bias, self.product = (
            nn.Parameter(torch.randn(4, 6)),
            nn.Parameter(torch.randn(6)),
            product,
        )
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(torch.relu(self.product(x, self.w, self.bias)))


def expected(net):
    """The same network, made of nn.Linear."""
    plain = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), net.head)
    plain[0].weight.data, plain[0].bias.data = net.w.data.t().contiguous(), net.bias.data
    return plain.eval()


WAYS = {
    "@": lambda x, w, b: x @ w + b,
    "matmul": lambda x, w, b: torch.matmul(x, w) + b,
    "matmul by name": lambda x, w, b: torch.matmul(input=x, other=w) + b,
    "method": lambda x, w, b: x.matmul(w) + b,
    "mm": lambda x, w, b: torch.mm(x, w) + b,
    "linear of w.t()": lambda x, w, b: F.linear(x, w.t(), b),
    "linear of w.T": lambda x, w, b: F.linear(x, w.T, b),
    "linear of a transpose": lambda x, w, b: F.linear(x, w.transpose(0, 1), bias=b),
    "addmm": lambda x, w, b: torch.addmm(b, x, w),
    "addmm by name": lambda x, w, b: torch.addmm(b, mat1=x, mat2=w),
    "addmm method": lambda x, w, b: b.addmm(x, w),
    "bmm": lambda x, w, b: torch.bmm(x.unsqueeze(1), w.expand(x.size(0), -1, -1)).squeeze(1) + b,
    "bmm of a repeated one": lambda x, w, b: (
        torch.bmm(x[:, None], w.unsqueeze(0).repeat(x.shape[0], 1, 1))[:, 0] + b
    ),
    "baddbmm": lambda x, w, b: torch.baddbmm(b, x[:, None], w.expand(x.size(0), 4, 6))[:, 0],
    "from the left": lambda x, w, b: (w.t() @ x[..., None])[..., 0] + b,
    "tensordot": lambda x, w, b: torch.tensordot(x, w, dims=1) + b,
    "tensordot of axes": lambda x, w, b: torch.tensordot(x, w, dims=([1], [0])) + b,
    "inner": lambda x, w, b: torch.inner(x, w.t()) + b,
    "einsum": lambda x, w, b: torch.einsum("bi,io->bo", x, w) + b,
    "einsum of a transpose": lambda x, w, b: torch.einsum("bi,oi->bo", x, w.t()) + b,
    "einsum, weight first": lambda x, w, b: torch.einsum("io, bi -> bo", w, x) + b,
    "einsum without a result": lambda x, w, b: torch.einsum("ai,ib", x, w) + b,
    "einsum of any axes": lambda x, w, b: torch.einsum("...i,io->...o", x, w) + b,
    "einsum of a list": lambda x, w, b: torch.einsum("bi,io->bo", [x, w]) + b,
    "with a mask": lambda x, w, b: x @ (w * torch.ones(4, 6)) + b,
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_it_is_a_linear_layer_in_the_shape_of_the_parameter(way):
    net, x = Product(WAYS[way]).eval(), torch.rand(3, 4)
    found, plain = neural_curvature(net, x), neural_curvature(expected(net), x)
    assert list(found.weights) == ["w", "head.weight"]
    assert found.graph.layer_sizes == (4, 6, 3)
    assert torch.allclose(found.weights["w"], plain.weights["0.weight"].t(), atol=1e-6)
    assert torch.allclose(found.weights["head.weight"], plain.weights["2.weight"], atol=1e-6)
    assert found.graph.notes == ()


class Places(nn.Module):
    """A product over channels at each place, over places in each channel, and one with groups."""

    shape = (3, 4)

    def __init__(self):
        super().__init__()
        self.channels, self.places = nn.Parameter(torch.randn(3, 2)), nn.Parameter(torch.randn(5, 4))
        self.each = nn.Parameter(torch.randn(5, 2, 3))

    def forward(self, x):
        x = torch.tanh(torch.einsum("nct,co->not", x, self.channels))
        x = torch.tanh(x @ self.places.t())  # [n, 2, 5]
        return torch.einsum("ncp,pco->npo", x, self.each).flatten(1)


def test_edges_are_the_products_own_linear_map():
    torch.manual_seed(0)
    net = Places().double().eval()
    graph = build_graph(net, net.shape)
    assert graph.layer_shapes[:3] == ((3, 4), (2, 4), (5, 2))
    inputs = [torch.eye(12).reshape(12, 3, 4), torch.eye(8).reshape(8, 2, 4), torch.eye(10).reshape(10, 2, 5)]
    maps = [
        torch.einsum("nct,co->not", inputs[0].double(), net.channels),
        inputs[1].double() @ net.places.t(),
        torch.einsum("ncp,pco->npo", inputs[2].double(), net.each),
    ]
    maps[1] = maps[1].transpose(1, 2)  # the layer has its channels, the five, first
    parameters = dict(net.named_parameters())
    for at, (name, own) in enumerate(zip(parameters, maps, strict=True)):
        built, weight = torch.zeros(len(own), own[0].numel()).double(), parameters[name].detach().reshape(-1)
        for connection in graph.connections:
            if connection.parameter == name:
                edges = connection.edges
                built[edges.source, edges.target] = weight[edges.parameter]
                assert torch.allclose(torch.from_numpy(edges.length), 1 / weight[edges.parameter].abs())
        if at == 2:
            built = built.reshape(5, 2, -1).transpose(0, 1).reshape(10, -1)
        assert torch.allclose(built, own.detach().reshape(len(own), -1), atol=1e-12)


def joined(product):
    return Product(product).eval()


@pytest.mark.parametrize(
    ("product", "words"),
    [
        (lambda x, w, b: ((x[:, :, None] @ x[:, None]) @ w).flatten(1)[:, :6], "not the channels of a layer"),
        (lambda x, w, b: F.pad(x @ w[:, :5], (0, 1)), "'matmul' .matmul. uses a part of 'w', or repeats its values"),
        (lambda x, w, b: torch.addmm(b, x, w, alpha=2), "adds a multiple"),
        (lambda x, w, b: x @ torch.ones(4, 6), "weights that are no parameters of the network"),
        (lambda x, w, b: torch.einsum("bi,io,o->bo", x, w, b), "a product of other than two values"),
        (lambda x, w, b: torch.einsum("bi,jo->bo", x, w), "sums over an axis of one of its factors alone"),
        (lambda x, w, b: x @ (w @ w.t() @ w), "computed from 'w', but not each from one of its values"),
    ],
)  # fmt: skip
def test_other_products_are_refused_in_true_words(product, words):
    with pytest.raises(ModelError, match=words):
        build_graph(joined(product), (4,))
