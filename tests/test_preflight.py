"""What is said of a network before its curvature is computed, against what then turns out."""

import threading
from dataclasses import replace
from math import prod

import numpy as np
import pytest
import torch
from torch import nn

from ncviz import build_graph, neural_curvature, preflight
from ncviz.config import CurvatureConfig
from ncviz.errors import CancelledError, ModelError
from ncviz.graph.activations import layer_activations, normalise
from ncviz.limits import LIMITS
from ncviz.preflight import choices, look
from ncviz.preflight.live import live_shares
from tests.examples import wired
from tests.examples.vits import Attending, Vit


@pytest.mark.parametrize("name", wired.WIRED)
def test_live_shares_are_those_of_the_computation(name):
    net, x = wired.make(name, 5, zero_share=0.3)
    inputs = torch.cat([x, 1 - x])
    graph = build_graph(net, net.shape)
    activity = [normalise(layer) for layer in layer_activations(net, graph, inputs)]
    found, _ = live_shares(graph, activity)
    expected = neural_curvature(net, inputs).dead_share
    assert np.allclose([1 - share for share in found], expected, atol=1e-12)


@pytest.mark.parametrize("name", wired.WIRED)
def test_never_active_weights_are_foreseen(name):
    net, x = wired.make(name, 5, zero_share=0.3)
    inputs = torch.cat([x, 1 - x])
    result = neural_curvature(net, inputs)
    never = torch.cat([mask.reshape(-1) for mask in result.never_active.values()])
    graph = build_graph(net, net.shape)
    activity = [normalise(layer) for layer in layer_activations(net, graph, inputs)]
    assert live_shares(graph, activity)[1] == pytest.approx(float(never.double().mean()))


def test_the_table_says_what_was_read():
    net, x = wired.make("Residual", 5)
    found = preflight.preflight(net, net.shape, x)
    graph = build_graph(net, net.shape)
    rows = [(row.name, row.kind, row.reads, row.parameters) for row in found.layers]
    assert rows == [
        ("stem", "Conv2d 3×3", ("input",), 54), ("a", "Conv2d 3×3", ("stem",), 54), ("b", "Conv2d 3×3", ("a",), 54),
        ("add", "skip", ("stem",), 0), ("pool", "maximum pooling", ("b",), 0), ("head", "Linear", ("pool",), 36),
    ]  # fmt: skip
    assert sum(row.edges for row in found.layers if row.parameters) == found.edges == graph.number_of_edges
    assert all((row.live is None) == (row.parameters == 0) for row in found.layers)
    assert found.parameters == sum(prod(shape) for shape in graph.parameters.values())
    assert found.units == sum(graph.layer_sizes)
    assert found.fits
    assert found.seconds > 0
    assert found.choices == ()
    assert found.devices[0].name == "cpu"


def test_what_reads_several_layers_is_one_row():
    net, _ = wired.make("Fire", 5)
    found = preflight.preflight(net, net.shape)
    last = next(row for row in found.layers if row.name == "last")
    assert last.reads == ("left", "right")
    assert last.edges == 3 * 5 * 4 * 4
    assert found.seconds is None


def test_layers_with_the_same_problem_share_a_sentence():
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.Softmin(1), nn.Linear(4, 4), nn.Softmin(1))
    found = preflight.preflight(net, (1, 2, 2))
    assert len(found.problems) == 1
    assert "'2' (Softmin), '4' (Softmin)" in found.problems[0]
    assert [layer.name for layer in found.layers] == ["2", "4"]


def test_problems_are_named_and_nothing_else_is_claimed():
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.Softmin(1), nn.Linear(4, 2))
    found = preflight.preflight(net, (1, 2, 2))
    assert found.problems == ("Layer '2' (Softmin) is not supported.",)
    assert [(row.name, row.kind, row.problem) for row in found.layers] == [
        ("2", "Softmin", "is not supported")
    ]
    assert not found.fits


