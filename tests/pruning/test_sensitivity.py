"""What each layer alone can lose: measured against networks pruned by hand, and budgets by reading a table."""

import numpy as np
import pytest
import torch

import ncviz
from ncviz.config import PruningConfig
from ncviz.data.datasets import load_dataset
from ncviz.errors import NcvizError
from ncviz.pruning.curve import Evaluator
from ncviz.pruning.sensitivity import SensitivityResult, layer_sensitivity
from ncviz.tasks.sensitivity import Sensitivity
from tests.examples.contexts import here


def test_each_layer_alone_is_that_layer_pruned_by_hand(store, network):
    pool, net = load_dataset("digits", "train"), network.module()
    rows = torch.from_numpy(np.unique(np.linspace(0, len(pool) - 1, 150).round().astype(np.int64)))
    config = PruningConfig("magnitude", protected=("1.weight",), scope="layer", repair="fisher")
    task = Sensitivity(network, config, 150)
    found = here(store).run(task).result
    assert "repair" not in task.encode(found).meta["pruning"]
    assert (found.images, found.layers) == (150, ("1.weight", "3.weight", "5.weight"))
    scores = ncviz.pruning_scores(net, "magnitude")
    for layer, fraction in ((0, 0.5), (1, 0.9), (2, 0.3)):
        name = found.layers[layer]
        own = {
            other: score if other == name else torch.full_like(score, np.inf)
            for other, score in scores.items()
        }
        size, total = found.sizes[layer], found.sizes.sum()
        pruned = ncviz.prune(net, own, sparsity=round(fraction * size) / total)
        at = int(np.flatnonzero(np.isclose(found.fractions, fraction))[0])
        assert found.accuracy[layer, at] == ncviz.accuracy(pruned, pool.inputs[rows], pool.labels[rows])
    again = here(store).run(Sensitivity(network, PruningConfig("magnitude"), 150))
    assert again.is_stored
    assert np.array_equal(again.result.accuracy, found.accuracy)
    assert (
        again.result.baseline == found.baseline == ncviz.accuracy(net, pool.inputs[rows], pool.labels[rows])
    )


def result(*lines, sizes):
    fractions = np.arange(1, len(lines[0]) + 1) / 10
    names = tuple("abcd"[: len(lines)])
    return SensitivityResult(names, np.array(sizes), fractions, np.array(lines), 0.9, 1000)


def test_a_budget_ends_where_the_first_loss_is_too_large():
    found = result(
        [0.9, 0.895, 0.88], [0.91, 0.88, 0.9], [0.8, 0.8, 0.8], [0.9, 0.9, 0.89], sizes=[9, 9, 9, 9]
    )
    # What comes back after a loss does not count, and one tenth of a point is one image.
    assert found.budget(1.0).tolist() == [0.2, 0.1, 0.0, 0.3]
    assert found.budget(0.4).tolist() == [0.1, 0.1, 0.0, 0.2]
    assert found.lost[1].tolist() == pytest.approx([-1.0, 2.0, 0.0])


def test_protection_goes_to_the_most_sensitive_whose_share_the_others_can_bear():
    found = result(
        [0.9, 0.8, 0.8], [0.9, 0.9, 0.8], [0.9, 0.9, 0.9], [0.8, 0.8, 0.8], sizes=[100, 100, 800, 50]
    )
    assert found.budget(1.0).tolist() == [0.1, 0.2, 0.3, 0.0]
    # The third can bear 240 alone; of 1050, 22% are 231 and 24% are 252.
    assert found.suggest_protected(1.0, 0.22) == ("a", "b", "d")
    assert found.suggest_protected(1.0, 0.24) == ("a", "d")
    # Beyond all budgets only what has none.
    assert found.suggest_protected(1.0, 0.5) == ("d",)
    assert found.suggest_protected(1.0, 0.05) == ("d",)
    assert found.suggest_protected(1.0, 1.0) == ()


def test_suggested_budgets_leave_enough_at_the_least_cost_of_one_layer():
    found = result([0.9, 0.85, 0.8], [0.9, 0.9, 0.87], sizes=[100, 300])
    # At one point 10 and 60 of 400 may go; at three 10 and 90; at five 20 and 90; at ten 30 and 90.
    assert found.suggest_budgets(1.0, 70 / 400) == (1.0, {"a": 0.1, "b": 0.2})
    for wanted, cost, shares in ((71, 3.0, (0.1, 0.3)), (101, 5.0, (0.2, 0.3)), (120, 10.0, (0.3, 0.3))):
        told, budgets = found.suggest_budgets(1.0, wanted / 400)
        assert told == pytest.approx(cost)
        assert tuple(budgets.values()) == shares
    assert found.suggest_budgets(1.0, 121 / 400)[1] == {}
    # What is protected gives nothing, and has no budget.
    assert found.suggest_budgets(1.0, 90 / 400, protected=["a"])[1] == {"b": 0.3}
    assert found.suggest_budgets(1.0, 91 / 400, protected=["a"])[1] == {}


def test_fractions_out_of_range_are_refused(network):
    data = load_dataset("digits", "test")
    measured = Evaluator(network.module(), data.inputs[:9], data.labels[:9])
    for bad in ((), (0.0, 0.5), (1.2,)):
        with pytest.raises(NcvizError, match="above 0 and be at most 1"):
            layer_sensitivity(measured, np.arange(4), {"1.weight": (2, 2)}, fractions=bad)
