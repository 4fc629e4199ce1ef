"""Results that go by the middles of intervals, because an edge could not be proved: each of them says so."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ncviz import neural_curvature, pruning_scores, tasks
from ncviz.config import CurvatureConfig, PruningConfig, RadiusConfig
from ncviz.data.datasets import load_dataset
from ncviz.engine import results
from ncviz.errors import NcvizError
from ncviz.scene.comparison import curves_csv, sharpness_words
from ncviz.studies.paper import ranking
from ncviz.tasks.negative_edges.record import NegativeEdgesConfig
from ncviz.tasks.negative_edges.task import NegativeEdges
from tests.examples.contexts import here

ONE = CurvatureConfig(samples_per_class=1)
CURVATURE = PruningConfig(samples_per_class=1)


@pytest.fixture
def unproved(monkeypatch):
    """An engine whose proof falls short, by 0.1, at the first edge that is live."""
    join = results.joined

    def joined(positions, each, grids, settings, on_device):
        at = int(np.isfinite(each[0].curvature).argmax())
        short = each[0].short.copy()
        short[at] = 0.1
        for grid in grids:
            grid.reshape(-1)[np.isfinite(grid).argmax()] = -np.inf
        return join(positions, [each[0]._replace(short=short), *each[1:]], grids, settings, on_device)

    monkeypatch.setattr(results, "joined", joined)
    monkeypatch.setattr("ncviz.engine.run.joined", joined)


def test_curves_say_so_and_are_measured_anew_once_the_curvature_is_exact(store, network, unproved):
    context, task = here(store), tasks.Sweep(network, ONE)
    sweep = context.run(task).result
    curvature = context.look_up(tasks.Curvature(network, ONE))
    assert curvature.intervals.is_final
    assert sweep.sharpness == curvature.intervals.sentence()
    assert "go by the middle of each" in here(store).look_up(task).sharpness
    assert context.run(task).is_stored
    curves = [
        (config, context.run(tasks.Curve(network, config, (0.0, 0.5))).result)
        for config in (CURVATURE, replace(CURVATURE, criterion="magnitude"))
    ]
    assert sharpness_words(curves) == [f"Curvature of draw {CURVATURE.seed}: {sweep.sharpness}"]
    assert sweep.sharpness.split(",")[0] in curves_csv("it", curves).decode()
    assert "sharpness" not in curves_csv("it", curves[1:]).decode()
    exact = replace(curvature, intervals=None)
    context.desk.keep_best(tasks.Curvature(network, ONE), context, exact)
    assert not context.knows(task)


def test_curves_by_an_exact_curvature_say_nothing(store, network):
    assert not here(store).run(tasks.Sweep(network, ONE)).result.sharpness


def test_the_criterion_warns(network, unproved):
    images, net = load_dataset("digits", "train").inputs[:2], network.module()
    with pytest.warns(UserWarning, match="'curvature' goes by their middles"):
        pruning_scores(net, "curvature", inputs=images)


def test_negative_edges_say_of_how_many_edges_that_is_not_known(store, network, unproved):
    task = NegativeEdges(network, NegativeEdgesConfig(3, search=RadiusConfig(40 / 255, 2, 1, 2)))
    found = here(store).run(task).result
    images = load_dataset("digits", "test").inputs[torch.from_numpy(found.image)]
    result = neural_curvature(network.module(), images, keep_edges=True)
    each = [sum(int(result.edges(at, sample)[2].isnan().sum()) for at in range(3)) for sample in range(3)]
    assert found.unproved.tolist() == each
    assert sum(each) > 0
    assert (found.negative + found.unproved <= found.live).all()
    told = f"κ of {sum(each)} live edges on 3 images could not be proved"
    assert told in " ".join(here(store).look_up(task).sentences())
    record = task.encode(found)
    del record.arrays["unproved"]
    assert not task.decode(record).unproved.any()


def test_the_curvature_of_each_class_says_where_it_is_not_exact(store, network, unproved):
    task = tasks.ClassCurvature(network, ONE)
    found = here(store).run(task).result
    assert found.widths.shape == found.classes.shape
    assert f"for {int((found.widths > 0).any(axis=0).sum()):,} weights" in found.sentence()
    assert "in 10 of 10 classes" in found.sentence()
    assert not replace(found, widths=np.zeros_like(found.widths)).sentence()


def test_the_study_of_rankings_refuses_in_a_sentence(store, network, unproved):
    with pytest.raises(NcvizError, match="could not be proved; take other seeds or samples"):
        ranking.study_rankings(network, here(store), samples=[1], seeds=[1], images=50)
