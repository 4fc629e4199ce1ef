"""Error bars on κ, and who is right where curvature and magnitude disagree, by counting it out."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from ncviz.config import CurvatureConfig
from ncviz.data.datasets import load_dataset
from ncviz.errors import DeviceError, NcvizError
from ncviz.pruning import disagreement
from ncviz.pruning.disagreement import curvature_spread, opposed_weights, share_for_curvature
from ncviz.scene.cards.spread import opposed_table, spread_row
from ncviz.tasks.curvature.spread import CurvatureSpread
from ncviz.tasks.curvature.task import Curvature
from tests.examples.contexts import here


def test_the_spread_is_over_the_draws_in_which_a_weight_is_active():
    draws = [
        np.array([1.0, 2.0, -1.0, 2.0, np.nan]),
        np.array([0.0, 0.5, -3.0, 2.0, np.nan]),
        np.array([-1.0, 2, -2, 2, np.nan]),
    ]
    found = curvature_spread(draws)
    assert found.active.tolist() == [3, 1, 3, 0, 0]
    assert np.array_equal(found.mean, [0.0, 0.5, -2.0, np.nan, np.nan], equal_nan=True)
    assert np.allclose(found.deviation, [1.0, np.nan, 1.0, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(found.low, [-1.0, 0.5, -3.0, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(found.high, [1.0, 0.5, -1.0, np.nan, np.nan], equal_nan=True)
    with pytest.raises(NcvizError, match="at least two draws"):
        curvature_spread(draws[:1])


def test_the_opposed_are_those_of_most_different_rank():
    # Small and a bottleneck, never active, zero, agreed on, large and redundant.
    kappa = np.array([-5.0, np.nan, -9.0, 0.0, 1.0])
    weights = np.array([0.1, 9.0, 0.0, 0.5, -1.0])
    by_curvature, by_magnitude = opposed_weights(kappa, weights, 1)
    assert (by_curvature.tolist(), by_magnitude.tolist()) == ([0], [4])
    assert [len(own) for own in opposed_weights(kappa, weights, 50)] == [1, 1]


def test_pairs_are_counted():
    assert share_for_curvature(np.array([3.0, 1.0]), np.array([0.0, 1.0, 2.0])) == pytest.approx(4.5 / 6)
    assert share_for_curvature(np.array([]), np.array([1.0])) == 0.5


def test_each_change_is_that_of_a_network_without_the_weight(store, network):
    task = CurvatureSpread(network, CurvatureConfig(seed=4), 2)
    found = here(store).run(task).result
    draws = [here(store).look_up(Curvature(network, CurvatureConfig(seed=seed))).weights for seed in (4, 5)]
    assert np.array_equal(found.spread.active > 0, np.any([flat(own) < 2 for own in draws], axis=0))
    own, name = found.places(found.by_curvature[:1])[0][::-1]
    assert flat(draws[0])[found.by_curvature[0]] == draws[0][name].reshape(-1)[own]
    pool = load_dataset("digits", "train")
    rows = torch.from_numpy(np.unique(np.linspace(0, len(pool) - 1, 1000).round().astype(np.int64)))
    net = network.module()

    def loss():
        with torch.no_grad():
            return float(functional.cross_entropy(net(pool.inputs[rows]).double(), pool.labels[rows]))

    whole = loss()
    assert found.meta["baseline"] == pytest.approx(whole)
    for chosen, changes in (
        (found.by_curvature, found.change_by_curvature),
        (found.by_magnitude, found.change_by_magnitude),
    ):
        assert len(chosen) == 20
        (name, at) = found.places(chosen)[3]
        weight = net.get_parameter(name).data.view(-1)
        kept, weight[at] = float(weight[at]), 0.0
        assert changes[3] == pytest.approx(loss() - whole, abs=1e-7)
        weight[at] = kept
    row = opposed_table(network, found).iloc[3]
    assert row["w"] == float(net.get_parameter(row["layer"]).detach().view(-1)[row["weight"]])
    again = here(store).run(task)
    assert again.is_stored
    assert again.result.share == found.share
    at = int(np.flatnonzero(found.spread.active == 2)[0])
    assert spread_row(found, at)[0] == "over 2 draws"
    assert " ± " in spread_row(found, at)[1]


def test_changes_are_in_double_precision_also_where_the_device_has_none(monkeypatch):
    monkeypatch.setattr(disagreement, "resolve_device", lambda name: "mps")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, inputs, labels = nn.Linear(5, 3).eval(), torch.rand(9, 5), torch.randint(3, (9,))
    shapes = {"weight": (3, 5), "bias": (3,)}
    found, whole = disagreement.loss_changes(net, shapes, np.array([7, 16]), inputs, labels, device="mps")
    weight, bias = net.weight.detach().double(), net.bias.detach().double()

    def loss(w, b):
        return float(functional.cross_entropy(inputs.double() @ w.T + b, labels))

    kept = torch.ones(18, dtype=torch.float64)
    for number, change in zip((7, 16), found, strict=True):
        kept[number] = 0.0
        less = loss(weight * kept[:15].view(3, 5), bias * kept[15:])
        kept[number] = 1.0
        assert change == pytest.approx(less - whole, abs=1e-14)
    assert whole == pytest.approx(loss(weight, bias), abs=1e-14)
    assert net.weight.dtype == torch.float32

    def full(*_, **__):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(disagreement, "functional_call", full)
    with pytest.raises(DeviceError, match="ran out of memory"):
        disagreement.loss_changes(net, shapes, np.array([7]), inputs, labels)


def flat(weights):
    return np.concatenate([values.reshape(-1) for values in weights.values()])


def test_the_command_says_who_was_right(run):
    code, out, _ = run("spread", "--model", "mlp-digits-relu", "--draws", 2)
    assert code == 0
    assert "Curvature is right in" in " ".join(out.split())
