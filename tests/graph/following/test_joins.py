"""Sums and products of values whose channels and places lie differently: each unit is joined to its own."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ncviz.errors import ModelError
from ncviz.graph.activations import layer_activations
from ncviz.graph.build import build_graph
from ncviz.graph.following import joins
from ncviz.graph.linear import linearised


class Joining(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.a, self.b = nn.Conv2d(2, 3, 1), nn.Conv2d(2, 3, 1)
        self.fine, self.one = nn.Conv2d(2, 12, 1, stride=2), nn.Conv2d(2, 1, 1)
        self.dense, self.head = nn.Linear(8, 12), nn.Linear(12, 2)

    def forward(self, x):
        return self.head(self.function(self, x).flatten(1))


def last_features(m, x):
    return m.dense(x.flatten(1)).view(-1, 2, 2, 3).permute(0, 3, 1, 2)


def shuffled(m, x):
    return nn.functional.pixel_shuffle(m.fine(x), 2)


# What joins; its sum where it is a product; and the weights that end in the layer that is joined.
CASES = {
    "two maps, flat": (lambda m, x: m.a(x).flatten(1) + m.b(x).flatten(1), None, []),
    "a flat map and features": (lambda m, x: m.a(x).flatten(1) + m.dense(x.flatten(1)), None, ["dense"]),
    "a map and features": (lambda m, x: m.a(x) + m.dense(x.flatten(1)).view(-1, 3, 2, 2), None, ["a"]),
    "a map and last features": (lambda m, x: last_features(m, x) + m.a(x), None, ["a"]),
    "shuffled": (lambda m, x: shuffled(m, x) + m.a(x), None, ["a"]),
    "shuffled, last": (
        lambda m, x: shuffled(m, x).permute(0, 2, 3, 1) + m.a(x).permute(0, 2, 3, 1), None, ["a"],
    ),
    "a gate of features": (
        lambda m, x: m.a(x) * m.dense(x.flatten(1)).view(-1, 3, 2, 2).sigmoid(),
        lambda m, x: m.a(x) + m.dense(x.flatten(1)).view(-1, 3, 2, 2), ["a"],
    ),
    "a spatial gate": (lambda m, x: m.a(x) * m.one(x).sigmoid(), lambda m, x: m.a(x) + m.one(x), ["a"]),
}  # fmt: skip


def paths_of(graph):
    """The sum over all paths from the input to the logits of the products of weights, [inputs, logits]."""
    gain = [torch.eye(graph.layer_sizes[0], dtype=torch.float64)]
    for target in range(1, len(graph.layer_sizes)):
        total = torch.zeros(graph.layer_sizes[0], graph.layer_sizes[target], dtype=torch.float64)
        for each in (*graph.connections, *graph.links):
            if each.target == target:
                total += gain[each.source] @ dense(each, graph)
        gain.append(total)
    return gain[-1]


def dense(each, graph):
    matrix = torch.zeros(graph.layer_sizes[each.source], graph.layer_sizes[each.target], dtype=torch.float64)
    groups, places, slots = each.fields.shape
    per_group = each.weight.shape[1]
    assert groups * per_group * places == graph.layer_sizes[each.target]
    for g in range(groups):
        for c in range(per_group):
            for p in range(places):
                for k in range(slots):
                    if each.fields[g, p, k] >= 0:
                        target = (g * per_group + c) * places + p
                        matrix[each.fields[g, p, k], target] += each.weight[g, c, k]
    return matrix


@pytest.mark.parametrize("name", CASES)
def test_each_unit_is_joined_to_its_own(name):
    function, added, ending = CASES[name]
    torch.manual_seed(0)
    net = Joining(function).eval()
    graph = build_graph(net, (2, 2, 2))
    joined = graph.connections[-1].source
    ends = [each.parameter for each in graph.into(joined) if each.parameter]
    assert ends == [f"{each}.weight" for each in ending]
    x = torch.rand(2, 2, 2, 2)
    found = layer_activations(net, graph, x)[joined].flatten(1)
    assert torch.allclose(found.float().sort().values, function(net, x).flatten(1).sort().values, atol=1e-6)
    # What is joined is added up along the paths, in a product as in a sum.
    for layer in net.children():
        layer.bias.data.zero_()
    net.function = added or function
    assert torch.allclose(paths_of(graph).float(), net(torch.eye(8).reshape(8, 2, 2, 2)), atol=1e-6)


def test_factors_along_another_axis_multiply_their_own_units():
    by = torch.tensor([[1.0], [2.0], [-3.0], [4.0]])
    net = Joining(lambda m, x: torch.relu(m.a(x)).flatten(2).transpose(1, 2) * by).eval()
    net.a.weight.data.abs_()
    for layer in net.children():
        layer.bias.data.zero_()
    expected = net(torch.eye(8).reshape(8, 2, 2, 2))
    assert torch.allclose(paths_of(build_graph(net, (2, 2, 2))).float(), expected, atol=1e-6)


def test_what_is_broadcast_too_often_is_named(monkeypatch):
    monkeypatch.setattr(joins, "LIMITS", replace(joins.LIMITS, readings=20))
    net = Joining(lambda m, x: m.a(x) * m.dense(x.flatten(1))[:, :3, None, None].sigmoid()).eval()
    with pytest.raises(ModelError, match="'dense' would be read"):
        build_graph(net, (2, 2, 2))


def test_inner_forms_and_several_axes_of_norms():
    net = Joining(lambda m, x: nn.functional.normalize(norm_of(m.a(x)), dim=(2, 3))).eval()
    assert [each.parameter for each in build_graph(net, (2, 2, 2)).connections] == ["a.weight", "head.weight"]
    x = torch.rand(1, 2, 2, 2, dtype=torch.float64)
    plain = Joining(lambda m, x: m.a(x)).eval()
    plain.load_state_dict(net.state_dict())
    assert torch.allclose(linearised(net)(x), linearised(plain)(x))


def norm_of(value):
    return torch.native_layer_norm(value, [2, 2], None, None, 1e-5)[0]


def gate_of_parts(m, x, is_straight_first):
    gate = m.fine(x).sigmoid()

    def straight():
        return m.a(x) * gate[:, :3]

    def turned():
        return m.b(x) * gate[:, 3:7].view(-1, 1, 2, 2)

    return straight() + turned() if is_straight_first else turned() + straight()


def test_weights_of_a_layer_that_is_taken_apart_end_in_one_place():
    graph = build_graph(Joining(lambda m, x: gate_of_parts(m, x, False)), (2, 2, 2))
    assert [each.parameter for each in graph.connections].count("fine.weight") == 1
    with pytest.raises(
        ModelError, match="^Layer 'fine' gives some of its channels straight to a sum or product"
    ):
        build_graph(Joining(lambda m, x: gate_of_parts(m, x, True)), (2, 2, 2))


def test_a_gated_unit_whose_halves_are_the_same_is_an_activation_function():
    graph = build_graph(Joining(lambda m, x: nn.functional.glu(torch.cat([m.a(x)] * 2, 1), 1)), (2, 2, 2))
    assert [each.parameter for each in graph.connections] == ["a.weight", "head.weight"]
    assert not graph.links
