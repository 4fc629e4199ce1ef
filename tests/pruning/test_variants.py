"""Each ranking of the study against its meaning, spelt out weight by weight."""

import numpy as np
import pytest

from ncviz.pruning.criteria.layers import mean_ranks
from ncviz.pruning.order import removal_ranks
from ncviz.pruning.variants import VARIANTS, Evidence


@pytest.fixture
def evidence():
    draw = np.random.default_rng(0)
    shapes = {"a": (4, 3), "b": (2, 4)}
    curvature = {name: draw.uniform(-3, 1.5, (5, *shape)) for name, shape in shapes.items()}
    curvature["a"][:, 0, 0] = np.nan  # never active
    curvature["b"][1:, 1, 1] = np.nan  # active on one image
    size = {name: draw.uniform(0.1, 2, shape) for name, shape in shapes.items()}
    return Evidence(size, curvature, size)


def each(evidence):
    for name, size in evidence.size.items():
        for at in np.ndindex(size.shape):
            yield name, at, size[at], evidence.curvature[name][(slice(None), *at)]


def live(kappas):
    return [value for value in kappas if not np.isnan(value)]


def test_every_variant_scores_every_weight_and_gives_an_order(evidence):
    for variant in VARIANTS.values():
        found = variant.scores(evidence)
        assert {name: values.shape for name, values in found.items()} == {"a": (4, 3), "b": (2, 4)}
        assert sorted(removal_ranks(list(found.values()))) == list(range(20))


def test_the_papers_is_the_least_and_two_where_never_active(evidence):
    found = VARIANTS["paper"].scores(evidence)
    for name, at, _, kappas in each(evidence):
        assert found[name][at] == -min(live(kappas), default=2)


@pytest.mark.parametrize(("variant", "power"), [("mean", 1), ("power-4", 4)])
def test_means_count_dead_images_as_nothing(evidence, variant, power):
    found = VARIANTS[variant].scores(evidence)
    for name, at, _, kappas in each(evidence):
        total = sum(max(1 - value, 0) ** power for value in live(kappas)) / len(kappas)
        assert found[name][at] == pytest.approx(total ** (1 / power))


def test_never_active_weights_get_their_layers_usual_cost(evidence):
    found = VARIANTS["never-active"].scores(evidence)
    costs = []
    for name, at, size, kappas in each(evidence):
        if name == "a" and live(kappas):
            costs.append((1 - min(live(kappas))) / size)
            assert found[name][at] == pytest.approx(1 - min(live(kappas)))
    assert found["a"][0, 0] == pytest.approx(evidence.size["a"][0, 0] * np.median(costs))


def test_over_the_layers_median_makes_the_median_one(evidence):
    found = VARIANTS["layer-median"].scores(evidence)
    assert np.median(found["b"]) == pytest.approx(1)
    assert np.median(np.delete(found["a"].reshape(-1), 0)) == pytest.approx(1)


def test_mean_ranks_share_the_place_of_equals(evidence):
    assert [part.tolist() for part in mean_ranks([np.array([[3.0, 1.0]]), np.array([1.0])])] == [
        [[2.0, 0.5]],
        [0.5],
    ]
    found = VARIANTS["rank-magnitude"].scores(evidence)
    flat = np.concatenate([values.reshape(-1) for values in evidence.size.values()])
    paper = np.concatenate([values.reshape(-1) for values in VARIANTS["paper"].scores(evidence).values()])
    expected = [((flat < flat[at]).sum() + (paper < paper[at]).sum()) / 2 for at in range(20)]
    assert np.concatenate([values.reshape(-1) for values in found.values()]).tolist() == expected


@pytest.mark.parametrize(("variant", "power"), [("layer-lamp", 2), ("transport-lamp", 1)])
def test_lamp_of_costs(evidence, variant, power):
    found = VARIANTS[variant].scores(evidence)
    for name, values in found.items():
        own = [row for row in each(evidence) if row[0] == name]
        costs = [max(1 - min(live(kappas), default=2), 0) for *_, kappas in own]
        weighted = np.array(
            [cost**power * size ** (2 - power) for cost, (_, _, size, _) in zip(costs, own, strict=True)]
        )
        slow = [value / max(weighted[weighted >= value].sum(), 1e-300) for value in weighted]
        assert np.allclose(values.reshape(-1), slow, atol=1e-9)
