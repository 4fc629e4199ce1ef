import json

import numpy as np
import pytest

from ncviz import tasks
from ncviz.tasks import SweepRecord
from ncviz.ui.explore.live_curves import PANEL_ORDERS, curves, offline_panel, thresholds
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.server import resources
from ncviz.ui.session.subject import Side, Subject

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
    monkeypatch.setattr(resources, "ordered_scores", lambda of, record, criterion: scores[criterion])
    return Subject(tasks.open_network("mlp-digits-relu"), None, SWEEP, Side("explore", ViewState()))


@pytest.mark.parametrize(
    ("criterion", "order", "expected"),
    [
        # A curvature score is -κ: the first weight that stays has κ = 2, then -0.5, then none stays.
        ("curvature", "redundant", [2.0, -0.5, np.nan]),
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


def test_the_offline_panel_is_plain_json_and_says_whose_curve_it_reads(subject):
    data = offline_panel(subject.at("curvature/redundant", 2), "c")
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["is_offline"]
    assert data["answer"] is None
    assert (data["total"], data["removed"], data["baseline"]) == (4, 2, 0.9)
    assert "1,234 images" in data["sweep_label"]
    assert {order["key"] for order in data["orders"]} == {order.key for order in PANEL_ORDERS}
    assert data["sweeps"]["magnitude/redundant"]["threshold"] == [8.0, 10.5, None]
