"""Ollivier–Ricci curvature against closed forms, a linear program and the neural definition."""

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from torch import nn

import ncviz
from ncviz.errors import NcvizError
from ncviz.ricci import curvature, edge_transport, ollivier_ricci, solving
from ncviz.ricci.metric import Metric
from ncviz.transport import dense
from ncviz.transport.many import solve
from tests.examples import brute_force

ALPHAS = (0.0, 0.25, 0.5, 0.9)
EXACT = {"rel": 0, "abs": 1e-12}


@pytest.fixture(autouse=True)
def in_blocks(monkeypatch):
    """As large graphs are solved, whether this machine has compiled that before or not."""
    monkeypatch.setattr(curvature, "_FEW", 0)


def measure(node, lengths, alpha):
    """The definition, word by word; ``lengths`` of the edges to the neighbours."""
    shares = {x: np.exp(-(length**2)) for x, length in lengths.items()}
    found = {x: (1 - alpha) * share / sum(shares.values()) for x, share in shares.items()}
    return {node: alpha, **found} if found else {node: 1.0}


def by_definition(graph, u, v, alpha, weight=None):
    """The problem of one edge by networkx's paths and a linear program."""
    into = graph.pred[u] if graph.is_directed() else graph.adj[u]
    out = graph.adj[v]
    start, end = (
        measure(node, {x: 1.0 if weight is None else data[weight] for x, data in near.items()}, alpha)
        for node, near in ((u, into), (v, out))
    )
    paths = dict(nx.all_pairs_dijkstra_path_length(graph, weight=weight or "nothing has this name"))
    cost = np.array([[paths[x][y] for y in end] for x in start])
    rows, columns = (
        np.kron(np.eye(len(start)), np.ones(len(end))),
        np.kron(np.ones(len(start)), np.eye(len(end))),
    )
    a, b = np.array(list(start.values())), np.array(list(end.values()))
    solved = linprog(cost.reshape(-1), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b]))
    assert solved.success
    return 1 - solved.fun / paths[u][v]


def by_cuts(tree, u, v, alpha):
    """On a tree W₁ is the sum, over its edges, of how much more mass lies on one side before than after."""
    start, end = (measure(node, dict.fromkeys(tree.neighbors(node), 1.0), alpha) for node in (u, v))
    work = 0.0
    for x, y in tree.edges:
        halved = tree.copy()
        halved.remove_edge(x, y)
        side = nx.node_connected_component(halved, x)
        work += abs(sum(start.get(z, 0.0) - end.get(z, 0.0) for z in side))
    return 1 - work


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(
    "tree",
    [nx.path_graph(2), nx.path_graph(3), nx.path_graph(7), nx.star_graph(5), nx.balanced_tree(3, 3),
     nx.random_labeled_tree(20, seed=3)],
)  # fmt: skip
def test_trees(tree, alpha):
    for (u, v), kappa in ollivier_ricci(tree, alpha).items():
        assert kappa == pytest.approx(by_cuts(tree, u, v, alpha), **EXACT)


