import numpy as np
import pytest
import torch
import torch.nn.utils.prune
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ncviz import accuracy, neural_curvature, prune, pruning_scores
from ncviz.errors import DataError, NcvizError
from ncviz.pruning.curve import LEAST_BATCH, Evaluator, grid_of, sweep
from ncviz.pruning.masks import apply_masks, masks_at
from ncviz.pruning.order import mirrored, removal_ranks, removed_for_sparsity, removed_for_threshold
from ncviz.pruning.scores import SCORES, weight_names


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(9, 6), nn.ReLU(), nn.Linear(6, 3)).eval()


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(40, 1, 3, 3, generator=generator), torch.randint(3, (40,), generator=generator)


@given(st.lists(st.floats(-3, 2), min_size=1, max_size=30), st.sampled_from(["global", "layer"]))
def test_ranks_are_a_permutation_and_the_orders_are_reverses(values, scope):
    parts = [np.array(values), np.array(values[::-1])]
    first = removal_ranks(parts, scope, "redundant")
    assert sorted(first) == list(range(2 * len(values)))
    assert np.array_equal(removal_ranks(parts, scope, "bottlenecks"), len(first) - 1 - first)


def test_least_important_goes_first_and_ties_keep_their_order():
    assert removal_ranks([np.array([3.0, 1.0, 2.0, 1.0])]).tolist() == [3, 0, 2, 1]


def test_layer_scope_takes_the_same_share_of_every_tensor():
    ranks = removal_ranks([np.arange(10.0) + 100, np.arange(30.0)], "layer")
    kept = ranks >= 20
    assert kept[:10].sum() == 5
    assert kept[10:].sum() == 15


@given(
    st.lists(st.floats(-3, 2), min_size=1, max_size=12),
    st.sampled_from(["global", "layer"]),
    st.sampled_from(["redundant", "bottlenecks"]),
    st.sets(st.integers(0, 2)),
)
def test_protected_weights_come_last_and_the_others_keep_their_order(values, scope, order, held):
    parts = [np.array(values), np.array(values[::-1]) + 0.5, np.array(values) * 2]
    ranks = np.split(removal_ranks(parts, scope, order, sorted(held)), 3)
    free = [at for at in range(3) if at not in held]
    assert sorted(np.concatenate(ranks)) == list(range(3 * len(values)))
    for at in held:
        assert all(ranks[at].min() > ranks[other].max() for other in free)
    if free:
        alone = removal_ranks([parts[at] for at in free], scope, order)
        assert np.array_equal(np.concatenate([ranks[at] for at in free]), alone)


def test_prune_leaves_protected_weights_whole(net):
    scores = pruning_scores(net, "magnitude")
    pruned = prune(net, scores, sparsity=0.5, protected=["3.weight"])
    assert torch.equal(pruned[3].weight, net[3].weight)
    assert int((pruned[1].weight == 0).sum()) == 36
    with pytest.raises(NcvizError, match="at most 0.75"):
        prune(net, scores, sparsity=0.8, protected=["3.weight"])
    with pytest.raises(NcvizError, match=r"give \['3.weight'\]"):
        prune(net, scores, sparsity=0.1, protected="3.weight")
    with pytest.raises(NcvizError, match="no weight 'head'"):
        prune(net, scores, sparsity=0.1, protected=["head"])


@pytest.mark.parametrize("criterion", SCORES)
def test_pruning_again_by_as_much_changes_nothing(net, images, criterion):
    once = prune(net, pruning_scores(net, "magnitude"), sparsity=0.6)
    scores = pruning_scores(once, criterion, inputs=images[0][:4], labels=images[1][:4])
    twice = prune(once, scores, sparsity=0.6)
    assert all(torch.equal(a, b) for a, b in zip(once.parameters(), twice.parameters(), strict=True))
    for sparsity, expected in ((0.2, 0.6), (0.6, 0.6), (0.8, 0.8)):
        kept = prune(once, scores, sparsity=sparsity, order="bottlenecks")
        zeros = sum(int((weight == 0).sum()) for weight in kept.parameters() if weight.ndim > 1)
        assert zeros == round(expected * 72)


