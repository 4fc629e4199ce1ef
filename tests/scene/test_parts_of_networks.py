"""What a result of some layers or channels alone leaves out looks and reads so in every figure and table."""

import numpy as np
import pytest

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.scene.tables import edge_table, layer_table
from ncviz.store import Store
from ncviz.ui.edge.picker import _first_choice, strongest_edges
from ncviz.ui.explore.chart_figures import distribution_figure, matrix_figure
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.session.subject import Side, Subject
from tests.examples.contexts import here

NAME = "mlp-digits-relu"
LAYERS = {"layers": 1}
CHANNELS = {"channels": 8}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    network = tasks.open_network(NAME)
    store = Store(str(tmp_path_factory.mktemp("cache")))
    found = {}
    for name, parts in (("layers", LAYERS), ("channels", CHANNELS)):
        own = {**parts, **({"layers": tuple(tasks.shapes_of(network))[1:2]} if "layers" in parts else {})}
        record = here(store).run(tasks.Curvature(network, CurvatureConfig(**own))).result
        sweep = here(store).run(tasks.Sweep(network, record.config)).result
        found[name] = Subject(network, record, sweep, Side("explore", ViewState()))
    return found


def words_of(figure):
    return " ".join(note.text for note in figure.layout.annotations).replace("<br>", " ")


def draw(make, subject, **more):
    return make(subject.showing(ViewState(model=NAME, removed=0.0, **more)), "light")


def test_a_matrix_of_some_layers_says_which_were_not_measured(made):
    subject = made["layers"]
    words = words_of(draw(matrix_figure, subject))
    measured, layers = subject.record.measured, len(subject.record.places)
    assert f"showing {measured:,} of {measured:,} measured weights." in words
    assert f"Measured: {measured:,} of {subject.record.total:,} weights." in words
    assert "Grey: not measured." in words
    assert words.split().count("measured") - 1 >= layers - 1


def test_a_matrix_of_some_channels_has_grey_between_them(made):
    figure = draw(matrix_figure, made["channels"])
    grey = [trace for trace in figure.data if "not measured" in trace.hovertemplate]
    assert len(grey) == len(made["channels"].record.places)
    for trace, own in zip(grey, (each for each in figure.data if "κ = " in each.hovertemplate), strict=True):
        assert np.isnan(own.z[~np.isnan(trace.z)]).all()


def test_a_distribution_leaves_out_layers_that_were_not_measured_and_counts_them(made):
    subject = made["layers"]
    count = len(subject.record.places)
    figure = draw(distribution_figure, subject)
    assert f"{count - 1} of {count} layers were not measured." in words_of(figure)
    assert len(list(figure.select_yaxes())) == 1
    alone = draw(distribution_figure, subject, layer="0")
    assert "not measured" in words_of(alone)
    assert not alone.layout.yaxis.showticklabels


def test_tables_count_what_was_measured(made):
    for subject in made.values():
        table = layer_table(subject.record, np.arange(subject.record.total), 0)
        assert table["measured"].sum() == subject.record.measured
        empty = table["measured"] == 0
        assert table.loc[empty, ["bottlenecks", "never active", "most negative κ"]].isna().all(axis=None)
        edges = edge_table(subject.record, subject.network.arrays, np.arange(subject.record.total), 0)
        assert len(edges) == subject.record.measured
        assert np.array_equal(edges["curvature"].isna(), edges["never_active"])


def test_the_edge_page_begins_with_a_layer_that_was_measured(made):
    record = made["layers"].record
    assert _first_choice(record) == 1
    assert strongest_edges(record, 0, "low", ()).empty
    assert _first_choice(made["channels"].record) == 1
