"""What the graph builder reads, and what it says of what it cannot read."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ncviz import build_graph, explain_edge, neural_curvature
from ncviz.errors import DataError, ModelError, NcvizError
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import look_at
from ncviz.graph.growing import Growing
from ncviz.graph.terms import conv_term, convolution_axes


class Functional(nn.Module):
    """LeNet-like, in the style of most tutorials."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True))
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = F.dropout(self.features(x), training=self.training)
        return F.log_softmax(self.head(torch.flatten(x, 1)), dim=1)


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.attention(x, 2 * x, x)[0])


class Joined(nn.Module):
    """What a function makes of two layers that read the same units."""

    def __init__(self, joined):
        super().__init__()
        self.joined = joined
        self.a, self.b, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.joined(self.a(x), torch.sigmoid(self.b(x))))


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(F.layer_norm(self.a(x), (2, 4)))


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        x = self.a(x)
        x.relu_()
        return self.b(x)


class Pair(nn.Module):
    """Two layers and what a function makes of the hidden one and of what it becomes."""

    def __init__(self, joined):
        super().__init__()
        self.joined = joined
        self.a, self.b, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        hidden = self.a(x)
        return self.head(self.joined(hidden, self.b(hidden)))


class Viewed(Pair):
    """Changed in place through a view, which only torch.export follows: the change is in nobody's result."""

    def forward(self, x):
        hidden = self.a(x)
        if x.ndim == 2:
            hidden[:, :2].mul_(3.0)
        return self.head(hidden)


class Alias(nn.Module):
    """What fx writes down as k = h + …, and torch does as h += …"""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        h = self.a(x)
        k = h
        k += self.b(x)
        return self.head(torch.relu(k) + torch.tanh(h))


class Repeated(nn.Module):
    """What is joined with itself again and again is read as often."""

    def __init__(self, times):
        super().__init__()
        self.times, self.first = times, nn.Linear(4 * times, 3)

    def forward(self, x):
        return self.first(torch.cat([x] * self.times, 1))


class Arranged(nn.Module):
    def __init__(self, arrange, layer):
        super().__init__()
        self.arrange, self.layer = arrange, layer

    def forward(self, x):
        return self.layer(self.arrange(x))


class Thrice(nn.Module):
    def forward(self, x):
        return x.repeat(1, 3, 1, 1)


class PermuteLast(nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 3, 1)


