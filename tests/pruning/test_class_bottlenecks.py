import numpy as np
import pytest
import torch
from torch import nn

from ncviz import neural_curvature, tasks
from ncviz.config import CurvatureConfig
from ncviz.data.datasets import load_dataset
from ncviz.errors import NcvizError
from ncviz.pruning.class_bottlenecks import factors, specific_bottlenecks, specificity
from ncviz.pruning.compare import class_accuracy, confusion
from ncviz.pruning.masks import apply_masks
from tests.examples.contexts import NOWHERE, here


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
    found = apply_masks(net, factors(np.array([1, 11, 12, 19]), factor, SHAPES)).state_dict()
    for name, places in (("0.weight", {1, 11}), ("2.weight", {0, 7})):
        for at, (old, new) in enumerate(zip(before[name].flatten(), found[name].flatten(), strict=True)):
            assert new == old * (factor if at in places else 1)
    for name in ("0.bias", "2.bias"):
        assert torch.equal(found[name], before[name])
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_no_weight_chosen_changes_nothing(net):
    found = apply_masks(net, factors(np.empty(0, np.int64), 0.0, SHAPES))
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in found.state_dict().items())


@pytest.mark.parametrize("factor", [-0.1, 11, float("nan"), "half", True])
def test_factors_out_of_range(factor):
    with pytest.raises(NcvizError, match="factor must be a number from 0 to 10"):
        factors(np.array([0]), factor, SHAPES)


@pytest.mark.parametrize("chosen", [[20], [-1]])
def test_weights_that_are_not_there(chosen):
    with pytest.raises(NcvizError, match="numbers from 0 to 19"):
        factors(np.array(chosen), 0.0, SHAPES)


def test_accuracy_by_class_is_a_count():
    predictions, labels = np.array([0, 1, 1, 2, 0, 0]), np.array([0, 1, 2, 2, 2, 0])
    found = class_accuracy(confusion(labels, predictions, 4))
    assert found[:3].tolist() == pytest.approx([1, 1, 1 / 3])
    assert np.isnan(found[3])


@pytest.mark.parametrize("keeps_samples", [True, False])
def test_the_curvature_of_a_class_is_that_of_its_images_alone(store, keeps_samples, monkeypatch):
    if not keeps_samples:
        monkeypatch.setattr("ncviz.tasks.curvature.task.MAX_SAMPLE_VALUES", 0)
    network = tasks.open_network("mlp-digits-relu")
    task = tasks.ClassCurvature(network, CurvatureConfig(samples_per_class=2, seed=4))
    whole = here(store).run(tasks.Curvature(network, task.config)).result
    assert (whole.samples is not None) == keeps_samples
    assert (here(store).look_up(task) is not None) == keeps_samples
    seen = []
    # Without what is known, each class is run.
    found = task.run(here(store, progress=lambda share, text: seen.append((share, text)))).classes
    assert found.shape == (10, whole.total)
    assert seen[0] == (0.0, "class 1 of 10")
    assert [share for share, _ in seen] == sorted(share for share, _ in seen)
    assert np.array_equal(here(store).look_up(task).classes, found)
    images = load_dataset("digits", "train").inputs[whole.calibration]
    for label in (0, 7):
        alone = neural_curvature(network.module(), images[whole.labels == label]).weights
        expected = np.concatenate([values.numpy().reshape(-1) for values in alone.values()])
        np.testing.assert_allclose(found[label], expected, rtol=1e-5, atol=1e-5)


def test_taking_out_a_classs_own_bottlenecks_hurts_that_class_most(store):
    """On the trained LeNet, 1% of the weights: the class loses more than the others do, for nearly every class."""
    network = tasks.open_network("lenet-mnist-relu")
    whole = here(store).run(tasks.Curvature(network, CurvatureConfig())).result
    curvature = here(store).run(tasks.ClassCurvature(network)).result.classes
    measured = tasks.evaluator(network, NOWHERE)
    labels = measured.labels.numpy()
    before = class_accuracy(confusion(labels, measured.predictions().numpy(), 10))
    hurt = 0
    for label in range(10):
        chosen = specific_bottlenecks(curvature, label, 480)
        after = measured.predictions(factors(chosen, 0.0, whole.shapes)).numpy()
        lost = before - class_accuracy(confusion(labels, after, 10))
        hurt += lost[label] > np.delete(lost, label).max()
    assert hurt >= 7