def test_the_inner_edge_of_a_tree():
    # Degrees x and y: κ = −2 (1 − 1/x − 1/y) at idleness 0, known since Jost and Liu 2014.
    tree = nx.balanced_tree(3, 3)
    assert ollivier_ricci(tree, 0.0)[0, 1] == pytest.approx(-2 * (1 - 1 / 3 - 1 / 4), **EXACT)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_complete_graphs(n, alpha):
    # All other nodes are neighbours of both ends; only the ends' own masses differ.
    expected = 1 - abs(alpha - (1 - alpha) / (n - 1))
    assert list(ollivier_ricci(nx.complete_graph(n), alpha).values()) == pytest.approx(
        [expected] * (n * (n - 1) // 2), **EXACT
    )


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("n", [4, 5, 6, 7, 12])
def test_cycles(n, alpha):
    beta = (1 - alpha) / 2
    expected = {4: 1 - max(alpha, 2 * beta - alpha), 5: 1 - max(alpha + beta, 2 * beta)}.get(n, 0.0)
    assert list(ollivier_ricci(nx.cycle_graph(n), alpha).values()) == pytest.approx([expected] * n, **EXACT)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_grids_are_flat(alpha):
    assert max(map(abs, ollivier_ricci(nx.grid_2d_graph(7, 7, periodic=True), alpha).values())) < 1e-12
    grid = ollivier_ricci(nx.grid_2d_graph(8, 8), alpha)
    assert abs(grid[(3, 3), (3, 4)]) < 1e-12


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("d", [2, 3, 4])
def test_hypercubes_and_complete_bipartite_graphs(d, alpha):
    # Each other neighbour of one end has a partner one step away; the ends' own masses differ by |α − β|.
    beta = (1 - alpha) / d
    expected = 1 - (abs(alpha - beta) + (d - 1) * beta)
    for graph in (nx.hypercube_graph(d), nx.complete_bipartite_graph(d, d)):
        found = list(ollivier_ricci(graph, alpha).values())
        assert found == pytest.approx([expected] * len(found), **EXACT)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("m", [3, 4, 6])
def test_the_bridge_of_a_barbell(m, alpha):
    # The m − 1 others of one clique go three steps; 3, 2, 1, 0 along that way is a potential that proves it.
    beta = (1 - alpha) / m
    expected = 1 - (alpha - beta + 3 * (m - 1) * beta)
    assert ollivier_ricci(nx.barbell_graph(m, 0), alpha)[m - 1, m] == pytest.approx(expected, **EXACT)


@st.composite
def weighted_graphs(draw):
    n = draw(st.integers(2, 7))
    kind = draw(st.sampled_from([nx.Graph, nx.DiGraph]))
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda pair: pair[0] != pair[1])
    graph = kind()
    graph.add_nodes_from(range(n))
    for u, v in draw(st.lists(pairs, min_size=1, max_size=16)):
        graph.add_edge(u, v, far=draw(st.floats(0.05, 3.0)))
    return graph


@settings(max_examples=80, deadline=None)
@given(weighted_graphs(), st.sampled_from([0.0, 0.2, 0.5, 0.8]), st.booleans())
def test_it_is_the_definition(graph, alpha, is_weighted):
    weight = "far" if is_weighted else None
    found = ollivier_ricci(graph, alpha, weight)
    assert list(found) == list(graph.edges)
    for (u, v), kappa in found.items():
        assert kappa == pytest.approx(by_definition(graph, u, v, alpha, weight), rel=1e-7, abs=1e-7)
        assert kappa <= min(1.0, 2 * (1 - alpha)) + 1e-12
        if not is_weighted:
            assert kappa >= -2 - 1e-12


@settings(max_examples=60, deadline=None)
@given(weighted_graphs(), st.randoms(use_true_random=False), st.floats(0, 0.95))
def test_names_do_not_matter(graph, random, alpha):
    names = [f"node {at}" for at in range(len(graph))]
    random.shuffle(names)
    renamed = nx.relabel_nodes(graph, dict(enumerate(names)))
    before, after = ollivier_ricci(graph, alpha, "far"), ollivier_ricci(renamed, alpha, "far")
    for (u, v), kappa in before.items():
        key = (names[u], names[v])
        assert after[key if key in after else key[::-1]] == pytest.approx(kappa, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(weighted_graphs(), st.sampled_from([0.0, 0.3, 0.6]))
def test_a_problem_adds_up(graph, alpha):
    for edge, kappa in ollivier_ricci(graph, alpha, "far").items():
        problem = edge_transport(graph, edge, alpha, "far")
        assert problem.curvature == pytest.approx(kappa, **EXACT)
        assert problem.plan.sum(axis=1) == pytest.approx(problem.a)
        assert problem.plan.sum(axis=0) == pytest.approx(problem.b)
        assert problem.plan.min() >= 0
        assert (problem.plan * problem.cost).sum() == pytest.approx(problem.value)
        assert np.isfinite(problem.cost).all(), "the way through the edge always exists"
        for at, node in enumerate(problem.sources):
            if node in problem.targets:
                stays = problem.plan[at, problem.targets.index(node)]
                both = min(problem.a[at], problem.b[problem.targets.index(node)])
                assert stays == pytest.approx(both)


@settings(max_examples=30, deadline=None)
@given(weighted_graphs())
def test_direction_of_an_undirected_edge_does_not_matter(graph):
    assume(not graph.is_directed())
    for (u, v), kappa in ollivier_ricci(graph, 0.3, "far").items():
        assert edge_transport(graph, (v, u), 0.3, "far").curvature == pytest.approx(kappa, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 0.9])