class StillRandom(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(40, 40), nn.Linear(40, 2)

    def forward(self, x):
        return self.b(F.dropout(self.a(x)))


class TwoOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.a(x), self.b(x)


class Exported(nn.Module):
    """A shape that decides the way, which only torch.export follows, and weights that are no module's."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(2, 1, 3, 3))
        self.norm, self.head = nn.BatchNorm2d(2), nn.Linear(8, 3)

    def forward(self, x):
        x = F.conv2d(x, self.kernel)
        if x.shape[-1] > 3:
            x = F.max_pool2d(F.relu(self.norm(x)), 2)
        return self.head(x.flatten(1))


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def test_lenet_sizes_and_edges():
    net = nn.Sequential(nn.Conv2d(1, 6, 6, stride=2), nn.ReLU(), nn.Conv2d(6, 16, 6, stride=2), nn.ReLU(),
                        nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                        nn.Linear(84, 10))  # fmt: skip
    graph = build_graph(net, input_shape=(1, 28, 28))
    assert graph.layer_sizes == (784, 864, 256, 120, 84, 10)
    assert graph.layer_shapes[1] == (6, 12, 12)
    assert graph.number_of_edges == 128_040
    assert list(graph.parameters) == ["0.weight", "2.weight", "5.weight", "7.weight", "9.weight"]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(2, 4, 3), (2, 6, 7)),
        (nn.Conv2d(2, 4, (2, 3), stride=(2, 1), padding=(1, 2)), (2, 6, 7)),
        (nn.Conv2d(4, 6, 3, dilation=2, groups=2, padding=1), (4, 7, 6)),
        (nn.Conv2d(3, 3, 3, padding="same", groups=3, dilation=(1, 2)), (3, 5, 6)),
        (nn.Conv2d(1, 2, 5, stride=3, padding="valid"), (1, 8, 11)),
    ],
)
def test_edges_are_the_layers_linear_map(layer, shape):
    graph = build_graph(nn.Sequential(layer), shape)
    size = int(np.prod(shape))
    layer = layer.double()
    units = torch.eye(size, dtype=torch.float64).reshape(size, *shape)
    with torch.no_grad():
        dense = (layer(units) - layer(units * 0)).reshape(size, -1).numpy()
    edges = graph.connections[0].edges
    weight = layer.weight.detach().reshape(-1).numpy()
    built = np.zeros_like(dense)
    built[edges.source, edges.target] = weight[edges.parameter]
    assert np.allclose(built, dense, atol=1e-12)
    assert np.allclose(edges.length, 1 / np.abs(weight[edges.parameter]))


def test_reads_functional_style_and_a_final_softmax():
    net = Functional().eval()
    graph = build_graph(net, (1, 4, 4))
    assert graph.layer_sizes == (16, 8, 3)
    x = torch.rand(3, 1, 4, 4)
    layers = layer_activations(net, graph, x)
    assert torch.allclose(layers[-1].sum(dim=1), torch.ones(3, dtype=torch.float64))
    assert torch.allclose(layers[-1].log().float(), net(x), atol=1e-5)
    assert torch.allclose(layers[1].float(), net.features(x).flatten(1), atol=1e-6)
    plain = nn.Sequential(net.features, nn.Flatten(), net.head)
    first, second = neural_curvature(net, x), neural_curvature(plain, x)
    assert all(
        torch.equal(a, b) for a, b in zip(first.weights.values(), second.weights.values(), strict=True)
    )


def test_what_fx_cannot_follow_is_exported():
    net = Exported().eval()
    with pytest.raises(torch.fx.proxy.TraceError):
        torch.fx.symbolic_trace(net)
    plain = nn.Sequential(
        nn.Conv2d(1, 2, 3, bias=False), net.norm, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), net.head
    )
    plain[0].weight = net.kernel
    x = torch.rand(3, 1, 6, 6)
    first, second = neural_curvature(net, x), neural_curvature(plain.eval(), x)
    assert list(first.weights) == ["kernel", "head.weight"]
    assert all(
        torch.equal(a, b) for a, b in zip(first.weights.values(), second.weights.values(), strict=True)
    )


def test_all_problems_are_found_at_once():
    net = nn.Sequential(
        nn.Linear(4, 4), nn.LogSigmoid(), nn.Softmin(1), nn.Linear(4, 4), nn.Softmin(1), nn.Linear(4, 2)
    )
    found = look_at(net, (4,))
    assert found.graph is None
    assert [problem.name for problem in found.problems] == ["'2' (Softmin)", "'4' (Softmin)"]


def test_a_linear_layer_on_each_place_reads_its_last_axis():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), PermuteLast(), nn.Linear(2, 3), nn.Flatten(), nn.Linear(108, 3))
    graph = build_graph(net, (1, 8, 8))
    assert graph.layer_shapes == ((1, 8, 8), (2, 6, 6), (3, 6, 6), (3,))
    assert graph.connections[1].number_of_edges == 2 * 6 * 6 * 3


@pytest.mark.parametrize(
    "arrange",
    [
        lambda x: x.repeat(1, 3, 1, 1),
        lambda x: x.expand(-1, 3, -1, -1),
        lambda x: x.expand(x.size(0), 3, x.size(2), 5),
        lambda x: torch.cat([x, x, x], 1),
        lambda x: torch.concat(tensors=[x, x, x], dim=1),
        lambda x: torch.stack([x[:, 0], x[:, 0], x[:, 0]], dim=1),
        lambda x: torch.hstack([x, x.flip(3), x.roll(1, 2)]),
        lambda x: torch.tile(x, (1, 3, 1, 1)),
        lambda x: x.repeat_interleave(3, dim=1),
        lambda x: torch.broadcast_to(x, (x.shape[0], 3, 4, 5)),
        lambda x: x[:, [0, 0, 0]],
        lambda x: F.interpolate(x, scale_factor=2).repeat(1, 3, 1, 1),
        lambda x: F.interpolate(input=x, size=(3, 7), mode="nearest").expand(-1, 3, -1, -1),
        nn.Sequential(
            nn.Upsample(size=(6, 4)), nn.Upsample(scale_factor=(1, 2)), nn.ChannelShuffle(1), Thrice()
        ),
    ],
)
def test_units_that_are_repeated_and_put_elsewhere_keep_their_edges(arrange):
    conv = nn.Conv2d(3, 2, 3, padding=1, stride=2).double()
    graph = build_graph(Arranged(arrange, conv), (1, 4, 5))
    units = torch.eye(20, dtype=torch.float64).reshape(20, 1, 4, 5)
    with torch.no_grad():
        dense = (conv(arrange(units)) - conv(arrange(units * 0))).reshape(20, -1).numpy()
    weight, built = conv.weight.detach().reshape(-1).numpy(), np.zeros_like(dense)
    for each in graph.connections:
        edges = each.edges
        np.add.at(built, (edges.source, edges.target), weight[edges.parameter])
        assert len(np.unique(edges.source * built.shape[1] + edges.target)) == len(edges)
    assert np.allclose(built, dense, atol=1e-12)


def test_a_unit_that_is_read_several_times_has_an_edge_each_time():
    net = Repeated(16)
    graph = build_graph(net, (4,))
    assert len(graph.connections) == 16
    assert {each.parameter for each in graph.connections} == {"first.weight"}
    columns = [np.unique(each.edges.parameter % 64) for each in graph.connections]
    assert np.array_equal(np.concatenate(columns), np.arange(64))


def test_reading_leaves_the_network_alone():
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(4, 3), nn.Dropout(0.5), nn.ReLU(inplace=True), nn.Linear(3, 2)
    )
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    neural_curvature(net, torch.rand(2, 1, 2, 2))
    assert net.training
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert next(net.parameters()).dtype == torch.float32


@pytest.mark.parametrize(
    ("net", "shape", "words"),
    [
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.LPPool2d(2, 2)), (1, 8, 8), "'1' (LPPool2d) is not supported"),
        (Normed(), (4,), "'layer_norm' (layer_norm) normalises over the images of a batch, too"),
        (Joined(lambda a, b: a / b), (4,), "'truediv' (truediv) divides by activations"),
        (
            nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect")),
            (1, 8, 8),
            "padding_mode='reflect'",
        ),
        (nn.Sequential(nn.Linear(4, 2)), (5,), "does not fit the network"),
        (nn.Sequential(nn.Linear(4, 2)), (0,), "positive sizes"),
        (nn.Sequential(nn.ReLU()), (4,), "no weight layer"),
        (nn.Sequential(nn.Linear(4, 4), nn.Softmax(1), nn.Linear(4, 2)), (4,), "softmax inside"),
        (nn.Sequential(nn.Flatten(0), nn.Linear(8, 2)), (4,), "one row for each image"),
        (nn.Sequential(nn.Linear(4, 6), nn.LSTM(6, 3)), (4,), "'1' (LSTM, recurrence) is not supported"),
        (Attending(), (3, 4), "'attention' (MultiheadAttention, attention)"),
        (TwoOutputs(), (4,), "returns several values"),
        (
            nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(1, 2, 3)),
            (1, 4, 4),
            "'0' (Upsample) mixes neighbouring units (mode 'bilinear')",
        ),
        (Repeated(17), (4,), "Layer 'first' reads the same units again and again"),
        (
            nn.Sequential(nn.Conv1d(2, 17, 1), nn.Tanh(), nn.Linear(5, 2), nn.Flatten(), nn.Linear(34, 2)),
            (2, 5),
            "more than 16 connections",
        ),
        (Alias(), (4,), "changes a value in place under two names"),
        (StillRandom(), (40,), "random in eval mode (dropout with training=True)"),
        (InPlace(), (4,), "'relu_' changes its input in place and its result is not used"),
        (
            Pair(lambda one, other: one.mul_(2.0) + one + other),
            (4,),
            "'mul_' changes its input in place, and the input is read again",
        ),
        (Viewed(None), (4,), "'mul_' changes its input in place"),
        (Pair(lambda one, other: torch.add(one, other, alpha=0.5)), (4,), "adds a multiple (alpha)"),
        (Pair(torch.pow), (4,), "'pow_1' (pow) is a function of several activations"),
        (
            Pair(lambda one, other: F.batch_norm(one + other, None, None, training=True)),
            (4,),
            "normalises by the batch that it is in",
        ),
        (nn.Sequential(nn.Linear(4, 2), nn.Softmax(1), nn.BatchNorm1d(2)), (4,), "softmax inside"),
        (
            nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2, track_running_stats=False)),
            (4,),
            "'1' (BatchNorm1d) keeps no running statistics",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, track_running_stats=False), nn.ReLU()),
            (1, 3, 3),
            "'1' (BatchNorm2d) keeps no running statistics",
        ),
        (Branching(), (4,), "cannot be traced"),
    ],
)
def test_what_it_cannot_read_is_named(net, shape, words):
    with pytest.raises(ModelError) as caught:
        build_graph(net, shape)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_arguments_given_by_name_are_those_given_by_place():
    torch.manual_seed(0)
    named = Pair(lambda one, other: torch.flatten(input=torch.add(input=one, other=other), start_dim=1))
    plain = Pair(lambda one, other: one + other)
    plain.load_state_dict(named.state_dict())
    x = torch.rand(2, 4)
    first, second = neural_curvature(named, x), neural_curvature(plain, x)
    assert all(torch.equal(first.weights[name], second.weights[name]) for name in second.weights)


def test_a_kernel_that_reads_more_than_memory_holds_is_named():
    axes = convolution_axes((200, 200), (301, 301), (1, 1), (150, 150), (1, 1))
    with pytest.raises(ModelError, match=r"Layer '0' reads 3,624,040,000 values.*use smaller images"):
        conv_term(
            "0", "0.weight", torch.ones(1, 1, 301, 301), np.arange(40_000).reshape(1, 200, 200), axes, 1
        )


@pytest.mark.parametrize(
    ("value", "words"), [(float("nan"), "NaN or infinite"), (float("inf"), "NaN or infinite")]
)
def test_bad_weights_are_named(value, words):
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    net[2].weight.data[0, 0] = value
    with pytest.raises(ModelError, match=r"2\.weight.*1 values that are " + words):
        build_graph(net, (4,))


def test_an_all_zero_layer_is_named():
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    net[0].weight.data.zero_()
    with pytest.raises(ModelError, match="all of '0.weight' is zero"):
        build_graph(net, (4,))


def normed(**values):
    """Return Linear-BatchNorm-ReLU-Linear in eval mode, with these parameters or buffers of the norm filled in."""
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2)).double().eval()
    for name, value in values.items():
        getattr(net[1], name).data.copy_(torch.as_tensor(value, dtype=torch.float64))
    return net


def test_weights_that_are_zero_or_scaled_to_zero_are_no_edges():
    net = normed(weight=[1.0, 0.0, -2.0], running_var=[0.1, 2.0, 7.0])
    net[0].weight.data[2, 1] = 0
    edges = build_graph(net, (4,)).connections[0].edges
    assert edges.parameter.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11]
    assert edges.length == pytest.approx(1 / net[0].weight.data.abs().reshape(-1)[edges.parameter].numpy())
    edges = build_graph(net, (4,), batchnorm="folded").connections[0].edges
    assert edges.parameter.tolist() == [0, 1, 2, 3, 8, 10, 11]
    assert set(edges.target.tolist()) == {0, 2}
    # The unit that no edge reaches is there all the same, and the curvature of its weights the bound.
    assert (neural_curvature(net, torch.rand(1, 4)).weights["0.weight"][1] == 2).all()


def test_a_norm_that_silences_every_channel_is_named():
    with pytest.raises(
        ModelError, match=r"^No path leads .* all of '0\.weight' is zero or multiplied by zero"
    ):
        build_graph(normed(weight=[0.0, 0.0, 0.0]), (4,), batchnorm="folded")


def test_a_norm_that_silences_every_channel_leaves_the_edges():
    net = normed(weight=[0.0, 0.0, 0.0], bias=[1.0, 2.0, -1.0])
    result = neural_curvature(net, torch.rand(1, 4))
    assert result.graph.connections[0].number_of_edges == 12
    # The third unit says nothing whatever the image: its weights are never active.
    assert (result.weights["0.weight"][2] == 2).all()
    assert (result.weights["0.weight"][:2] < 2).all()


@pytest.mark.parametrize("batchnorm", ["folding", "", None, True])
def test_a_way_to_read_batchnorm_that_there_is_not_is_named(batchnorm):
    net = normed()
    for ask in (
        lambda: build_graph(net, (4,), batchnorm=batchnorm),
        lambda: neural_curvature(net, torch.rand(1, 4), batchnorm=batchnorm),
        lambda: explain_edge(net, torch.rand(1, 4), 0, 0, 0, batchnorm=batchnorm),
    ):
        with pytest.raises(NcvizError, match="no way to read BatchNorm .*; choose one of: own, folded"):
            ask()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"weight": [1.0, float("nan"), 1.0]}, "BatchNorm '1' scales 1 channels by NaN or infinity"),
        ({"running_var": [-1.0, -2.0, 1.0]}, "BatchNorm '1' scales 2 channels by NaN or infinity"),
        ({"running_mean": [float("nan"), 0.0, 0.0]}, "activations of layer '0' hold NaN or infinite"),
    ],
)
@pytest.mark.parametrize("batchnorm", ["own", "folded"])
def test_a_norm_that_is_not_finite_is_named(values, words, batchnorm):
    with pytest.raises(ModelError) as caught:
        neural_curvature(normed(**values), torch.rand(1, 4), batchnorm=batchnorm)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change", [lambda x, k: x * k, lambda x, k: x / k, lambda x, k: k * x, lambda x, k: x[:, 0] * k[:1, None]]
)
def test_constants_that_make_a_value_larger_are_refused(change):
    class Larger(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(16, 2)
            self.register_buffer("scale", torch.tensor([1.0, 2.0, 4.0]).reshape(3, 1, 1))

        def forward(self, x):
            return self.head(change(x, self.scale).flatten(2).mean(1))

    with pytest.raises(ModelError, match="multiplies by a constant of another shape"):
        build_graph(Larger().eval(), (1, 4, 4))


def test_pixels_that_are_repeated_and_scaled_are_units_of_their_own():
    class Repeated(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 2, 3), nn.Linear(8, 2)
            self.register_buffer("scale", torch.tensor([1.0, 2.0, 4.0]).reshape(1, 3, 1, 1))

        def forward(self, x):
            return self.head(torch.relu(self.conv(x[:, :1].repeat(1, 3, 1, 1) * self.scale)).flatten(1))

    graph = build_graph(Repeated().eval(), (3, 4, 4))
    (link,) = graph.links
    assert link.weight.reshape(-1).tolist() == [1.0, 2.0, 4.0]
    assert graph.layer_shapes[0] == graph.layer_shapes[link.target] == (3, 4, 4)
    assert [each.source for each in graph.connections] == [link.target, 2]


def test_a_norm_whose_scale_makes_no_length_cannot_be_folded():
    net = normed(weight=[1e-320, 1.0, 1.0])
    # Of a smaller weight nothing is left, which is no edge.
    net[0].weight.data.fill_(0.5)
    assert build_graph(net, (4,)).connections[0].number_of_edges == 12
    with pytest.raises(ModelError, match=r"'1' folded in holds 4 values so small that 1/\|w\| overflows"):
        build_graph(net, (4,), batchnorm="folded")


def test_a_layer_shared_by_two_norms_is_folded_into_each():
    shared = nn.Linear(3, 3)
    net = nn.Sequential(shared, nn.BatchNorm1d(3), nn.ReLU(), shared, nn.BatchNorm1d(3)).double().eval()
    net[1].running_var.fill_(4.0)
    net[4].running_var.fill_(9.0)
    first, second = build_graph(net, (3,)).connections
    assert (first.weight == second.weight).all()
    first, second = build_graph(net, (3,), batchnorm="folded").connections
    assert first.parameter == second.parameter == "0.weight"
    assert first.weight * (4 + 1e-5) ** 0.5 == pytest.approx(second.weight * (9 + 1e-5) ** 0.5)


class PlacesFirst(nn.Module):
    """A linear layer at each of five places, and a norm that takes the places for its channels."""

    def __init__(self):
        super().__init__()
        self.each, self.norm, self.head = nn.Linear(3, 2), nn.BatchNorm1d(5), nn.Linear(10, 2)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.each(x))).flatten(1))


def test_a_norm_of_places_weighs_nothing_and_cannot_be_folded():
    net, x = PlacesFirst().double().eval(), torch.rand(1, 5, 3)
    net.norm.running_var.copy_(torch.rand(5) + 0.5)
    graph = build_graph(net, (5, 3))
    assert (graph.connections[0].weight[0] == net.each.weight.data.numpy()).all()
    expected = torch.relu(net.norm(net.each(x.double())))
    assert torch.allclose(layer_activations(net, graph, x)[1], expected.movedim(2, 1).flatten(1))
    with pytest.raises(ModelError, match="'norm' \\(BatchNorm1d\\) multiplies the places of a channel"):
        build_graph(net, (5, 3), batchnorm="folded")


class ByFunction(nn.Module):
    """Norms as torch's functions have them, one of them read through torch.export."""

    def __init__(self, is_exported):
        super().__init__()
        self.is_exported = is_exported
        self.mix, self.head = nn.Conv2d(1, 2, 2), nn.Linear(8, 3)
        self.register_buffer("mean", torch.tensor([0.5, -0.5]))
        self.register_buffer("spread", torch.tensor([0.25, 4.0]))

    def forward(self, x):
        if self.is_exported and x.shape[0] > 0 and x.flatten(1).shape[1] != 9:
            return x
        x = F.batch_norm(self.mix(x), self.mean, self.spread, training=False, eps=0.0)
        return self.head(torch.tanh(x).flatten(1))


@pytest.mark.parametrize("is_exported", [False, True])
def test_norms_by_functions_weigh_nothing_either(is_exported):
    net = ByFunction(is_exported).double().eval()
    own, folded = (build_graph(net, (1, 3, 3), batchnorm=each).connections[0] for each in ("own", "folded"))
    assert (own.weight.reshape(-1) == net.mix.weight.data.reshape(-1).numpy()).all()
    scale = np.array([2.0, 0.5])[None, :, None]
    assert folded.weight == pytest.approx(own.weight * scale, rel=1e-12)


def test_of_two_norms_of_the_same_units_the_first_counts():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.a, self.b = nn.Linear(3, 2), nn.BatchNorm1d(2), nn.BatchNorm1d(2)
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            x = self.stem(x)
            return self.head(torch.cat([torch.tanh(self.a(x)), torch.relu(self.b(x))], 1))

    net, x = Twice().double().eval(), torch.rand(2, 3, dtype=torch.float64)
    net.a.running_mean.fill_(0.3)
    graph = build_graph(net, (3,))
    assert graph.layer_shapes == ((3,), (2,), (2,))
    assert torch.allclose(layer_activations(net, graph, x)[1], torch.tanh(net.a(net.stem(x))))
    # Each of the two reads them with weights of its own.
    assert [(each.source, each.number_of_edges) for each in graph.connections] == [(0, 6), (1, 4), (1, 4)]


@pytest.mark.parametrize("factor", [float("inf"), float("nan")])
@pytest.mark.parametrize("is_after", [False, True])
def test_a_factor_that_is_not_finite_is_named(factor, is_after):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 2), nn.Linear(2, 2)

        def forward(self, x):
            x = self.a(x)
            return self.b((torch.relu(x) if is_after else x) * factor)

    with pytest.raises(ModelError, match="'mul' scales 2 channels by NaN or infinity"):
        build_graph(Scaled(), (3,))


