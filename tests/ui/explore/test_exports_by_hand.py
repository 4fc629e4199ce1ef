"""Everything that leaves the page says what was done by hand, and has the weights that are left."""

import base64
import io
import re
from dataclasses import replace
from html import unescape

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from pyarrow.parquet import read_schema

from ncviz.plots.network.payload import unpack
from ncviz.scene.cards.card import card
from ncviz.scene.free_figure import flat_curvature
from ncviz.scene.selection import Unit, Weight
from ncviz.scene.tables import edge_table, layer_table, parameter_offsets
from ncviz.spreadsheet import table_csv
from ncviz.ui.explore import export_files
from ncviz.ui.explore.canvas import state_of
from ncviz.ui.explore.chart_figures import distribution_figure, free_layout_figure, matrix_figure
from ncviz.ui.explore.live_curves import offline_panel, told_by_hand
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.server.fine_curves import FineCurve
from ncviz.ui.session.subject import Side, Subject
from tests.examples import shipped


@pytest.fixture(params=["mlp-digits-relu", "lenet-mnist-relu"])
def by_hand(request):
    """A network half pruned, its strongest bottleneck doubled, the next cut, what goes first kept, one made nothing."""
    of, record = shipped.network(request.param), shipped.curvature(request.param)
    order = np.argsort(flat_curvature(record.weights), kind="stable")
    doubled, cut, nothing, kept = (int(order[at]) for at in (0, 1, 2, -1))
    hand = f"x2:weight-{doubled},cut:weight-{cut},x0:weight-{nothing},hold:weight-{kept}"
    view = ViewState(model=request.param, removed=0.5, hand=hand, hand_name="mine", detail="units", edges=200)
    subject = Subject(of, record, shipped.sweep(request.param), Side("explore", view))
    return subject, doubled, cut, nothing, kept


def whole_weights(subject):
    """All weights as the network has them, by their place in the flat list."""
    record, starts = subject.record, parameter_offsets(subject.record)
    found = np.empty(record.total, np.float32)
    for connection, name in enumerate(record.parameters):
        own = record.folded(connection, subject.network.arrays)
        found[starts[name] : starts[name] + own.size] = own
    return found


def test_tables_hold_the_weights_that_are_left(by_hand):
    subject, doubled, cut, nothing, kept = by_hand
    record, whole = subject.record, whole_weights(subject)
    table = edge_table(
        record, subject.network.arrays, subject.ranks, subject.removed, subject.drawn, subject.mask
    )
    starts = parameter_offsets(record)
    own = table["parameter"] + np.array([starts[name] for name in record.parameters])[table["connection"]]
    expected = whole.copy()
    expected[doubled] *= 2
    expected[nothing] = 0
    np.testing.assert_array_equal(table["weight"], expected[own])
    rows = table.set_index(own)
    assert (rows["factor"][doubled], rows["factor"][nothing], rows["factor"][kept]) == (2, 0, 1)
    assert (rows["by_hand"][cut], rows["by_hand"][kept], rows["by_hand"][doubled]) == ("cut", "kept", "")
    assert (rows["kept"][cut], rows["kept"][kept], rows["kept"][doubled]) == (False, True, True)
    read = pd.read_csv(io.BytesIO(table_csv(table)), keep_default_na=False)
    assert set(read["by_hand"]) == {"", "cut", "kept"}
    packed = io.BytesIO(export_files.parquet(table, told_by_hand(subject)))
    assert read_schema(packed).metadata[b"by_hand"].decode() == told_by_hand(subject)
    pd.testing.assert_frame_equal(pd.read_parquet(packed), table)
    layers = layer_table(record, subject.ranks, subject.removed, subject.mask)
    assert [layers[f"{what} by hand"].sum() for what in ("cut", "kept", "scaled")] == [1, 1, 2]
    bare = edge_table(record, subject.network.arrays, subject.ranks, subject.removed)
    assert not {"factor", "by_hand"} & set(bare.columns)


