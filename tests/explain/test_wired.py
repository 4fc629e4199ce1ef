"""One edge taken apart in networks that are no chains: against the engine, and the definition done slowly."""

import json
from unittest import mock

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn

from ncviz import neural_curvature
from ncviz.errors import DataError, NcvizError
from ncviz.explain import look
from ncviz.explain.shortest_paths import shortest_paths
from tests.examples import brute_force_wired
from tests.examples.wired import CASES, WIRED, make
from tests.explain.test_explain_edge import check_sums, picks

ALPHAS = (0.0, 0.3, 0.9)


@pytest.mark.parametrize(("name", "batchnorm"), CASES)
def test_every_wiring_agrees_with_the_engine(name, batchnorm):
    net, x = make(name, 3, zero_share=0.2)
    lens = look(net, x, batchnorm=batchnorm)
    results = {
        alpha: neural_curvature(net, x, alpha=alpha, keep_edges=True, batchnorm=batchnorm) for alpha in ALPHAS
    }
    for index, connection in enumerate(lens.graph.connections):
        edges = {alpha: [part.tolist() for part in result.edges(index)] for alpha, result in results.items()}
        source, target, _ = edges[ALPHAS[0]]
        assert all(each[:2] == [source, target] for each in edges.values())
        for at in picks(len(source), 12, seed=index):
            problem = lens.edge(index, source[at], target[at])
            for alpha in ALPHAS:
                found, kappa = problem.at(alpha), edges[alpha][2][at]
                assert found.curvature == pytest.approx(kappa, rel=1e-9, abs=1e-9), alpha
                assert problem.curvature(alpha) == pytest.approx(kappa, rel=1e-9, abs=1e-9), alpha
                assert found.layers == (connection.source, connection.target)
                assert found.length == pytest.approx(1 / abs(found.weight))
                assert found.direct <= found.length
                if found.is_dead:
                    assert found.curvature == 1
                else:
                    check_sums(found)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.05, 3.0])
@pytest.mark.parametrize("alpha", [0.3, 0.9])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Deep", ("stem.weight", "layers.1.weight", "layers.2.weight", "long.weight", "head.weight")),
        ("Residual", ("head.weight",)),
        ("Beside", ("head.weight",)),
    ],
)
def test_another_weight_is_what_the_definition_gives_for_it(name, parameters, alpha, factor):
    """Brute force on a network whose one weight is changed, with the activations of the one before."""
    net, x = make(name, 4)
    held = brute_force_wired.activity_of(net.wiring(), x)
    lens = look(net, x)
    weights = dict(net.named_parameters())
    for parameter in parameters:
        (index,) = [at for at, each in enumerate(lens.graph.connections) if each.parameter == parameter]
        connection = lens.graph.connections[index]
        # One weight of a linear layer is one edge, so that the network itself can be changed.
        weight = weights[parameter].data
        for at in picks(weight.numel(), 3, seed=index):
            j, i = divmod(at, weight.shape[1])
            problem = lens.edge(index, i, j)
            own = float(weight[j, i])
            weight[j, i] = own * factor
            with mock.patch("tests.examples.brute_force_wired.activity_of", return_value=held):
                expected = brute_force_wired.slow_curvature(net.wiring(), x, alpha)[
                    parameter, connection.source, i, j
                ]
            weight[j, i] = own
            found = problem.at(alpha, weight=problem.weight * factor)
            assert found.curvature == pytest.approx(expected, rel=1e-9, abs=1e-9)
            assert problem.curvature(alpha, problem.weight * factor) == pytest.approx(
                expected, rel=1e-9, abs=1e-9
            )


@pytest.mark.parametrize("name", ["Residual", "Beside", "Projected", "Dense", "Sequence"])
def test_another_weight_of_one_edge_of_a_convolution(name):
    """The same with a graph in which one edge alone is made longer; a convolution's other edges keep the weight."""
    net, x = make(name, 6)
    lens = look(net, x)
    graph = nx.DiGraph()
    for level, layer in enumerate(lens.graph.layer_sizes):
        graph.add_nodes_from((level, unit) for unit in range(layer))
    every = [*lens.graph.connections, *lens.graph.links]
    for each in every:
        edges = each.edges
        for i, j, length in zip(
            edges.source.tolist(), edges.target.tolist(), edges.length.tolist(), strict=True
        ):
            ends = (each.source, i), (each.target, j)
            known = graph.get_edge_data(*ends, default={"length": np.inf})["length"]
            graph.add_edge(*ends, length=min(length, known))
    for index, connection in enumerate(lens.graph.connections):
        for at in picks(len(connection.edges), 4, seed=index):
            i, j = int(connection.edges.source[at]), int(connection.edges.target[at])
            problem = lens.edge(index, i, j)
            if problem.is_dead:
                continue
            ends = (connection.source, i), (connection.target, j)
            own = graph.edges[ends]["length"]
            others = [
                float(
                    other.edges.length[(other.edges.source == i) & (other.edges.target == j)].min(
                        initial=np.inf
                    )
                )
                for other in every
                if other is not connection
                and (other.source, other.target) == (connection.source, connection.target)
            ]
            for factor in (0.02, 1.0, 20.0):
                found = problem.at(0.9, problem.weight * factor)
                graph.edges[ends]["length"] = min([found.length, *others])
                far = dict(nx.single_source_dijkstra_path_length(graph, ends[0], weight="length"))
                assert found.direct == pytest.approx(far[ends[1]], rel=1e-12)
                readers = list(zip(found.out_layers.tolist(), found.out_units.tolist(), strict=True))
                assert found.from_source == pytest.approx([far[v] for v in readers], rel=1e-12)
                for row, u in enumerate(zip(found.in_layers.tolist(), found.in_units.tolist(), strict=True)):
                    far = dict(nx.single_source_dijkstra_path_length(graph, u, weight="length"))
                    assert found.to_target[row] == pytest.approx(far[ends[1]], rel=1e-12)
                    assert found.across[row] == pytest.approx(
                        [far.get(v, np.inf) for v in readers], rel=1e-12
                    )
            graph.edges[ends]["length"] = own


