import pytest
from streamlit.testing.v1 import AppTest


def page():
    from dataclasses import replace

    import streamlit as st

    from ncviz.ui.explore import charts, export_files, exports
    from ncviz.ui.session import session
    from ncviz.ui.session.results import current_results
    from ncviz.ui.session.subject import Subject, first_side

    session.begin()
    network = session.network()
    subject = Subject(network, *current_results(network), first_side())
    view = subject.view
    draw = {
        "matrix": charts.draw_matrix,
        "distribution": charts.draw_distribution,
        "free": charts.draw_free_layout,
    }.get(view.show)
    if draw is not None:
        draw(subject)
    exports.draw_downloads(subject)
    session.latest().view = replace(view, removed=0.25)
    st.text(len(export_files.graph_file(subject.now())))


@pytest.fixture
def app(from_here):

    def run(*, model="mlp-digits-relu", **query):
        made = AppTest.from_function(page, default_timeout=60)
        for name, value in {"model": model, **query}.items():
            made.query_params[name] = value
        made.run()
        assert not made.exception
        return made

    return run


def labels(app):
    return [element.proto.label for element in app.get("download_button")]


def test_everything_can_be_taken_away(app):
    found = labels(app())
    assert found == [
        "Interactive page (HTML)",
        "Pruned checkpoint",
        "Weights (CSV)",
        "Weights (Parquet)",
        "Graph (GraphML)",
    ]


@pytest.mark.parametrize(("show", "title"), [("matrix", "Matrix"), ("distribution", "Distribution")])
@pytest.mark.parametrize("model", ["mlp-digits-relu", "lenet-mnist-relu"])
def test_charts_are_drawn_with_words_for_a_screen_reader(app, show, title, model):
    made = app(show=show, model=model, removed="0.5", selected="unit-1-3")
    (chart,) = made.get("plotly_chart")
    assert "showing " in chart.proto.alt
    assert "50.0% removed, redundant first" in chart.proto.alt
    assert '"format": "png"' in chart.proto.config
    assert '"displayModeBar": true' in chart.proto.config
    assert labels(made)[-1] == f"{title} (HTML)"


def test_the_free_layout_names_its_parts(app):
    made = app(show="free", removed="0.5")
    table = made.dataframe[0].value
    assert table["part"].iloc[0] == "A"
    assert list(table.columns) == ["part", "lowest κ", "units", "narrowest at"]
    assert labels(made)[-1] == "Free layout (HTML)"


@pytest.mark.parametrize("show", ["matrix", "distribution", "free"])
def test_a_network_of_which_nothing_is_left_says_so(app, show):
    made = app(show=show, removed="1", order="bottlenecks")
    if show == "free":
        assert made.info[0].value.startswith("No edge is left")
    else:
        assert "showing 0 of 2,720 weights" in made.get("plotly_chart")[0].proto.alt


def test_one_layer_alone(app):
    made = app(show="matrix", layer="1", model="lenet-mnist-relu")
    assert "of 3,456 weights, of 45,312 in the whole network" in made.get("plotly_chart")[0].proto.alt
