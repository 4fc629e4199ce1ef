"""The engine against the definition done slowly, on networks small enough for it."""

import itertools
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from ncviz import neural_curvature
from tests.examples import brute_force, networks


def compare(net, x, alpha, tolerance=1e-9):
    expected = brute_force.curvature(net, x, alpha)
    result = neural_curvature(net, x, alpha=alpha, keep_edges=True)
    count = 0
    for connection in range(len(result.graph.connections)):
        source, target, found = result.edges(connection)
        for i, j, kappa in zip(source.tolist(), target.tolist(), found.tolist(), strict=True):
            assert kappa == pytest.approx(expected[connection, i, j], rel=tolerance, abs=tolerance)
            count += 1
    assert count == len(expected) == result.graph.number_of_edges
    return result


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_agrees_with_the_definition(name, alpha):
    for seed in range(2):
        compare(*networks.make(name, seed), alpha)


@pytest.mark.parametrize("alpha", [0.2, 0.9])
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_zero_weights_are_no_edges(name, alpha):
    net, x = networks.make(name, 7, zero_share=0.4)
    compare(net, x, alpha)


@pytest.mark.parametrize("alpha", [0.2, 0.9])
@pytest.mark.parametrize("name", ["mlp", "mlp_tanh", "conv", "conv_stride_padding"])
def test_constant_layers_count_as_all_ones(name, alpha):
    net, x = networks.make(name, 3, constant=True)
    compare(net, x, alpha)


def test_dead_units_carry_one_and_leave_two_for_their_parameters():
    net, x = networks.make("mlp", 1)
    net[0].bias.data[2] = -100.0
    result = compare(net, x, 0.9)
    _, target, kappa = result.edges(0)
    assert torch.all(kappa[target == 2] == 1)
    assert torch.all(result.weights["0.weight"][2] == 2)
    assert torch.all(result.weights["2.weight"][:, 2] == 2)
    alone = neural_curvature(net, x, keep_samples=True).samples["0.weight"]
    assert torch.isnan(alone[0, 2]).all()
    assert result.dead_share[0] >= 5 / 30


def test_a_layer_that_is_dead_throughout():
    net, x = networks.make("mlp", 1)
    net[2].weight.data = -net[2].weight.data.abs()
    net[2].bias.data.fill_(-1.0)
    # All zero is constant, so the layer carries no information and counts as all ones.
    compare(net, x, 0.9)


def test_one_unit_supports():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1), nn.Tanh(), nn.Linear(1, 3), nn.Tanh(),
                            nn.Linear(3, 2))  # fmt: skip
        for alpha in (0.1, 0.8):
            compare(net, torch.rand(1, 1), alpha)


def test_one_active_neighbour_only():
    net, x = networks.make("mlp", 2)
    x = torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0]])
    compare(net, x, 0.9)
    compare(net, x, 0.4)


def test_faint_activations_fall_back_to_uniform():
    net, _ = networks.make("mlp_tanh", 2)
    # One bright pixel whose weights are zero: no unit hears it, and all others are too faint for exp(-1/a²).
    net[0].weight.data[:, 0] = 0
    compare(net, torch.tensor([[1.0, 0.0, 0.1, 0.12]]), 0.9)
    compare(net, torch.tensor([[1.0, 0.0, 0.1, 0.12]]), 0.1)


@pytest.mark.parametrize("zero_share", [0.0, 0.4])
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_weights_take_the_minimum_over_live_edges_and_samples(name, zero_share):
    """Branch and bound against all edges: the same minimum, at the edge that it names."""
    net, first = networks.make(name, 0, zero_share=zero_share)
    x = torch.cat([first, *(networks.make(name, seed)[1] for seed in (1, 2))])
    every, result = neural_curvature(net, x, keep_edges=True), neural_curvature(net, x, keep_samples=True)
    joint = neural_curvature(net, x)
    last = len(result.graph.connections) - 1
    net.double()
    activity = [brute_force.layer_outputs(net, x[k : k + 1].double()) for k in range(len(x))]
    for index, connection in enumerate(result.graph.connections):
        size = int(np.prod(connection.shape))
        per_sample = np.full((len(x), size), np.inf)
        where = {}
        for sample in range(len(x)):
            own = activity[sample]
            source, target, kappa = (part.tolist() for part in every.edges(index, sample))
            for i, j, flat, value in zip(source, target, connection.edges.parameter, kappa, strict=True):
                if (index == 0 or own[index][i] > 0) and (index == last or own[index + 1][j] > 0):
                    per_sample[sample, flat] = min(per_sample[sample, flat], value)
                    where[flat, j % connection.fields.shape[1], sample] = value
        found = result.samples[connection.parameter].numpy().reshape(len(x), -1)
        assert np.array_equal(np.isnan(found), np.isinf(per_sample))
        assert np.allclose(np.nan_to_num(found, nan=np.inf), per_sample, atol=1e-6)
        lowest = per_sample.min(axis=0)
        expected = np.where(np.isinf(lowest), 2.0, lowest)
        for each in (every, result, joint):
            weights = each.weights[connection.parameter].numpy().reshape(-1)
            assert np.allclose(weights, expected, rtol=1e-12, atol=1e-12)
            curvature, position, number = (part.numpy() for part in each.least[index])
            assert np.array_equal(curvature, weights)
            for flat in range(size):
                assert (number[flat] == -1) == np.isinf(lowest[flat])
                if number[flat] >= 0:
                    at = where[flat, position[flat], number[flat]]
                    assert at == pytest.approx(weights[flat], rel=1e-12, abs=1e-12)
                else:
                    exists = connection.weight.reshape(-1)[flat] != 0
                    assert (position[flat] >= 0) == (exists and connection.first_position[flat] >= 0)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("alpha", [0.2, 0.9])
