"""The network that is drawn is the one that was computed, whatever its detail."""

from dataclasses import replace

import numpy as np
import pytest

from ncviz import build_graph, load_model, tasks
from ncviz.data.datasets import DATASETS
from ncviz.plots.network.line_arrays import SelectionLines, line_arrays
from ncviz.plots.network.lines import strength
from ncviz.plots.network.payload import pack, payload, unpack
from ncviz.scene.cards.card import NetworkState, card, representative_edge
from ncviz.scene.layered_network import grouped_layers, has_every_position, network_view
from ncviz.scene.receptive_field import receptive_box
from ncviz.scene.selected_lines import selected_lines
from ncviz.scene.selection import read_flow, read_selection
from ncviz.scene.tables import parameter_offsets
from ncviz.ui.link.view_state import DEFAULT_EDGE_CAP
from tests.examples import shipped
from tests.examples.contexts import NOWHERE

CLASSES = tuple("0123456789")


@pytest.fixture
def lenet():
    return shipped.network("lenet-mnist-relu"), shipped.curvature("lenet-mnist-relu")


@pytest.fixture(scope="module")
def graph():
    return build_graph(load_model("lenet-mnist-relu"), input_shape=DATASETS["mnist"].input_shape)


def test_feature_maps_are_nodes_and_slices_hold_their_weights(lenet):
    network, record = lenet
    assert grouped_layers(record) == (True, True, True, False, False, False)
    view = network_view(record, network.arrays, CLASSES, "channels")
    assert np.diff(view.layer_offsets).tolist() == [1, 6, 16, 120, 84, 10]
    starts = parameter_offsets(record)
    name, kappa = record.parameters[1], record.weights[record.parameters[1]]
    offsets = view.layer_offsets
    for line in np.flatnonzero(view.connection == 1):
        source, target = view.source[line] - offsets[1], view.target[line] - offsets[2]
        members = slice(view.members.start[line], view.members.start[line + 1])
        own = np.arange(kappa.size).reshape(kappa.shape)[target, source].reshape(-1)
        assert np.array_equal(view.members.parameter[members], own + starts[name])
        assert np.allclose(view.members.curvature[members], kappa[target, source].reshape(-1))
        assert view.curvature[line] == pytest.approx(kappa[target, source].min())
        assert kappa.reshape(-1)[view.parameter[line] - starts[name]] == pytest.approx(view.curvature[line])
    # A linear layer that reads feature maps is grouped by them, too.
    kappa = record.weights[record.parameters[2]].reshape(120, 16, 16)
    for line in np.flatnonzero(view.connection == 2)[::97]:
        source, target = view.source[line] - offsets[2], view.target[line] - offsets[3]
        assert view.curvature[line] == pytest.approx(kappa[target, source].min())
    assert np.array_equal(np.sort(view.members.parameter), np.arange(record.total))


def test_all_lines_of_a_selection_are_found_however_few_are_drawn(lenet):
    network, record = lenet
    view = network_view(record, network.arrays, CLASSES, "channels")
    ends = np.stack([view.source, view.target])
    for text, count, node in (("channel-1-2", 1 + 16, 1 + 2), ("channel-2-5", 6 + 120, 7 + 5)):
        lines, total = selected_lines(record, view, read_selection(text))
        assert total == len(lines) == count
        assert (ends[:, lines] == node).any(axis=0).all()
        assert (np.diff(strength(view.curvature[lines])) >= 0).all(), "the strongest are drawn last"
    # Where units are drawn, a weight of a convolution may be many lines; else its card tells of its one.
    assert selected_lines(record, view, read_selection("weight-7"))[1] == 0
    every = network_view(record, network.arrays, CLASSES, "positions")
    lines, total = selected_lines(record, every, read_selection("weight-7"))
    assert total == len(lines) == 144
    assert (every.parameter[lines] == 7).all()
    own = SelectionLines("weight-7", total, *line_arrays(every, lines, {"up": np.arange(record.total)}))
    packed = payload(every, {"up": np.arange(record.total)}, 100)
    header, _ = unpack(pack(packed, {}, own))
    body = pack(packed, {}, own)
    entry, start = header["own"]["arrays"]["parameter"], 8 + int.from_bytes(body[4:8], "little")
    assert set(np.frombuffer(body, entry["dtype"], entry["length"], start + entry["offset"])) == {7}


@pytest.mark.parametrize("detail", ["channels", "positions"])
def test_lines_know_what_their_weights_are_multiplied_by(lenet, detail):
    network, record = lenet
    view = network_view(record, network.arrays, CLASSES, detail)
    ranks, lines = {"up": np.arange(record.total)}, np.arange(0, view.edge_count, 7)
    factor = 1 + np.arange(record.total) % 5 / 4
    arrays, _ = line_arrays(replace(view, factor=factor), lines, ranks)
    np.testing.assert_allclose(arrays["factor"], factor[arrays.get("member", arrays["parameter"])])
    assert "factor" not in line_arrays(replace(view, factor=np.ones(record.total)), lines, ranks)[0]


def test_every_position_is_every_edge_of_the_graph(lenet, graph):
    network, record = lenet
    assert has_every_position(record)
    view = network_view(record, network.arrays, CLASSES, "positions")
    assert view.edge_count == graph.number_of_edges == 128_040
    units = np.concatenate([[0], np.cumsum(graph.layer_sizes)])
    starts = parameter_offsets(record)
    for index, connection in enumerate(graph.connections):
        listed, own = connection.edges, view.connection == index
        drawn = set(
            zip(
                (view.source[own] - units[index]).tolist(),
                (view.target[own] - units[index + 1]).tolist(),
                (view.parameter[own] - starts[connection.parameter]).tolist(),
                strict=True,
            )
        )
        expected = zip(listed.source.tolist(), listed.target.tolist(), listed.parameter.tolist(), strict=True)
        assert drawn == set(expected)
        kappa = record.weights[connection.parameter].reshape(-1)
        assert np.allclose(view.curvature[own], kappa[view.parameter[own] - starts[connection.parameter]])