@pytest.mark.parametrize("order", ["redundant", "bottlenecks"])
def test_a_threshold_removes_what_lies_beyond_it_and_keeps_the_zeros(net, order):
    once = prune(net, pruning_scores(net, "magnitude"), sparsity=0.5)
    scores = pruning_scores(once, "magnitude")
    flat = torch.cat([score.reshape(-1) for score in scores.values()])
    cut = float(flat[flat > 0].median())
    found = prune(once, scores, threshold=cut, order=order)
    beyond = (flat < cut) if order == "redundant" else ((flat > cut) | (flat == 0))
    weights = torch.cat([dict(found.named_parameters())[name].reshape(-1) for name in scores])
    assert torch.equal(weights == 0, beyond)


@given(
    st.lists(st.sampled_from([-1.0, 0.0, 2.0]), min_size=1, max_size=12), st.sampled_from(["global", "layer"])
)
def test_zero_weights_go_first_in_each_scope(weights, scope):
    own = [np.array(weights), np.array([0.0, 1.0])]
    scores = [np.arange(len(weights), dtype=float)[::-1], np.array([9.0, -9.0])]
    is_zero = np.concatenate(own) == 0
    gone = int(is_zero.sum())
    found = {
        order: removal_ranks(scores, scope, order, weights=own) for order in ("redundant", "bottlenecks")
    }
    for ranks in found.values():
        assert ranks[is_zero].tolist() == list(range(gone))
    if scope == "global":
        # What is left goes as if the zeros were not there.
        live = [part[values != 0] for part, values in zip(scores, own, strict=True)]
        for order, ranks in found.items():
            assert np.array_equal(ranks[~is_zero] - gone, removal_ranks(live, scope, order))
        assert np.array_equal(mirrored(found["redundant"], len(is_zero), gone), found["bottlenecks"])


def test_zeros_are_gone_even_where_they_are_protected_or_not_measured():
    own = [np.array([0.0, 1.0, 2.0]), np.array([3.0, 0.0])]
    scores = [np.array([5.0, 4.0, 3.0]), np.array([1.0, np.nan])]
    assert removal_ranks(scores, protected=[0], weights=own, may_lack=True).tolist() == [0, 4, 3, 2, 1]
    kappa = [np.array([2.0, -1.0, 0.5]), np.array([0.0, 2.0])]
    assert removed_for_threshold(kappa, 0.25, weights=own) == 3
    assert removed_for_threshold(kappa, -0.5, "bottlenecks", own) == 3


def test_a_weight_too_small_for_single_precision_is_no_zero(net):
    net.double()
    with torch.no_grad():
        net[1].weight.view(-1)[5] = 1e-60
    pruned = prune(net, pruning_scores(net, "magnitude"), sparsity=0.0)
    assert torch.equal(pruned[1].weight, net[1].weight)
    bottlenecks = prune(net, pruning_scores(net, "magnitude"), sparsity=0.5, order="bottlenecks")
    assert bottlenecks[1].weight.view(-1)[5] == 1e-60


@pytest.mark.parametrize("order", ["redundant", "bottlenecks"])
def test_layers_lose_the_same_share_in_either_order_counting_their_zeros(order):
    own = [np.r_[np.zeros(20), np.ones(80)], np.r_[np.zeros(10), np.ones(190)]]
    scores = [np.arange(100.0), np.arange(200.0)]
    ranks = np.split(removal_ranks(scores, "layer", order, weights=own), [100])
    for removed in (90, 150, 210):
        assert [int((part < removed).sum()) for part in ranks] == [removed / 3, removed / 3 * 2]


@pytest.mark.parametrize("bad", [{"scope": "row"}, {"order": "up"}])
def test_unknown_scope_or_order(bad):
    with pytest.raises(NcvizError, match="choose one of"):
        removal_ranks([np.ones(2)], **bad)


def test_nan_scores_are_refused():
    with pytest.raises(NcvizError, match="NaN"):
        removal_ranks([np.array([1.0, np.nan])])


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan"), "half", True])
def test_sparsity_out_of_range(bad):
    with pytest.raises(NcvizError, match="from 0 to 1"):
        removed_for_sparsity(bad, 10)


def test_threshold_counts_what_lies_beyond():
    values = [np.array([2.0, 1.0, -1.0]), np.array([[0.5, -2.0]])]
    assert removed_for_threshold(values, 0.5) == 2
    assert removed_for_threshold(values, 0.0, "bottlenecks") == 2
    assert removed_for_threshold(values, 2) == 0
    for bad in (float("nan"), 2.5, None):
        with pytest.raises(NcvizError, match="threshold"):
            removed_for_threshold(values, bad)