def test_on_a_layered_network_it_is_the_neural_curvature(alpha):
    """Weights into the first hidden layer equal to the inputs, and out of the second to the outputs' activations,
    make exp(−length²) the neural mass; the first hidden layer is constant, so its activations count as 1."""
    pixels = torch.tensor([[0.0, 0.4, 0.7, 1.0]])
    classes = np.array([0.0, 0.5, 0.8, 1.0])
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4)).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        net[0].weight[:] = pixels
        net[0].bias.zero_()
        net[2].weight[:] = torch.randn(5, 3, generator=generator, dtype=torch.float64)
        net[2].bias[:] = torch.randn(5, generator=generator, dtype=torch.float64)
        net[4].weight[:] = torch.tensor(classes)[:, None]
        net[4].bias.zero_()
        chances = 0.1 + classes
        logits = torch.tensor(np.log(chances / chances.sum()))
        net[4].bias[:] = logits - net(pixels.double())[0]
    expected = brute_force.curvature(net, pixels, alpha)
    matrices = brute_force.dense_layers(net, (4,))
    graph = nx.DiGraph()
    for level, matrix in enumerate(matrices):
        for j, i in zip(*np.nonzero(matrix), strict=True):
            graph.add_edge((level, int(i)), (level + 1, int(j)), length=1 / abs(matrix[j, i]))
    found = ncviz.ollivier_ricci(graph, alpha, weight="length")
    compared = 0
    for (level, i, j), kappa in expected.items():
        if level == 1 and kappa != 1.0:  # 1 is what a dead edge is given
            assert found[(1, i), (2, j)] / (1 - alpha) == pytest.approx(kappa, rel=1e-6, abs=1e-6)
            compared += 1
    assert compared >= 9


def test_parts_that_are_not_joined_do_not_matter():
    apart = nx.disjoint_union(nx.complete_graph(4), nx.cycle_graph(4))
    apart.add_node("alone")
    found = ollivier_ricci(apart, 0.5)
    assert found[0, 1] == pytest.approx(ollivier_ricci(nx.complete_graph(4))[0, 1])
    assert found[4, 5] == pytest.approx(ollivier_ricci(nx.cycle_graph(4))[0, 1])


def test_mass_that_has_nowhere_to_go_stays():
    # u hears from nobody and v speaks to nobody, so all mass goes along the edge.
    assert ollivier_ricci(nx.DiGraph([("u", "v")]), 0.3) == {("u", "v"): 0.0}
    assert ollivier_ricci(nx.Graph([("u", "v")]), 0.0) == {("u", "v"): 0.0}


def test_a_self_loop_changes_nothing():
    graph = nx.cycle_graph(5)
    before = ollivier_ricci(graph)
    graph.add_edge(2, 2)
    assert ollivier_ricci(graph) == before
    with pytest.raises(NcvizError, match="self-loop"):
        edge_transport(graph, (2, 2))


def test_a_detour_that_is_shorter_than_the_edge_is_the_distance():
    graph = nx.Graph()
    graph.add_edge(0, 1, far=5.0)
    graph.add_edge(0, 2, far=1.0)
    graph.add_edge(2, 1, far=1.0)
    problem = edge_transport(graph, (0, 1), 0.5, "far")
    assert problem.distance == 2.0


