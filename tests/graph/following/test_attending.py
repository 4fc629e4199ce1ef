"""Attention as it is written: which edges there are, with whose values, and what is refused."""

import numpy as np
import pytest
import torch
from torch import nn

from ncviz import build_graph
from ncviz.errors import ModelError
from ncviz.graph.activations import layer_activations
from tests.examples.vits import WAYS, Attending, Separate, Vit, vit

X = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def activations(net, graph, x=X):
    return [each.numpy() for each in layer_activations(net, graph, x)]


def by_hand(net, x=X):
    """The queries, keys, values, scores and mixed values of a network whose attention is ``Attending``."""
    tokens = net.patches(x).flatten(2).transpose(1, 2)
    tokens = torch.cat([net.token.expand(len(x), -1, -1), tokens], 1) + net.positions
    q, k, v = net.attention.qkv(net.first(tokens)).chunk(3, -1)  # [n, T, h·d]
    heads = [part.unflatten(-1, (2, 2)).transpose(1, 2) for part in (q, k, v)]
    scores = torch.softmax(heads[0] @ heads[1].mT / 2**0.5, -1)
    mixed = (scores @ heads[2]).transpose(1, 2).flatten(2)
    return q, k, v, scores, mixed


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_it_is_the_same_graph(way):
    net = vit(way)
    graph = build_graph(net, net.shape)
    assert graph.layer_shapes == (
        (1, 4, 4), (4, 2, 2), (4, 1), (4, 5), (4, 5), (2, 5, 5), (4, 5), (4, 5), (4, 5), (8, 5), (4, 5), (3,)
    )  # fmt: skip
    assert [(p.left, p.right, p.target) for p in graph.products] == [(3, 4, 5), (5, 6, 7)]
    q, k, v, scores, mixed = by_hand(vit("written out"))
    found = activations(net, graph)
    for layer, own in ((3, q), (4, k), (6, v), (7, mixed)):
        assert np.allclose(found[layer], own.transpose(1, 2).flatten(1).detach().numpy(), atol=1e-12)
    assert np.allclose(found[5], scores.flatten(1).detach().numpy(), atol=1e-12)


@pytest.mark.parametrize("way", ["written out", "nn.MultiheadAttention, tokens first", "three linear layers"])
def test_an_images_edges_have_the_other_factors_values(way):
    net = vit(way)
    graph = build_graph(net, net.shape)
    q, k, v, scores, _ = (part[1].abs().detach().numpy() for part in by_hand(vit("written out")))
    links = graph.on_image([each[1] for each in activations(net, graph)]).links
    found = {}
    for link in links:
        if link.target in (5, 7):
            own = link.edges
            weights = 1 / own.length
            found |= {
                (link.source, int(i), link.target, int(j)): float(w)
                for i, j, w in zip(own.source, own.target, weights, strict=True)
            }
    expected = {}
    for h in range(2):
        for t in range(5):
            for u in range(5):
                for c in (2 * h, 2 * h + 1):
                    a, z = (h * 5 + t) * 5 + u, c * 5 + t
                    expected[3, c * 5 + t, 5, a] = k[u, c]
                    expected[4, c * 5 + u, 5, a] = q[t, c]
                    expected[5, a, 7, z] = v[u, c]
                    expected[6, c * 5 + u, 7, z] = scores[h, t, u]
    assert found.keys() == expected.keys()
    assert max(abs(found[key] - value) for key, value in expected.items()) < 1e-12


