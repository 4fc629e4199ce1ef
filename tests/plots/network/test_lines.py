import itertools
from dataclasses import replace

import numpy as np
import pytest

from ncviz.plots.network.layout import layout
from ncviz.plots.network.lines import NetworkView, drawn_edges, layer_subtitle
from ncviz.plots.network.payload import pack, payload, unpack


def dense(sizes, seed=0, shapes=None):
    """A fully connected network with random curvatures: mostly slightly positive, a long negative tail."""
    generator = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    source, target, connection = [], [], []
    for layer, (a, b) in enumerate(itertools.pairwise(sizes)):
        source.append(np.tile(np.arange(a), b) + offsets[layer])
        target.append(np.repeat(np.arange(b), a) + offsets[layer + 1])
        connection.append(np.full(a * b, layer))
    source, target, connection = map(np.concatenate, (source, target, connection))
    edges = source.size
    curvature = generator.normal(0.3, 0.3, edges) - (generator.random(edges) < 0.15) * generator.exponential(
        2, edges
    )
    return NetworkView(
        layer_names=tuple(f"layer {i}" for i in range(len(sizes))),
        layer_shapes=shapes or tuple((size,) for size in sizes),
        classes=tuple(str(i) for i in range(sizes[-1])),
        source=source.astype(np.int32),
        target=target.astype(np.int32),
        curvature=curvature.astype(np.float32),
        weight=generator.normal(size=edges).astype(np.float32),
        parameter=np.arange(edges, dtype=np.int32),
        connection=connection.astype(np.int32),
        connection_names=tuple(f"fc{i}" for i in range(len(sizes) - 1)),
        parameter_count=edges,
    )


@pytest.fixture
def view():
    return dense((64, 32, 16, 10), shapes=((1, 8, 8), (32,), (16,), (10,)))


def test_every_layer_gets_its_share_and_gives_what_it_does_not_need(view):
    chosen = drawn_edges(view, 900)
    assert chosen.size == np.unique(chosen).size == 900
    # 160 edges in the last layer, all drawn; the rest is split between the other two.
    assert np.bincount(view.connection[chosen]).tolist() == [370, 370, 160]


def test_half_of_a_share_are_the_strongest_of_either_sign(view):
    only = edges_in(view, 0)
    chosen = drawn_edges(view, 200, connection=0)
    for side in (view.curvature[only] < 0, view.curvature[only] >= 0):
        strongest = only[side][np.argsort(-np.abs(view.curvature[only][side]))][:50]
        assert np.isin(strongest, chosen).all()


def test_the_other_half_samples_all_curvatures_evenly(view):
    only = edges_in(view, 0)
    ranks = np.argsort(np.argsort(view.curvature[only]))
    chosen = ranks[np.isin(only, drawn_edges(view, 400, connection=0))]
    counts = np.histogram(chosen, bins=10, range=(0, only.size))[0]
    assert counts.min() >= 15


def edges_in(view, connection):
    return np.flatnonzero(view.connection == connection)


def test_ties_go_to_the_lower_index(view):
    tied = replace(view, curvature=np.full(view.edge_count, -1, np.float32))
    first = np.sort(drawn_edges(tied, 50, connection=0))
    assert np.array_equal(first[:25], np.arange(25))


def test_never_active_edges_are_the_weakest(view):
    marked = replace(view, curvature=np.where(view.connection == 0, 2.0, view.curvature).astype(np.float32))
    marked.curvature[:100] = 0.01
    chosen = drawn_edges(marked, 400, connection=0)
    assert np.isin(np.arange(100), chosen).all()
    drawn = marked.curvature[drawn_edges(marked, 10**9, connection=0)]
    assert (drawn[-100:] == np.float32(0.01)).all()


def test_signs_alternate_evenly_and_the_strongest_come_last(view):
    # The worst case for drawing by strength alone: every positive edge is weaker than every negative one.
    positive = np.arange(view.edge_count) % 2 == 0
    curvature = np.where(positive, 0.1, -1.0) + np.linspace(0, 0.05, view.edge_count)
    split = replace(view, curvature=curvature.astype(np.float32))
    drawn = split.curvature[drawn_edges(split, view.edge_count)]
    for part in np.array_split(drawn < 0, 20):
        assert 0.4 < part.mean() < 0.6
    for side in (drawn[drawn < 0], drawn[drawn >= 0]):
        assert (np.diff(np.abs(side)) >= 0).all()


