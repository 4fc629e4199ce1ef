"""Zeros of a network that was pruned before count as removed: they go first, and every curve begins with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ncviz import tasks
from ncviz.config import ORDERS, AttackConfig, PruningConfig
from ncviz.fingerprint import digest
from ncviz.pruning.finetune import FineTuneConfig
from ncviz.tasks.finetuning import FineTune, PruneAndTune, tuned_network
from ncviz.tasks.robustness import Robustness, RobustnessConfig
from ncviz.ui.server import resources

ZEROS = 2176  # of 2,720, the smallest of all layers together


@pytest.fixture(scope="module")
def context():
    return tasks.open_context(None, None)


@pytest.fixture(scope="module")
def pruned():
    of = tasks.open_network("mlp-digits-relu")
    names = list(tasks.shapes_of(of))
    sizes = np.concatenate([np.abs(of.arrays[name]).reshape(-1) for name in names])
    cut = np.sort(sizes)[ZEROS]
    arrays = {
        name: np.where(np.abs(values) < cut, 0, values) if name in names else values
        for name, values in of.arrays.items()
    }
    return replace(of, arrays=arrays, is_bundled=False)


def by_hand(of, context, order, removed):
    """Accuracy with that many weights gone, in plain PyTorch, by sorting what is left by magnitude."""
    net = of.module()
    data = context.images(of, "test")
    weights = [net.get_parameter(name).data for name in tasks.shapes_of(of)]
    flat = torch.cat([weight.abs().reshape(-1) for weight in weights])
    live = torch.argsort(flat, stable=True)[int((flat == 0).sum()) :]
    if order == "bottlenecks":
        live = live.flip(0)
    gone = torch.zeros_like(flat, dtype=torch.bool)
    gone[live[: removed - int((flat == 0).sum())]] = True
    for weight, own in zip(weights, gone.split([weight.numel() for weight in weights]), strict=True):
        weight[own.reshape(weight.shape)] = 0
    with torch.no_grad():
        return float((net(data.inputs).argmax(dim=1) == data.labels).double().mean())


@pytest.mark.parametrize("order", ORDERS)
def test_a_curve_begins_with_the_zeros(pruned, context, order):
    config = PruningConfig("magnitude", order=order)
    record = context.run(tasks.Curve(pruned, config, (0.0, 0.5, 0.8, 0.9, 1.0))).result
    assert record.removed.tolist() == [ZEROS, 2448, 2720]
    for removed, accuracy in zip(record.removed, record.accuracy["magnitude", order], strict=True):
        assert accuracy == by_hand(pruned, context, order, int(removed))
    assert record.baseline == by_hand(pruned, context, order, ZEROS)


@pytest.mark.slow
def test_the_sliders_curves_and_ranks_begin_with_them_too(pruned, context):
    sweep = context.run(tasks.Sweep(pruned)).result
    assert sweep.removed[0] == ZEROS
    assert sweep.removed[-1] == sweep.total == 2720
    assert len({accuracy[0] for accuracy in sweep.accuracy.values()}) == 1
    curvature = context.run(tasks.Curvature(pruned)).result
    is_zero = np.concatenate([pruned.arrays[name].reshape(-1) == 0 for name in curvature.weights])
    for criterion in tasks.CRITERIA:
        for order in ORDERS:
            own = tasks.ranks(pruned, criterion, curvature, context, order=order)
            assert own[is_zero].max() == ZEROS - 1
            if criterion != "random":
                shown = resources.ranks(pruned, curvature, criterion, "global", order, "first")
                assert np.array_equal(shown, own)


def test_protected_layers_keep_what_they_have_but_not_their_zeros(pruned, context):
    names = list(tasks.shapes_of(pruned))
    config = PruningConfig("magnitude", protected=tuple(names))
    assert tasks.removable(pruned, config) == ZEROS
    record = context.run(tasks.Curve(pruned, config, (0.0, 0.5, 0.9))).result
    assert record.removed.tolist() == [ZEROS]


def test_fine_tuning_and_attacks_hold_the_zeros(pruned, context):
    pruning = PruningConfig("magnitude")
    tuned = context.run(FineTune(pruned, PruneAndTune(pruning, 0.5, FineTuneConfig(epochs=1)))).result
    assert tuned.removed == ZEROS
    again = tuned_network(pruned, tuned, "tuned.safetensors")
    assert tasks.zeros_in(again, tasks.shapes_of(again)) == ZEROS
    attack = RobustnessConfig(pruning, AttackConfig(steps=1), images=20)
    record = context.run(Robustness(pruned, attack)).result
    assert record.removed[0] == ZEROS
    assert (record.removed >= ZEROS).all()


def test_keys_of_networks_without_zeros_are_what_they_were(pruned, context):
    of = tasks.open_network("mlp-digits-relu")
    config = PruningConfig("magnitude")
    order = tasks.Order(of, config)
    plain = digest("order", 2, of.fingerprint, "magnitude", "global", "redundant", [])
    assert order.key(context) == plain
    other = tasks.Order(pruned, config).key(context)
    assert other != digest("order", 2, pruned.fingerprint, "magnitude", "global", "redundant", [])