def test_each_part_of_a_weight_ends_in_a_layer_of_its_own():
    net = vit("nn.MultiheadAttention")
    graph = build_graph(net, net.shape)
    name = "attention.attend.in_proj_weight"
    assert graph.parameters[name] == (12, 4)
    rows = {3: set(), 4: set(), 6: set()}
    for connection in graph.connections:
        if connection.parameter == name:
            edges = connection.edges
            rows[connection.target] |= set((edges.parameter // 4).tolist())
            weight = net.get_parameter(name).detach().reshape(-1).numpy()[edges.parameter]
            assert np.array_equal(edges.length, 1 / np.abs(weight))
            # A unit of channel c is read by row c of its part.
            first = {3: 0, 4: 4, 6: 8}[connection.target]
            assert np.array_equal(edges.parameter // 4 - first, edges.target // 5)
    assert rows == {3: set(range(4)), 4: set(range(4, 8)), 6: set(range(8, 12))}


def test_a_class_token_reads_nothing_and_positions_are_biases():
    net = vit("written out")
    graph = build_graph(net, net.shape)
    assert graph.layer_names[2] == "token"
    assert graph.sources_of(2) == ()
    tokens = net.patches(X).flatten(2).transpose(1, 2)
    after = net.first(torch.cat([net.token.expand(3, -1, -1), tokens], 1) + net.positions)
    found = activations(net, graph)
    assert np.allclose(found[2], after[:, 0].detach().numpy(), atol=1e-12)
    assert np.allclose(found[1], after[:, 1:].transpose(1, 2).flatten(1).detach().numpy(), atol=1e-12)


def test_grouped_queries_read_the_same_keys():
    torch.manual_seed(0)
    net = Vit(Separate(4, 2, groups=1), pool="mean").eval()
    graph = build_graph(net, net.shape)
    scores, mixed = graph.products
    assert [graph.layer_shapes[p] for p in (scores.left, scores.right, scores.target)] == [
        (4, 4),
        (2, 4),
        (2, 4, 4),
    ]
    assert np.array_equal(scores.right_units[0], scores.right_units[1])
    assert np.array_equal(mixed.right_units[0], mixed.right_units[1])
    assert graph.layer_shapes[mixed.target] == (4, 4)


def test_a_relative_position_is_a_bias():
    torch.manual_seed(0)
    nets = [Vit(Attending(4, 2, way, bias=True)).eval() for way in ("written out", "sdpa")]
    nets[1].load_state_dict(nets[0].state_dict())
    graphs = [build_graph(net, net.shape) for net in nets]
    assert graphs[0].layer_shapes == graphs[1].layer_shapes
    assert "attention.relative" not in graphs[0].parameters
    x = X.float()
    for one, other in zip(
        activations(nets[0], graphs[0], x), activations(nets[1], graphs[1], x), strict=True
    ):
        assert np.allclose(one, other, atol=1e-12)


def test_what_a_mask_hides_has_no_edges():
    class Causal(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv = nn.Linear(2, 6)

        def forward(self, x):
            q, k, v = self.qkv(x).chunk(3, -1)
            return nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)

    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 2), Causal(), nn.Flatten(), nn.Linear(6, 2)).eval()
    graph = build_graph(net, (3, 2))
    hidden = np.triu(np.ones((3, 3), dtype=bool), 1)
    scores, mixed = graph.products
    assert np.array_equal(scores.target_units[0] < 0, hidden)
    assert np.array_equal(mixed.left_units[0] < 0, hidden)


def test_windows_among_the_images_attend_each_for_itself():
    class Windows(nn.Module):
        """Windows of 2×2 places, shifted by one."""

        def __init__(self):
            super().__init__()
            self.attend = Attending(4, 2, tokens=4)

        def forward(self, x):
            n = x.shape[0]
            x = x.roll((-1, -1), (1, 2)).view(n, 2, 2, 2, 2, 4).permute(0, 1, 3, 2, 4, 5).reshape(n * 4, 4, 4)
            x = self.attend(x).view(n, 2, 2, 2, 2, 4).permute(0, 1, 3, 2, 4, 5).reshape(n, 4, 4, 4)
            return x.roll((1, 1), (1, 2))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.windows, self.head = nn.Linear(1, 4), Windows(), nn.Linear(4, 3)

        def forward(self, x):
            x = self.first(x.permute(0, 2, 3, 1))
            return self.head((x + self.windows(x)).mean((1, 2)))

    torch.manual_seed(0)
    net = Net().double().eval()
    graph = build_graph(net, (1, 4, 4))
    scores = graph.products[0]
    assert graph.layer_shapes[scores.target] == (2, 4, 4, 4)
    assert scores.left_units.shape == (8, 4, 2)  # heads and windows, tokens, size of a head
    shifted = net.first(X.permute(0, 2, 3, 1)).roll((-1, -1), (1, 2))
    parts = shifted.view(3, 2, 2, 2, 2, 4).permute(0, 1, 3, 2, 4, 5).reshape(3, 16, 4)
    q = net.windows.attend.qkv(parts).chunk(3, -1)[0]
    found = activations(net, graph)
    assert np.allclose(found[scores.left], q.transpose(1, 2).flatten(1).detach().numpy(), atol=1e-12)
    assert (scores.left_units[0] % 16)[:, 0].tolist() == [0, 1, 2, 3]
    # The first window begins at place (1, 1), and the last one ends at (0, 0), around the corner.
    reading = next(each for each in graph.connections if each.target == scores.left)
    assert reading.fields[0, [0, 1, 2, 3, 15], 0].tolist() == [5, 6, 9, 10, 0]
    own = np.einsum(
        "gtc,guc->gtu", found[scores.left][1][scores.left_units], found[scores.right][1][scores.right_units]
    )
    soft = torch.softmax(torch.from_numpy(own) / 2**0.5, -1).numpy()
    assert np.allclose(found[scores.target][1][scores.target_units], soft, atol=1e-12)


class Otherwise(nn.Module):
    """An attention of which one thing is not as expected."""

    def __init__(self, attend):
        super().__init__()
        self.q, self.k, self.v, self.attend = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3), attend
        self.mix = nn.Parameter(torch.randn(4, 4))

    def forward(self, x):
        return self.attend(self.q(x), self.k(x), self.v(x), self)