def test_a_shorter_way_past_the_edge_is_its_distance():
    net, x = make("Beside", 3)
    lens = look(net, x)
    (index,) = [at for at, each in enumerate(lens.graph.connections) if each.name == "mix"]
    lengths = []
    for at in range(len(lens.graph.connections[index].edges)):
        edges = lens.graph.connections[index].edges
        found = lens.edge(index, int(edges.source[at]), int(edges.target[at])).at()
        lengths.append((found.direct, found.length))
    shorter = [direct for direct, length in lengths if direct < length]
    assert shorter
    assert min(shorter) == 1.0  # the skip


def test_neighbours_are_named_with_their_layers():
    net, x = make("Deep", 1)
    lens = look(net, x)
    (index,) = [at for at, each in enumerate(lens.graph.connections) if each.name == "layers.2"]
    found = lens.edge(index, 1, 2).at()
    # Layer 3 is the sum of a skip from layer 1 and of a weight layer that reads layer 2.
    assert set(found.in_layers.tolist()) == {1, 2}
    assert [unit for layer, unit in zip(found.in_layers, found.in_units, strict=True) if layer == 1] == [1]
    again = json.loads(json.dumps(found.as_dict()))
    assert again["in_layers"] == found.in_layers.tolist()
    assert again["layers"] == list(found.layers)


def test_paths_in_small_pieces_are_the_same(monkeypatch):
    net, x = make("Residual", 2)
    lens = look(net, x)
    starts = np.array([1, 1, 2]), np.array([0, 5, 7])
    whole = shortest_paths(lens.graph, lens.paths, *starts, 4)
    monkeypatch.setattr("ncviz.explain.shortest_paths._CHUNK", 1)
    pieces = shortest_paths(lens.graph, lens.paths, *starts, 4)
    units = np.arange(lens.graph.layer_sizes[4])
    assert np.array_equal(whole.to(4, units), pieces.to(4, units))
    assert np.isfinite(whole.to(4, units)).any()
    assert np.isinf(whole.to(0, np.arange(3))).all()


@pytest.mark.parametrize("name", WIRED)
def test_a_weight_counts_its_edges_in_every_part_of_its_layer(name):
    net, x = make(name, 5)
    lens = look(net, x)
    every = np.concatenate(
        [[f"{each.parameter}/{at}" for at in each.edges.parameter] for each in lens.graph.connections]
    )
    for index, connection in enumerate(lens.graph.connections):
        edges = connection.edges
        for at in picks(len(edges), 6, seed=index):
            found = lens.edge(index, int(edges.source[at]), int(edges.target[at]))
            assert found.shared_by == (every == f"{connection.parameter}/{edges.parameter[at]}").sum()


@pytest.mark.parametrize("alpha", [0.3, 0.9])
@pytest.mark.parametrize("name", [*WIRED, "chain"])
def test_where_channels_are_sampled_the_lens_has_the_numbers_of_the_result(name, alpha):
    if name == "chain":
        torch.manual_seed(1)
        net = nn.Sequential(
            nn.Conv2d(1, 3, 2), nn.ReLU(), nn.Conv2d(3, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
        )
        net, x = net.double().eval(), torch.rand(1, 1, 4, 4, dtype=torch.float64)
    else:
        net, x = make(name, 3)
    result = neural_curvature(net, x, alpha=alpha, channels=1, seed=2)
    lens = look(net, x, channels=1, seed=2)
    compared = left_out = 0
    for index, (kappa, position, sample) in enumerate(result.least):
        connection = lens.graph.connections[index]
        _, channels, slots = connection.weight.shape
        active = np.flatnonzero(sample.numpy() >= 0)
        for own in active[picks(len(active), 15, seed=index)].tolist() if len(active) else ():
            (row, slot), place = divmod(own, slots), int(position[own])
            source = int(connection.fields[row // channels, place, slot])
            problem = lens.edge(index, source, row * connection.fields.shape[1] + place)
            assert problem.curvature(alpha) == pytest.approx(float(kappa[own]), abs=1e-9)
            compared += 1
        edges = connection.edges
        flat = edges.parameter if connection.order is None else np.argsort(connection.order)[edges.parameter]
        for at in np.flatnonzero(np.isnan(kappa.numpy()[flat]))[:3].tolist():
            with pytest.raises(DataError, match="left out when channels were drawn"):
                lens.edge(index, int(edges.source[at]), int(edges.target[at]))
            left_out += 1
    assert compared > 1
    assert left_out or not lens.graph.kept


def test_only_the_path_lengths_of_chosen_layers_are_made_until_others_are_looked_at():
    net, x = make("Residual", 3)
    whole = look(net, x)
    lens = look(net, x, layers=["head.weight"])
    (head,) = lens.connections
    assert set(lens.paths.tables) < set(whole.paths.tables)
    for index, connection in enumerate(lens.graph.connections):
        i, j = int(connection.edges.source[0]), int(connection.edges.target[0])
        assert lens.edge(index, i, j).curvature() == pytest.approx(
            whole.edge(index, i, j).curvature(), abs=1e-12
        )
    assert lens.graph.connections[head].parameter == "head.weight"
    with pytest.raises(NcvizError, match="choose from"):
        look(net, x, layers=["nothing.weight"])