def test_long_edges_keep_their_proportions():
    graph = nx.star_graph(3)
    for leaf, far in ((1, 100.0), (2, 100.0), (3, 100.001)):
        graph[0][leaf]["far"] = far
    problem = edge_transport(graph, (0, 1), 0.0, "far")
    mass = dict(zip(problem.sources, problem.a, strict=True))
    assert mass[3] / mass[1] == pytest.approx(np.exp(-(100.001**2 - 100.0**2)))
    assert sum(mass.values()) == pytest.approx(1)


@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_very_short_and_very_long_edges(scale):
    graph = nx.barbell_graph(3, 0)
    nx.set_edge_attributes(graph, scale, "far")
    expected = ollivier_ricci(graph, 0.4)
    found = ollivier_ricci(graph, 0.4, "far")
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_graph_without_edges_has_no_curvature():
    assert ollivier_ricci(nx.Graph()) == {}
    assert ollivier_ricci(nx.empty_graph(3)) == {}


def test_the_graph_is_left_alone():
    graph = nx.freeze(nx.karate_club_graph())
    found = ollivier_ricci(graph, weight="weight")
    assert len(found) == 78
    assert all(np.isfinite(list(found.values())))


@pytest.mark.parametrize("far", [0, -1.0, float("nan"), float("inf"), "near", None, [1.0], 1e-200, 10**400])
def test_a_length_that_is_none(far):
    graph = nx.path_graph(3)
    nx.set_edge_attributes(graph, 1.0, "far")
    graph[1][2]["far"] = far
    with pytest.raises(NcvizError, match=r"'far' of edge \(1, 2\) must be a positive number"):
        ollivier_ricci(graph, weight="far")


@pytest.mark.parametrize("alpha", [1.0, -0.1, float("nan"), "half", None, True])
def test_a_bad_alpha(alpha):
    with pytest.raises(NcvizError, match="alpha"):
        ollivier_ricci(nx.path_graph(3), alpha)


def test_other_bad_input():
    path = nx.path_graph(3)
    with pytest.raises(NcvizError, match="multigraph"):
        ollivier_ricci(nx.MultiGraph(path))
    with pytest.raises(NcvizError, match="networkx"):
        ollivier_ricci({0: [1]})
    with pytest.raises(NcvizError, match="has no attribute 'far'"):
        ollivier_ricci(path, weight="far")
    with pytest.raises(NcvizError, match="name of an edge attribute"):
        ollivier_ricci(path, weight=2)
    for edge in ((0, 2), (0,), "01", None, ([], 1)):
        with pytest.raises(NcvizError, match="pair"):
            edge_transport(path, edge)


def graphs_with_hubs():
    """Graphs with nodes of many neighbours, and their lengths' name."""
    random = np.random.default_rng(0)
    spokes = nx.star_graph(60)
    found = [
        (spokes, None),
        (nx.disjoint_union(spokes, nx.star_graph(40)), None),
        (nx.barabasi_albert_graph(80, 3, seed=0), None),
        (nx.complete_graph(14), None),
        (nx.gnp_random_graph(40, 0.15, seed=1, directed=True), "length"),
        (nx.barabasi_albert_graph(50, 2, seed=1), "length"),
    ]
    found[1][0].add_edge(0, 61)  # from hub to hub
    for graph, weight in found:
        for u, v in graph.edges if weight else ():
            graph[u][v][weight] = float(random.uniform(0.1, 1.5))
    return found


@pytest.mark.parametrize("at", range(6))
def test_blocks_of_any_size_give_the_same(at, monkeypatch):
    graph, weight = graphs_with_hubs()[at]
    expected = ollivier_ricci(graph, 0.3, weight)
    monkeypatch.setattr(curvature, "_HELD", 150)
    found = ollivier_ricci(graph, 0.3, weight)
    assert list(found) == list(graph.edges)
    assert found == pytest.approx(expected, abs=1e-12)
    for u, v in list(graph.edges)[::7]:
        assert found[u, v] == pytest.approx(by_definition(graph, u, v, 0.3, weight), abs=1e-9)
        assert found[u, v] == pytest.approx(edge_transport(graph, (u, v), 0.3, weight).curvature, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("at", "is_compiled"), [(0, False), (3, False), (5, False), (1, True), (4, True)])
