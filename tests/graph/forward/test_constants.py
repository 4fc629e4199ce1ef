"""What a forward computes without the image is a constant, whatever computes it; number types are followed."""

import pytest
import torch
from torch import nn

from ncviz import build_graph, neural_curvature
from ncviz.errors import ModelError
from ncviz.graph.activations import layer_activations


class Body(nn.Module):
    """Adds or multiplies something that does not depend on the image."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(1, 2, 3), nn.Linear(18, 4)

    def inside(self, x):
        return x

    def outside(self, x):
        return x

    def forward(self, x):
        x = torch.relu(self.conv(self.inside(x)))
        return self.outside(self.head(x.flatten(1)))


class Position(Body):
    def __init__(self):
        super().__init__()
        self.where = nn.Embedding(25, 1)
        self.register_buffer("numbers", torch.arange(25))

    def inside(self, x):
        return x + self.where(self.numbers).view(1, 1, 5, 5)


class PositionBySize(Position):
    def inside(self, x):
        height, width = x.shape[-2:]
        return x + self.where(torch.arange(height * width, device=x.device)).view(1, 1, height, width)


class Bias(Body):
    """A table of biases from coordinates by a small network, as in Swin V2."""

    def __init__(self):
        super().__init__()
        self.register_buffer("coordinates", torch.linspace(-1, 1, 5)[:, None])
        self.table = nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 5))

    def inside(self, x):
        return x + torch.sigmoid(self.table(self.coordinates)).unsqueeze(0)


class Scale(Body):
    def __init__(self):
        super().__init__()
        self.raw, self.positive = nn.Parameter(torch.linspace(-1, 1, 4)), nn.Softplus()

    def outside(self, x):
        return x * self.positive(self.raw)


class Ramp(nn.Module):
    def forward(self, size):
        return torch.linspace(0, 1, size)


class BySize(Body):
    """A module that is called on a size."""

    def __init__(self):
        super().__init__()
        self.ramp = Ramp()

    def inside(self, x):
        return x + self.ramp(x.shape[-1])


class Statistics(Body):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.3]))
        self.register_buffer("deviation", torch.tensor([0.2]))

    def inside(self, x):
        return (x - self.mean.view(1, -1, 1, 1).to(x.device, x.dtype)) / self.deviation[:, None, None]


class Zeros(Body):
    """Constants of the image's or the batch's own size."""

    def inside(self, x):
        return x + torch.zeros_like(x) * 2 + x.new_ones(x.shape)

    def outside(self, x):
        return x + torch.ones_like(x)


class ByParameter(Body):
    """A parameter's shape decides the way."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.randn(1, 1, 5, 5))

    def inside(self, x):
        return x + self.shift if self.shift.shape[-1] == 5 else x


class Autocast(Body):
    """Rounds more than its number type does; curvature is that without rounding."""

    def forward(self, x):
        with torch.autocast("cpu", torch.bfloat16):
            return super().forward(x).float()


NETS = [Zeros, ByParameter, Position, PositionBySize, Bias, Scale, BySize, Statistics]


@pytest.mark.parametrize("kind", NETS)
def test_layers_say_what_plain_torch_says(kind):
    net, x = kind().eval(), torch.rand(3, 1, 5, 5)
    graph = build_graph(net, (1, 5, 5))
    assert graph.layer_sizes == (25, 18, 4)
    assert list(graph.parameters) == ["conv.weight", "head.weight"]
    with torch.no_grad():
        hidden = torch.relu(net.conv(net.inside(x)))
        expected = [hidden.flatten(1), net(x).softmax(1)]
    for found, own in zip(layer_activations(net, graph, x)[1:], expected, strict=True):
        assert torch.allclose(found.float(), own, atol=1e-6)


def test_the_weights_of_a_scaled_head_are_scaled():
    net = Scale().eval()
    head = build_graph(net, (1, 5, 5)).connections[1]
    expected = net.head.weight * nn.functional.softplus(net.raw)[:, None]
    assert torch.allclose(torch.from_numpy(head.weight[0]).float(), expected, atol=1e-6)


def test_autocast_is_no_operation():
    net, x = Autocast().eval(), torch.rand(2, 1, 5, 5)
    found, expected = neural_curvature(net, x), neural_curvature(Body().eval(), x)
    for name, value in expected.weights.items():
        assert torch.equal(found.weights[name], value)


class Casts(Body):
    """Number types as people write them: what is no rounding to whole numbers is no operation."""

    def __init__(self, cast):
        super().__init__()
        self.cast = cast

    def inside(self, x):
        return self.cast(x)


@pytest.mark.parametrize(
    "cast",
    [
        lambda x: x.float(),
        lambda x: x.to(torch.float32),
        lambda x: x.type(torch.float32),
        lambda x: x.type_as(x),
        lambda x: x.double().float(),
        lambda x: x.half().float(),
        lambda x: x.to(memory_format=torch.channels_last).contiguous(),
        lambda x: x.to("cpu"),
    ],
)
def test_casts_are_no_operations(cast):
    net, x = Casts(cast).eval(), torch.rand(2, 1, 5, 5)
    found, expected = neural_curvature(net, x), neural_curvature(Body().eval(), x)
    for name, value in expected.weights.items():
        assert torch.equal(found.weights[name], value)


@pytest.mark.parametrize(
    "cast",
    [
        lambda x: x.to(torch.int64),
        lambda x: x.type("torch.LongTensor"),
        lambda x: x.to(torch.zeros(1, dtype=torch.int64)),
        lambda x: x.type_as(torch.zeros(1, dtype=torch.int64)),
    ],
)
def test_rounding_is_refused(cast):
    class Rounding(Body):
        def inside(self, x):
            return cast(x * 255).float() / 255

    with pytest.raises(ModelError, match=r"rounds activations to torch\.int64"):
        build_graph(Rounding().eval(), (1, 5, 5))


@pytest.mark.slow
def test_an_exported_network_that_insists_on_its_type_runs_in_another():
    class Insisting(Body):
        """Its forward has a loop over a size, so that it is exported; with a cast of what is no activation."""

        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.rand(2, 1, 5, 5))

        def inside(self, x):
            for at in range(x.shape[1]):
                x = x + self.shift[at : at + 1].to(self.conv.weight.dtype)
            return x

    net, inputs = Insisting().eval(), torch.rand(3, 1, 5, 5)
    graph = build_graph(net, (1, 5, 5))
    found = layer_activations(net, graph, inputs)
    with torch.no_grad():
        assert torch.allclose(found[-1], net(inputs).double().softmax(dim=1), atol=1e-6)