@pytest.mark.parametrize("detail", ["units", "channels"])
def test_the_graph_has_the_weights_that_are_left_and_says_what_was_done(by_hand, detail):
    subject, doubled, *_ = by_hand
    subject = subject.showing(replace(subject.view, detail=detail, edges=400))
    whole = whole_weights(subject)
    graph = nx.parse_graphml(export_files.graph_file(subject).decode())
    told = graph.graph["by_hand"]
    assert told.startswith("“mine”, 1 cut, 1 kept, 2 scaled by hand: × 2 weight ")
    assert told == told_by_hand(subject)
    assert told.count("; ") == 3
    facts = [facts for _, _, facts in graph.edges(data=True) if "weight" in facts]
    assert 2 * whole[doubled] in np.float32([each["weight"] for each in facts if each.get("factor") == 2])
    flat = flat_curvature(subject.record.weights)
    for each in facts[::9]:
        # Each line has the weight whose κ it shows, of those that are left.
        alike = np.flatnonzero(
            (flat == np.float32(each.get("curvature", 2.0))) & (subject.ranks >= subject.removed)
        )
        assert np.float32(each["weight"]) in (whole * subject.factor)[alike]
        assert ("length" in each) == (each["weight"] != 0)


@pytest.mark.slow
def test_pictures_and_the_file_without_a_server_say_it_too(by_hand):
    subject, doubled, cut, nothing, kept = by_hand
    for make in (matrix_figure, distribution_figure):
        assert told_by_hand(subject) in make(subject, "light").layout.meta
    assert told_by_hand(subject) in unescape(free_layout_figure(subject, "light").page)
    assert offline_panel(subject, "c")["told"] == told_by_hand(subject)
    fine = FineCurve(np.array([1, subject.total // 2, subject.total]))
    fine.accuracy[:], fine.known, fine.images = (0.9, 0.7, 0.1), 3, 360
    page = export_files.offline_page(subject, fine=fine).decode()
    assert '"curvature/redundant": {"removed": [1, ' in page
    panel = offline_panel(subject, "c", fine)
    assert panel["sweeps"].keys() == {subject.order}
    assert panel["steps"][subject.order]["images"] == 360
    assert f"<dt>By hand</dt><dd>{told_by_hand(subject)}</dd>" in unescape(page)
    packed = re.search(r'id="payload"[^>]*>([^<]+)<', page) or re.search(
        r'data-part="payload"[^>]*>([^<]+)<', page
    )
    _, arrays = unpack(base64.b64decode(packed.group(1)))
    lines = {int(parameter): at for at, parameter in enumerate(arrays["parameter"])}
    assert arrays["factor"][lines[doubled]] == 2
    assert arrays["factor"][lines[nothing]] == 0
    assert (arrays["mark"][lines[cut]], arrays["mark"][lines[kept]]) == (1, 2)
    assert [int(arrays["byHand"][lines[at]]) for at in (cut, kept, doubled)] == [1, 2, 0]
    # The weights there are those of the whole network, which lines that carry the flow need too.
    assert arrays["weight"][lines[doubled]] == whole_weights(subject)[doubled]


def test_the_card_of_a_weight_tells_it_as_it_is_now(by_hand):
    subject, doubled, cut, _, kept = by_hand
    whole = whole_weights(subject)
    rows = {at: dict(card(state_of(subject), Weight(at))["rows"]) for at in (doubled, cut, kept)}
    assert rows[doubled]["weight"].endswith(" (× 2 by hand)")
    number = float(rows[doubled]["weight"].split(" ")[0].replace("−", "-"))
    assert number == pytest.approx(2 * whole[doubled], abs=0.006)
    assert (rows[doubled]["now"], rows[cut]["now"], rows[kept]["now"]) == (
        "kept",
        "cut by hand",
        "kept by hand",
    )


def test_the_card_of_a_unit_counts_what_was_done_to_its_weights(by_hand):
    subject, *_ = by_hand
    subject = subject.showing(replace(subject.view, hand="x2:unit-1-3,cut:weight-0"))
    done = subject.mask
    own = np.flatnonzero(done.factor == 2)
    rows = dict(card(state_of(subject), Unit(1, 3))["rows"])
    cut = ["1 cut"] if 0 in own else []
    assert rows["by hand"] == ", ".join([*cut, f"{len(own):,} scaled"])
    whole = dict(card(replace(state_of(subject), mask=None), Unit(1, 3))["rows"])
    assert "by hand" not in whole


def test_of_many_steps_a_caption_tells_the_last(by_hand):
    subject, *_ = by_hand
    told = told_by_hand(subject, 2)
    assert "scaled by hand: 2 earlier steps; × 0 weight" in told
    assert told_by_hand(subject.showing(replace(subject.view, hand=""))) == ""