@pytest.mark.parametrize("scale", [1e-4, 1e-8, 1e-16, 1e-30])
def test_a_tiny_mass_behind_a_tiny_weight_still_counts(scale, alpha):
    """The third input carries next to no mass, but its paths are so long that the mass decides."""
    net, x = wide_range(scale)
    result = neural_curvature(net, x, alpha=alpha, keep_edges=True)
    matrices = [layer.weight.detach().numpy() for layer in net if isinstance(layer, nn.Linear)]
    activity = brute_force.layer_outputs(net, x)
    expected = fraction_curvature(matrices, activity)
    source, target, found = result.edges(1)
    for i, j, kappa in zip(source.tolist(), target.tolist(), found.tolist(), strict=True):
        if activity[1][i] == 0 or activity[2][j] == 0:
            continue
        # A mass of 1e-13 is rounded at 1e-16 by the simplex, relative to the whole mass of 1.
        if alpha >= 0.5:
            assert kappa == pytest.approx(expected[i, j], rel=2e-6)
        else:
            assert np.isfinite(kappa)


def wide_range(scale):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)).double()
    net[0].weight.data[:, 2] *= scale
    return net.eval(), torch.tensor([[0.0, 1.0, 0.185]], dtype=torch.float64)


def fraction_curvature(matrices, activity):
    """κ of the middle edges for idleness 1/2 or more, by trying every basis of the transport problem exactly."""
    first, middle, last = (
        [[1 / Fraction(abs(float(w))) for w in row] for row in matrix.T] for matrix in matrices
    )
    two = _min_plus(first, middle)
    after = _min_plus(middle, last)
    three = _min_plus(two, last)
    (heard, a), (spoken, b) = (_fraction_masses(activity[layer]) for layer in (0, 3))
    found = {}
    for i, j in itertools.product(range(3), repeat=2):
        direct = middle[i][j]
        cost = [[min(three[u][v], two[u][j] + after[i][v] - direct) for v in spoken] for u in heard]
        found[i, j] = float(1 - _transport(a, b, cost) / direct)
    return found


def _min_plus(left, right):
    return [
        [min(row[t] + right[t][v] for t in range(len(right))) for v in range(len(right[0]))] for row in left
    ]


def _fraction_masses(activity):
    active = [int(u) for u in np.flatnonzero(activity > 0)]
    mass = [Fraction(float(np.exp(-1.0 / activity[u] ** 2))) for u in active]
    return active, [part / sum(mass) for part in mass]


def _transport(a, b, cost):
    """Return the least cost over all basic plans: spanning trees of the complete bipartite graph."""
    cells = list(itertools.product(range(len(a)), range(len(b))))
    values = []
    for tree in itertools.combinations(cells, len(a) + len(b) - 1):
        plan, left, rest = (
            {},
            {**{("a", u): m for u, m in enumerate(a)}, **{("b", v): m for v, m in enumerate(b)}},
            set(tree),
        )
        while rest:
            degree = Counter(end for u, v in rest for end in (("a", u), ("b", v)))
            leaf = next((end for end, count in degree.items() if count == 1), None)
            if leaf is None:
                break
            cell = next((u, v) for u, v in rest if leaf in (("a", u), ("b", v)))
            plan[cell] = left[leaf]
            for end in (("a", cell[0]), ("b", cell[1])):
                left[end] -= plan[cell]
            rest.remove(cell)
        if not rest and not any(left.values()) and min(plan.values()) >= 0:
            values.append(sum(cost[u][v] * mass for (u, v), mass in plan.items()))
    return min(values)
