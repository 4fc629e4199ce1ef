"""Where κ is known within intervals alone, no card, caption or table shows the middle of one as the exact value."""

from dataclasses import replace

import numpy as np
import pytest

from ncviz import tasks
from ncviz.scene.cards.card import NetworkState, card
from ncviz.scene.layered_network import network_view
from ncviz.scene.selection import read_selection
from ncviz.scene.wording import MIDDLES
from ncviz.tasks.curvature.intervals import Intervals, middle
from ncviz.text import interval_words
from ncviz.ui.explore.chart_figures import distribution_figure, free_layout_figure, matrix_figure
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.session.subject import Side, Subject
from tests.examples import shipped

NAME = "lenet-mnist-relu"


@pytest.fixture(scope="module")
def record():
    """A shipped curvature, known to within 0.3 but for every second weight."""
    exact = shipped.curvature(NAME)
    ends = {}
    for sign in (-1, 1):
        ends[sign] = {name: values.copy() for name, values in exact.weights.items()}
        for values in ends[sign].values():
            values.reshape(-1)[::2] += np.float32(0.3 * sign) * (values.reshape(-1)[::2] < 2)
    known = Intervals(ends[-1], ends[1])
    middles = {name: middle(known.lower[name], known.upper[name]) for name in exact.weights}
    return replace(exact, weights=middles, samples=None, intervals=known)


def rows_of(record, selection):
    network = tasks.open_network(NAME)
    ranks = np.arange(record.total)
    state = NetworkState(record, network.arrays, network.dataset_spec.classes, ranks, 0, None)
    return card(state, read_selection(selection))


def test_a_weight_has_its_interval_and_only_what_is_exact_says_how_far_mass_goes(record):
    name = record.parameters[0]
    flat = record.weights[name].reshape(-1)
    open_, exact = (next(at for at in range(start, flat.size, 2) if flat[at] < 0.9) for start in (0, 1))
    rows = dict(rows_of(record, f"weight-{open_}")["rows"])
    assert rows["κ"] == interval_words(*record.interval(name, open_))
    assert "…" in rows["κ"]
    assert "mass around it" not in rows
    rows = dict(rows_of(record, f"weight-{exact}")["rows"])
    assert "…" not in rows["κ"]
    assert "mass around it" in rows


def test_several_weights_have_a_number_of_negative_ones_that_is_as_certain_as_their_intervals(record):
    told = rows_of(record, "slice-0-0-0")
    rows = dict(told["rows"])
    name = record.parameters[0]
    inside = [cell["parameter"] for line in [told["kernel"]] for cell in line["cells"] if cell]
    low, high = (ends[name].reshape(-1)[inside] for ends in (record.intervals.upper, record.intervals.lower))
    counts = sorted({int((low < 0).sum()), int((high < 0).sum())})
    assert rows["negative"].startswith(" to ".join(map(str, counts)) + " of ")
    assert "least κ" not in rows
    assert "κ of least middle" in rows


def test_nodes_and_captions_name_middles(record):
    for selection in ("unit-3-0", "channel-1-0"):
        assert "least κ" not in str(rows_of(record, selection))
        assert "least middle of κ" in str(rows_of(record, selection))
    exact, network = shipped.curvature(NAME), tasks.open_network(NAME)
    assert "least κ" in str(rows_of(exact, "unit-3-0"))
    views = [network_view(each, network.arrays, network.dataset_spec.classes) for each in (exact, record)]
    assert [(view.has_ways, view.has_middles, view.note) for view in views] == [
        (True, False, ""),
        (False, True, MIDDLES),
    ]


@pytest.mark.parametrize("draw", [matrix_figure, distribution_figure])
def test_a_picture_that_is_taken_away_says_how_certain_it_is(record, draw):
    network = tasks.open_network(NAME)
    for of in (record, shipped.curvature(NAME)):
        subject = Subject(network, of, shipped.sweep(NAME), Side("explore", ViewState(model=NAME)))
        told = str(draw(subject, "light").layout.to_plotly_json())
        assert ("certified intervals" in told.replace("<br>", " ")) == (of is record)


def test_the_free_layout_says_so_too(record):
    subject = Subject(
        tasks.open_network(NAME), record, shipped.sweep(NAME), Side("explore", ViewState(model=NAME))
    )
    assert "certified intervals" in free_layout_figure(subject, "light", most=100).page