REFUSED = {
    "softmax over the queries": (
        lambda q, k, v, m: (q @ k.mT).softmax(1) @ v, "does not sum values over the keys of their scores"),
    "no softmax": (lambda q, k, v, m: (q @ k.mT) @ v, "multiplies them by, activations"),
    "over channels": (lambda q, k, v, m: v @ (q.mT @ k).softmax(-1), "not the channels of a layer at one place"),
    "sigmoid": (lambda q, k, v, m: torch.sigmoid(q @ k.mT) @ v, "changes the scores of an attention otherwise"),
    "a gate on the scores": (lambda q, k, v, m: (q @ k.mT * q[:, :, :1]).softmax(-1) @ v, "activations"),
    "scores of other sums": (
        lambda q, k, v, m: (q @ k.mT).softmax(-1).mT @ v, "does not sum values over the keys of their scores"),
    "scores that are divided": (
        lambda q, k, v, m: (q @ k.mT).softmax(-1)[:, :, :3] @ v[:, :3], "does not sum values over the keys"),
    "a quotient": (lambda q, k, v, m: ((2.0 / q) @ k.mT).softmax(-1) @ v, "divides by activations"),
    "mixed images": (lambda q, k, v, m: (q @ k.flip(0).mT).softmax(-1) @ v, "expected one row for each image"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_attention_is_refused_in_one_sentence(name):
    attend, why = REFUSED[name]
    net = nn.Sequential(nn.Linear(3, 3), Otherwise(attend), nn.Flatten(), nn.Linear(12, 2)).eval()
    with pytest.raises(ModelError, match=why) as caught:
        build_graph(net, (4, 3))
    assert "\n" not in str(caught.value)


ENCODERS = [(first, norm) for first in (True, False) for norm in (True, False)]


@pytest.mark.parametrize(("batch_first", "norm_first"), ENCODERS)
def test_torchs_encoder_is_read(batch_first, norm_first):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            layer = nn.TransformerEncoderLayer(4, 2, 6, batch_first=batch_first, norm_first=norm_first)
            self.first, self.head = nn.Linear(4, 4), nn.Linear(4, 3)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

        def forward(self, x):
            x = self.first(x)
            if batch_first:
                return self.head(self.encoder(x).mean(1))
            return self.head(self.encoder(x.transpose(0, 1))[0])

    torch.manual_seed(0)
    net = Net().double().eval()
    graph = build_graph(net, (5, 4))
    assert len(graph.products) == 4
    assert set(graph.parameters) == {name for name, own in net.named_parameters() if own.ndim > 1}
    x = torch.rand(2, 5, 4, dtype=torch.float64)
    assert np.allclose(activations(net, graph, x)[-1], net(x).softmax(1).detach().numpy(), atol=1e-12)
