"""Networks with skips, branches and transposed convolutions in every picture: each connection by its own ends."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ncviz import neural_curvature
from ncviz.plots.network.cells import cells
from ncviz.plots.network.payload import pack, payload, unpack
from ncviz.scene import feature_maps
from ncviz.scene.cards.card import NetworkState, card, representative_edge
from ncviz.scene.grid import connection_grid, selected_cells, selected_weights
from ncviz.scene.layered_network import network_view
from ncviz.scene.names import layer_title, unit_layer_titles, weight_index
from ncviz.scene.receptive_field import receptive_box
from ncviz.scene.selection import read_selection
from ncviz.scene.tables import edge_table, layer_table, parameter_offsets
from ncviz.tasks import from_result
from ncviz.tasks.curvature.pictures import take_pictures
from ncviz.ui.explore.chart_figures import _by_cell
from tests.examples import wired_records
from tests.examples.wired import WIRED

CLASSES = ("a", "b", "c")
_found = {}


def kept(name):
    if name not in _found:
        _found[name] = wired_records.kept(name)
    return _found[name]


def edges_of(connection):
    listed = connection.edges
    return set(zip(listed.source.tolist(), listed.target.tolist(), listed.parameter.tolist(), strict=True))


@pytest.mark.parametrize("name", [*WIRED, "Twice"])
def test_every_line_joins_the_layers_of_its_connection(name):
    result, arrays, record = kept(name)
    graph, starts = result.graph, parameter_offsets(record)
    first = np.concatenate([[0], np.cumsum(graph.layer_sizes)])
    for detail in ("units", "positions"):
        view = network_view(record, arrays, CLASSES, detail)
        for index, connection in enumerate(graph.connections):
            own = np.flatnonzero(view.connection == index)
            drawn = set(
                zip(
                    (view.source[own] - first[connection.source]).tolist(),
                    (view.target[own] - first[connection.target]).tolist(),
                    (view.parameter[own] - starts[connection.parameter]).tolist(),
                    strict=True,
                )
            )
            assert drawn <= edges_of(connection)
            if detail == "positions":
                assert drawn == edges_of(connection)
            folded = np.abs(view.weight[own])
            own_edges = connection.edges
            lengths = dict(zip(own_edges.parameter.tolist(), own_edges.length.tolist(), strict=True))
            expected = [1 / lengths[at - starts[connection.parameter]] for at in view.parameter[own].tolist()]
            assert np.allclose(folded, expected, rtol=1e-5)


@pytest.mark.parametrize("name", [*WIRED, "Twice"])
def test_channels_are_nodes_and_every_weight_is_a_member(name):
    result, arrays, record = kept(name)
    view = network_view(record, arrays, CLASSES, "channels")
    shapes = result.graph.layer_shapes
    areas = [
        int(np.prod(shape[1:])) if grouped else 1
        for shape, grouped in zip(shapes, feature_maps.grouped_layers(record), strict=True)
    ]
    starts = parameter_offsets(record)
    for line in range(view.edge_count):
        connection = result.graph.connections[view.connection[line]]
        members = (
            [view.parameter[line]]
            if view.members is None
            else view.members.parameter[view.members.start[line] : view.members.start[line + 1]]
        )
        source = view.source[line] - view.layer_offsets[connection.source]
        target = view.target[line] - view.layer_offsets[connection.target]
        joined = {
            parameter
            for i, j, parameter in edges_of(connection)
            if i // areas[connection.source] == source and j // areas[connection.target] == target
        }
        assert {int(at) - starts[connection.parameter] for at in members} == joined
    header, arrays_ = unpack(pack(payload(view, {"up": np.arange(record.total)}), {}))
    assert [link["kind"] for link in header["links"]] == [link.kind for link in record.links]
    assert len(arrays_.get("linkSource", ())) == sum(len(link.channels) for link in record.links)


@pytest.mark.parametrize("name", [*WIRED, "Twice"])
def test_a_cell_of_the_matrix_has_the_weights_between_its_channels(name):
    result, _, record = kept(name)
    shapes = result.graph.layer_shapes
    for index, connection in enumerate(result.graph.connections):
        of = connection_grid(record, index)
        per = {
            "channel": int(np.prod(shapes[connection.source][1:])),
            "unit": 1,
        }[of.source]
        positions = connection.fields.shape[1]
        numbers = np.arange(record.weights[connection.parameter].size)
        by_cell, is_there = _by_cell(record, index, of, numbers), _by_cell(record, index, of, None)
        every = edges_of(connection)
        for target in range(of.targets):
            for source in range(of.sources):
                joined = {at for i, j, at in every if i // per == source and j // positions == target}
                found = selected_weights(record, index, read_selection(f"slice-{index}-{target}-{source}"))
                assert set(found.tolist()) == joined
                for at in found[:1].tolist():
                    flat = at + parameter_offsets(record)[connection.parameter]
                    assert selected_cells(record, index, read_selection(f"weight-{flat}")) == (
                        target, target + 1, source, source + 1,
                    )  # fmt: skip
                    group = int(of.group(target))
                    column = int(np.flatnonzero(of.columns[group] == source)[0])
                    cell = by_cell[target, column][is_there[target, column]]
                    assert sorted(cell.tolist()) == sorted(joined)


@pytest.mark.parametrize("name", [*WIRED, "Twice"])
def test_everything_has_a_card_and_an_edge_for_the_lens(name):
    _, arrays, record = kept(name)
    about = NetworkState(record, arrays, CLASSES, np.arange(record.total), 0, None)
    for layer, shape in enumerate(feature_maps.drawn_shapes(record)):
        kind = "channel" if len(shape) == 3 else "unit"
        found = card(about, read_selection(f"{kind}-{layer}-0"))
        assert unit_layer_titles(record)[layer] in found["title"] or layer == len(record.layer_shapes) - 1
        for kernel in found["kernels"]:
            below = card(about, read_selection(kernel["select"]))
            assert (
                below["kernel"] is None or len(below["kernel"]["cells"]) == kernel["rows"] * kernel["columns"]
            )
    for parameter in range(0, record.total, 3):
        found = card(about, read_selection(f"weight-{parameter}"))
        json.dumps(found)
        edge = representative_edge(record, read_selection(f"weight-{parameter}"))
        if edge is None:
            continue
        connection, source, target = edge
        assert (found["line"] is None) or found["line"]["source"][0] == record.ends[
            found["line"]["connection"]
        ][0]
        assert (source, target) in {
            (i, j) for i, j, _ in edges_of(kept(name)[0].graph.connections[connection])
        }


@pytest.mark.parametrize("name", ["Residual", "Fire", "Inverted", "Transposed"])
def test_what_a_unit_sees_of_the_image_through_skips_and_pooling(name):
    result, _, record = kept(name)
    graph = result.graph
    columns = graph.layer_shapes[0][-1]
    area = int(np.prod(graph.layer_shapes[0][1:]))
    for layer in range(1, len(graph.layer_shapes)):
        unit = graph.layer_sizes[layer] // 2
        seen = {layer: {unit}}
        for at in range(layer, 0, -1):
            for each in graph.into(at):
                listed = each.edges
                heard = listed.source[np.isin(listed.target, list(seen.get(at, ())))].tolist()
                seen.setdefault(each.source, set()).update(heard)
        row, column = np.divmod(np.array(sorted(seen[0])) % area, columns)
        own = (column.min(), row.min(), np.ptp(column) + 1, np.ptp(row) + 1)
        whole = own[2:] == (columns, area // columns)
        assert receptive_box(record, layer, unit) == (None if whole else own)


def test_layers_have_their_modules_names_and_branches_letters():
    _, _, record = kept("Fire")
    assert unit_layer_titles(record) == ("input", "squeeze", "left", "right", "last", "classes")
    titles = [layer_title(record, index) for index in range(len(record.places))]
    assert titles[3:] == ["last a · conv 2×2, 5→3, from left", "last b · conv 2×2, 5→3, from right"]
    _, _, record = kept("Transposed")
    assert layer_title(record, 0) == "up · transposed conv 3×3, 2→4"
    assert weight_index(record, "up.weight", 9 * 3) == "ch 1 → 3 at (0, 0)"
    _, _, record = kept("Sequence")
    assert feature_maps.drawn_shapes(record)[1] == (3, 1, 7)
    assert all(feature_maps.grouped_layers(record)[:6])


@pytest.mark.parametrize("name", ["Fire", "Twice", "Transposed"])
def test_tables_count_each_weight_once(name):
    result, arrays, record = kept(name)
    ranks = np.arange(record.total)
    table = layer_table(record, ranks, 5)
    assert table["weights"].sum() == record.total
    assert table["kept"].sum() == record.total - 5
    assert table["edges"].sum() == result.graph.number_of_edges
    edges = edge_table(record, arrays, ranks, 0)
    assert len(edges) == sum(len(np.unique(each.edges.parameter)) for each in result.graph.connections)


@pytest.mark.parametrize("name", [*WIRED, "Twice"])
def test_every_connection_has_a_title_of_its_own(name):
    _, _, record = kept(name)
    titles = [layer_title(record, index) for index in range(len(record.places))]
    assert len(set(titles)) == len(titles)


def test_copies_of_a_layers_input_are_counted():
    _, arrays, record = kept("Copied")
    titles = [layer_title(record, index) for index in range(3)]
    assert titles == [f"mix {'abc'[at]} · conv 2×2, 3→2, part {at + 1} of 3" for at in range(3)]
    about = NetworkState(record, arrays, CLASSES, np.arange(record.total), 0, None)
    assert ("of its layer", "part 2 of 3") in card(about, read_selection("slice-1-0-0"))["rows"]
    words = [kernel["words"] for kernel in card(about, read_selection("channel-1-0"))["kernels"]]
    assert len(set(words)) == len(words) == 3


def test_groups_have_no_kernels_between_them():
    _, arrays, record = kept("Inverted")
    index = record.parameters.index("deep.weight")
    about = NetworkState(record, arrays, CLASSES, np.arange(record.total), 0, None)
    assert card(about, read_selection(f"slice-{index}-1-1"))["kernel"] is not None
    assert card(about, read_selection(f"slice-{index}-1-0")) is None


@pytest.mark.parametrize("name", ["Copied", "Enlarged", "Wrapped", "Twice"])
def test_the_lens_is_laid_where_a_weight_has_its_least_curvature(name):
    _, _, record = kept(name)
    starts = parameter_offsets(record)
    for parameter, values in record.weights.items():
        for flat, kappa in enumerate(values.reshape(-1).tolist()):
            connection, source, target = representative_edge(
                record, read_selection(f"weight-{starts[parameter] + flat}")
            )
            edges = record.edges[connection]
            at = np.flatnonzero((edges.source == source) & (edges.target == target))
            own = at[edges.parameter[at] == flat]
            assert edges.curvature[own].tolist() == [pytest.approx(kappa)]


def test_a_kernel_in_parts_shows_its_own_weights_each_in_its_place():
    _, arrays, record = kept("Wrapped")
    about = NetworkState(record, arrays, CLASSES, np.arange(record.total), 0, None)
    parts = record.connections_of("mix.weight")
    assert len(parts) > 1
    for connection in parts:
        kernel = card(about, read_selection(f"slice-{connection}-1-0"))["kernel"]["cells"]
        own = {edge for edge in record.edges[connection].parameter.tolist() if edge // 3 == 2}
        found = {cell["parameter"] for cell in kernel if cell is not None}
        assert found == own
        assert all(kernel[at % 3]["parameter"] == at for at in own)


def test_a_layer_that_was_not_measured_is_called_so():
    _, arrays, record = kept("Copied")
    name = record.parameters[0]
    part = replace(record, weights={**record.weights, name: np.full_like(record.weights[name], np.nan)})
    about = NetworkState(part, arrays, CLASSES, np.arange(part.total), 0, None)
    assert ("least κ in", "not measured") in card(about, read_selection("unit-1-0"))["rows"]
    found = card(about, read_selection("slice-0-0-0"))
    assert found["note"] == "Not measured."
    assert not any(cell["is_measured"] for cell in found["kernel"]["cells"] if cell)
    for index in range(3):
        of = connection_grid(part, index)
        weights = part.weights[name]
        made = cells(
            _by_cell(part, index, of, weights),
            _by_cell(part, index, of, np.ones(weights.shape, bool)),
            groups=of.groups,
            columns=of.columns,
            sources=of.sources,
            measured=_by_cell(part, index, of, ~np.isnan(weights)),
            present=_by_cell(part, index, of, None),
        )
        assert made.is_unmeasured.any()
        assert not made.size.any()
        assert not made.kept.any()


def sampled(name):
    """The same network with a record of some of its channels alone."""
    net, first = wired_records.network(name)
    result = neural_curvature(net, first, keep_samples=True, channels=1, seed=4)
    arrays = {name: values.detach().numpy() for name, values in net.state_dict().items()}
    number = np.zeros(1, dtype=np.int64)
    facts = {"config": {"channels": 1, "seed": 4}, "key": "k"}
    return (
        result,
        arrays,
        from_result(result, arrays, number, number, take_pictures(net, result.graph, first), facts),
    )


@pytest.mark.parametrize("name", ["Fire", "Residual", "Inverted", "Copied"])
def test_channels_that_were_left_out_are_marked_and_have_no_lines(name):
    result, arrays, record = sampled(name)
    for layer in range(len(record.layer_shapes)):
        own = result.graph.kept_channels(layer)
        expected = [] if own is None else np.setdiff1d(np.arange(record.layer_shapes[layer][0]), own).tolist()
        assert np.flatnonzero(record.left_out(layer)).tolist() == expected
    for detail in ("channels", "units"):
        view = network_view(record, arrays, CLASSES, detail)
        assert view.left_out.any()
        assert not view.left_out[view.source].any()
        assert not view.left_out[view.target].any()
        header, found = unpack(pack(payload(view, {"up": np.arange(record.total)}), {}))
        assert header["unmeasured"] == record.total - record.measured > 0
        assert found["leftOut"].astype(bool).tolist() == view.left_out.tolist()
        for end in ("linkSource", "linkTarget"):
            assert not view.left_out[found.get(end, np.empty(0, int))].any()


def test_the_card_of_a_channel_shows_what_was_measured_of_it():
    _, arrays, record = sampled("Residual")
    about = NetworkState(record, arrays, CLASSES, np.arange(record.total), 0, None)
    drawn = int(np.flatnonzero(~record.left_out(2))[0])
    left_out = int(np.flatnonzero(record.left_out(2))[0])
    found = card(about, read_selection(f"channel-2-{left_out}"))
    assert found["kernels"] == []
    assert "not measured" in found["note"]
    found = card(about, read_selection(f"channel-2-{drawn}"))
    assert len(found["kernels"]) == 1
    assert found["note"] is None


def test_where_all_channels_take_part_none_is_marked():
    _, arrays, record = kept("Fire")
    assert network_view(record, arrays, CLASSES, "channels").left_out is None
    assert not record.left_out(1).any()
