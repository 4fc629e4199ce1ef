"""Transformers against the definition done slowly: activations as lengths, networkx paths, POT on every edge."""

from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest
import torch

from ncviz.engine.anytime.until import Until
from ncviz.engine.prepared import paths_of, plans_of
from ncviz.errors import ModelError, NcvizError
from ncviz.explain.explain_edge import NetworkOnImage
from ncviz.graph.activations import normalise
from ncviz.graph.extent import extent_of
from ncviz.graph.paths import distances
from ncviz.pruning.criteria.edges import joined
from tests.examples.attending import computed, make
from tests.examples.brute_force_wired import slow_curvature


class OneByOne(Executor):
    """Does everything at once, as if elsewhere."""

    def submit(self, fn, /, *args, **kwargs):
        done = Future()
        done.set_result(fn(*args, **kwargs))
        return done


NETWORKS = {
    "one head": {"is_residual": False},
    "heads": {"heads": 2, "is_residual": False},
    "block": {"heads": 2},
    "perceptron": {"heads": 2, "wide": 3},
    "wide": {"tokens": 4, "channels": 4, "wide": 2, "inner": 2},
    "blocks": {"heads": 2, "blocks": 2, "wide": 2, "tokens": 2, "channels": 2, "inner": 2},
    "one token": {"tokens": 1, "wide": 2},
}


def edges_of(result, sample=0):
    found = {}
    for index, connection in enumerate(result.graph.connections):
        for i, j, kappa in zip(*(part.tolist() for part in result.edges(index, sample)), strict=True):
            found[connection.parameter, connection.source, i, j] = kappa
    return found


def worst(found, expected):
    assert found.keys() == expected.keys()
    return max(abs(found[key] - value) / max(1.0, abs(value)) for key, value in expected.items())


@pytest.mark.parametrize("alpha", [0.9, 0.3])
@pytest.mark.parametrize("zero_share", [0.0, 0.3])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_edge_agrees_with_the_definition(name, zero_share, alpha):
    net, x = make(3, zero_share, **NETWORKS[name])
    result = computed(net, x, alpha, keep_edges=True)
    assert worst(edges_of(result), slow_curvature(net.wiring(), x, alpha)) < 1e-9


SEVERAL = {"heads": 2, "blocks": 2, "wide": 3, "tokens": 3}


def images(seed=3, count=3, **how):
    """A transformer, and several images."""
    net, _ = make(seed, **how)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return net, torch.rand(count, *net.shape, dtype=torch.float64)


@pytest.mark.slow
def test_weights_take_the_minimum_over_live_edges_and_images():
    net, x = images(**SEVERAL)
    every = computed(net, x, keep_edges=True)
    least, each = computed(net, x), computed(net, x, keep_samples=True)
    alone = [computed(net, x[at : at + 1]) for at in range(len(x))]
    for name, found in least.weights.items():
        assert torch.allclose(found, every.weights[name], rtol=1e-12, atol=1e-12)
        of_each = torch.stack([one.weights[name] for one in alone])
        assert torch.allclose(found, of_each.amin(0), rtol=1e-12, atol=1e-12)
        samples = each.samples[name].double().nan_to_num(2.0)
        assert torch.allclose(samples, of_each, atol=1e-6)
    # Distances are another image's own: what one image says is not what it says among others.
    first = slow_curvature(net.wiring(), x[1:2], 0.9)
    assert worst(edges_of(every, 1), first) < 1e-9
    assert worst(edges_of(every, 0), first) > 1e-3


def test_some_layers_alone_are_as_exact():
    net, x = images(**SEVERAL)
    whole = computed(net, x)
    for name in ("attend.0.v.weight", "down.0.weight", "head.weight"):
        found = computed(net, x, layers=[name])
        assert torch.allclose(found.weights[name], whole.weights[name], rtol=1e-12, atol=1e-12)
        assert found.weights["stem.weight"].isnan().all()


@pytest.mark.slow
def test_intervals_hold_the_exact_values_and_end_there():
    net, x = images(**SEVERAL)
    exact, told = computed(net, x), []
    until = Until(on_result=told.append)
    last = computed(net, x, until=until)
    until = Until(time_limit=0.0)
    for found in (*told, computed(net, x, until=until), last):
        for name, value in exact.weights.items():
            assert (found.lower[name] <= value + 1e-12).all()
            assert (found.upper[name] >= value - 1e-12).all()
    assert told
    assert all(torch.allclose(last.weights[name], value, atol=1e-12) for name, value in exact.weights.items())
    assert all(own.all() for own in last.is_exact.values())


