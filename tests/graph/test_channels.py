"""Networks that take their channels last are the same neural graph as their twins that take them first."""

import io

import numpy as np
import pytest
import torch
from torch import nn

import ncviz
from ncviz.graph.build import build_graph
from ncviz.models.files.open_file import read_file
from tests.examples.brute_force import curvature as slow_curvature


def assert_same(found, expected):
    """Equal but for the order in which a forward pass sums up."""
    np.testing.assert_allclose(found, expected, atol=1e-12, rtol=1e-12)


class Last(nn.Module):
    """A network that takes [n, …, C] and moves the channels to the front itself."""

    def __init__(self, net, rank=4):
        super().__init__()
        self.net, self.axes = net, (0, rank - 1, *range(1, rank - 1))

    def forward(self, x):
        return self.net(x.permute(self.axes))


def conv_net(channels=3, side=20):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3, padding=1, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4),
    ).eval()  # fmt: skip


def lines(channels=2):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(channels, 4, 5), nn.ReLU(), nn.Conv1d(4, 3, 3, stride=4), nn.ReLU(), nn.Flatten(),
        nn.Linear(15, 3),
    ).eval()  # fmt: skip


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 5, 3, stride=3)
        self.head = nn.Linear(5 * 36, 4)

    def forward(self, x):
        return self.head(torch.relu(self.two(x + torch.relu(self.one(x)))).flatten(1))


class Keras(nn.Module):
    """Flattens in the order of channels last, as Keras does."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(1, 3, 5, stride=3), nn.Linear(3 * 64, 4)

    def forward(self, x):
        maps = torch.relu(self.conv(x.permute(0, 3, 1, 2)))
        return self.head(maps.permute(0, 2, 3, 1).flatten(1))


class KerasMean(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, x):
        return self.head(torch.relu(self.conv(x.movedim(-1, 1))).movedim(1, -1).mean(dim=(1, 2)))


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (conv_net, (3, 20, 20)),
        (conv_net, (3, 40, 24)),
        (lambda: conv_net(1), (1, 33, 33)),
        (lambda: conv_net(5), (5, 24, 24)),
        (lines, (2, 23)),
        (Residual, (3, 18, 18)),
    ],
)
def test_curvature_is_that_of_the_twin_with_channels_first(make, shape):
    net = make()
    images = torch.rand(3, *shape, generator=torch.Generator().manual_seed(1))
    last = Last(net, images.ndim)
    expected = ncviz.neural_curvature(net, images)
    found = ncviz.neural_curvature(last, images.movedim(1, -1).contiguous())
    assert found.weights.keys() == {f"net.{name}" for name in expected.weights}
    for name, values in expected.weights.items():
        assert_same(found.weights[f"net.{name}"], values)
    assert build_graph(last, tuple(images.movedim(1, -1).shape[1:])).layer_shapes[0] == shape


def test_the_order_of_kerass_flatten_is_kept():
    net = Keras()
    images = torch.rand(2, 28, 28, 1, generator=torch.Generator().manual_seed(1))
    found = ncviz.neural_curvature(net, images)
    # The twin: the same head with its columns in the order of channels first.
    head = nn.Linear(3 * 64, 4)
    with torch.no_grad():
        head.weight.copy_(net.head.weight.reshape(4, 64, 3).transpose(1, 2).reshape(4, -1))
        head.bias.copy_(net.head.bias)
    twin = nn.Sequential(net.conv, nn.ReLU(), nn.Flatten(), head)
    expected = ncviz.neural_curvature(twin, images.movedim(-1, 1).contiguous())
    assert_same(found.weights["conv.weight"], expected.weights["0.weight"])
    own = found.weights["head.weight"].reshape(4, 64, 3).transpose(1, 2).reshape(4, -1)
    assert_same(own, expected.weights["3.weight"])


def test_a_mean_over_the_middle_axes_is_a_pooling():
    net = KerasMean()
    images = torch.rand(2, 21, 21, 3, generator=torch.Generator().manual_seed(1))
    twin = nn.Sequential(net.conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), net.head)
    found = ncviz.neural_curvature(net, images)
    expected = ncviz.neural_curvature(twin, images.movedim(-1, 1).contiguous())
    assert_same(found.weights["conv.weight"], expected.weights["0.weight"])
    assert_same(found.weights["head.weight"], expected.weights["4.weight"])


class Means(nn.Module):
    """Averages one axis after the other."""

    def __init__(self, axes):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head, self.axes = nn.Conv2d(2, 4, 3), nn.Linear(4, 3), axes

    def forward(self, x):
        maps = torch.relu(self.conv(x))
        for axis in self.axes:
            maps = maps.mean(dim=axis, keepdim=True)
        return self.head(maps.flatten(1))


@pytest.mark.parametrize(("axes", "kernels"), [((3, 2), ((1, 5), (7, 1))), ((-2, -1), ((7, 1), (1, 5)))])
def test_means_over_one_axis_are_poolings(axes, kernels):
    net = Means(axes)
    images = torch.rand(2, 2, 9, 7, generator=torch.Generator().manual_seed(1))
    pools = [nn.AvgPool2d(kernel) for kernel in kernels]
    twin = nn.Sequential(net.conv, nn.ReLU(), *pools, nn.Flatten(), net.head)
    found = ncviz.neural_curvature(net, images)
    expected = ncviz.neural_curvature(twin, images)
    assert_same(found.weights["conv.weight"], expected.weights["0.weight"])
    assert_same(found.weights["head.weight"], expected.weights["5.weight"])


def test_curvature_is_that_of_the_definition():
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(2, 2, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 3)).double()
    image = torch.rand(1, 2, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = slow_curvature(net, image, 0.9)
    found = ncviz.neural_curvature(Last(net), image.movedim(1, -1).contiguous())
    graph = build_graph(Last(net), (7, 7, 2))
    weights = {name: values.numpy() for name, values in found.weights.items()}
    least = {name: np.full(weights[name].size, np.inf) for name in weights}
    for level, connection in enumerate(graph.connections):
        edges = connection.edges
        for source, target, parameter in zip(edges.source, edges.target, edges.parameter, strict=True):
            values = least[connection.parameter]
            values[parameter] = min(values[parameter], expected[level, int(source), int(target)])
    for name, values in least.items():
        np.testing.assert_allclose(weights[name].reshape(-1), values, atol=1e-9)


def test_an_exported_program_is_read_too():
    net = Last(conv_net())
    images = torch.rand(2, 24, 24, 3, generator=torch.Generator().manual_seed(1))
    program = torch.export.export(net, (images,), dynamic_shapes=({0: torch.export.Dim("n")},))
    file = io.BytesIO()
    torch.export.save(program, file)
    read = read_file(file.getvalue(), "net.pt2").module()
    found = ncviz.neural_curvature(read, images)
    expected = ncviz.neural_curvature(net.net, images.movedim(-1, 1).contiguous())
    for name, values in expected.weights.items():
        np.testing.assert_allclose(found.weights[f"net.{name}"], values, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "expected"), [((28, 28, 1), (1, 28, 28)), ((3, 9, 9), (3, 9, 9)), ((9, 3, 3), (3, 9, 3))]
)
def test_the_input_of_a_flattening_network_is_numbered_as_an_image(shape, expected):
    net = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), 3))
    assert build_graph(net, shape).layer_shapes[0] == expected
