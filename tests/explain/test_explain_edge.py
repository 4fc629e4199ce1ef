"""One edge taken apart: against the engine, against the definition done slowly, and against itself."""

import json
from unittest import mock

import numpy as np
import ot
import pytest
import torch
from torch import nn

from ncviz import explain_edge, load_dataset, load_model, neural_curvature
from ncviz.errors import DataError, NcvizError
from ncviz.explain import look
from tests.examples import brute_force, networks, published

ALPHAS = (0.0, 0.3, 0.5, 0.9)


def picks(count, number, seed=0):
    return np.random.default_rng(seed).choice(count, min(count, number), replace=False).tolist()


def check_sums(found):
    """Everything that an explanation says of itself must be true."""
    p, q = found.in_mass, found.out_mass
    assert (p > 0).all()
    assert (q > 0).all()
    assert not len(p) or p.sum() == pytest.approx(1)
    assert not len(q) or q.sum() == pytest.approx(1)
    shape = (len(found.source_measure), len(found.target_measure))
    assert found.cost.shape == found.plan.shape == shape
    assert np.allclose(found.plan.sum(axis=1), found.source_measure, atol=1e-12)
    assert np.allclose(found.plan.sum(axis=0), found.target_measure, atol=1e-12)
    assert found.plan.min() >= 0
    routes = (found.direct_route, found.hub_route, found.detour_route)
    assert sum(route.mass for route in routes) == pytest.approx(1)
    # Not nearly: the numbers that are shown are those that were added.
    assert found.value == routes[0].work + routes[1].work + routes[2].work
    assert found.curvature == (1 - found.value / found.direct) / (1 - found.alpha)
    assert [step.value for step in found.steps[:3]] == [route.work for route in routes]
    assert found.steps[-1].value == found.curvature
    # An optimum of the definition's own problem, by one plain call.
    own = ot.emd2(found.source_measure, found.target_measure, found.cost)
    assert found.value == pytest.approx(own, rel=1e-9)


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_every_kind_of_layer_agrees_with_the_engine(name):
    net, x = networks.make(name, 3, zero_share=0.2)
    lens = look(net, x)
    results = {alpha: neural_curvature(net, x, alpha=alpha, keep_edges=True) for alpha in ALPHAS}
    for connection in range(len(lens.graph.connections)):
        edges = {
            alpha: [part.tolist() for part in result.edges(connection)] for alpha, result in results.items()
        }
        source, target, _ = edges[ALPHAS[0]]
        assert all(each[:2] == [source, target] for each in edges.values())
        for at in picks(len(source), 25):
            problem = lens.edge(connection, source[at], target[at])
            for alpha in ALPHAS:
                found, kappa = problem.at(alpha), edges[alpha][2][at]
                assert found.curvature == pytest.approx(kappa, rel=1e-9, abs=1e-9), alpha
                assert problem.curvature(alpha) == pytest.approx(kappa, rel=1e-9, abs=1e-9), alpha
                if found.is_dead:
                    assert found.plan is None
                    assert found.curvature == 1
                else:
                    check_sums(found)


