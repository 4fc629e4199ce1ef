"""One criterion's order and curve, each under a key of its own, against the long way round."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

import ncviz
from ncviz import tasks
from ncviz.config import PruningConfig
from ncviz.data.datasets import load_dataset
from ncviz.errors import CancelledError, NcvizError
from ncviz.pruning.scores import SCORES
from ncviz.tasks import comparison
from tests.examples.contexts import NOWHERE, here

SPARSITIES = (0.0, 0.3, 0.7)


@pytest.mark.parametrize("criterion", SCORES)
def test_a_curve_is_that_of_pruning_by_hand(store, network, criterion):
    config = PruningConfig(criterion, samples_per_class=2, seed=3)
    net, pool, test = network.module(), load_dataset("digits", "train"), load_dataset("digits", "test")
    chosen = torch.from_numpy(tasks.calibration(network, config.calibration, pool))
    scores = ncviz.pruning_scores(
        net, criterion, inputs=pool.inputs[chosen], labels=pool.labels[chosen], seed=3
    )
    found = here(store).run(tasks.Curve(network, config, SPARSITIES))
    assert not found.is_stored
    for at, sparsity in enumerate(SPARSITIES):
        pruned = ncviz.prune(net, scores, sparsity=sparsity)
        assert found.result.accuracy[criterion, "redundant"][at] == ncviz.accuracy(
            pruned, test.inputs, test.labels
        )
    again = here(store).run(tasks.Curve(network, config, SPARSITIES))
    assert again.is_stored
    assert np.array_equal(
        again.result.accuracy[criterion, "redundant"], found.result.accuracy[criterion, "redundant"]
    )


def test_the_key_holds_what_a_criterion_looks_at_and_nothing_else(network):
    def differs(criterion, **change):
        config = PruningConfig(criterion)
        return tasks.Order(network, config).key(NOWHERE) != tasks.Order(
            network, replace(config, **change)
        ).key(NOWHERE)

    for criterion, score in SCORES.items():
        assert differs(criterion, seed=1) == (score.needs_images or score.is_drawn)
        assert differs(criterion, samples_per_class=2) == score.needs_images
        assert differs(criterion, alpha=0.3) == score.needs_curvature
        assert not differs(criterion, alpha=0.6)
        assert differs(criterion, scope="layer")
        assert differs(criterion, order="bottlenecks")
        assert differs(criterion, protected=("1.weight",))
        assert differs(criterion, never_active="last") == score.needs_curvature
    # What is as in the paper leaves no trace, so that what was stored before there was a choice stays.
    assert "never_active" not in PruningConfig().as_dict()
    assert PruningConfig(never_active="last").as_dict()["never_active"] == "last"
    config = PruningConfig()
    assert tasks.Curve(network, config, (0.1,)).key(NOWHERE) != tasks.Curve(network, config, (0.2,)).key(
        NOWHERE
    )


def test_protected_weights_stay_and_the_curve_ends_before_them(store, network):
    shapes = tasks.shapes_of(network)
    first = next(iter(shapes))
    config = PruningConfig("magnitude", protected=(first,))
    ranks = here(store).run(tasks.Order(network, config)).result
    most = tasks.removable(network, config)
    held = int(np.prod(shapes[first]))
    assert most == len(ranks) - held
    assert ranks[:held].min() == most
    found = here(store).run(tasks.Curve(network, config, (0.0, 0.1, 0.9))).result
    assert found.removed.tolist() == [0, round(0.1 * len(ranks))]
    with pytest.raises(NcvizError, match="no weight 'head' to protect"):
        here(store).run(tasks.Order(network, PruningConfig("magnitude", protected=("head",))))


def test_a_budget_bounds_a_layer_in_both_orders_and_the_curve_ends_where_none_is_left(store, network):
    shapes = tasks.shapes_of(network)
    first, size = next(iter(shapes)), int(np.prod(next(iter(shapes.values()))))
    for order in ("redundant", "bottlenecks"):
        config = PruningConfig("magnitude", order=order, budgets=((first, 0.25),))
        ranks = here(store).run(tasks.Order(network, config)).result
        most = tasks.removable(network, config)
        assert most == len(ranks) - size + size // 4
        assert int((ranks[:size] < most).sum()) == size // 4
        free = PruningConfig("magnitude", order=order)
        assert tasks.Order(network, config).key(NOWHERE) != tasks.Order(network, free).key(NOWHERE)
    found = here(store).run(tasks.Curve(network, config, (0.0, 0.1, 0.9))).result
    assert found.removed.tolist() == [0, round(0.1 * len(ranks))]
    assert found.meta["pruning"]["budgets"] == {first: 0.25}


def test_an_order_is_computed_once(store, network, monkeypatch):
    config = PruningConfig("wanda")
    first = here(store).run(tasks.Order(network, config)).result
    monkeypatch.setattr(comparison, "criterion_scores", None)
    assert np.array_equal(here(store).run(tasks.Order(network, config)).result, first)


def test_cancel_stops_and_stores_nothing_half(store, network):
    cancel = threading.Event()
    seen = []

    def progress(fraction, message):
        seen.append((fraction, message))
        if "accuracy" in message:
            cancel.set()

    config = PruningConfig("magnitude")
    with pytest.raises(CancelledError):
        here(store, progress=progress, cancel=cancel).run(tasks.Curve(network, config, SPARSITIES))
    assert here(store).look_up(tasks.Curve(network, config, SPARSITIES)) is None
    assert all("Magnitude" in message for _, message in seen)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"scope": "row"}, "no scope"),
        ({"order": "up"}, "no order"),
        ({"samples_per_class": 0}, "samples per class"),
        ({"alpha": 1.0}, "idleness"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_out_of_range_are_refused(values, said):
    with pytest.raises(NcvizError, match=said):
        PruningConfig(**values)


def test_an_unknown_criterion_is_named(store, network):
    with pytest.raises(NcvizError, match="no criterion 'beauty'"):
        here(store).run(tasks.Order(network, PruningConfig("beauty")))