@pytest.mark.parametrize("criterion", SCORES)
def test_scores_fit_the_network(net, images, criterion):
    found = pruning_scores(net, criterion, inputs=images[0][:2], labels=images[1][:2])
    assert list(found) == ["1.weight", "3.weight"] == list(weight_names(net))
    assert all(found[name].shape == weight.shape for name, weight in net.named_parameters() if name in found)


def test_curvature_score_is_minus_kappa_and_magnitude_the_absolute_weight(net, images):
    kappa = neural_curvature(net, images[0][:2]).weights
    assert torch.equal(pruning_scores(net, "curvature", inputs=images[0][:2])["1.weight"], -kappa["1.weight"])
    assert torch.equal(pruning_scores(net, "curvature", curvature=kappa)["3.weight"], -kappa["3.weight"])
    assert torch.equal(pruning_scores(net, "magnitude")["1.weight"], net[1].weight.detach().abs().double())


def test_random_follows_its_seed(net):
    first, second, other = (pruning_scores(net, "random", seed=seed)["1.weight"] for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_criteria_say_what_they_lack(net):
    with pytest.raises(NcvizError, match="calibration images"):
        pruning_scores(net, "curvature")
    with pytest.raises(NcvizError, match="no criterion 'beauty'"):
        pruning_scores(net, "beauty")


def test_prune_removes_exactly_that_many_and_leaves_the_network_alone(net):
    scores = pruning_scores(net, "magnitude")
    before = net[1].weight.clone()
    pruned = prune(net, scores, sparsity=0.5)
    zeros = sum(
        int((parameter == 0).sum()) for name, parameter in pruned.named_parameters() if "weight" in name
    )
    assert zeros == round(0.5 * (54 + 18))
    assert torch.equal(net[1].weight, before)
    kept, gone = scores["1.weight"][pruned[1].weight != 0], scores["1.weight"][pruned[1].weight == 0]
    assert kept.min() >= gone.max()
    everything = prune(net, scores, sparsity=1.0)
    assert not everything[1].weight.any()


def test_prune_by_threshold_removes_what_lies_beyond(net):
    scores = pruning_scores(net, "magnitude")
    values = torch.cat([score.reshape(-1) for score in scores.values()])
    for order, beyond in (("redundant", values < 0.2), ("bottlenecks", values > 0.2)):
        pruned = prune(net, scores, threshold=0.2, order=order)
        gone = torch.cat([pruned[1].weight.reshape(-1), pruned[3].weight.reshape(-1)]) == 0
        assert torch.equal(gone, beyond)
    for bad in ({}, {"sparsity": 0.5, "threshold": 0.1}, {"threshold": 0.1, "scope": "layer"}):
        with pytest.raises(NcvizError, match="sparsity|threshold"):
            prune(net, scores, **bad)


def test_masked_evaluation_is_the_pruned_networks(net, images):
    scores = pruning_scores(net, "random", seed=3)
    ranks = removal_ranks([score.numpy() for score in scores.values()])
    shapes = {name: tuple(score.shape) for name, score in scores.items()}
    evaluator = Evaluator(net, *images)
    whole = accuracy(net, *images)
    for removed in (0, 10, 40, 72):
        masks = masks_at(ranks, removed, shapes)
        assert sum(int((~mask).sum()) for mask in masks.values()) == removed
        assert evaluator.accuracy(masks) == accuracy(apply_masks(net, masks), *images)
    assert evaluator.accuracy() == whole
    curve = sweep(evaluator, ranks, shapes, removed=[0, 36, 72])
    assert curve.removed.tolist() == [0, 36, 72]
    assert curve.accuracy[0] == whole
    assert curve.images == 40


def test_the_grid_is_finest_at_both_ends_and_even_between():
    assert grid_of(10).tolist() == list(range(11))
    grid = grid_of(1_452_032)
    assert grid[:6].tolist() == [0, 1, 3, 7, 15, 29]
    assert (grid[0], grid[-1]) == (0, 1_452_032)
    outer = np.minimum(grid, 1_452_032 - grid) < 145_203
    np.testing.assert_array_equal(np.sort(1_452_032 - grid[outer]), grid[outer])
    shares = [round(at / 10 * 1_452_032) for at in range(1, 10)]
    for is_coarse in (False, True):
        found = grid_of(1_452_032, is_coarse=is_coarse)
        assert np.all(np.diff(found) > 0)
        assert set(shares) <= set(found.tolist()), "tables read round shares off the curve"
    assert len(grid_of(1_452_032, is_coarse=True)) < 0.7 * len(grid)
    behind_zeros = grid_of(1000, 800)
    assert behind_zeros[:3].tolist() == [800, 801, 802]
    assert {900, 999, 1000} <= set(behind_zeros.tolist())


def test_images_go_through_in_parts_and_none_is_lost(net, images):
    evaluator = Evaluator(net, *images)
    whole = evaluator.predictions()
    evaluator._batch = LEAST_BATCH
    assert len(images[0]) % LEAST_BATCH
    assert evaluator.predictions().tolist() == whole.tolist()


def test_evaluation_ignores_training_mode(images):
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(9, 3)).train()
    assert accuracy(net, *images) == accuracy(net, *images)
    assert net.training


