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


def test_a_curve_of_what_is_done_by_hand_rests_while_nobody_asks_for_it(network, record, monkeypatch):
    measured, labels = [], np.zeros(4, np.int64)

    def measure(*_):
        measured.append(Future())
        return measured[-1]

    monkeypatch.setattr(evaluation, "evaluation_seconds", lambda *_: 0.1)
    monkeypatch.setattr(evaluation, "measure", measure)
    monkeypatch.setattr(fine_curves.time, "monotonic", lambda: now[0])
    now = [100.0]
    by_hand = fine_curves.Changed("cut:weight-1", np.arange(record.total), 1, record.total, None)
    ask = lambda: fine_curve(network, record, ORDER, "global", NOWHERE, changed=by_hand)  # noqa: E731
    done = lambda: measured[-1].set_result(evaluation.Measured(labels, labels, 0.1))  # noqa: E731
    curve = ask()
    ask()
    assert len(measured) == 1, "one step at a time, however many ask"
    done()
    assert (len(measured), curve.known) == (2, 1)
    now[0] += fine_curves.PATIENCE_SECONDS + 0.1
    done()
    assert (len(measured), curve.known) == (2, 2), "nobody waits for it any more"
    assert ask() is curve
    assert len(measured) == 3
    while not curve.is_done:
        done()
    ask()
    assert len(measured) == len(curve.removed)
