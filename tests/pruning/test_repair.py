import numpy as np
import pytest
import torch
from torch import nn

from ncviz.errors import NcvizError
from ncviz.pruning.repair import accuracy_by_class, scaled, specific_bottlenecks, specificity


def kappa(classes=4, weights=30, seed=0):
    return np.random.default_rng(seed).normal(0, 2, (classes, weights)).clip(max=2).astype(np.float32)


def test_specificity_is_the_others_mean_less_the_own():
    given = kappa()
    for label in range(4):
        found = specificity(given, label)
        for weight in range(30):
            others = [float(given[other, weight]) for other in range(4) if other != label]
            assert found[weight] == pytest.approx(sum(others) / 3 - float(given[label, weight]), abs=1e-6)


def test_the_most_specific_bottlenecks_come_first():
    given = kappa()
    found = specific_bottlenecks(given, 2, 30)
    score = specificity(given, 2)
    assert set(found) == {at for at in range(30) if given[2, at] < 0 and score[at] > 0}
    assert list(score[found]) == sorted(score[found], reverse=True)
    assert np.array_equal(specific_bottlenecks(given, 2, 3), found[:3])
    assert len(specific_bottlenecks(given, 2, 0)) == 0


def test_what_is_a_bottleneck_for_all_alike_or_for_none_is_specific_to_no_class():
    given = np.array([[-5.0, 0.5, -1.0], [-5.0, 2.0, 2.0], [-5.0, 2.0, 2.0]])
    assert specific_bottlenecks(given, 0, 3).tolist() == [2]
    assert specific_bottlenecks(given, 1, 3).tolist() == []


@pytest.mark.parametrize("label", [-1, 4])
def test_there_must_be_such_a_class(label):
    with pytest.raises(NcvizError, match="one of 0 … 3"):
        specificity(kappa(), label)
    with pytest.raises(NcvizError, match="at least two"):
        specificity(kappa()[:1], 0)


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()


SHAPES = {"0.weight": (4, 3), "2.weight": (2, 4)}


@pytest.mark.parametrize("factor", [0, 0.5, 2.0])
def test_exactly_the_chosen_weights_are_multiplied(net, factor):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = scaled(net, np.array([1, 11, 12, 19]), factor, SHAPES).state_dict()
    for name, places in (("0.weight", {1, 11}), ("2.weight", {0, 7})):
        for at, (old, new) in enumerate(zip(before[name].flatten(), found[name].flatten(), strict=True)):
            assert new == old * (factor if at in places else 1)
    for name in ("0.bias", "2.bias"):
        assert torch.equal(found[name], before[name])
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_no_weight_chosen_changes_nothing(net):
    found = scaled(net, np.empty(0, np.int64), 0.0, SHAPES)
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in found.state_dict().items())


@pytest.mark.parametrize("factor", [-0.1, 11, float("nan"), "half", True])
def test_factors_out_of_range(net, factor):
    with pytest.raises(NcvizError, match="factor must be a number from 0 to 10"):
        scaled(net, np.array([0]), factor, SHAPES)


def test_what_does_not_fit_is_one_sentence(net):
    for chosen in ([20], [-1]):
        with pytest.raises(NcvizError, match="numbers from 0 to 19"):
            scaled(net, np.array(chosen), 0.0, SHAPES)
    with pytest.raises(NcvizError, match=r"no weight '0.weight' of shape \[3, 4\]"):
        scaled(net, np.array([0]), 0.0, {"0.weight": (3, 4)})


def test_accuracy_by_class_is_a_count():
    predictions, labels = np.array([0, 1, 1, 2, 0, 0]), np.array([0, 1, 2, 2, 2, 0])
    found = accuracy_by_class(predictions, labels, 4)
    assert found[:3].tolist() == pytest.approx([1, 1, 1 / 3])
    assert np.isnan(found[3])
