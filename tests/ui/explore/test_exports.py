import io
from dataclasses import replace

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from ncviz.plots.figure_frame import PAPER
from ncviz.plots.network.lines import drawn_edges
from ncviz.scene.free_figure import flat_curvature, kept_lines, strongest_graph
from ncviz.scene.layered_network import network_view
from ncviz.scene.names import layer_title
from ncviz.scene.selected_lines import selected_nodes
from ncviz.scene.selection import read_selection
from ncviz.scene.tables import edge_table
from ncviz.spreadsheet import table_csv
from ncviz.ui.explore import export_files
from ncviz.ui.explore.chart_figures import (
    distribution_figure,
    free_layout_figure,
    matrix_figure,
    nodes_and_edges,
)
from ncviz.ui.explore.live_curves import threshold
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.session.subject import Side, Subject
from tests.examples import shipped


@pytest.fixture(params=["mlp-digits-relu", "lenet-mnist-relu"])
def subject(request):
    side = Side("explore", ViewState(model=request.param))
    return Subject(
        shipped.network(request.param), shipped.curvature(request.param), shipped.sweep(request.param), side
    )


def seen(subject, flow_of=None, **values):
    """The network with this seen of it, and its curvature over some images drawn."""
    flow = None if flow_of is None else subject.record.of(flow_of)
    return replace(subject.showing(replace(subject.view, **values)), flow=flow)


def test_parquet_and_csv_hold_the_same_table(subject):
    subject = seen(subject, removed=0.4)
    table = edge_table(subject.record, subject.network.arrays, subject.ranks, subject.removed)
    from_parquet = pd.read_parquet(io.BytesIO(export_files.parquet(table)))
    from_csv = pd.read_csv(io.BytesIO(table_csv(table)))
    pd.testing.assert_frame_equal(from_parquet, table)
    pd.testing.assert_frame_equal(from_csv, table, check_dtype=False, rtol=1e-6)
    assert int((~from_parquet["kept"]).sum()) == round(0.4 * subject.total)


@pytest.mark.parametrize("detail", ["units", "channels", "positions"])
def test_graphml_loads_in_networkx_with_the_drawn_edges_that_are_kept(subject, detail):
    subject = seen(subject, removed=0.5, edges=200, detail=detail)
    graph = nx.parse_graphml(export_files.graph_file(subject).decode())
    assert isinstance(graph, nx.DiGraph)
    assert 0 < graph.number_of_edges() <= 200
    flat = flat_curvature(subject.record.weights)
    highest = flat[subject.ranks >= subject.removed].max()
    kappa = [value for _, _, value in graph.edges(data="curvature")]
    assert max(kappa) <= highest + 1e-6
    assert min(kappa) == pytest.approx(float(flat.min()), abs=1e-5)
    assert {"layer", "unit", "label"} <= set(next(iter(graph.nodes(data=True)))[1])


@pytest.mark.slow
def test_graphml_holds_what_is_drawn_and_says_that_it_is_a_cut(subject):
    whole = seen(subject, detail="positions", edges=200000)
    graph = nx.parse_graphml(export_files.graph_file(whole).decode())
    assert graph.number_of_edges() == subject.record.meta["edges"]
    subject = seen(subject, [3], detail="units", edges=500, removed=0.5, flow="image-3", layer="1")
    graph = nx.parse_graphml(export_files.graph_file(subject).decode())
    about = graph.graph
    assert about["network"] == subject.network.title
    assert about["flow"].startswith("κ over image 3, class ")
    assert about["order"] == "redundant first"
    assert about["removed"] == f"{subject.total // 2:,} of {subject.total:,} weights"
    total = subject.record.weights[subject.record.parameters[1]].size
    assert about["showing"].startswith(
        f"showing {graph.number_of_edges():,} of {total:,} lines of layer {layer_title(subject.record, 1)}:"
    )
    drawn = network_view(subject.drawn, subject.network.arrays, (), "units")
    lines = drawn_edges(drawn, 500, 1)
    lines = lines[subject.ranks[drawn.parameter[lines]] >= subject.removed]
    assert {(int(a), int(b)) for a, b in graph.edges} == set(
        zip(drawn.source[lines].tolist(), drawn.target[lines].tolist(), strict=True)
    )


@pytest.mark.parametrize(
    ("flow", "samples", "words"),
    [
        ("all", None, "κ over all 10 images;"),
        ("image-3", [3], "κ over image 3, class "),
        ("image-99", None, "κ over all 10 images;"),
    ],
)
def test_the_offline_page_names_the_images_that_are_drawn(subject, flow, samples, words):
    subject = seen(subject, samples, flow=flow)
    page = export_files.offline_page(subject).decode()
    assert f"<dd>{words}" in page
    figure = distribution_figure(subject, "light")
    assert ("κ over image 3" in figure.layout.meta) == (samples is not None)
    assert ("was chosen by" in figure.layout.meta) == (samples is not None)


