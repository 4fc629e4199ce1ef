import io

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.plots.figure_frame import PAPER
from ncviz.plots.network.lines import drawn_edges
from ncviz.scene.free_figure import flat_curvature, kept_lines, selected_nodes, strongest_graph
from ncviz.scene.layered_network import network_view
from ncviz.scene.tables import csv, edge_table
from ncviz.ui.explore import export_files
from ncviz.ui.explore.chart_figures import cut, distribution_figure, matrix_figure
from ncviz.ui.explore.charts import drawn_network, free_picture
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.session.subject import Shown


@pytest.fixture(scope="module", params=["mlp-digits-relu", "lenet-mnist-relu"])
def shown(request):
    store, network = tasks.open_store("memory://exports"), tasks.open_network(request.param)
    record = tasks.stored_curvature(store, network, CurvatureConfig())
    return Shown(network, record, tasks.stored_sweep(store, network, CurvatureConfig(), "global"))


def view_of(shown, **values):
    return ViewState(model=shown.network.name, **values)


def test_parquet_and_csv_hold_the_same_table(shown):
    ranks, removed = export_files.step(shown, view_of(shown, removed=0.4))
    table = edge_table(shown.record, shown.network.arrays, ranks, removed)
    from_parquet = pd.read_parquet(io.BytesIO(export_files.parquet(table)))
    from_csv = pd.read_csv(io.BytesIO(csv(table)))
    pd.testing.assert_frame_equal(from_parquet, table)
    pd.testing.assert_frame_equal(from_csv, table, check_dtype=False, rtol=1e-6)
    assert int((~from_parquet["kept"]).sum()) == round(0.4 * shown.total)


@pytest.mark.parametrize("detail", ["units", "channels", "positions"])
def test_graphml_loads_in_networkx_with_the_drawn_edges_that_are_kept(shown, detail):
    view = view_of(shown, removed=0.5, edges=200, detail=detail)
    graph = nx.parse_graphml(export_files.graph_file(shown, view, shown.record).decode())
    assert isinstance(graph, nx.DiGraph)
    assert 0 < graph.number_of_edges() <= 200
    ranks, removed = export_files.step(shown, view)
    flat = flat_curvature(shown.record.weights)
    highest = flat[ranks >= removed].max()
    kappa = [value for _, _, value in graph.edges(data="curvature")]
    assert max(kappa) <= highest + 1e-6
    assert min(kappa) == pytest.approx(float(flat.min()), abs=1e-5)
    assert {"layer", "unit", "label"} <= set(next(iter(graph.nodes(data=True)))[1])


def test_graphml_holds_what_is_drawn_and_says_that_it_is_a_cut(shown):
    view = view_of(shown, detail="positions", edges=200000)
    graph = nx.parse_graphml(export_files.graph_file(shown, view, shown.record).decode())
    assert graph.number_of_edges() == shown.record.meta["edges"]
    view = view_of(shown, detail="units", edges=500, removed=0.5, flow="image-3", layer=1)
    one = shown.record.of([3])
    graph = nx.parse_graphml(export_files.graph_file(shown, view, one).decode())
    about = graph.graph
    assert about["network"] == shown.network.title
    assert about["flow"].startswith("κ over image 4, class ")
    assert about["order"] == "redundant first"
    assert about["removed"] == f"{shown.total // 2:,} of {shown.total:,} weights"
    total = shown.record.weights[shown.record.parameters[1]].size
    assert about["showing"].startswith(f"showing {graph.number_of_edges():,} of {total:,} lines of layer 2")
    drawn = network_view(one, shown.network.arrays, (), "units")
    ranks, removed = export_files.step(shown, view)
    lines = drawn_edges(drawn, 500, 1)
    lines = lines[ranks[drawn.parameter[lines]] >= removed]
    assert {(int(a), int(b)) for a, b in graph.edges} == set(
        zip(drawn.source[lines].tolist(), drawn.target[lines].tolist(), strict=True)
    )


@pytest.mark.parametrize(
    ("flow", "samples", "words"),
    [
        ("all", None, "κ over all 10 images;"),
        ("image-3", [3], "κ over image 4, class "),
        ("image-99", None, "κ over all 10 images;"),
    ],
)
def test_the_offline_page_names_the_images_that_are_drawn(shown, flow, samples, words):
    drawn = shown.record if samples is None else shown.record.of(samples)
    page = export_files.offline_page(shown, view_of(shown, flow=flow), drawn).decode()
    assert f"<dd>{words}" in page
    figure = distribution_figure(
        shown, view_of(shown, flow=flow), drawn.weights, "curvature/redundant", 0, "light"
    )
    assert ("κ over image 4" in figure.layout.meta) == (samples is not None)
    assert ("was chosen by" in figure.layout.meta) == (samples is not None)


@pytest.mark.parametrize("show", ["matrix", "distribution"])
def test_a_figure_stands_on_a_page_of_its_own_colour(shown, show):
    for theme in ("light", "dark"):
        page = export_files.picture_page(
            shown, view_of(shown, show=show), shown.record.weights, theme
        ).decode()
        assert f"html{{background:{PAPER[theme]};color-scheme:{theme}}}" in page[:1000]
        assert f'"paper_bgcolor":"{PAPER[theme]}"' in page


