"""Weights without a live edge on any image: who they are, and where they stand, both worked out weight by weight."""

import numpy as np
import pytest
import torch
from torch import nn

import ncviz
from ncviz.errors import NcvizError
from ncviz.pruning.criteria.layers import among_not_smaller, mean_ranks
from ncviz.pruning.never_active import placed
from ncviz.pruning.order import removal_ranks
from ncviz.pruning.scores import pruning_scores
from tests.examples.brute_force import layer_outputs


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 5), nn.ReLU(), nn.Linear(5, 3)
    )
    with torch.no_grad():
        net[0].bias[1] = -50.0  # a feature map that is silent on every image
        net[3].bias[2] = -50.0  # and a unit
        net[3].weight[0, :6] = 0.0  # no edges
        net[5].weight[1, 2] = 0.0  # no edge, of the silent unit
    return net.double().eval()


@pytest.fixture
def images():
    return torch.rand(4, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def expected(net, images):
    """For each weight whether it has an edge, and none that is live on any image."""
    hidden = [layer_outputs(net, image[None]) for image in images]
    conv, first, last = net[0].weight, net[3].weight, net[5].weight
    found = {
        name: np.zeros(weight.shape, bool) for name, weight in zip(NAMES, (conv, first, last), strict=True)
    }
    for at in np.ndindex(*conv.shape):
        units = range(16 * at[0], 16 * at[0] + 16)
        found[NAMES[0]][at] = conv[at] != 0 and all(out[1][unit] == 0 for out in hidden for unit in units)
    for j, i in np.ndindex(*first.shape):
        found[NAMES[1]][j, i] = first[j, i] != 0 and all(out[1][i] == 0 or out[2][j] == 0 for out in hidden)
    for j, i in np.ndindex(*last.shape):
        found[NAMES[2]][j, i] = last[j, i] != 0 and all(out[2][i] == 0 for out in hidden)
    return found


NAMES = ("0.weight", "3.weight", "5.weight")


def test_they_are_those_with_edges_of_which_none_is_ever_live(net, images):
    result = ncviz.neural_curvature(net, images)
    wanted = expected(net, images)
    assert set(result.never_active) == set(wanted)
    for name, mask in result.never_active.items():
        assert mask.dtype == torch.bool
        assert np.array_equal(mask.numpy(), wanted[name])
        assert 0 < mask.sum() < mask.numel()
        # A zero has κ = 2 as well, and is none of them.
        zeros = dict(net.named_parameters())[name] == 0
        assert torch.equal(result.weights[name] == 2, mask | zeros)


def test_what_was_not_computed_is_none_of_them(net, images):
    result = ncviz.neural_curvature(net, images, layers=["3.weight"])
    assert not result.never_active["0.weight"].any()
    assert result.never_active["3.weight"].any()


DRAW = np.random.default_rng(3)
KAPPA = [DRAW.uniform(-3, 1.5, (4, 5)), DRAW.uniform(-3, 1.5, 12), np.full(3, 2.0)]
KAPPA[0][1, :2] = 2.0
KAPPA[1][7] = 2.0
KAPPA[1][2] = np.nan
SIZES = [DRAW.uniform(0.1, 2, kappa.shape) for kappa in KAPPA]


def test_first_leaves_them_as_they_are():
    for own, kappa in zip(placed(KAPPA, SIZES), KAPPA, strict=True):
        assert np.array_equal(own, kappa, equal_nan=True)


def test_last_is_behind_all_others():
    for own, kappa in zip(placed(KAPPA, SIZES, "last"), KAPPA, strict=True):
        assert np.array_equal(own == -np.inf, kappa == 2)
        assert np.array_equal(own[kappa != 2], kappa[kappa != 2], equal_nan=True)


def test_median_is_their_own_size_times_the_usual_cost_of_their_layer():
    found = placed(KAPPA, SIZES, "median")
    live = [
        [(1 - k) / size for k, size in zip(kappa.flat, sizes.flat, strict=True) if k < 2]
        for kappa, sizes in zip(KAPPA, SIZES, strict=True)
    ]
    for at, (kappa, sizes) in enumerate(zip(KAPPA, SIZES, strict=True)):
        # A layer without a live weight has no median of its own.
        usual = np.median(live[at] or [cost for own in live for cost in own])
        for index in np.ndindex(*kappa.shape):
            wanted = 1 - sizes[index] * usual if kappa[index] == 2 else kappa[index]
            assert found[at][index] == pytest.approx(wanted, nan_ok=True)


def test_nothing_live_at_all_is_no_fault():
    assert placed([np.full(2, 2.0)], [np.ones(2)], "median")[0].tolist() == [1.0, 1.0]
    assert placed([], [], "median") == []


@pytest.mark.parametrize("place", ["first", "median", "last"])
@pytest.mark.parametrize("order", ["redundant", "bottlenecks"])
def test_the_order_that_comes_of_it(net, images, place, order):
    result = ncviz.neural_curvature(net, images)
    names, weights = list(result.weights), dict(net.named_parameters())
    never = np.concatenate([result.never_active[name].reshape(-1) for name in names])
    zero = np.concatenate([(weights[name] == 0).reshape(-1) for name in names])
    found = pruning_scores(net, "curvature", curvature=result.weights, never_active=place)
    ranks = removal_ranks([found[name].numpy() for name in names], order=order)
    active = ~never & ~zero
    if place == "median":
        assert ranks[never].min() < ranks[active].max()
        assert ranks[never].max() > ranks[active].min()
        return
    is_first = (place == "first") == (order == "redundant")
    assert (
        (ranks[never].max() < ranks[active].min()) if is_first else (ranks[never].min() > ranks[active].max())
    )
    usual = pruning_scores(net, "curvature", curvature=result.weights)
    as_ever = removal_ranks([usual[name].numpy() for name in names], order=order)
    # Among themselves, the active ones stand as ever.
    assert np.array_equal(np.argsort(ranks[active]), np.argsort(as_ever[active]))


def test_curvature_lamp_takes_its_ranks_from_where_they_stand(net, images):
    result = ncviz.neural_curvature(net, images)
    weights = [dict(net.named_parameters())[name].detach().abs().numpy() for name in NAMES]
    kappa = placed([result.weights[name].numpy() for name in NAMES], weights, "last")
    lamp = mean_ranks([among_not_smaller(own**2) for own in weights])
    by_kappa = mean_ranks([-own.astype(np.float32) for own in kappa])
    found = pruning_scores(net, "curvature-lamp", inputs=images, never_active="last")
    for name, one, other in zip(NAMES, by_kappa, lamp, strict=True):
        assert np.allclose(found[name].numpy(), (one + other) / 2)


def test_the_median_goes_by_the_weights_that_the_edges_carry(net, images):
    how = {"scale": "channel-fan-in"}
    result = ncviz.neural_curvature(net, images, **how)
    edges = {
        own.parameter: own.as_parameter(np.abs(own.weight).reshape(-1)) for own in result.graph.connections
    }
    kappa = [result.weights[name].numpy() for name in NAMES]
    wanted = placed(kappa, [edges[name] for name in NAMES], "median")
    sizes = [dict(net.named_parameters())[name].detach().abs().numpy() for name in NAMES]
    assert not np.allclose(wanted[1], placed(kappa, sizes, "median")[1])
    for given in ({"inputs": images}, {"inputs": images, "curvature": result.weights}):
        found = pruning_scores(net, "curvature", never_active="median", **given, **how)
        for name, own in zip(NAMES, wanted, strict=True):
            assert np.allclose(found[name].numpy(), -own)
    # What the weights were divided by is not known without an image's shape.
    with pytest.raises(NcvizError, match="needs calibration images"):
        pruning_scores(net, "curvature", curvature=result.weights, never_active="median", **how)


def test_an_unknown_place_is_refused_in_one_sentence(net):
    with pytest.raises(
        NcvizError, match="There is no place of never-active weights 'middle'; choose one of: first"
    ):
        pruning_scores(net, "magnitude", never_active="middle")
    with pytest.raises(NcvizError, match="choose one of: first, median, last"):
        ncviz.config.PruningConfig(never_active="middle")