def test_overflowing_activations_are_named():
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)).double()
    net[0].bias.data.fill_(float("inf"))
    with pytest.raises(ModelError, match="activations of layer '0'"):
        neural_curvature(net, torch.rand(1, 4))


def test_normalise_is_min_max_of_the_magnitude():
    found = normalise(torch.tensor([[-2.0, 0.0, 1.0], [3.0, 3.0, -3.0]]))
    assert np.allclose(found, [[1.0, 0.0, 0.5], [1.0, 1.0, 1.0]])


def test_hooks_are_called_once_and_neither_buffers_nor_inputs_of_the_caller_are_touched():
    called = []
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)).train()
    net[1].register_forward_hook(lambda *_: called.append(1))
    x = torch.randn(2, 4, dtype=torch.float64)
    before = x.clone()
    neural_curvature(net, x)
    # To see whether it changes values; never again.
    assert called == [1]
    assert torch.equal(x, before)
    norm = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).train()
    neural_curvature(norm, torch.rand(2, 4))
    assert norm[1].num_batches_tracked == 0
    assert norm[1].training
    assert norm[1].running_mean.tolist() == [0, 0, 0]


def test_a_weight_too_small_for_a_length_is_named():
    net = nn.Sequential(nn.Linear(4, 3)).double()
    net[0].weight.data[0, 0] = 1e-310
    with pytest.raises(ModelError, match="1/|w| overflows"):
        build_graph(net, (4,))


