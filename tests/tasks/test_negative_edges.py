"""Negative edges beside robustness: counted by brute force, correlated by scipy, stopped and gone on with."""

import threading

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

import ncviz
from ncviz.config import RadiusConfig
from ncviz.errors import CancelledError, DataError, NcvizError
from ncviz.scene.negative_edges import image_names, negative_edges_table
from ncviz.tasks.negative_edges.correlation import rank_correlation
from ncviz.tasks.negative_edges.record import NegativeEdgesConfig, NegativeEdgesRecord
from ncviz.tasks.negative_edges.task import NegativeEdges
from tests.examples.brute_force import curvature, layer_outputs
from tests.examples.contexts import NOWHERE, here

FEW = NegativeEdgesConfig(12, search=RadiusConfig(40 / 255, 10, 2, 5))


@pytest.mark.slow
def test_edges_are_counted_as_by_the_definition():
    torch.manual_seed(2)
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    with torch.no_grad():
        net[2].weight[0, :2] = 0
    images = torch.rand(2, 6, dtype=torch.float64)
    result = ncviz.neural_curvature(net, images, keep_edges=True)
    for sample, image in enumerate(images):
        kappa = curvature(net, image[None], 0.9)
        activity = layer_outputs(net, image[None])
        live = [
            edge
            for edge in kappa
            if (edge[0] == 0 or activity[edge[0]][edge[1]] > 0)
            and (edge[0] == 2 or activity[edge[0] + 1][edge[2]] > 0)
        ]
        assert len(live) < len(kappa)
        assert result.count_edges(sample) == (sum(kappa[edge] < 0 for edge in live), len(live))
    with pytest.raises(DataError, match="0 … 1"):
        result.count_edges(3)
    with pytest.raises(DataError, match="keep_edges=True"):
        ncviz.neural_curvature(net, images).count_edges()


@pytest.mark.parametrize("kind", ["plain", "ties"])
def test_the_correlation_is_that_of_scipy_and_its_interval_that_of_draws(kind):
    draw = np.random.default_rng(1)
    one = draw.normal(size=80)
    other = one + draw.normal(size=80)
    if kind == "ties":
        one, other = np.round(one), np.minimum(other, 0.3)
    found = rank_correlation(one, other)
    assert found.value == pytest.approx(spearmanr(one, other).statistic)
    assert found.count == 80
    each = []
    for _ in range(1500):
        at = draw.integers(0, 80, 80)
        each.append(spearmanr(one[at], other[at]).statistic)
    assert [found.low, found.high] == pytest.approx(np.quantile(each, [0.025, 0.975]), abs=0.03)


def test_correlations_that_are_none():
    constant = rank_correlation(np.ones(5), np.arange(5))
    assert np.isnan([constant.value, constant.low, constant.high]).all()
    with pytest.raises(NcvizError, match="at least three"):
        rank_correlation(np.arange(2), np.arange(2))
    with pytest.raises(NcvizError, match="finite"):
        rank_correlation(np.array([1, 2, np.nan]), np.arange(3))


def test_images_are_right_ones_with_their_own_numbers(store, network):
    context = here(store)
    task = NegativeEdges(network, FEW)
    found = context.run(task).result
    assert context.run(task).is_stored
    data, net = NOWHERE.images(network, "test"), network.module().eval()
    rows = torch.from_numpy(found.image)
    with torch.no_grad():
        assert torch.equal(net(data.inputs[rows]).argmax(dim=1), data.labels[rows])
    assert np.array_equal(found.label, data.labels[rows].numpy())
    assert len(np.unique(found.image)) == 12
    assert found.is_complete
    # One image by itself.
    alone = ncviz.neural_curvature(net, data.inputs[rows[5:6]], keep_edges=True)
    edges = [alone.edges(at)[2] for at in range(3)]
    assert found.negative[5] == sum(int((kappa < 0).sum()) for kappa in edges)
    assert found.share[5] == found.negative[5] / alone.count_edges()[1]
    assert found.correlation.value == pytest.approx(spearmanr(found.share, found.radius).statistic)
    words = " ".join(found.sentences())
    assert "12 images" in words
    assert "10 steps, 2 runs" in words
    table = negative_edges_table(found, [str(digit) for digit in range(10)])
    assert len(table) == 12
    assert image_names(found, [str(digit) for digit in range(10)])[0].startswith("evaluation image ")


def test_a_run_that_is_stopped_keeps_its_images_and_goes_on(store, network):
    stop, seen = threading.Event(), []

    def tell(fraction, message):
        seen.append(message)
        if "image 9 of" in message:
            stop.set()

    task, context = NegativeEdges(network, FEW), here(store, progress=tell, cancel=stop)
    with pytest.raises(CancelledError):
        context.run(task)
    part = here(store).look_up(task)
    assert 0 < part.known.sum() < 12
    assert not part.is_complete
    assert f"So far {part.known.sum()} of 12 images." in part.sentences()
    whole = here(store).run(task).result
    assert np.array_equal(whole.negative[part.known], part.negative[part.known])
    assert whole.is_complete


def record(negative, radius, is_fooled=None):
    count = len(negative)
    fooled = np.ones(count, bool) if is_fooled is None else np.array(is_fooled)
    meta = {"settings": NegativeEdgesConfig().as_dict(), "evaluated_on": "some images", "batchnorm": ""}
    return NegativeEdgesRecord(
        np.arange(count),
        np.zeros(count, int),
        np.array(negative),
        np.full(count, 100),
        np.zeros(count, int),
        np.array(radius),
        fooled,
        meta,
    )


def test_what_is_said_is_what_was_found():
    up, down = np.arange(20), np.arange(20)[::-1] / 100
    assert "easier to fool" in " ".join(record(up, down).sentences())
    assert "the opposite" in " ".join(record(up, down[::-1]).sentences())
    assert "holds 0" in " ".join(record(up, np.tile([0.1, 0.2], 10)).sentences())
    assert "no correlation" in " ".join(record(up, np.full(20, 0.1)).sentences())


def test_images_that_nothing_fools_stay_as_ties():
    found = record(np.arange(10), [0.1] * 6 + [0.25] * 4, [True] * 6 + [False] * 4)
    assert found.not_fooled == 4
    assert found.correlation.count == 10
    assert "4 of the images are fooled at no ε" in " ".join(found.sentences())


def test_the_key_holds_all_that_decides(network):
    keys = {
        NegativeEdges(network, config).key(NOWHERE)
        for config in (
            NegativeEdgesConfig(), NegativeEdgesConfig(100), NegativeEdgesConfig(seed=1),
            NegativeEdgesConfig(alpha=0.3), NegativeEdgesConfig(search=RadiusConfig(0.1)),
            NegativeEdgesConfig(search=RadiusConfig(halvings=4)),
        )
    }  # fmt: skip
    assert len(keys) == 6
    assert NegativeEdges(network, NegativeEdgesConfig(alpha=0.6)).key(NOWHERE) in keys
    with pytest.raises(NcvizError, match="number of images"):
        NegativeEdgesConfig(2)
