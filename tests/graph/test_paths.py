"""Shortest paths by positions against the plain computation over whole layers."""

import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn

from ncviz.errors import CancelledError, ModelError
from ncviz.graph import paths, products
from ncviz.graph.build import build_graph
from ncviz.graph.images.room import Room
from ncviz.graph.positions import PathTable
from tests.examples.networks import NETWORKS, make


@pytest.fixture(params=[(name, share) for name in NETWORKS for share in (0.0, 0.5)], ids=str)
def graph(request):
    name, zero_share = request.param
    net, x = make(name, 1, zero_share=zero_share)
    return build_graph(net, tuple(x.shape[1:]))


def vgg(width=3, size=12):
    """Three convolutions, pooled by strides, and two linear layers."""
    side = (size + 1) // 2
    return build_graph(
        nn.Sequential(
            nn.Conv2d(2, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, stride=2), nn.ReLU(), nn.Flatten(),
            nn.Linear(width * side * side, 4), nn.ReLU(), nn.Linear(4, 3),
        ), (2, size, size),
    )  # fmt: skip


def apart(found, hops):
    """The tables of a chain between layers so many apart, from the first on."""
    return [table for (source, target), table in sorted(found.tables.items()) if target - source == hops]


def min_plus(left, right):
    return np.array([(row[:, None] + right).min(axis=0) for row in left])


def edge_lengths(graph):
    for index, connection in enumerate(graph.connections):
        lengths = np.full(graph.layer_sizes[index : index + 2], np.inf)
        lengths[connection.edges.source, connection.edges.target] = connection.edges.length
        yield lengths


def check(graph, found):
    one = list(edge_lengths(graph))
    two = [min_plus(a, b) for a, b in pairwise(one)]
    three = [min_plus(a, b) for a, b in zip(one, two[1:], strict=False)]
    for tables, expected in (
        ([taps.table for taps in found.one], one),
        (apart(found, 2), two),
        (apart(found, 3), three),
    ):
        assert len(tables) == len(expected)
        for table, lengths in zip(tables, expected, strict=True):
            assert np.array_equal(table.dense(), lengths)


def same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("source", "target", "kind")
    ) and (np.array_equal(one.lengths, other.lengths))


def same_tables(one, other):
    assert one.tables.keys() == other.tables.keys()
    assert all(same(table, other.tables[ends]) for ends, table in one.tables.items())


def test_tables_are_the_min_plus_products_of_the_layers(graph):
    check(graph, paths.distances(graph))


@pytest.mark.parametrize(
    "layers",
    [
        (nn.Conv2d(1, 2, 3, stride=2), nn.Conv2d(2, 2, 2), nn.Conv2d(2, 3, 2)),
        (
            nn.Conv2d(1, 2, 3, padding=2),
            nn.Conv2d(2, 2, 3, stride=2, padding=1),
            nn.Conv2d(2, 1, 3, padding=1),
        ),
        (
            nn.Conv2d(1, 2, 2, dilation=2),
            nn.Conv2d(2, 4, 2, groups=2),
            nn.Conv2d(4, 4, 3, padding=1, groups=4),
        ),
        (
            nn.Conv2d(1, 2, (1, 3), stride=(2, 1), padding=(0, 2)),
            nn.Conv2d(2, 3, 1),
            nn.Conv2d(3, 2, 3, stride=3),
        ),
    ],
    ids=["stride", "padding", "dilation and groups", "uneven"],
)
def test_stacks_of_convolutions(layers):
    features = nn.Sequential(*layers, nn.Flatten())
    size = features(torch.zeros(1, 1, 9, 8)).shape[1]
    graph = build_graph(nn.Sequential(*features, nn.Linear(size, 3)), (1, 9, 8))
    check(graph, paths.distances(graph))


def test_a_path_is_the_shortest_of_the_graphs():
    net, x = make("conv_stride_padding", 2, zero_share=0.3)
    built = build_graph(net, tuple(x.shape[1:]))
    graph = nx.DiGraph()
    for level, connection in enumerate(built.connections):
        edges = connection.edges
        for i, j, length in zip(
            *(part.tolist() for part in (edges.source, edges.target, edges.length)), strict=True
        ):
            graph.add_edge((level, i), (level + 1, j), length=length)
    found = paths.distances(built)
    for hop in (2, 3):
        for level, table in enumerate(apart(found, hop)):
            lengths = table.dense()
            for i in range(0, len(lengths), 5):
                near = (
                    nx.single_source_dijkstra_path_length(graph, (level, i), weight="length")
                    if ((level, i) in graph)
                    else {}
                )
                expected = [near.get((level + hop, v), np.inf) for v in range(lengths.shape[1])]
                assert lengths[i] == pytest.approx(expected, rel=1e-12)


def test_a_channel_that_nothing_reads_leads_nowhere():
    net, x = make("conv", 0)
    net[0].weight.data[1] = 0
    net[2].weight.data[:, 0] = 0
    graph = build_graph(net, tuple(x.shape[1:]))
    found = paths.distances(graph)
    check(graph, found)
    assert np.all(np.isinf(found.tables[0, 2].dense()))


def test_padding_joins_nothing():
    """Positions that only padding lies between are no pair, so that no table is kept for them."""
    found = paths.distances(build_graph(nn.Sequential(nn.Conv2d(1, 1, 2, dilation=3, padding=1), nn.Conv2d(1, 1, 1)),
                                        (1, 3, 3)))  # fmt: skip
    check_positions = found.tables[0, 2]
    assert len(check_positions.source) == 4
    assert np.all(check_positions.kind >= 0)
    dense = check_positions.dense()
    assert np.isfinite(dense).sum() == len(check_positions.source)


