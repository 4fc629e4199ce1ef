"""The study of rankings, on the smallest network: right, and never measured twice."""

import numpy as np
import pytest

import ncviz
from ncviz import tasks
from ncviz.config import CurvatureConfig, GraphConfig
from ncviz.data.datasets import load_dataset
from ncviz.errors import NcvizError
from ncviz.store import Store
from ncviz.studies.paper import ranking
from ncviz.studies.paper.equal_size import study_equal_size
from tests.examples.contexts import here


def test_the_papers_ranking_and_ours_are_those_of_the_criteria(store, network):
    found = ranking.study_rankings(network, here(store), samples=[2], seeds=[1], images=10_000)
    net, pool = network.module(), load_dataset("digits", "train")
    assert found.images == len(pool)
    assert found.whole == ncviz.accuracy(net, pool.inputs, pool.labels)
    chosen = tasks.calibration(network, ncviz.config.CurvatureConfig(samples_per_class=2, seed=1), pool)
    for variant, criterion in [
        ("paper", "curvature"),
        ("curvature-lamp",) * 2,
        ("lamp",) * 2,
        ("magnitude",) * 2,
    ]:
        scores = ncviz.pruning_scores(net, criterion, inputs=pool.inputs[chosen])
        pruned = ncviz.prune(net, scores, sparsity=0.7)
        curve = found.accuracy[variant, 0 if variant in ranking.UNSEEING else 2]
        assert curve.shape == (1, len(found.sparsities))
        at = list(found.sparsities).index(0.7)
        # A stored sample is single precision, so that two weights may change places.
        assert curve[0, at] == pytest.approx(ncviz.accuracy(pruned, pool.inputs, pool.labels), abs=2e-3)


def test_a_network_too_large_to_keep_each_image_gives_the_same(store, network, tmp_path, monkeypatch):
    kept = ranking.study_rankings(network, here(store), samples=[1], seeds=[1], images=50)
    monkeypatch.setattr("ncviz.tasks.curvature.task.MAX_SAMPLE_VALUES", 1)
    other = ranking.study_rankings(
        network, here(Store(str(tmp_path / "other"))), samples=[1], seeds=[1], images=50
    )
    assert kept.accuracy.keys() == other.accuracy.keys()
    for case, values in kept.accuracy.items():
        assert np.allclose(values, other.accuracy[case], atol=0.05)


def test_what_is_stored_is_not_measured_again(store, network, monkeypatch):
    first = ranking.study_rankings(network, here(store), samples=[1], seeds=[1], images=30)
    monkeypatch.setattr(ranking.Ranking, "run", None)
    again = ranking.study_rankings(network, here(store), samples=[1], seeds=[1], images=30)
    assert all(np.array_equal(first.accuracy[case], again.accuracy[case]) for case in first.accuracy)


def test_nothing_to_study_is_refused(store, network):
    with pytest.raises(NcvizError, match="at least one"):
        ranking.study_rankings(network, here(store), samples=[], seeds=[1])


def test_rankings_by_another_graph_and_from_the_other_end(store, network):
    wanted = {"samples": [1], "seeds": [1], "images": 100, "names": ["paper"]}
    divided = GraphConfig(scale="fan-in")
    found = {
        (graph, order): ranking.study_rankings(network, here(store), graph=graph, order=order, **wanted)
        for graph in (GraphConfig(), divided)
        for order in ("redundant", "bottlenecks")
    }
    assert found[divided, "bottlenecks"].accuracy.keys() == {("magnitude", 0), ("lamp", 0), ("paper", 1)}
    net, pool = network.module(), load_dataset("digits", "train")
    chosen = tasks.calibration(network, CurvatureConfig(seed=1), pool)
    drawn = ranking.training(network, 100, here(store))
    for (graph, order), result in found.items():
        scores = ncviz.pruning_scores(net, "curvature", inputs=pool.inputs[chosen], **graph.options)
        pruned = ncviz.prune(net, scores, sparsity=float(result.sparsities[3]), order=order)
        curve = result.accuracy["paper", 1][0]
        assert curve[3] == pytest.approx(ncviz.accuracy(pruned, *drawn[1:3]), abs=0.02)


def test_what_single_weights_do_is_set_beside_what_was_said_of_them(store, network):
    found = study_equal_size(network, here(store), samples=1, seeds=[1, 2], weights=120, images=50)
    assert found.images == 50
    assert 80 <= found.weights <= 120
    for values in found.correlation.values():
        assert values.shape == (2,)
        assert (np.abs(values) <= 1).all()
    # Larger weights do more, in one layer; within a bin of one size there is little left of that.
    layer, size = (found.correlation["size", among].mean() for among in ("layer", "size"))
    assert layer > max(0.2, size)
    with pytest.raises(NcvizError, match="takes at least"):
        study_equal_size(network, here(store), weights=10)