@pytest.mark.parametrize("show", ["matrix", "distribution"])
def test_a_figure_stands_on_a_page_of_its_own_colour(subject, show):
    for theme in ("light", "dark"):
        page = export_files.picture_page(seen(subject, show=show), theme).decode()
        assert f"html{{background:{PAPER[theme]};color-scheme:{theme}}}" in page[:1000]
        assert f'"paper_bgcolor":"{PAPER[theme]}"' in page


def test_an_edge_goes_when_its_rank_says(subject):
    ranks = subject.ranks
    drawn = nodes_and_edges(seen(subject, detail="channels"))
    flat = flat_curvature(subject.record.weights)
    graph, _ = strongest_graph(drawn, flat, ranks, 0, None, 200)
    for removed in (subject.total // 3, subject.total - 40):
        kept = kept_lines(drawn, flat, ranks, removed).is_kept
        lines = zip(drawn.source.tolist(), drawn.target.tolist(), kept.tolist(), strict=True)
        left = {(source, target) for source, target, is_kept in lines if is_kept}
        for source, target, rank in graph.edges(data="rank"):
            assert (rank >= removed) == ((source, target) in left)


def test_nothing_left_is_an_empty_graph(subject):
    graph = nx.parse_graphml(export_files.graph_file(seen(subject, removed=1.0)).decode())
    assert graph.number_of_edges() == 0


def test_a_slice_shows_the_least_curvature_that_is_kept(subject):
    drawn = nodes_and_edges(seen(subject, detail="channels"))
    flat = flat_curvature(subject.record.weights)
    step = seen(subject, order="bottlenecks", removed=0.3)
    ranks, removed = step.ranks, step.removed
    found = kept_lines(drawn, flat, ranks, removed)
    kappa, kept = found.curvature, found.is_kept
    members = drawn.members
    for line in np.linspace(0, drawn.edge_count - 1, 40).astype(int):
        own = (
            drawn.parameter[line : line + 1]
            if members is None
            else members.parameter[members.start[line] : members.start[line + 1]]
        )
        left = own[ranks[own] >= removed]
        assert kept[line] == bool(left.size)
        if left.size:
            assert kappa[line] == flat[left].min()
            assert found.parameter[line] == left[flat[left].argmin()]


def test_a_selected_unit_is_its_feature_map_where_that_is_one_node(subject):
    if len(subject.record.layer_shapes[1]) < 3:
        pytest.skip("no feature maps")
    units = nodes_and_edges(seen(subject, detail="units"))
    channels = nodes_and_edges(seen(subject, detail="channels"))
    assert selected_nodes(subject.record, units, read_selection("unit-1-145")) == {784 + 145}
    (node,) = selected_nodes(subject.record, channels, read_selection("unit-1-145"))
    assert node == channels.layer_offsets[1] + 1
    assert selected_nodes(subject.record, channels, read_selection("channel-1-1")) == {node}


def test_the_free_layout_draws_what_it_says(subject):
    subject = seen(subject, selected="unit-2-3")
    everything = free_layout_figure(subject, "light")
    only = free_layout_figure(subject, "light", is_bottlenecks_only=True)
    assert everything.edges == 300
    assert only.edges == sum(part.bottlenecks for part in only.components)
    assert f"showing {only.edges:,} of" in only.page
    assert [part.description for part in only.components] == [
        part.description for part in everything.components
    ]
    none = free_layout_figure(subject.at("curvature/bottlenecks", subject.total), "dark")
    assert (none.edges, none.components) == (0, [])


@pytest.mark.parametrize("make", [matrix_figure, distribution_figure])
def test_figures_say_how_much_they_show(subject, make):
    removed = subject.total // 3
    figure = make(subject.at("curvature/redundant", removed), "dark")
    assert f"showing {subject.total - removed:,} of {subject.total:,} weights." in figure.layout.meta
    one = make(seen(subject, layer="1").at("random/redundant", 0), "light")
    assert f"of {subject.total:,} in the whole network" in one.layout.meta
    assert "nothing removed" in one.layout.meta


def test_there_is_one_threshold_only_where_all_weights_compete_by_this_curvature(subject):
    removed = subject.total // 2
    subject = subject.at("curvature/redundant", removed)
    value = threshold(subject)
    flat = flat_curvature(subject.record.weights)
    assert (flat > value).sum() <= removed < (flat >= value).sum()
    for other in (seen(subject, scope="layer"), subject.at("magnitude/redundant")):
        assert threshold(other) is None
    figure = distribution_figure(seen(subject, [1], flow="image-1"), "light")
    whole = distribution_figure(subject, "light")
    assert len(figure.layout.shapes) < len(whole.layout.shapes)


@pytest.mark.parametrize("show", ["matrix", "distribution", "free"])
def test_the_picture_in_view_is_a_page_that_asks_for_nothing(subject, show):
    page = export_files.picture_page(seen(subject, show=show), "light").decode()
    assert "showing " in page
    assert "<script src" not in page
    assert "<link" not in page


def test_the_offline_page_is_small_and_tells_what_it_is(subject):
    page = export_files.offline_page(seen(subject, removed=0.2))
    assert len(page) < 2_000_000
    text = page.decode()
    assert subject.network.title in text
    assert f"{subject.sweep.images:,} images" in text
    assert "idleness α = 0.9" in text
