"""What an experiment measures: every combination once, what tells most first, narrowed by a choice."""

from itertools import product

import pytest

from ncviz.config import ORDERS, REPAIRS, SCOPES
from ncviz.errors import NcvizError
from ncviz.models.catalogue.architectures import find_architecture
from ncviz.pruning.scores import SCORES
from ncviz.studies.paper.plan import (
    EXPERIMENTS,
    Choice,
    Experiment,
    Part,
    curves,
    find_experiment,
    narrowed,
    spec_of,
)
from ncviz.studies.paper.published import published_table

TINY = Experiment(
    "tiny",
    "Tiny",
    "digits",
    (
        Part(("mlp-digits-relu", "mlp-digits-tanh"), ("curvature", "magnitude", "random"), (1, 2), (0, 1)),
        Part(("mlp-digits-relu",), ("curvature",), (1,), (0,), (0.1,), ("global",), is_aside=True),
    ),
    (0.0, 0.5, 0.9),
)


def count(part):
    """The curves of a part, criterion by criterion."""
    found = 0
    for name in part.criteria or SCORES:
        score = SCORES[name]
        calibrations = len(part.samples) * len(part.seeds) if score.needs_images else 1
        if score.is_drawn:
            calibrations = len(part.seeds)
        orders = 1 if score.is_drawn else len(part.orders)
        alphas = len(part.alphas) if score.needs_curvature else 1
        scales = len(part.scales) if score.needs_graph else 1
        found += calibrations * orders * alphas * len(part.scopes) * scales
    return found * len(part.networks) * len(part.repairs)


@pytest.mark.parametrize("experiment", [*EXPERIMENTS.values(), TINY], ids=lambda experiment: experiment.name)
def test_every_setting_is_measured_once(experiment):
    found = curves(experiment)
    assert len(set(found)) == len(found) == sum(map(count, experiment.parts))


def test_the_experiments_are_the_papers():
    assert list(EXPERIMENTS) == ["mnist", "cifar10", "cifar100", "benchmark"]
    found = curves(find_experiment("mnist"))
    assert {curve.network for curve in found} == {
        f"lenet-mnist-{a}{way}" for a in ("relu", "tanh") for way in ("", "-decay", "-adversarial")
    }
    own = {
        (curve.config.samples_per_class, curve.config.seed, curve.config.scope, curve.config.order)
        for curve in found
        if curve.network == "lenet-mnist-tanh" and curve.config.criterion == "curvature"
    }
    assert own == set(product((1, 2, 5, 10), (0, 1, 2), SCOPES, ORDERS))
    assert {curve.config.batchnorm for curve in found} == {"own"}
    small = [curve for curve in found if curve.config.alpha < 0.5]
    assert {curve.config.alpha for curve in small} == {0.1, 0.3}
    assert small == found[-len(small) :]
    for experiment in EXPERIMENTS.values():
        for name in experiment.networks:
            assert find_architecture(spec_of(name).architecture).dataset in experiment.datasets


def test_what_tells_most_comes_first():
    found = curves(TINY)
    first = [(curve.config.criterion, curve.config.seed) for curve in found[:5]]
    assert first == [("curvature", 0), ("curvature", 1), ("magnitude", 0), ("random", 0), ("random", 1)]
    assert {(c.network, c.config.scope, c.config.order) for c in found[:5]} == {
        ("mlp-digits-relu", "global", "redundant")
    }
    networks = [curve.network for curve in found]
    assert networks[-1] == "mlp-digits-relu"  # the small α
    assert networks[:-2] == sorted(networks[:-2])


def test_the_benchmark_is_of_two_data_sets_and_quotes_what_others_published():
    benchmark = EXPERIMENTS["benchmark"]
    assert benchmark.datasets == ("mnist", "cifar10")
    assert narrowed(benchmark, Choice(networks=("mlpnet-mnist",))).datasets == ("mnist",)
    found = curves(benchmark)
    assert {c.config.repair for c in found if c.network == "mlpnet-mnist"} == set(REPAIRS)
    assert {c.config.scale for c in found if c.config.criterion == "lamp"} == {"own"}
    table = published_table("mlpnet-mnist").splitlines()
    assert table[0].startswith(
        "| published, not measured here | 50% | 70% | 80% | 90% | 95% | 98% | source |"
    )
    assert "| Magnitude | 0.939 | 0.936 | 0.929 | 0.903 | 0.836 | 0.323 | arXiv 2302.14623 |" in table
    assert all(row.endswith(" |") and "arXiv" in row for row in table[2:])
    assert published_table("lenet-mnist-relu") == ""


def test_a_choice_narrows_and_may_name_new_values():
    found = curves(narrowed(TINY, Choice(networks=("mlp-digits-tanh",), samples=(3,), seeds=(7,))))
    assert {curve.network for curve in found} == {"mlp-digits-tanh"}
    assert {
        (c.config.samples_per_class, c.config.seed) for c in found if c.config.criterion == "curvature"
    } == {(3, 7)}
    assert all(curve.config.alpha == 0.9 for curve in found)
    assert narrowed(TINY, Choice(sparsities=(0.7, 0.2))).sparsities == (0.0, 0.2, 0.7)
    assert narrowed(TINY, Choice()).sparsities == TINY.sparsities
    assert len(curves(narrowed(TINY, Choice()))) == len(curves(TINY))
    small = curves(narrowed(TINY, Choice(alphas=(0.1,), criteria=("curvature",))))
    assert {curve.config.alpha for curve in small} == {0.1}
    folded = curves(narrowed(TINY, Choice(batchnorms=("folded",))))
    uses = {curve.config.batchnorm for curve in folded if SCORES[curve.config.criterion].needs_graph}
    others = {curve.config.batchnorm for curve in folded if not SCORES[curve.config.criterion].needs_graph}
    assert (uses, others) == ({"folded"}, {"own"})


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(networks=("vgg9",)), "'tiny' has no network 'vgg9'; choose among: mlp-digits-relu"),
        (Choice(criteria=("luck",)), "There is no criterion 'luck'; choose one of: curvature"),
        (Choice(samples=(0,)), "samples per class must be a whole number from 1"),
        (Choice(seeds=(-1,)), "seed must be a whole number"),
        (Choice(batchnorms=("no",)), "no way to read BatchNorm 'no'"),
        (Choice(alphas=(1.0,)), "alpha .idleness. must lie in"),
        (Choice(scopes=("row",)), "There is no scope 'row'"),
        (Choice(orders=("up",)), "There is no order 'up'"),
        (Choice(sparsities=(1.5,)), "The fraction removed must be a number from 0 to 1, got 1.5"),
        (Choice(criteria=("random",), orders=("bottlenecks",)), "Nothing of 'tiny' is left to measure"),
    ],
)
def test_a_choice_that_cannot_be_is_one_sentence(choice, message):
    with pytest.raises(NcvizError, match=message):
        narrowed(TINY, choice)


def test_unknown_names_are_refused():
    with pytest.raises(NcvizError, match="no experiment 'imagenet'; choose one of: mnist, cifar10, cifar100"):
        find_experiment("imagenet")
    with pytest.raises(NcvizError, match="no network 'resnet'"):
        spec_of("resnet")