def test_what_a_convolution_repeats_is_kept_once():
    graph = vgg()
    found = paths.distances(graph)
    check(graph, found)
    for table in (found.tables[0, 2], found.tables[1, 3], found.tables[0, 3]):
        pairs = len(table.source)
        assert len(table.lengths) < pairs / 10
        assert set(table.kind.tolist()) == set(range(len(table.lengths)))
    # Away from the border the way from a pixel to another depends on where it leads alone.
    larger = paths.distances(vgg(size=20))
    assert [len(t.lengths) for t in apart(larger, 2)[:2]] == [len(t.lengths) for t in apart(found, 2)[:2]]
    assert len(larger.tables[0, 2].source) > 2 * len(found.tables[0, 2].source)


@pytest.mark.parametrize("workers", [1, 4])
def test_threads_do_not_change_the_tables(workers):
    graph = vgg()
    alone = paths.distances(graph)
    with ThreadPoolExecutor(workers) as executor:
        together = paths.distances(graph, executor=executor)
    same_tables(alone, together)


def test_an_executor_that_shares_no_memory_is_left_alone():
    graph = vgg()
    with ProcessPoolExecutor(1) as executor:
        found = paths.distances(graph, executor=executor)
        assert not executor._processes
    same_tables(paths.distances(graph), found)


def test_torch_makes_the_same_tables(monkeypatch):
    graph = vgg()
    compiled = paths.distances(graph)

    def by_torch(left, right, start, first, second, out, is_begun, executor):
        found = products.dense_products(left, right, start, first, second, "cpu")
        out[:] = np.minimum(out, found) if is_begun else found

    monkeypatch.setattr(products, "_compiled", by_torch)
    in_torch = paths.distances(graph)
    same_tables(compiled, in_torch)


def random_table(rng, before, after, channels_before, channels_after):
    joined = np.argwhere(rng.random((before, after)) < 0.4).astype(np.int32)
    kind = rng.integers(0, 3, len(joined)).astype(np.int32)
    lengths = rng.exponential(size=(3, channels_before, channels_after))
    lengths[rng.random(lengths.shape) < 0.2] = np.inf
    return PathTable(joined[:, 0], joined[:, 1], kind, lengths, (before, after))


def test_compose_takes_any_two_tables():
    rng = np.random.default_rng(0)
    for _ in range(20):
        left, right = random_table(rng, 4, 6, 2, 3), random_table(rng, 6, 5, 3, 2)
        found = products.shortest_of([(left, right)])
        assert found.positions == (4, 5)
        assert np.array_equal(found.dense(), min_plus(left.dense(), right.dense()))
        at = found.find(found.source, found.target)
        assert np.array_equal(at, found.kind)


def test_the_shortest_of_several_ways_is_the_least_of_each():
    rng = np.random.default_rng(5)
    for _ in range(8):
        plain = random_table(rng, 6, 5, 9, 4)
        first, dense = random_table(rng, 6, 7, 9, 3), random_table(rng, 7, 5, 3, 4)
        # Each channel leads to one other: what is looked at first in a product of many rows.
        thin = random_table(rng, 8, 5, 16, 4)
        thin.lengths[rng.random(thin.lengths.shape) < 0.9] = np.inf
        wide = random_table(rng, 6, 8, 9, 16)
        ways = [(first, dense), (plain, None), (wide, thin)]
        best = np.minimum.reduce(
            [
                own.dense() if other is None else (own.dense()[:, :, None] + other.dense()[None]).min(axis=1)
                for own, other in ways
            ]
        )
        assert np.array_equal(products.shortest_of(ways).dense(), best)
        room = Room()
        for _ in range(2):
            assert np.array_equal(products.shortest_of(ways, room=room).dense(), best)
            room.clear()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_product_is_given_up_between_its_parts(device, monkeypatch):
    rng, looks = np.random.default_rng(0), []

    class Cancel(threading.Event):
        def is_set(self):
            looks.append(0)
            return len(looks) > 2

    in_torch = products.dense_products
    monkeypatch.setattr(products, "dense_products", lambda *given: in_torch(*given[:5], "cpu", given[6]))
    monkeypatch.setattr(products, "_CHUNK_ELEMENTS", 1)
    tables = random_table(rng, 14, 16, 2, 3), random_table(rng, 16, 15, 3, 2)
    with pytest.raises(CancelledError):
        products.shortest_of([tables], device, cancel=Cancel())
    assert len(looks) == 3


def test_the_share_of_the_paths_that_is_done_grows_to_one(graph):
    told, rest = [], []
    near = paths.distances(graph, is_near=True, report=lambda *each: told.append(each))
    expected = paths.cost_of_distances(graph, near, range(len(graph.connections)))
    paths.distances(graph, known=near, report=lambda *each: rest.append(each))
    for seen in (told, rest):
        shares = [share for share, _ in seen]
        assert shares == sorted(shares)
        assert not shares or shares[-1] == pytest.approx(1.0)
    assert told or rest or len(graph.connections) == 1
    # What they will cost is known before they are begun.
    assert {cost for _, cost in rest} <= {expected}
    assert paths.cost_of_distances(graph, paths.distances(graph), range(len(graph.connections))) == 0.0


def test_tables_that_do_not_fit_are_refused_before_they_are_made(monkeypatch):
    graph = build_graph(nn.Sequential(nn.Linear(7, 6), nn.Linear(6, 5)), (7,))
    monkeypatch.setattr(products, "MAX_TABLE_BYTES", 8 * 7 * 5)
    paths.distances(graph)
    monkeypatch.setattr(products, "MAX_TABLE_BYTES", 8 * 7 * 5 - 1)
    monkeypatch.setattr(products, "_compiled", None)
    with pytest.raises(ModelError, match="distance table"):
        paths.distances(graph)