def test_a_network_of_dense_layers_has_units_alone():
    network, record = shipped.network("mlp-digits-relu"), shipped.curvature("mlp-digits-relu")
    assert not any(grouped_layers(record))
    assert not has_every_position(record)
    assert network_view(record, network.arrays, CLASSES, "channels").members is None


def test_a_flow_is_all_images_a_class_or_one(lenet):
    _, record = lenet
    assert read_flow("all").samples(record.labels) is None
    assert read_flow("image-3").samples(record.labels) == [3]
    assert read_flow("class-7").samples(record.labels) == [
        at for at, label in enumerate(record.labels) if label == 7
    ]
    assert (
        read_flow("image-99").samples(record.labels) is read_flow("class-99").samples(record.labels) is None
    )


def test_what_a_unit_sees_of_the_image(lenet, graph):
    _, record = lenet
    assert receptive_box(record, 1, 2 * 144 + 3 * 12 + 5) == (10, 6, 6, 6)
    for unit in (0, 7, 3 * 16 + 15):
        seen = {unit}
        for connection in reversed(graph.connections[:2]):
            listed = connection.edges
            seen = set(listed.source[np.isin(listed.target, list(seen))].tolist())
        rows, columns = np.divmod(np.array(sorted(seen)), 28)
        left, top, width, height = receptive_box(record, 2, unit)
        assert (left, top) == (columns.min(), rows.min())
        assert (width, height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert receptive_box(record, 3, 0) is None


def subject(lenet, removed=0):
    network, record = lenet
    ranks = tasks.ranks(network, "curvature", record, NOWHERE)
    return NetworkState(record, network.arrays, CLASSES, ranks, removed, None)


def test_the_card_of_a_slice_has_its_kernel_and_the_place_on_the_image(lenet):
    _, record = lenet
    half = record.total // 2
    about = subject(lenet, half)
    found = card(about, read_selection("slice-1-5-3"))
    kappa = record.weights[record.parameters[1]][5, 3]
    assert (found["kernel"]["rows"], found["kernel"]["columns"]) == (6, 6)
    cells = [2.0 if cell["curvature"] is None else cell["curvature"] for cell in found["kernel"]["cells"]]
    shown = np.array(cells).reshape(6, 6)
    assert np.allclose(shown, kappa)
    starts = parameter_offsets(record)[record.parameters[1]]
    for cell in found["kernel"]["cells"]:
        assert cell["kept"] == (about.ranks[cell["parameter"]] >= half)
        assert cell["parameter"] >= starts
    weight = card(about, read_selection(f"weight-{found['kernel']['cells'][8]['parameter']}"))
    assert [cell["chosen"] for cell in weight["kernel"]["cells"]].index(True) == 8
    edges = record.edges[1]
    where = np.flatnonzero(edges.parameter == found["kernel"]["cells"][8]["parameter"] - starts)[0]
    assert weight["image"]["box"] == receptive_box(record, 2, int(edges.target[where]))
    assert f"image {edges.sample[where]}," in weight["image"]["caption"]


def test_the_edge_for_the_lens_is_where_the_curvature_is_least(lenet):
    _, record = lenet
    connection, source, target = representative_edge(record, read_selection("slice-1-5-3"))
    edges = record.edges[connection]
    at = np.flatnonzero((edges.source == source) & (edges.target == target))
    least = record.weights[record.parameters[1]][5, 3].min()
    assert any(edges.curvature[here] == pytest.approx(least) for here in at)
    assert representative_edge(record, read_selection("unit-1-3")) is None


@pytest.mark.parametrize(
    "selection",
    ["unit-3-5", "channel-0-0", "channel-1-4", "channel-2-15", "unit-5-9", "weight-0", "weight-45311"],
)
def test_everything_has_a_card_that_json_can_carry(lenet, selection):
    import json

    found = card(subject(lenet), read_selection(selection))
    assert found["selection"] == selection
    assert found["title"]
    assert len(json.dumps(found)) < 100_000


@pytest.mark.parametrize(
    "selection",
    [
        "",
        "unit-3-120",
        "unit-99-0",
        "channel-3-0",
        "channel-1-6",
        "weight-45312",
        "slice-9-0-0",
        "slice-1-16-0",
    ],
)
def test_what_is_not_there_has_no_card(lenet, selection):
    assert card(subject(lenet), read_selection(selection)) is None


@pytest.mark.parametrize("model", ["mlp-digits-relu", "lenet-mnist-relu", "vgg9-cifar10-relu"])
def test_what_travels_to_the_browser_stays_below_a_megabyte(model):
    network, record = shipped.network(model), shipped.curvature(model)
    ranks = tasks.ranks(network, "curvature", record, NOWHERE)
    classes = DATASETS[network.dataset].classes
    for detail in ("channels", "units"):
        view = network_view(record, network.arrays, classes, detail)
        orders = {"redundant": ranks, "bottlenecks": len(ranks) - 1 - ranks}
        packed = payload(view, orders, DEFAULT_EDGE_CAP, activity=record.pictures.of(None))
        assert packed.size < 1_000_000
