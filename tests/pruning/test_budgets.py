"""Budgets of layers: the order against taking weight by weight by hand, pruned networks by counting."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ncviz import prune, pruning_scores
from ncviz.config import PruningConfig
from ncviz.errors import NcvizError
from ncviz.pruning.budgets import most_of_all, most_removed, shares_of
from ncviz.pruning.order import removal_ranks
from ncviz.tasks import open_network, removable, shapes_of

SHARES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9, 1.0])


def by_hand(free, sizes, shares, gone):
    """Take the weights in the order that knows no budgets, each as long as its layer has room; then the others."""
    owner = np.repeat(np.arange(len(sizes)), sizes)
    room = {at: int(share * sizes[at] + 1e-6) for at, share in shares.items()}
    taken, left = [], []
    for weight in np.argsort(free):
        at = int(owner[weight])
        if gone[weight] or at not in room or room[at] > 0:
            taken.append(weight)
            room[at] = room.get(at, 10**9) - 1
        else:
            left.append(weight)
    ranks = np.empty(len(free), dtype=int)
    ranks[[*taken, *left]] = np.arange(len(free))
    return ranks, len(taken)


@given(
    st.lists(
        st.lists(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0]), min_size=1, max_size=11),
        min_size=1,
        max_size=3,
    ),
    st.lists(SHARES, min_size=3, max_size=3),
    st.sampled_from(["global", "layer"]),
    st.sampled_from(["redundant", "bottlenecks"]),
    st.integers(0, 3),
)
def test_the_order_is_that_of_taking_weight_by_weight_while_a_layer_has_room(
    parts, given, scope, order, seed
):
    weights = [np.array(part) for part in parts]
    drawn = np.random.default_rng(seed)
    scores = [drawn.normal(size=len(part)).round(1) for part in parts]
    shares = dict(enumerate(given[: len(parts)]))
    free = removal_ranks(scores, scope, order, weights=weights)
    sizes, gone = [len(part) for part in parts], np.concatenate(weights) == 0
    expected, most = by_hand(free, sizes, shares, gone)
    found = removal_ranks(scores, scope, order, weights=weights, shares=shares)
    assert found.tolist() == expected.tolist()
    names = [str(at) for at in range(len(parts))]
    zeros = {name: int((part == 0).sum()) for name, part in zip(names, weights, strict=True)}
    budgets = {str(at): share for at, share in shares.items()}
    assert most_of_all(dict(zip(names, sizes, strict=True)), (), budgets, zeros) == most


def test_what_was_not_measured_goes_last_within_a_budget_too():
    scores = [np.array([np.nan, 3.0, 1.0, 2.0]), np.array([0.5])]
    found = removal_ranks(scores, shares={0: 0.5}, may_lack=True)
    assert found.tolist() == [4, 3, 1, 2, 0]


def test_a_share_in_decimals_is_the_whole_number_next_to_it():
    assert [most_removed(10, share) for share in (0.7, 0.3, 0.29, 1.0)] == [7, 3, 2, 10]
    assert most_removed(10, 0.3, zeros=5) == 5


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(9, 6), nn.ReLU(), nn.Linear(6, 3)).eval()


def test_prune_takes_from_others_what_a_layer_may_not_lose(net):
    scores = pruning_scores(net, "magnitude")
    pruned = prune(net, scores, sparsity=0.5, budgets={"1.weight": 0.4})
    gone = [int((pruned[at].weight == 0).sum()) for at in (1, 3)]
    freely = prune(net, scores, sparsity=0.5)
    assert int((freely[1].weight == 0).sum()) > 21
    assert gone == [21, 15]
    # Of the layer its own smallest went.
    size = net[1].weight.abs().reshape(-1)
    assert size[(pruned[1].weight == 0).reshape(-1)].max() <= size[(pruned[1].weight != 0).reshape(-1)].min()
    with pytest.raises(NcvizError, match="beyond the budgets or protected; remove at most 0.5417"):
        prune(net, scores, sparsity=0.6, budgets={"1.weight": 0.4})
    with pytest.raises(NcvizError, match="no weight 'head' to give a budget"):
        prune(net, scores, sparsity=0.1, budgets={"head": 0.4})
    with pytest.raises(NcvizError, match="from 0 to 1, the largest share"):
        prune(net, scores, sparsity=0.1, budgets={"1.weight": 40})


@pytest.mark.parametrize("order", ["redundant", "bottlenecks"])
def test_a_threshold_stops_at_the_budget(net, order):
    scores = pruning_scores(net, "magnitude")
    cut = float(torch.cat([score.reshape(-1) for score in scores.values()]).median())
    pruned = prune(net, scores, threshold=cut, order=order, budgets={"1.weight": 0.1, "3.weight": 1.0})
    assert int((pruned[1].weight == 0).sum()) == 5
    is_beyond = scores["3.weight"] < cut if order == "redundant" else scores["3.weight"] > cut
    assert torch.equal(pruned[3].weight == 0, is_beyond)


def test_settings_keep_only_budgets_that_decide_something():
    config = PruningConfig(protected=("a",), budgets=(("b", 0.3), ("a", 0.5), ("c", 1.0)))
    assert config.budgets == (("b", 0.3),)
    assert config.as_dict()["budgets"] == {"b": 0.3}
    assert "budgets" not in PruningConfig().as_dict()
    with pytest.raises(NcvizError, match="budget of 'b'"):
        PruningConfig(budgets=(("b", 1.3),))


def test_names_become_positions_and_a_protected_layer_has_no_budget():
    assert shares_of(["a", "b", "c"], ["a"], {"a": 0.7, "c": 0.2}) == {0: 0.0, 2: 0.2}


def test_what_may_go_of_a_network_is_what_its_budgets_leave():
    network = open_network("mlp-digits-relu")
    first = next(iter(shapes_of(network)))
    assert removable(network, PruningConfig(budgets=((first, 0.25),))) == 2048 // 4 + 512 + 160
