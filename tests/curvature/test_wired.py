"""Networks that are no chains against the definition done slowly: dense maps, networkx paths, POT on every edge."""

import networkx as nx
import numpy as np
import ot
import pytest
import torch
from brute_force import masses
from wired import WIRED, make

from ncviz import build_graph, neural_curvature
from ncviz.graph.activations import layer_activations, normalise


def dense(map_, shape):
    """Return a linear map as a matrix [before, after], by pushing every unit vector through it."""
    size = int(np.prod(shape))
    units = torch.eye(size, dtype=torch.float64).reshape(size, *shape)
    with torch.no_grad():
        matrix = map_(units).reshape(size, -1).numpy()
    return np.where(np.abs(matrix) < 1e-12, 0.0, matrix)


def activity_of(wiring, x):
    with torch.no_grad():
        raw = wiring.activations(x)
    raw[-1] = raw[-1].flatten(1).softmax(dim=1)
    found = []
    for value in raw:
        a = value.abs().flatten().numpy()
        spread = a.max() - a.min()
        found.append(np.ones_like(a) if spread == 0 else (a - a.min()) / spread)
    return raw, found


def slow_curvature(wiring, x, alpha):
    """{(parameter, source layer, i, j): κ} for every edge of every weight layer."""
    raw, activity = activity_of(wiring, x)
    graph, edges = nx.DiGraph(), {}
    for source, target, parameter, map_ in wiring.maps:
        matrix = dense(map_, raw[source].shape[1:])
        for i, j in zip(*np.nonzero(matrix), strict=True):
            length, ends = 1.0 / abs(matrix[i, j]), ((source, int(i)), (target, int(j)))
            known = graph.get_edge_data(*ends, default={"length": np.inf})["length"]
            graph.add_edge(*ends, length=min(length, known))
            if parameter:
                edges[parameter, source, int(i), int(j)] = ends
    paths = dict(nx.all_pairs_dijkstra_path_length(graph, weight="length"))
    last, found = len(raw) - 1, {}
    for key, (source, target) in edges.items():
        if (source[0] > 0 and activity[source[0]][source[1]] == 0) or (
            target[0] < last and activity[target[0]][target[1]] == 0
        ):
            found[key] = 1.0
            continue
        flat = {unit: activity[unit[0]][unit[1]] for unit in graph}
        us, p = masses(sorted(graph.predecessors(source)), flat)
        vs, q = masses(sorted(graph.successors(target)), flat)
        starts, ends = [source, *us], [target, *vs]
        a = np.array([alpha, *((1 - alpha) * p)]) if us else np.ones(1)
        b = np.array([alpha, *((1 - alpha) * q)]) if vs else np.ones(1)
        cost = np.array([[paths[s][e] for e in ends] for s in starts])
        value = ot.emd2(a / a.sum(), b / b.sum(), cost)
        found[key] = (1 - value / paths[source][target]) / (1 - alpha)
    return found


@pytest.mark.parametrize("alpha", [0.9, 0.3])
@pytest.mark.parametrize("zero_share", [0.0, 0.4])
@pytest.mark.parametrize("name", WIRED)
def test_every_edge_agrees_with_the_definition(name, zero_share, alpha):
    net, x = make(name, 3, zero_share)
    expected = slow_curvature(net.wiring(), x, alpha)
    result = neural_curvature(net, x, alpha=alpha, keep_edges=True)
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


@pytest.mark.parametrize("name", WIRED)
def test_layers_and_their_activations(name):
    net, x = make(name, 5)
    graph = build_graph(net, net.shape)
    raw, activity = activity_of(net.wiring(), x)
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
