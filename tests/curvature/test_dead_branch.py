"""A branch that is all zero beside a living skip: the network goes through the skip."""

import pytest
import torch
from torch import nn

from ncviz import build_graph, neural_curvature, prune, pruning_scores
from ncviz.errors import ModelError
from ncviz.values import NEVER_ACTIVE


class Residual(nn.Module):
    """x + f(x) between a convolution and a classifier."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.stem, self.branch = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        return self.head(torch.relu(x + self.branch(x)).flatten(1))


def test_it_is_scored_and_pruned_like_the_others():
    net, x = Residual().double().eval(), torch.rand(3, 1, 4, 4, dtype=torch.float64)
    net.branch.weight.data.zero_()
    scores = pruning_scores(net, "curvature", inputs=x)
    assert list(scores) == ["stem.weight", "branch.weight", "head.weight"]
    assert neural_curvature(net, x, layers=["branch.weight"]).weights["branch.weight"].eq(NEVER_ACTIVE).all()
    assert prune(net, scores, sparsity=0.3)(x).isfinite().all()


class Switched(Residual):
    """As in ReZero and SkipInit: the branch is multiplied by a number that begins at zero."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        x = torch.relu(self.stem(x))
        return self.head(torch.relu(x + self.gate * self.branch(x)).flatten(1))


def test_a_branch_that_is_multiplied_by_zero_has_no_edges():
    graph = build_graph(Switched().eval(), (1, 4, 4))
    edges = {each.parameter: each.number_of_edges for each in graph.connections}
    assert edges == {"stem.weight": 2 * 100, "branch.weight": 0, "head.weight": 96}


class Joined(Residual):
    """A branch beside a concatenation instead of a sum."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 3)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        return self.head(torch.cat([x, self.branch(x)], 1).flatten(1))


def test_a_zero_branch_of_a_concatenation_has_no_edges():
    net = Joined().eval()
    net.branch.weight.data.zero_()
    edges = {each.name: each.number_of_edges for each in build_graph(net, (1, 4, 4)).connections}
    assert edges["branch"] == 0


@pytest.mark.parametrize("names", [["stem"], ["head"], ["branch", "stem"]])
def test_where_no_path_is_left_that_is_said(names):
    net = Residual().eval()
    for name in names:
        getattr(net, name).weight.data.zero_()
    with pytest.raises(
        ModelError, match=f"No path leads from the image .* all of '{names[-1]}.weight' is zero"
    ):
        build_graph(net, (1, 4, 4))