def test_few_edges_are_solved_one_by_one_until_the_code_for_blocks_is_there(at, is_compiled, monkeypatch):
    graph, weight = graphs_with_hubs()[at]
    expected = ollivier_ricci(graph, 0.6, weight)
    monkeypatch.setattr(curvature, "_FEW", graph.number_of_edges())
    monkeypatch.setattr(curvature, "_is_compiled", lambda: False)
    monkeypatch.setattr(dense, "is_compiled", lambda: is_compiled)
    monkeypatch.setattr(curvature, "_solved", None)
    found = ollivier_ricci(graph, 0.6, weight)
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("number", [1, 7])
@pytest.mark.parametrize("graph", [nx.star_graph(300), nx.barabasi_albert_graph(300, 3, seed=0)], ids=len)
def test_blocks_hold_every_edge_once_and_a_bounded_number_of_distances(graph, number, monkeypatch):
    monkeypatch.setattr(curvature, "_HELD", 2000)
    metric = Metric(graph, None)
    before, after = (curvature._side(lengths, 0.5) for lengths in (metric.backwards, metric.forwards))
    first, second = metric.numbers(graph)
    blocks = list(curvature._blocks(first, second, before, after, number))
    assert sorted(np.concatenate([edges for edges, _ in blocks])) == list(range(graph.number_of_edges()))
    for edges, is_turned in blocks:
        rows, columns = (np.diff(metric.forwards.indptr)[ends[edges]] + 1 for ends in (first, second))
        assert ((rows > columns) == is_turned).all()
        assert (rows * columns).sum() <= 2000 or len(edges) == 1


def test_a_value_that_is_not_proved_is_no_result(monkeypatch):
    monkeypatch.setattr(solving, "solve_edges", lambda starts, *given: starts == starts.min())
    with pytest.raises(RuntimeError, match=r"1 edges could not be proved: \(0, 1\)"):
        ollivier_ricci(nx.path_graph(2))
    # Neither the linear program's proof holds, nor the solver's own.
    monkeypatch.setattr(dense, "is_compiled", lambda: False)
    monkeypatch.setattr(dense, "_by_linear_program", lambda *given: None)
    monkeypatch.setattr(dense, "TOLERANCE", -1.0)
    monkeypatch.setattr(solve, "TOLERANCE", -1.0)
    with pytest.raises(RuntimeError, match=r"edge \(0, 1\) could not be proved"):
        edge_transport(nx.cycle_graph(6), (0, 1))


@pytest.mark.parametrize("far", [(1e-10, 5.9), (1e-12, 5.7), (1e-6, 5.0)])
def test_little_mass_that_goes_far_counts(far):
    near, away = far
    graph = nx.Graph()
    graph.add_edge("u", "v", far=near)
    graph.add_edge("u", "x", far=away)
    share = np.exp(-(away**2)) / (np.exp(-(near**2)) + np.exp(-(away**2)))
    # With idleness a half, only what lies on x has to move: to v, through u.
    expected = 1 - 0.5 * share * (away + near) / near
    for edge in (("u", "v"), ("v", "u")):
        assert edge_transport(graph, edge, 0.5, "far").curvature == pytest.approx(expected, abs=1e-10)
    for each in (graph, graph.to_directed()):
        found = ollivier_ricci(each, 0.5, "far")
        assert found["u", "v"] == pytest.approx(expected, abs=1e-10)
        assert found["u", "v"] < 1


def test_a_star_of_many_leaves():
    graph = nx.star_graph(1000)
    # What lies on the other leaves, n - 1 of n parts of a half, goes two steps.
    assert ollivier_ricci(graph) == pytest.approx(dict.fromkeys(graph.edges, 1 / 1000), abs=1e-12)
