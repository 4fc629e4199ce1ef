"""What a forward writes out as a unit times a function of itself is one activation function, in a gate, too."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ncviz.errors import ModelError
from ncviz.graph.build import build_graph


class Two(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.a, self.b, self.head = nn.Linear(3, 2), nn.Linear(3, 2), nn.Linear(2, 2)

    def forward(self, x):
        return self.head(self.function(self.a(x), self.b(x)))


ALONE = {
    "hard-swish, divided last": lambda a, b: a * F.relu6(a + 3) / 6,
    "hard-swish, divided first": lambda a, b: a * (F.relu6(a + 3) / 6),
    "gelu": lambda a, b: 0.5 * a * (1 + torch.erf(a / math.sqrt(2))),
    "gelu by tanh": lambda a, b: 0.5 * a * (1 + torch.tanh(0.8 * (a + 0.045 * a * a * a))),
    "swish": lambda a, b: a / (1 + torch.exp(-a)),
}
GATES = {
    "swiglu": lambda a, b: a * torch.sigmoid(a) * b,
    "hard": lambda a, b: b * (a * F.relu6(a + 3) / 6),
    "both": lambda a, b: (a * torch.sigmoid(a)) * torch.tanh(b),
}


@pytest.mark.parametrize("name", ALONE)
def test_a_unit_times_a_function_of_itself_is_an_activation_function(name):
    graph = build_graph(Two(ALONE[name]).eval(), (3,))
    assert [(each.source, each.target) for each in (*graph.connections, *graph.links)] == [(0, 1), (1, 2)]


@pytest.mark.parametrize("name", GATES)
def test_the_layers_of_both_factors_end_in_a_product(name):
    graph = build_graph(Two(GATES[name]).eval(), (3,))
    assert sorted(each.parameter for each in graph.into(1)) == ["a.weight", "b.weight"]
    assert graph.layer_sizes == (3, 2, 2)


def test_what_is_read_elsewhere_too_joins_by_edges_of_weight_one():
    graph = build_graph(Two(lambda a, b: a * torch.sigmoid(b) + a).eval(), (3,))
    assert [(each.name, each.source, each.target) for each in graph.links] == [
        ("mul", 1, 2),
        ("add", 2, 3),
        ("add", 1, 3),
    ]


def test_a_gate_that_two_layers_share_is_units_of_its_own():
    both = {"same": lambda g, m: (g[:, :2], g[:, :2]), "apart": lambda g, m: (g[:, : m // 2], g[:, m // 2 :])}
    for name, halves in both.items():

        class Gated(nn.Module):
            def __init__(self, halves):
                super().__init__()
                self.halves = halves
                self.gate, self.a, self.b, self.head = (nn.Linear(4, size) for size in (4, 2, 2, 4))

            def forward(self, x):
                gate = torch.sigmoid(self.gate(x))
                one, two = self.halves(gate, gate.shape[1])
                return self.head(torch.cat(tensors=[self.a(x) * one, self.b(x) * two], dim=1))

        graph = build_graph(Gated(halves).eval(), (4,))
        ends = [each.target for each in graph.connections if each.parameter == "gate.weight"]
        assert len(ends) == {"same": 1, "apart": 2}[name]
        assert sum(each.source == ends[0] for each in graph.links) == {"same": 2, "apart": 0}[name]


def test_a_softmax_times_itself_is_named():
    with pytest.raises(ModelError, match="is a softmax inside"):
        build_graph(Two(lambda a, b: torch.softmax(a, 1) * torch.softmax(a, 1)).eval(), (3,))

    def squared(a, b):
        shares = torch.softmax(a, 1)
        return shares * shares

    with pytest.raises(ModelError, match="is a softmax inside"):
        build_graph(Two(squared).eval(), (3,))


def test_a_very_long_function_is_followed():
    def long(a, b):
        for _ in range(1200):
            a = a + 0.5
        return a * torch.sigmoid(a) * b

    assert build_graph(Two(long).eval(), (3,)).layer_sizes == (3, 2, 2)
