import time

import numpy as np
import pytest

from ncviz import tasks
from ncviz.pruning.masks import masks_at
from ncviz.ui.server import evaluation, fine_curves
from ncviz.ui.server.fine_curves import fine_curve, slider_steps
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


@pytest.mark.parametrize(
    ("total", "expected"), [(4, [0, 1, 2, 3, 4]), (0, [0]), (2000, list(range(0, 2001, 2)))]
)
def test_the_steps_are_those_that_the_slider_can_reach(total, expected):
    assert slider_steps(total).tolist() == expected


def test_halves_are_rounded_up_as_browsers_do():
    # 0.1 % of 2500 is 2.5: JavaScript's Math.round says 3, Python's round the even 2.
    assert slider_steps(2500)[:5].tolist() == [0, 3, 5, 8, 10]


def test_a_quick_network_is_measured_at_every_step(network, record, monkeypatch):
    monkeypatch.setattr(evaluation, "evaluation_seconds", lambda *_: 0.0005)
    deadline = time.monotonic() + SECONDS
    curve = None
    while curve is None or not curve.is_done:
        assert time.monotonic() < deadline
        curve = fine_curve(network, record, ORDER, "global", NOWHERE)
        time.sleep(0.01)
    assert curve.images == 360
    np.testing.assert_array_equal(curve.removed, slider_steps(record.total))
    evaluator = tasks.evaluator(network, NOWHERE)
    ranks = tasks.ranks(network, "curvature", record, NOWHERE)
    for at in (0, 137, 700, 1000):
        masks = masks_at(ranks, int(curve.removed[at]), record.shapes)
        assert curve.accuracy[at] == evaluator.accuracy(masks)
    assert fine_curve(network, record, ORDER, "global", NOWHERE) is curve, "and it is kept"


def test_a_slow_network_is_not(network, record, monkeypatch):
    monkeypatch.setattr(evaluation, "evaluation_seconds", lambda *_: 0.01)
    assert fine_curve(network, record, ORDER, "global", NOWHERE) is None
    assert fine_curves._curves() == {}