def test_filter_limit_and_missing_curvatures(view):
    assert (view.connection[drawn_edges(view, 10_000, connection=1)] == 1).all()
    assert drawn_edges(view, 0).size == drawn_edges(view, -3).size == 0
    assert drawn_edges(view, 10**9).size == view.edge_count
    holed = replace(view, curvature=np.where(view.connection == 0, np.nan, view.curvature).astype(np.float32))
    assert (holed.connection[drawn_edges(holed, 10_000)] != 0).all()


def test_a_view_that_does_not_fit_together_says_what_is_wrong(view):
    with pytest.raises(ValueError, match="values in weight"):
        replace(view, weight=view.weight[:-1])
    with pytest.raises(ValueError, match="expected target in 0 … 121"):
        replace(view, target=view.target + 100)


def test_payload_round_trip(view):
    ranks = {"up": np.arange(view.parameter_count), "down": np.arange(view.parameter_count)[::-1]}
    packed = payload(view, ranks, limit=300)
    header, arrays = unpack(pack(packed, {"removed": 5, "channel": "c"}))
    drawn = drawn_edges(view, 300)
    for name in ("source", "target", "curvature", "weight", "parameter", "connection"):
        np.testing.assert_array_equal(arrays[name], getattr(view, name)[drawn])
    assert [(order["key"], order["rank"], order["mirrored"]) for order in header["orders"]] == [
        ("up", 0, False),
        ("down", 0, True),
    ]
    np.testing.assert_array_equal(arrays["rank0"], view.parameter[drawn])
    assert "rank1" not in arrays
    assert (header["drawn"], header["total"], header["removed"]) == (300, view.edge_count, 5)
    for number, box in enumerate(header["layouts"]):
        placed = layout(view.layer_shapes, box["width"], box["height"])
        np.testing.assert_allclose(arrays[f"x{number}"] / 65535 * box["width"], placed.x, atol=0.03)
        np.testing.assert_allclose(arrays[f"y{number}"] / 65535 * box["height"], placed.y, atol=0.03)


def test_what_stays_visible_follows_from_the_ranks(view):
    order = np.argsort(-view.curvature, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    _, arrays = unpack(pack(payload(view, {"redundant": rank}, limit=view.edge_count), {}))
    kept = arrays["rank0"] >= 1000
    assert kept.sum() == view.edge_count - 1000
    assert arrays["curvature"][kept].max() <= arrays["curvature"][~kept].min()


def test_payload_says_which_network_it_is(view):
    ranks = {"up": np.arange(view.parameter_count)}
    first, again = payload(view, ranks, 100), payload(view, ranks, 100)
    assert first == again
    assert first.header["digest"] != payload(view, ranks, 101).header["digest"]
    assert payload(view, ranks, 100, connection=2).header["filter"] == "fc2"
    with pytest.raises(ValueError, match="ranks for 'up'"):
        payload(view, {"up": np.arange(3)}, 100)


def test_twenty_thousand_edges_stay_below_a_megabyte():
    view = dense((784, 100, 50, 10), shapes=((1, 28, 28), (100,), (50,), (10,)))
    rank = np.arange(view.parameter_count)
    packed = payload(view, dict.fromkeys("abcd", rank), limit=20_000)
    assert packed.header["drawn"] == 20_000
    assert packed.size < 1_000_000


def test_a_message_that_is_not_ours_is_refused():
    with pytest.raises(ValueError, match="NCV1"):
        unpack(b"PK\x03\x04....")


def test_words():
    assert [layer_subtitle(s) for s in ((10,), (1, 8, 8), (6, 12, 12), (5, 1, 1), (1, 1, 1))] == [
        "10 units",
        "8×8",
        "6 × 12×12",
        "5 units",
        "1 units",
    ]