def test_a_result_cannot_be_changed():
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    result = neural_curvature(net, torch.rand(1, 4), keep_edges=True)
    with pytest.raises(TypeError):
        result.weights["0.weight"] = 0
    result.edges(0)[0].fill_(7)
    result.edges(0)[2].fill_(7)
    assert result.edges(0)[0].max() < 4
    assert result.edges(0)[2].max() <= 2


@pytest.mark.parametrize(
    "bad", [np.zeros((1, 4)), torch.zeros(1, 4, dtype=torch.complex64), torch.zeros(0, 4)]
)
def test_inputs_that_are_none(bad):
    with pytest.raises(DataError):
        neural_curvature(nn.Sequential(nn.Linear(4, 3)), bad)


@pytest.mark.parametrize(("kernel", "zero_centre"), [(1, False), (3, True)])
def test_a_layer_that_reads_nothing_but_padding_is_named(kernel, zero_centre):
    layer = nn.Conv2d(1, 2, kernel, stride=2, padding=1)
    if zero_centre:
        layer.weight.data[..., 1, 1] = 0
    with pytest.raises(ModelError, match="layer '0' that is not zero falls on padding"):
        build_graph(nn.Sequential(layer, nn.Flatten()), (1, 1, 1))


def test_a_graph_that_memory_cannot_hold_is_one_sentence(monkeypatch):
    def layer(*_):
        raise MemoryError("Unable to allocate 481. MiB")

    monkeypatch.setattr(Growing, "layer", layer)
    with pytest.raises(ModelError, match="does not fit this machine's memory; use smaller images"):
        build_graph(nn.Linear(4, 2), (4,))