@pytest.mark.parametrize("alpha", [0.3, 0.9])
@pytest.mark.parametrize("name", ["mlp", "conv"])
def test_weights_of_1e_30_beside_weights_of_1_agree_with_the_engine(name, alpha):
    net, x = networks.make(name, 3)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for own in net.parameters():
            if own.ndim > 1:
                own[torch.rand(own.shape) < 0.3] *= 1e-30
    result = neural_curvature(net, x, alpha=alpha, keep_edges=True)
    lens = look(net, x)
    for connection in range(len(result.graph.connections)):
        source, target, kappa = (part.tolist() for part in result.edges(connection))
        for at in picks(len(source), 25):
            problem = lens.edge(connection, source[at], target[at])
            assert problem.curvature(alpha) == pytest.approx(kappa[at], rel=1e-9, abs=1e-9)
            assert problem.at(alpha).curvature == pytest.approx(kappa[at], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_lenet_agrees_with_the_engine(alpha):
    net = load_model("lenet-mnist-relu")
    image = load_dataset("mnist", "train").inputs[3]
    lens = look(net, image)
    if alpha >= 0.5:
        result = neural_curvature(net, image[None], alpha=alpha, keep_edges=True)
        edges = [result.edges(connection) for connection in range(5)]
    for connection in range(5):
        listed = lens.graph.connections[connection].edges
        for at in picks(len(listed), 30, seed=connection):
            i, j = int(listed.source[at]), int(listed.target[at])
            found = lens.edge(connection, i, j).at(alpha)
            assert found.weight == pytest.approx(
                lens.graph.connections[connection].weight.reshape(-1)[listed.parameter[at]]
            )
            assert found.direct == listed.length[at]
            if not found.is_dead:
                check_sums(found)
            if alpha >= 0.5:
                assert found.curvature == pytest.approx(float(edges[connection][2][at]), rel=1e-9, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "act", "connections"),
    [
        ("lenet_relu_alpha0.9", nn.ReLU, range(5)),
        ("lenet_tanh_alpha0.9", nn.Tanh, range(5)),
        ("lenet_relu_alpha0.0_linear", nn.ReLU, (2, 3, 4)),
    ],
)
def test_agrees_with_the_authors_code(name, act, connections):
    net, image, reference = published.read(name, act)
    lens = look(net, image)
    for connection in connections:
        source, target, kappa = (
            reference[f"connection{connection}/{part}"] for part in ("source", "target", "curvature")
        )
        for at in picks(len(source), 20, seed=connection):
            found = lens.edge(connection, int(source[at]), int(target[at])).at(float(reference["alpha"]))
            assert abs(found.curvature - kappa[at]) <= published.TOLERANCE * max(1, abs(kappa[at]))


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.05, 0.5, 3.0, 40.0])
@pytest.mark.parametrize("alpha", [0.3, 0.9])
@pytest.mark.parametrize("name", ["mlp", "mlp_tanh", "conv_stride_padding"])
def test_another_weight_is_what_the_definition_gives_for_it(name, alpha, factor):
    """Brute force on a network whose one weight is changed, with the activations of the one before."""
    net, x = networks.make(name, 4)
    lens, held = look(net, x), brute_force.layer_outputs(net.double(), x.double())
    layers = [layer for layer in net if isinstance(layer, (nn.Linear, nn.Conv2d))]
    for connection, layer in enumerate(layers):
        if not isinstance(layer, nn.Linear):
            continue
        for at in picks(layer.weight.numel(), 4, seed=connection):
            j, i = divmod(at, layer.in_features)
            own = float(layer.weight.detach()[j, i])
            layer.weight.data[j, i] = own * factor
            with mock.patch("tests.examples.brute_force.layer_outputs", return_value=held):
                expected = brute_force.curvature(net, x, alpha)[connection, i, j]
            layer.weight.data[j, i] = own
            problem = lens.edge(connection, i, j)
            found = problem.at(alpha, weight=own * factor)
            assert found.curvature == pytest.approx(expected, rel=1e-9, abs=1e-9)
            assert problem.curvature(alpha, own * factor) == pytest.approx(expected, rel=1e-9, abs=1e-9)
            assert problem.curvature(alpha, -own * factor) == problem.curvature(alpha, own * factor)


def test_the_curve_is_flat_from_one_half_on_and_not_before():
    net, x = networks.make("mlp_tanh", 5)
    problem = look(net, x).edge(1, 2, 3)
    alphas = np.linspace(0, 0.99, 34)
    curve = problem.curve(alphas)
    # The whole problem for each, by the solver that knows of no plateau.
    slow = []
    for alpha in alphas:
        found = problem.at(float(alpha))
        value = ot.emd2(found.source_measure, found.target_measure, found.cost)
        slow.append((1 - value / found.direct) / (1 - alpha))
    assert np.allclose(curve, slow, atol=1e-9)
    assert np.ptp(curve[alphas >= 0.5]) == 0
    assert any(
        np.ptp(look(net, x).edge(1, i, j).curve([0.0, 0.5])) > 0.01 for i in range(5) for j in range(5)
    )


def test_the_weight_curve_passes_through_the_edge_itself():
    net, x = networks.make("mlp_tanh", 6)
    problem = look(net, x).edge(2, 2, 1)
    assert not problem.is_dead
    weights = [problem.weight * factor for factor in (0.1, 1, 10)]
    curve = problem.weight_curve(weights)
    assert curve[1] == pytest.approx(problem.at().curvature, abs=1e-12)
    assert np.ptp(curve) > 0


def test_the_reduced_problem_gives_the_same_curvature():
    net, x = networks.make("mlp_tanh", 7)
    found = look(net, x).edge(1, 0, 1).at(0.8)
    bent = found.to_target[:, None] + found.from_source[None, :] - found.direct
    assert np.array_equal(found.reduced_cost, np.minimum(found.across, bent))
    assert 1 - found.reduced_value / found.direct == pytest.approx(found.curvature, abs=1e-9)
    assert look(net, x).edge(1, 0, 1).at(0.4).reduced_cost is None


def test_no_detour_runs_through_the_edge_while_mass_is_left_on_it():
    net, x = networks.make("mlp_tanh", 8)
    lens = look(net, x)
    for alpha in ALPHAS:
        for i in (0, 2, 4):
            found = lens.edge(1, i, 2).at(alpha)
            assert not found.is_dead
            through = found.to_source[:, None] + found.direct + found.from_target[None, :]
            past = found.plan[1:, 1:][found.across >= through - 1e-12]
            assert past.sum() == pytest.approx(0, abs=1e-12) or found.direct_route.mass <= 1e-12


