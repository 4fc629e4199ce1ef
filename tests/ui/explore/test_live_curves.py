import json
from types import SimpleNamespace

import numpy as np
import pytest

from ncviz import tasks
from ncviz.tasks import SweepRecord
from ncviz.ui.components.live.data import Band, NeverActive
from ncviz.ui.explore.live_curves import PANEL_ORDERS, curves, never_active, offline_panel, thresholds
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.server import resources
from ncviz.ui.session.subject import Side, Subject

NEVER = NeverActive(1, 10, {"curvature/redundant": Band(0, 1, is_first=True)})
SCORES = np.array([-2.0, -1.0, 0.5, 3.0])
SWEEP = SweepRecord(
    removed=np.array([0, 2, 4]),
    accuracy={
        ("curvature", "redundant"): np.array([0.9, 0.8, 0.1]),
        ("curvature", "bottlenecks"): np.array([0.9, 0.2, 0.1]),
        ("magnitude", "redundant"): np.array([0.9, 0.7, 0.1]),
        ("random", "redundant"): np.array([0.9, 0.5, 0.1]),
    },
    meta={"total": 4, "images": 1234},
)


@pytest.fixture
def subject(monkeypatch):
    scores = {"curvature": SCORES, "magnitude": SCORES + 10}
    monkeypatch.setattr(resources, "ordered_scores", lambda of, record, criterion, _: scores[criterion])
    record = SimpleNamespace(weights={}, meta={"config": {"seed": 3}})
    return Subject(tasks.open_network("mlp-digits-relu"), record, SWEEP, Side("explore", ViewState()))


@pytest.mark.parametrize(
    ("criterion", "order", "expected"),
    [
        # A curvature score is -κ: the first weight that stays is never active, then has κ = -0.5, then none stays.
        ("curvature", "redundant", [np.nan, -0.5, np.nan]),
        ("curvature", "bottlenecks", [-3.0, 1.0, np.nan]),
        ("magnitude", "redundant", [8.0, 10.5, np.nan]),
        ("magnitude", "bottlenecks", [13.0, 9.0, np.nan]),
        ("random", "redundant", []),
    ],
)
def test_the_threshold_is_the_score_of_the_first_weight_that_stays(subject, criterion, order, expected):
    found = thresholds(subject.at(f"{criterion}/{order}"), SWEEP.removed)
    np.testing.assert_array_equal(found, expected)


def test_layer_by_layer_there_is_no_single_threshold(subject):
    by_layer = subject.showing(ViewState(scope="layer"))
    assert thresholds(by_layer, SWEEP.removed).size == 0


def test_only_the_curves_asked_for_carry_thresholds(subject):
    found = curves(subject, ("magnitude",))
    assert set(found) == {
        "curvature/redundant",
        "curvature/bottlenecks",
        "magnitude/redundant",
        "random/redundant",
    }
    assert [name for name, sweep in found.items() if len(sweep.threshold)] == ["magnitude/redundant"]
    assert found["curvature/bottlenecks"].accuracy == [0.9, 0.2, 0.1]


@pytest.fixture(scope="module")
def whole():
    of = tasks.open_network("mlp-digits-relu")
    context = tasks.open_context(None, None)
    record = context.run(tasks.Curvature(of)).result
    sweep = context.run(tasks.Sweep(of)).result
    return Subject(of, record, sweep, Side("explore", ViewState()))


@pytest.mark.parametrize("place", ["first", "last"])
def test_the_band_holds_the_never_active_weights_and_no_others(whole, place):
    subject = whole.showing(ViewState(never=place))
    found = never_active(subject)
    is_never = np.concatenate([mask.reshape(-1) for mask in subject.record.never_active.values()])
    assert (found.count, found.images) == (is_never.sum(), 10)
    for order in ("redundant", "bottlenecks"):
        band, ranks = found.bands[f"curvature/{order}"], subject.at(f"curvature/{order}").ranks
        assert np.array_equal((ranks >= band.start) & (ranks < band.end), is_never)
        assert band.is_first == (band.start == 0) == ((place == "first") == (order == "redundant"))
        # In the band there is no κ to speak of; beyond it there is that of the first weight that stays.
        at = thresholds(subject.at(f"curvature/{order}"), np.arange(subject.total))
        assert np.array_equal(np.isnan(at), is_never[np.argsort(ranks)])
    assert found.rule == ""


def test_among_the_others_they_have_no_band(whole):
    median = never_active(whole.showing(ViewState(never="median")))
    assert median.bands == {}
    assert "median cost" in median.rule
    assert never_active(whole.showing(ViewState(scope="layer"))).bands == {}


def test_the_offline_panel_is_plain_json_and_says_whose_curve_it_reads(subject, monkeypatch):
    monkeypatch.setattr("ncviz.ui.explore.live_curves.never_active", lambda _: NEVER)
    data = offline_panel(subject.at("curvature/redundant", 2), "c")
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["is_offline"]
    assert data["answer"] is None
    assert data["never"]["bands"] == {"curvature/redundant": {"start": 0, "end": 1, "is_first": True}}
    assert (data["total"], data["removed"], data["baseline"]) == (4, 2, 0.9)
    assert "1,234 images" in data["sweep_label"]
    assert {order["key"] for order in data["orders"]} == {order.key for order in PANEL_ORDERS}
    assert data["sweeps"]["magnitude/redundant"]["threshold"] == [8.0, 10.5, None]
    assert data["draw"] == "one draw, seed 3"
    # At each stop of the slider there is the κ of the first weight that stays, not one between two of the curve's.
    assert data["steps"]["curvature/bottlenecks"]["removed"] == [0, 1, 2, 3, 4]
    assert data["steps"]["curvature/bottlenecks"]["threshold"] == [-3.0, -0.5, 1.0, None, None]