def test_sampled_channels_are_those_of_the_graph_without_the_others():
    net, x = images(count=1, heads=2, tokens=2, channels=4)
    sampled = net.graph().sampled(2, seed=1)
    found = computed(net, x, graph=sampled)
    kept = {name: ~value.isnan() for name, value in found.weights.items()}
    assert 0 < kept["attend.0.q.weight"].sum() < kept["attend.0.q.weight"].numel()
    every = computed(net, x, graph=sampled, keep_samples=True)
    for name, own in kept.items():
        assert torch.allclose(
            found.weights[name][own], every.samples[name][0][own].double().nan_to_num(2.0), atol=1e-6
        )


def test_other_processes_get_each_images_graph():
    net, x = images(count=2, heads=2, tokens=2)
    here, there = (computed(net, x, executor=each) for each in (None, OneByOne()))
    for name, value in here.weights.items():
        assert torch.allclose(there.weights[name], value, rtol=1e-12, atol=1e-12)


def test_distances_are_kept_of_what_an_image_weighs():
    net, x = images(count=2, heads=2, tokens=2)
    graph = net.graph()
    with torch.no_grad():
        values = [[layer.flatten().numpy() for layer in net.steps(own[None])[0]] for own in x]
    with ThreadPoolExecutor(2) as pool:
        first, second, again = (
            plans_of(graph.on_image(values[at]), "cpu", pool, connections=[1])[0] for at in (0, 1, 0)
        )
    assert first is again
    assert not np.array_equal(first.across.length, second.across.length)


def test_criteria_that_go_by_all_edges_refuse():
    with pytest.raises(ModelError, match="other weights on each image"):
        joined(make()[0].graph())


def test_the_tables_of_an_image_are_known_before_they_are_made():
    net, x = images(count=1, heads=2, wide=3, channels=4)
    graph = net.graph()
    extent = extent_of(graph)
    with torch.no_grad():
        on = graph.on_image([layer.flatten().numpy() for layer in net.steps(x)[0]])
    kept = [extent.tables[at] for at in extent.kept]
    for index, mine in enumerate(extent.wanted):
        made = distances(on, connections=[index], is_narrow=True)
        told = {(own.source, own.target): own.kinds for own in (extent.tables[at] for at in mine)}
        assert told == {ends: len(table.lengths) for ends, table in made.tables.items()}
        assert all(len(made.hops[own.source, own.target].lengths) == own.kinds for own in kept)
    assert extent.bytes() > extent.largest() > 0


def test_below_one_half_a_time_limit_is_refused_and_a_tolerance_is_met():
    net, x = make(heads=2)
    with pytest.raises(NcvizError, match="leave out time_limit"):
        computed(net, x, 0.3, until=Until(time_limit=1.0))
    exact, found = (computed(net, x, 0.3, until=until) for until in (None, Until(tolerance=0.1)))
    assert all(torch.equal(found.weights[name], value) for name, value in exact.weights.items())


@pytest.mark.slow
def test_an_explained_edge_has_the_curvature_of_the_image():
    net, x = make(heads=2, wide=2)
    result = computed(net, x, keep_edges=True)
    with torch.no_grad():
        raw = net.steps(x)[0]
    raw[-1] = raw[-1].softmax(1)
    graph = net.graph().on_image([layer.flatten().numpy() for layer in raw])
    activity = tuple(normalise(layer.flatten(1))[0] for layer in raw)
    with ThreadPoolExecutor(2) as pool:
        ready = NetworkOnImage(graph, paths_of(graph, "cpu", pool), activity)
    for index in range(len(graph.connections)):
        source, target, kappa = (part.tolist()[::5] for part in result.edges(index))
        for i, j, expected in zip(source, target, kappa, strict=True):
            assert ready.edge(index, i, j).at(0.9, None).curvature == pytest.approx(
                expected, rel=1e-9, abs=1e-9
            )


def test_the_share_of_an_images_paths_that_is_done_grows_to_one():
    net, x = images(count=1, heads=2, wide=3, channels=4)
    graph = net.graph()
    with torch.no_grad():
        on = graph.on_image([layer.flatten().numpy() for layer in net.steps(x)[0]])
    for index in range(len(graph.connections)):
        seen = []
        distances(
            on, connections=[index], is_narrow=True, report=lambda share, _, seen=seen: seen.append(share)
        )
        assert seen == sorted(seen)
        assert seen[-1] == pytest.approx(1.0)