def test_a_silent_end_is_one_by_definition():
    net, x = networks.make("mlp", 1)
    net[0].bias.data[2] = -100.0
    found = explain_edge(net, x, 0, 1, 2)
    assert found.is_dead
    assert found.curvature == 1
    assert found.plan is None
    assert found.value is None
    assert [step.value for step in found.steps] == [1.0]
    assert look(net, x).edge(0, 1, 2).curve([0.0, 0.9]).tolist() == [1, 1]


def test_an_image_comes_with_or_without_a_batch_axis():
    net, x = networks.make("conv", 2)
    first, second = explain_edge(net, x, 1, 0, 0), explain_edge(net, x[0], 1, 0, 0)
    assert first.curvature == second.curvature
    net, x = networks.make("mlp", 2)
    assert explain_edge(net, x, 1, 0, 0).curvature == explain_edge(net, x[0], 1, 0, 0).curvature


def test_how_many_edges_share_a_weight():
    net, x = networks.make("conv", 2)
    assert look(net, x).edge(0, 0, 0).shared_by == 9
    assert look(net, x).edge(2, 0, 0).shared_by == 1


def test_neighbours_with_and_without_mass():
    net, _ = networks.make("mlp", 2)
    found = explain_edge(net, torch.tensor([[0.0, 0.9, 1.0, 0.0, 0.2]]), 1, 1, 1)
    assert found.in_units.tolist() == [1, 2, 4]
    assert found.in_count == 5
    assert found.out_count == 3


def test_it_is_plain_json():
    net, x = networks.make("conv", 2)
    for connection, alpha in ((0, 0.9), (1, 0.9), (1, 0.2), (2, 0.9)):
        found = explain_edge(net, x, connection, 0, 0, alpha=alpha)
        again = json.loads(json.dumps(found.as_dict()))
        assert again["curvature"] == found.curvature
        assert np.array_equal(np.array(again["cost"]), found.cost)


@pytest.mark.parametrize(
    ("arguments", "error", "expected"),
    [
        ({"connection": 9}, NcvizError, "connection must be a whole number from 0 to 2, got 9"),
        ({"connection": -1}, NcvizError, "connection must be a whole number from 0 to 2"),
        ({"source": 1.5}, NcvizError, "source must be a whole number from 0 to 15"),
        ({"target": 18}, NcvizError, "target must be a whole number from 0 to 17, got 18"),
        ({"source": 15}, DataError, "no edge 15 → 0 in connection 0 .*unit 0 does not read unit 15"),
        ({"alpha": 1.0}, NcvizError, "alpha .idleness. must lie in"),
        ({"weight": 0}, NcvizError, "an edge of weight 0 is no edge"),
        ({"weight": float("nan")}, NcvizError, "weight must be a finite number"),
        ({"image": torch.zeros(2, 1, 4, 4)}, DataError, "one input"),
        ({"image": torch.full((1, 4, 4), torch.nan)}, DataError, "NaN"),
        ({"image": [1, 2]}, DataError, "image must be a real torch.Tensor, got a list."),
        ({"image": np.zeros((1, 4, 4), np.float32)}, DataError, "got a numpy.ndarray."),
        ({"image": torch.zeros(1, 4, 4, dtype=torch.complex64)}, DataError, "got a torch.complex64."),
        ({"image": torch.tensor(1.0)}, DataError, "one input"),
        ({"net": 3}, NcvizError, "net must be an nn.Module, got int"),
        ({"device": "cuda:77"}, NcvizError, "cuda:77"),
    ],
)
def test_bad_input_is_one_sentence(arguments, error, expected):
    net, x = networks.make("conv", 2)
    given = {"net": net, "image": x, "connection": 0, "source": 0, "target": 0, **arguments}
    with pytest.raises(error, match=expected):
        explain_edge(**given)


def test_an_image_of_another_shape_is_one_sentence():
    net, _ = networks.make("conv", 2)
    with pytest.raises(NcvizError):
        explain_edge(net, torch.zeros(3, 9, 9), 0, 0, 0)


def test_a_zero_weight_and_padding_are_no_edges():
    net, x = networks.make("mlp", 2)
    net[2].weight.data[1, 3] = 0
    with pytest.raises(DataError, match="no edge 3 → 1 in connection 1 .*its weight is 0"):
        explain_edge(net, x, 1, 3, 1)
    net, x = networks.make("conv_stride_padding", 2)
    # The first output position reads units 0, 1, 7 and 8; the rest of its kernel lies on padding.
    assert explain_edge(net, x, 0, 8, 0).connection == 0
    with pytest.raises(DataError, match="does not read"):
        explain_edge(net, x, 0, 9, 0)


def test_neural_curvature_names_what_is_no_tensor():
    net, x = networks.make("conv", 2)
    with pytest.raises(DataError, match=r"real torch.Tensor, got a numpy.ndarray\."):
        neural_curvature(net, x.numpy()[None])
