"""How long the curvature is foretold to take that pruning curves need."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ncviz.config import CurvatureConfig, PruningConfig
from ncviz.models.network import open_network
from ncviz.preflight import Preflight
from ncviz.tasks.preflight import CurvatureTime
from ncviz.ui.pruning import curvature_time
from tests.examples.contexts import NOWHERE

NETWORK = SimpleNamespace(dataset="mnist", title="own")
CONFIGS = [
    PruningConfig("curvature", samples_per_class=2),
    PruningConfig("curvature", samples_per_class=2, seed=1),
]


class Page:
    """What the page knows: curvatures by their settings, one job, and what was started."""

    def __init__(self, monkeypatch, known=(), before=None, job=None):
        self.started, self.job, self.told = [], job, []
        context = SimpleNamespace(knows=lambda task: task.config in known, look_up=lambda task: before)
        desk = SimpleNamespace(job=lambda task, _: self.job)
        view = SimpleNamespace(config=CurvatureConfig())
        monkeypatch.setattr(
            curvature_time, "session", SimpleNamespace(context=lambda: context, view=lambda: view)
        )
        monkeypatch.setattr(curvature_time, "resources", SimpleNamespace(desk=lambda: desk))
        monkeypatch.setattr(curvature_time.jobs, "start", self.start)
        monkeypatch.setattr(curvature_time, "private_title", lambda of: of.title)
        monkeypatch.setattr(curvature_time, "follow", lambda job: self.told.append(job))
        monkeypatch.setattr(curvature_time.st, "caption", self.told.append)

    def start(self, series, label):
        self.started.append(series.tasks)
        return job_of("running")


def job_of(state, result=None):
    return SimpleNamespace(
        snapshot=lambda: SimpleNamespace(state=state, result=result),
        is_active=state == "running",
        wait=lambda seconds: None,
    )


def test_what_is_known_takes_no_time_nor_do_curves_that_need_none(monkeypatch):
    page = Page(monkeypatch, known=[config.calibration for config in CONFIGS])
    assert curvature_time.seconds(NETWORK, CONFIGS) == 0.0
    assert curvature_time.seconds(NETWORK, [PruningConfig("magnitude")]) == 0.0
    assert page.started == []


def test_it_takes_for_each_image_as_long_as_it_did_before(monkeypatch):
    before = SimpleNamespace(seconds=30.0, labels=np.repeat(np.arange(10), 3))
    page = Page(monkeypatch, known=[CONFIGS[0].calibration], before=before)
    assert curvature_time.seconds(NETWORK, CONFIGS) == pytest.approx(2 * 10 * 1.0)
    assert page.started == []


def test_before_any_curvature_is_known_a_part_of_the_work_is_timed_once(monkeypatch):
    page = Page(monkeypatch)
    assert curvature_time.seconds(NETWORK, CONFIGS) is None
    [[task]] = page.started
    assert (type(task), task.config) == (CurvatureTime, CONFIGS[0].calibration)
    page.job = job_of("running")
    assert curvature_time.seconds(NETWORK, CONFIGS) is None
    curvature_time.tell(NETWORK, CONFIGS)
    page.job = job_of("done", 0.5)
    # Two draws of two images of each of ten classes.
    assert curvature_time.seconds(NETWORK, CONFIGS) == pytest.approx(0.5 * 2 * 2 * 10)
    page.job = job_of("done")
    assert curvature_time.seconds(NETWORK, CONFIGS) is None
    curvature_time.tell(NETWORK, CONFIGS)
    page.job = job_of("failed")
    assert curvature_time.seconds(NETWORK, CONFIGS) is None
    assert len(page.started) == 1
    assert page.told[0].is_active
    assert page.told[1:] == [curvature_time.UNTOLD]


@pytest.mark.parametrize("seconds", [12.0, None])
def test_the_time_for_each_image_is_the_preflights(monkeypatch, seconds):
    asked = []

    def preflight(net, shape, inputs, *, config, **how):
        asked.append((shape, inputs.shape, config))
        return Preflight(shape, (), (), seconds=seconds)

    monkeypatch.setattr("ncviz.preflight.preflight", preflight)
    of, config = open_network("mlp-digits-relu"), CurvatureConfig(alpha=0.7, samples_per_class=3)
    task = CurvatureTime(of, config)
    found = task.run(NOWHERE)
    [(shape, images, used)] = asked
    assert (shape, used) == ((1, 8, 8), config)
    assert 10 <= images[0] <= 15
    assert found == (None if seconds is None else pytest.approx(12.0 / images[0]))
    assert task.key(NOWHERE) != CurvatureTime(of, replace(config, alpha=0.8)).key(NOWHERE)