def test_masks_and_images_that_do_not_fit(net, images):
    with pytest.raises(NcvizError, match="must lie in"):
        masks_at(np.arange(4), 5, {"w": (4,)})
    with pytest.raises(NcvizError, match="recompute"):
        masks_at(np.arange(4), 1, {"w": (3,)})
    with pytest.raises(NcvizError, match="no weight 'x'"):
        apply_masks(net, {"x": torch.ones(2)})
    with pytest.raises(DataError, match="as many labels as images"):
        accuracy(net, images[0], images[1][:3])


def test_tied_unused_and_reparametrised_weights():
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    net[2].weight = net[0].weight
    assert set(pruning_scores(net, "magnitude")) == {"0.weight", "4.weight"}
    scores = pruning_scores(net, "curvature", inputs=torch.rand(2, 4))
    assert set(scores) == {"0.weight", "4.weight"}
    assert prune(net, scores, sparsity=0.5)[2].weight.shape == (4, 4)
    torch.nn.utils.prune.random_unstructured(net[4], "weight", amount=0.5)
    found = pruning_scores(net, "magnitude")
    assert torch.equal(found["4.weight"], (net[4].weight_orig * net[4].weight_mask).detach().abs().double())
    with pytest.raises(NcvizError, match="no weights"):
        pruning_scores(net, "curvature", curvature={})


def test_evaluation_has_its_own_weights_and_checks_its_labels(net, images):
    evaluator = Evaluator(net, *images)
    before = evaluator.accuracy()
    net[1].weight.data.zero_()
    assert evaluator.accuracy() == before
    for labels in (images[1].float(), images[1][:, None]):
        with pytest.raises(DataError, match="whole numbers"):
            accuracy(net, images[0], labels)
    with pytest.raises(DataError, match="finite"):
        accuracy(net, images[0] * float("nan"), images[1])


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_images_that_the_network_does_not_take_are_one_sentence(net, images, kind):
    inputs, labels = images
    own = net.to(kind)
    with pytest.raises(DataError, match=r"^The network does not take float32 images of shape .* \(.*\)\.$"):
        accuracy(own, inputs, labels)
    assert 0 <= accuracy(own, inputs.to(kind), labels) <= 1


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_what_was_not_measured_goes_last_in_either_order(scope):
    scores = [np.array([0.5, np.nan, 0.1]), np.array([[np.nan, 0.3]])]
    first = removal_ranks(scores, scope, "redundant", may_lack=True)
    last = removal_ranks(scores, scope, "bottlenecks", may_lack=True)
    for ranks in (first, last):
        assert sorted(ranks) == [0, 1, 2, 3, 4]
        assert set(ranks[[1, 3]]) == {3, 4}
    assert np.array_equal(mirrored(first, 3)[[0, 2, 4]], last[[0, 2, 4]])
    with pytest.raises(NcvizError, match="hold NaN"):
        removal_ranks(scores, scope)


def test_wanda_hears_lines_and_transposed_convolutions():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv1d(2, 3, 3, padding=1, stride=2),
        nn.ReLU(),
        nn.ConvTranspose1d(3, 2, 2),
        nn.Flatten(),
        nn.Linear(10, 2),
    ).double()
    x = torch.rand(4, 2, 8, dtype=torch.float64)
    found = pruning_scores(net, "wanda", inputs=x)
    heard = torch.nn.functional.pad(x, (1, 1))
    for channel, slot in ((0, 0), (1, 2)):
        norm = heard[:, channel, slot : slot + 7 : 2].square().sum().sqrt()
        assert torch.allclose(
            found["0.weight"][:, channel, slot], net[0].weight[:, channel, slot].abs() * norm
        )
    norm = net[1](net[0](x)).square().sum((0, 2)).sqrt()
    assert torch.allclose(found["2.weight"], net[2].weight.abs() * norm[:, None, None])