def test_an_edge_goes_when_its_rank_says(shown):
    ranks, _ = export_files.step(shown, view_of(shown))
    drawn = drawn_network(shown, view_of(shown, detail="channels"))
    flat = flat_curvature(shown.record.weights)
    graph, _ = strongest_graph(drawn, flat, ranks, 0, None, 200)
    for removed in (shown.total // 3, shown.total - 40):
        _, kept = kept_lines(drawn, flat, ranks, removed)
        lines = zip(drawn.source.tolist(), drawn.target.tolist(), kept.tolist(), strict=True)
        left = {(source, target) for source, target, is_kept in lines if is_kept}
        for source, target, rank in graph.edges(data="rank"):
            assert (rank >= removed) == ((source, target) in left)


def test_nothing_left_is_an_empty_graph(shown):
    view = view_of(shown, removed=1.0)
    graph = nx.parse_graphml(export_files.graph_file(shown, view, shown.record).decode())
    assert graph.number_of_edges() == 0


def test_a_slice_shows_the_least_curvature_that_is_kept(shown):
    drawn = drawn_network(shown, view_of(shown, detail="channels"))
    flat = flat_curvature(shown.record.weights)
    ranks, removed = export_files.step(shown, view_of(shown, order="bottlenecks", removed=0.3))
    kappa, kept = kept_lines(drawn, flat, ranks, removed)
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


def test_a_selected_unit_is_its_feature_map_where_that_is_one_node(shown):
    if len(shown.record.layer_shapes[1]) < 3:
        pytest.skip("no feature maps")
    units = drawn_network(shown, view_of(shown, detail="units"))
    channels = drawn_network(shown, view_of(shown, detail="channels"))
    assert selected_nodes(shown.record, units, "unit-1-145") == {784 + 145}
    (node,) = selected_nodes(shown.record, channels, "unit-1-145")
    assert node == channels.layer_offsets[1] + 1
    assert selected_nodes(shown.record, channels, "channel-1-1") == {node}


def test_the_free_layout_draws_what_it_says(shown):
    view, kappa = view_of(shown, selected="unit-2-3"), shown.record.weights
    everything = free_picture(shown, view, kappa, "curvature/redundant", 0, "light")
    only = free_picture(shown, view, kappa, "curvature/redundant", 0, "light", is_bottlenecks_only=True)
    assert everything.edges == 300
    assert only.edges == sum(part.bottlenecks for part in only.components)
    assert f"showing {only.edges:,} of" in only.page
    assert [part.description for part in only.components] == [
        part.description for part in everything.components
    ]
    none = free_picture(shown, view, kappa, "curvature/bottlenecks", shown.total, "dark")
    assert (none.edges, none.components) == (0, [])


@pytest.mark.parametrize("make", [matrix_figure, distribution_figure])
def test_figures_say_how_much_they_show(shown, make):
    removed = shown.total // 3
    figure = make(shown, view_of(shown), shown.record.weights, "curvature/redundant", removed, "dark")
    assert f"showing {shown.total - removed:,} of {shown.total:,} weights." in figure.layout.meta
    one = make(shown, view_of(shown, layer=1), shown.record.weights, "random/redundant", 0, "light")
    assert f"of {shown.total:,} in the whole network" in one.layout.meta
    assert "nothing removed" in one.layout.meta


def test_there_is_one_threshold_only_where_all_weights_compete_by_this_curvature(shown):
    removed = shown.total // 2
    value = cut(shown, view_of(shown), "curvature/redundant", removed)
    flat = flat_curvature(shown.record.weights)
    assert (flat > value).sum() <= removed < (flat >= value).sum()
    for view, order in [
        (view_of(shown, scope="layer"), "curvature/redundant"),
        (view_of(shown), "magnitude/redundant"),
    ]:
        assert cut(shown, view, order, removed) is None
    one = shown.record.of([1]).weights
    figure = distribution_figure(
        shown, view_of(shown, flow="image-1"), one, "curvature/redundant", removed, "light"
    )
    whole = distribution_figure(
        shown, view_of(shown), shown.record.weights, "curvature/redundant", removed, "light"
    )
    assert len(figure.layout.shapes) < len(whole.layout.shapes)


@pytest.mark.parametrize("show", ["matrix", "distribution", "free"])
def test_the_picture_in_view_is_a_page_that_asks_for_nothing(shown, show):
    page = export_files.picture_page(shown, view_of(shown, show=show), shown.record.weights, "light").decode()
    assert "showing " in page
    assert "<script src" not in page
    assert "<link" not in page


def test_the_offline_page_is_small_and_tells_what_it_is(shown):
    page = export_files.offline_page(
        shown, view_of(shown, removed=0.2), shown.record, shown.record.pictures.mean
    )
    assert len(page) < 2_000_000
    text = page.decode()
    assert shown.network.title in text
    assert f"{shown.sweep.images:,} images" in text
    assert "idleness α = 0.9" in text
