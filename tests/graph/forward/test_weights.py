"""Weights that functions read are scored and pruned like those of layers."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ncviz import prune, pruning_scores
from ncviz.errors import NcvizError
from ncviz.pruning.scores import SCORES, weight_names


class Functions(nn.Module):
    """Weights of functions, a position that is none, and a layer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.position = nn.Parameter(torch.randn(1, 6))
        self.first, self.second = nn.Parameter(torch.randn(6, 5)), nn.Parameter(torch.randn(4, 5))
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = torch.relu((x + self.position) @ self.first)
        return self.head(torch.relu(F.linear(x, torch.tanh(self.second))))


class BySize(Functions):
    """Only exported."""

    def forward(self, x):
        return super().forward(x if x.shape[-1] > 2 else -x)


BY_LAYERS = ("wanda", "ria")
NAMES = ("first", "second", "head.weight")


@pytest.mark.slow
def test_they_are_found_with_or_without_a_shape():
    assert weight_names(Functions().eval()) == NAMES
    assert weight_names(BySize().eval(), (6,)) == NAMES


@pytest.mark.parametrize("criterion", [name for name in SCORES if name not in BY_LAYERS])
def test_every_criterion_scores_them(criterion):
    net, x = Functions().eval(), torch.rand(6, 6)
    scores = pruning_scores(net, criterion, inputs=x, labels=torch.arange(6) % 3)
    assert tuple(scores) == NAMES
    assert all(scores[name].shape == dict(net.named_parameters())[name].shape for name in NAMES)
    pruned = dict(prune(net, scores, sparsity=0.5).named_parameters())
    assert sum(int((pruned[name] == 0).sum()) for name in NAMES) == 31
    assert torch.equal(pruned["position"], net.position)


@pytest.mark.parametrize("criterion", BY_LAYERS)
def test_what_looks_at_layers_says_so(criterion):
    with pytest.raises(NcvizError, match="'first' is read by a function in forward; make it an nn.Linear"):
        pruning_scores(Functions().eval(), criterion, inputs=torch.rand(2, 6))
