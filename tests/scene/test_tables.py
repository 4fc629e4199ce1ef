import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ncviz import tasks
from ncviz.scene.layered_network import network_view
from ncviz.scene.names import unit_title
from ncviz.scene.tables import (
    cut_value,
    edge_table,
    layer_table,
    locate,
    lowest,
    parameter_name,
    parameter_offsets,
    sample_curvature,
)
from ncviz.spreadsheet import table_csv
from ncviz.text import plain
from tests.examples import shipped
from tests.examples.contexts import NOWHERE

CLASSES = tuple("0123456789")


@pytest.fixture(params=["mlp-digits-relu", "lenet-mnist-relu"])
def found(request):
    return shipped.network(request.param), shipped.curvature(request.param)


def test_every_edge_has_its_weight_and_its_units(found):
    network, record = found
    view = network_view(record, network.arrays, CLASSES)
    flat = np.concatenate([np.asarray(network.arrays[name]).reshape(-1) for name in record.weights])
    assert np.allclose(view.weight, flat[view.parameter])
    offsets = np.asarray(view.layer_offsets)
    assert np.all(view.source >= offsets[view.connection])
    assert np.all(view.target < offsets[view.connection + 2])
    assert view.parameter_count == len(flat)


def test_each_weight_is_drawn_once_where_its_curvature_is_lowest(found):
    network, record = found
    view = network_view(record, network.arrays, CLASSES)
    kappa = np.concatenate([values.reshape(-1) for values in record.weights.values()])
    assert (
        len(np.unique(view.parameter))
        == view.edge_count
        == int((np.abs(flat_weights(network, record)) > 0).sum())
    )
    assert np.allclose(view.curvature, kappa[view.parameter], atol=1e-6)


def flat_weights(network, record):
    return np.concatenate([np.asarray(network.arrays[name]).reshape(-1) for name in record.weights])


def test_parameters_are_found_again(found):
    _, record = found
    for name, start in parameter_offsets(record).items():
        assert locate(record, start) == (name, 0)
        assert locate(record, start + record.weights[name].size - 1) == (name, record.weights[name].size - 1)
    assert "→" in parameter_name(record, 0)


def test_cut_is_the_score_of_the_first_that_stays():
    ordered, removed = np.array([1.0, 2.0, 3.0]), np.array([0, 1, 2, 3])
    for order, expected in (("redundant", [1.0, 2.0, 3.0, np.nan]), ("bottlenecks", [3.0, 2.0, 1.0, np.nan])):
        assert np.array_equal(cut_value(ordered, removed, order), expected, equal_nan=True)


def test_layers_and_edges_count_what_is_left(found):
    network, record = found
    by = tasks.ranks(network, "curvature", record, NOWHERE)
    removed = len(by) // 2
    table = layer_table(record, by, removed)
    assert table["kept"].sum() == len(by) - removed
    edges = edge_table(record, network.arrays, by, removed)
    assert len(edges) == int((np.abs(flat_weights(network, record)) > 0).sum())
    assert set(edges["connection"]) == set(range(len(record.edges)))
    assert 0 < edges["kept"].sum() < len(edges)


def test_the_table_can_list_another_flow_and_counts_from_zero(found):
    network, record = found
    by = tasks.ranks(network, "curvature", record, NOWHERE)
    whole = edge_table(record, network.arrays, by, 1000)
    one = edge_table(record, network.arrays, by, 1000, record.of([3]))
    assert set(one["image"]) == {3, -1}
    assert whole["image"].min() >= -1
    assert whole["image"].max() < len(record.labels)
    for table in (one, whole):
        assert ((table["image"] == -1) == table["never_active"]).all()
        assert (table["curvature"].isna() == table["never_active"]).all()
    assert whole["never_active"].sum() == record.never_active_count > 0
    assert not (whole["never_active"] & ~one["never_active"]).any()
    both = ~one["never_active"]
    assert (one["curvature"][both] >= whole["curvature"][both] - 1e-6).all()
    assert (one["curvature"] != whole["curvature"]).any()
    pd.testing.assert_frame_equal(
        one[["connection", "parameter", "weight", "kept"]],
        whole[["connection", "parameter", "weight", "kept"]],
    )


def test_samples_of_one_weight(found):
    _, record = found
    name = next(iter(record.weights))
    at = int(record.weights[name].reshape(-1).argmin())
    table = sample_curvature(record, parameter_offsets(record)[name] + at, CLASSES)
    assert table["κ"].min() == pytest.approx(record.weights[name].min(), abs=1e-5)


def test_images_keep_their_number_where_others_are_not_active(found):
    _, record = found
    for name, start in parameter_offsets(record).items():
        each = record.samples[name].reshape(len(record.labels), -1)
        active = ~np.isnan(each)
        some = np.flatnonzero(active.any(axis=0) & ~active[0])
        for at in some[:3]:
            table = sample_curvature(record, start + int(at), CLASSES)
            assert table["image"].tolist() == np.flatnonzero(active[:, at]).tolist()
            assert np.array_equal(table["κ"], each[active[:, at], at])
    assert any(np.isnan(values[0]).any() for values in record.samples.values())


def test_a_record_without_samples_says_so(found):
    _, record = found
    assert sample_curvature(replace(record, samples=None), 0, CLASSES) is None


def test_the_lowest_are_found_without_sorting_all():
    values = np.random.default_rng(2).integers(0, 50, 1000).astype(np.float32)
    for count in (0, 1, 7, 400, 999, 1000, 2000):
        assert np.array_equal(lowest(values, count), np.argsort(values, kind="stable")[:count])


def test_a_table_as_csv(found):
    network, record = found
    table = edge_table(record, network.arrays, tasks.ranks(network, "curvature", record, NOWHERE), 10)
    again = pd.read_csv(io.BytesIO(table_csv(table)))
    assert list(again.columns) == list(table.columns)
    assert np.allclose(again["curvature"], table["curvature"], equal_nan=True)
    assert np.array_equal(again["never_active"], table["never_active"])
    assert np.array_equal(again["kept"], table["kept"])


def test_units_have_names(found):
    _, record = found
    last = len(record.layer_shapes) - 1
    assert unit_title(record, last, 7, CLASSES) == "class 7"
    assert unit_title(record, 0, 9, CLASSES).startswith("input · row")
    assert "·" in unit_title(record, 1, 5, CLASSES)


@pytest.mark.parametrize(
    "text", ["![x](https:example.com).pt", "**bold** $x^2$ :red[r]", "<img src=x>", "`code`_a_"]
)
def test_foreign_text_is_no_markdown(text):
    shown = plain(text)
    assert shown.replace("\\", "") == text
    assert not re.search(r"(?<!\\)[`*_\[\]()$:<>!]", shown)
