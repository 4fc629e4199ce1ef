"""Networks that are no chains against the definition done slowly: dense maps, networkx paths, POT on every edge."""

import pytest
import torch

from ncviz import build_graph, neural_curvature
from ncviz.graph.activations import layer_activations, normalise
from tests.examples.brute_force_wired import activity_of, slow_curvature
from tests.examples.wired import CASES, WIRED, make


@pytest.mark.parametrize("alpha", [0.9, 0.3])
@pytest.mark.parametrize("zero_share", [0.0, 0.4])
@pytest.mark.parametrize(("name", "batchnorm"), CASES)
def test_every_edge_agrees_with_the_definition(name, batchnorm, zero_share, alpha):
    net, x = make(name, 3, zero_share)
    expected = slow_curvature(net.wiring(batchnorm == "folded"), x, alpha)
    result = neural_curvature(net, x, alpha=alpha, keep_edges=True, batchnorm=batchnorm)
    found, least = {}, {}
    for index, connection in enumerate(result.graph.connections):
        source, target, curvature = (part.tolist() for part in result.edges(index))
        for i, j, kappa, at in zip(
            source, target, curvature, connection.edges.parameter.tolist(), strict=True
        ):
            found[connection.parameter, connection.source, i, j] = kappa
            least.setdefault(connection.parameter, {}).setdefault(at, []).append(kappa)
    assert found.keys() == expected.keys()
    worst = max(abs(found[key] - value) / max(1.0, abs(value)) for key, value in expected.items())
    assert worst < 1e-9
    # Of a weight the least of its live edges; an edge that is dead carries 1.
    for name_, values in least.items():
        flat = result.weights[name_].reshape(-1)
        for at, kappas in values.items():
            assert (
                flat[at] == pytest.approx(min(kappas), abs=1e-12)
                or (flat[at] == 2 and min(kappas) == 1)
                or (min(kappas) == 1 and flat[at] >= 1)
            )


# A parameter that is all zero beside what leads past it: a branch that training or pruning has switched off.
SWITCHED_OFF = [
    ("Residual", "b.weight"), ("Residual", "a.weight"), ("Residual", "nb.weight"), ("Projected", "skip.weight"),
    ("Projected", "na.weight"), ("Fire", "left.weight"), ("Fire", "right.weight"), ("Dense", "grow.weight"),
    ("Dense", "norm.weight"), ("Inverted", "deep.weight"), ("Inverted", "down.1.weight"), ("Beside", "mix.weight"),
    ("Deep", "layers.0.weight"), ("Deep", "layers.1.weight"), ("Deep", "long.weight"), ("Preactivated", "b.weight"),
    ("Preactivated", "nb.weight"), ("Between", "beside.weight"), ("Between", "right.weight"),
]  # fmt: skip


@pytest.mark.parametrize("alpha", [0.9, 0.3])
@pytest.mark.parametrize("batchnorm", ["own", "folded"])
@pytest.mark.parametrize(("name", "parameter"), SWITCHED_OFF)
def test_a_branch_that_is_all_zero_leaves_the_rest_as_it_is(name, parameter, batchnorm, alpha):
    net, x = make(name, 3)
    net.get_parameter(parameter).data.zero_()
    expected = slow_curvature(net.wiring(batchnorm == "folded"), x, alpha)
    result = neural_curvature(net, x, alpha=alpha, keep_edges=True, batchnorm=batchnorm)
    found = {
        (connection.parameter, connection.source, i, j): kappa
        for index, connection in enumerate(result.graph.connections)
        for i, j, kappa in zip(*(part.tolist() for part in result.edges(index)), strict=True)
    }
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert (result.weights.get(parameter, torch.tensor(2.0)) == 2).all()
    fast = neural_curvature(net, x, alpha=alpha, batchnorm=batchnorm)
    assert all(torch.allclose(fast.weights[key], value) for key, value in result.weights.items())


@pytest.mark.parametrize(("name", "batchnorm"), CASES)
def test_layers_and_their_activations(name, batchnorm):
    net, x = make(name, 5)
    graph = build_graph(net, net.shape, batchnorm=batchnorm)
    raw, activity = activity_of(net.wiring(batchnorm == "folded"), x)
    assert graph.layer_sizes == tuple(value[0].numel() for value in raw)
    for found, expected in zip(layer_activations(net, graph, x), activity, strict=True):
        assert normalise(found)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", WIRED)
def test_least_over_samples_is_the_least_of_all_edges(name):
    net, x = make(name, 7)
    inputs = torch.cat([x, 1 - x, x * 0.5])
    fast = neural_curvature(net, inputs, keep_samples=True)
    slow = neural_curvature(net, inputs, keep_edges=True)
    for parameter, values in fast.weights.items():
        assert torch.allclose(values, slow.weights[parameter], atol=1e-12, rtol=0)
    alone = [neural_curvature(net, part[None], keep_samples=True) for part in inputs]
    for parameter, values in fast.samples.items():
        assert all(
            torch.equal(values[k].nan_to_num(), each.samples[parameter][0].nan_to_num())
            for k, each in enumerate(alone)
        )
