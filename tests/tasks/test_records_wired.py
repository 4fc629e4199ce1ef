"""What the store keeps of networks that are no chains: each connection's own edges, and the links between layers."""

from dataclasses import replace

import numpy as np
import pytest

from ncviz.tasks.curvature import stored
from tests.examples import wired
from tests.examples.wired_records import kept

NAMES = [*wired.WIRED, "Twice"]


@pytest.mark.parametrize("name", NAMES)
def test_each_connection_keeps_its_own_least_edges(name):
    result, arrays, record = kept(name)
    again = stored.decode(stored.encode(record))
    for index, connection in enumerate(result.graph.connections):
        listed = connection.edges
        each = np.array([result.edges(index, sample)[2].numpy() for sample in range(2)])
        # An edge that is dead on an image is listed with 1 and does not count.
        kappa = np.where(each == 1, np.inf, each).min(axis=0)
        least = {}
        for parameter, value in zip(listed.parameter.tolist(), kappa.tolist(), strict=True):
            least[parameter] = min(value, least.get(parameter, np.inf))
        edges = again.edges[index]
        # What has no edge in this connection, such as the part that reads another layer, is not there.
        assert edges.parameter.tolist() == sorted(least)
        is_active = edges.sample >= 0
        expected = np.array([least[at] for at in edges.parameter.tolist()])
        assert np.allclose(edges.curvature[is_active], expected[is_active], rtol=1e-5, atol=1e-6)
        assert (edges.curvature[~is_active] == 2).all()
        # The edge is one of that weight.
        known = set(
            zip(listed.source.tolist(), listed.target.tolist(), listed.parameter.tolist(), strict=True)
        )
        own = set(zip(edges.source.tolist(), edges.target.tolist(), edges.parameter.tolist(), strict=True))
        assert own <= known
        weight = dict(zip(listed.parameter.tolist(), (1 / listed.length).tolist(), strict=True))
        folded = record.folded(index, arrays)[edges.parameter]
        assert np.allclose(np.abs(folded), [weight[at] for at in edges.parameter.tolist()], rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_no_weight_counts_twice(name):
    result, arrays, record = kept(name)
    assert record.total == sum(arrays[parameter].size for parameter in result.graph.parameters)
    assert record.measured == record.total
    assert record.meta["edges"] == result.graph.number_of_edges
    assert record.ends == tuple((each.source, each.target) for each in result.graph.connections)
    assert record.is_chain == result.graph.is_chain
    for layer in range(len(record.layer_shapes)):
        assert [result.graph.connections[at].name for at in record.into(layer)] == [
            each.name for each in result.graph.into(layer) if each.parameter
        ]


def test_a_concatenation_is_read_by_one_weight_in_two_connections():
    _, _, record = kept("Fire")
    first, second = record.connections_of("last.weight")
    assert record.ends[first][1] == record.ends[second][1]
    parts = [set(record.edges[at].parameter.tolist()) for at in (first, second)]
    assert not parts[0] & parts[1]
    assert parts[0] | parts[1] == set(range(record.weights["last.weight"].size))


def test_a_layer_used_twice_has_a_curvature_at_each_place():
    _, _, record = kept("Twice")
    first, second = record.connections_of("same.weight")
    both = [record.edges[at].curvature for at in (first, second)]
    assert not np.allclose(*both)
    assert np.allclose(np.minimum(*both), record.weights["same.weight"].reshape(-1), atol=1e-6)
    alone = record.of([1])
    assert alone.weights["same.weight"].min() >= record.weights["same.weight"].min() - 1e-6


def test_links_say_what_they_are_and_what_they_join():
    _, _, record = kept("Residual")
    record = stored.decode(stored.encode(record))
    skip, pool = record.links
    assert (skip.kind, skip.source, skip.target, skip.edges) == ("skip", 1, 3, 48)
    assert (pool.kind, pool.source, pool.target) == ("pool", 3, 4)
    assert skip.channels.tolist() == [[0, 0], [1, 1], [2, 2]]
    assert pool.places.shape == (4, 9)
    assert record.meta["links"][0]["name"]
    assert record.meta["layer_names"][0] == "input"
    _, _, dense = kept("Dense", "folded")
    assert {link.kind for link in dense.links} >= {"scale", "pool"}
    assert dense.batchnorm == "folded"
    assert {link.kind for link in kept("Dense")[2].links} == {"pool"}


def test_what_was_not_measured_has_no_edge():
    _, _, record = kept("Residual")
    some = record.weights["a.weight"].copy()
    some[0] = np.nan
    part = replace(record, weights={**record.weights, "a.weight": some})
    index = record.parameters.index("a.weight")
    assert part.measured == record.total - some[0].size
    assert set(part.edges[index].parameter.tolist()) == set(range(some[0].size, some.size))
    assert np.isnan(part.of([0]).weights["a.weight"][0]).all()
    assert not np.isnan(part.of([0]).weights["a.weight"][1:]).any()
