import time
from concurrent.futures import Future

import numpy as np
import pytest

from ncviz import tasks
from ncviz.errors import NcvizError
from ncviz.pruning.masks import masks_at
from ncviz.ui.components.live.scale import slider_stops
from ncviz.ui.server import evaluation, fine_curves
from ncviz.ui.server.fine_curves import fine_curve
from tests.examples import shipped
from tests.examples.contexts import NOWHERE

ORDER = ("curvature", "redundant")
SECONDS = 60


@pytest.fixture
def record():
    return shipped.curvature("mlp-digits-relu")


@pytest.fixture(autouse=True)
def no_curves():
    fine_curves._curves().clear()
    yield
    fine_curves._curves().clear()


def test_a_quick_network_is_measured_at_every_stop_of_the_slider(network, record, monkeypatch):
    monkeypatch.setattr(evaluation, "evaluation_seconds", lambda *_: 0.0005)
    deadline = time.monotonic() + SECONDS
    curve = None
    while curve is None or not curve.is_done:
        assert time.monotonic() < deadline
        curve = fine_curve(network, record, ORDER, "global", NOWHERE)
        time.sleep(0.01)
    assert curve.images == 360
    np.testing.assert_array_equal(curve.removed, slider_stops(record.total))
    evaluator = tasks.evaluator(network, NOWHERE)
    ranks = tasks.ranks(network, "curvature", record, NOWHERE)
    for at in (0, 137, 700, len(curve.removed) - 1):
        masks = masks_at(ranks, int(curve.removed[at]), record.shapes)
        assert curve.accuracy[at] == evaluator.accuracy(masks)
    assert fine_curve(network, record, ORDER, "global", NOWHERE) is curve, "and it is kept"


def test_a_slow_network_is_not(network, record, monkeypatch):
    monkeypatch.setattr(evaluation, "evaluation_seconds", lambda *_: 0.01)
    assert fine_curve(network, record, ORDER, "global", NOWHERE) is None
    assert fine_curves._curves() == {}


def test_a_step_that_cannot_be_measured_ends_the_curve(network, record, monkeypatch):
    failed = Future()
    failed.set_exception(NcvizError("The network gives values that are not finite."))
    monkeypatch.setattr(evaluation, "evaluation_seconds", lambda *_: 0.0005)
    monkeypatch.setattr(evaluation, "measure", lambda *_: failed)
    curve = fine_curve(network, record, ORDER, "global", NOWHERE)
    assert curve.has_failed
    assert not curve.is_done