def wide():
    """A network whose path lengths take 8 · 60 · 60 · kinds bytes and more."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 60, 3, padding=1), nn.ReLU(), nn.Conv2d(60, 60, 3, padding=1), nn.ReLU(),
        nn.Conv2d(60, 60, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(60, 4),
    ).eval()  # fmt: skip


class ChannelsLast(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x.permute(0, 3, 1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("is_last", [False, True])
def test_what_does_not_fit_comes_with_choices_that_do(monkeypatch, is_last):
    net, shape = (ChannelsLast(wide()), (32, 32, 1)) if is_last else (wide(), (1, 32, 32))
    whole = preflight.preflight(net, shape)
    for room in (choices, look):
        monkeypatch.setattr(room, "free_memory", lambda: whole.table_bytes)
    found = preflight.preflight(net, shape)
    assert not found.fits
    assert found.seconds is None
    kinds = {
        "channels" if c.config.channels else "layers" if c.config.layers else "images" for c in found.choices
    }
    assert kinds == {"channels", "layers", "images"}
    for choice in found.choices:
        again = preflight.preflight(net, choice.input_shape, config=choice.config)
        assert again.fits
        assert again.table_bytes == choice.table_bytes < whole.table_bytes
        assert again.edges == choice.edges
    smaller = next(choice for choice in found.choices if choice.input_shape != shape)
    assert sorted(smaller.input_shape) == [1, 16, 16]
    assert "Images of 16×16" in smaller.title
    sampled = next(choice for choice in found.choices if choice.config.channels)
    assert "not exact" in sampled.title
    assert f"seed {sampled.config.seed}" in sampled.title


def test_an_estimate_of_a_part_is_less_than_that_of_the_whole():
    net, x = wide(), torch.rand(2, 1, 16, 16)
    config = CurvatureConfig()
    whole = preflight.preflight(net, (1, 16, 16), x, config=config)
    part = preflight.preflight(net, (1, 16, 16), x, config=replace(config, channels=8))
    assert 0 < part.seconds < whole.seconds


def test_what_takes_minutes_to_time_is_not_timed_and_comes_with_choices(monkeypatch):
    net, x = wide(), torch.rand(2, 1, 16, 16)
    for room in (choices, look):
        monkeypatch.setattr(room, "TIMED_BYTES", 1000)
    monkeypatch.setattr(look, "_COMFORTABLE_EDGES", 1000)
    found = preflight.preflight(net, (1, 16, 16), x)
    assert found.fits
    assert found.seconds is None
    assert "no part is timed" in found.devices[0].note
    assert all(row.live is not None for row in found.layers if row.parameters)
    assert {choice.config.channels > 0 for choice in found.choices} == {True, False}


def test_limits_are_named(monkeypatch):
    monkeypatch.setattr(look, "LIMITS", replace(LIMITS, layer_units=1000))
    with pytest.raises(
        ModelError, match=r"61,440 units in one layer, at most 1,000 are read; use smaller images"
    ):
        preflight.preflight(wide(), (1, 32, 32))


def test_it_can_be_cancelled_and_reports():
    stop, told = threading.Event(), []

    def progress(fraction, message):
        told.append((fraction, message))
        if fraction >= 0.2:
            stop.set()

    with pytest.raises(CancelledError):
        preflight.preflight(wide(), (1, 8, 8), torch.rand(1, 1, 8, 8), progress=progress, cancel=stop)
    assert told[0] == (0.0, "reading the network")
    stop.clear()
    told.clear()
    preflight.preflight(wide(), (1, 8, 8), progress=lambda fraction, _: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_it_says_of_each_layer_whether_its_path_lengths_are_each_images_own():
    torch.manual_seed(0)
    net = Vit(Attending(4, 2)).eval()
    found = preflight.preflight(net, Vit.shape, torch.rand(3, *Vit.shape))
    assert found.depends_on_image
    by_name = {layer.name: layer for layer in found.layers if layer.parameters}
    # Ways to all that the queries, keys and values read or make lead through the attention; behind it none do.
    own = {name for name, layer in by_name.items() if layer.is_of_image}
    assert own >= {
        "patches",
        "attention.qkv.query",
        "attention.qkv.key",
        "attention.qkv.value",
        "attention.out_proj",
    }
    assert "head" not in own
    assert by_name["attention.qkv.query"].parameters == 16
    assert found.seconds is None
    plain = preflight.preflight(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), (1, 4, 4))
    assert not plain.depends_on_image
