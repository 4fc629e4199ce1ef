"""Which maps of a large layer are shown, and where the others stand."""

import numpy as np
import pytest

from ncviz.plots.network.closeup import HIDDEN, IN_STRIP, MAP_ORDERS, SHOWN, Closeup, place_shown, shown_nodes
from ncviz.plots.network.lines import NetworkView, drawn_edges
from ncviz.plots.network.payload import pack, payload, unpack

MAPS = 100
LAYERS = ((1, 8, 8), (MAPS, 4, 4), (MAPS, 2, 2), (10,))


@pytest.fixture
def view():
    """Every map joined to every map of the next layer; map 7 of the first has the strongest bottlenecks."""
    offsets = np.cumsum([0, 1, MAPS, MAPS, 10])
    ends = [
        (source, target)
        for layer in range(3)
        for source in range(offsets[layer], offsets[layer + 1])
        for target in range(offsets[layer + 1], offsets[layer + 2])
    ]
    source, target = np.array(ends, np.int32).T
    kappa = np.random.default_rng(0).uniform(-0.1, 1, len(source)).astype(np.float32)
    kappa[(source == 1 + 7) | (target == 1 + 7)] = -3
    kappa[0] = 2.0  # never active
    return NetworkView(
        layer_names=("input", "conv 0", "conv 1", "classes"),
        layer_shapes=LAYERS,
        classes=tuple("0123456789"),
        source=source,
        target=target,
        curvature=kappa,
        weight=np.ones(len(source), np.float32),
        parameter=np.arange(len(source), dtype=np.int32),
        connection=np.searchsorted(offsets, source, side="right").astype(np.int32) - 1,
        connection_names=("a", "b", "c"),
        parameter_count=len(source),
        grouped=(True, True, True, False),
    )


@pytest.fixture
def activity():
    values = [np.zeros(int(np.prod(shape)), np.uint8) for shape in LAYERS]
    values[1].reshape(MAPS, -1)[93] = 200
    return values


def test_the_maps_that_matter_are_shown_first_in_the_order_that_was_asked_for(view, activity):
    first = {by: shown_nodes(view, Closeup(by=by), activity).order[1][0] - 1 for by in MAP_ORDERS}
    assert first == {"bottlenecks": 7, "activity": 93, "position": 0}
    shown = shown_nodes(view, Closeup(keep=(1 + 55,)), activity)
    assert shown.counts == [1, 32, 32, 10]
    assert shown.state[1 + 55] == SHOWN, "what is selected is shown whatever its place"
    assert (shown.state[1 : 1 + MAPS] == IN_STRIP).sum() == MAPS - 32


def test_a_layer_that_is_looked_at_closely_fills_the_picture_with_those_beside_it(view):
    shown = shown_nodes(view, Closeup(layer=3))
    assert [count > 0 for count in shown.counts] == [False, False, True, True]
    assert (shown.state[: 1 + MAPS] == HIDDEN).all()
    assert shown_nodes(view, Closeup(layer=99)).counts == shown_nodes(view, Closeup()).counts


@pytest.mark.parametrize("box", [(800, 460), (340, 620)])
@pytest.mark.parametrize("layer", [-1, 0, 1, 3])
def test_no_shown_map_lies_on_another_and_strips_lie_beside_them(view, box, layer):
    shown = shown_nodes(view, Closeup(layer=layer))
    placed = place_shown(view, shown, *box)
    assert placed.is_portrait == (box[0] < 600)
    for axis, length in zip((placed.x, placed.y), box, strict=True):
        assert 0 <= axis.min() <= axis.max() <= length
    for at, nodes in enumerate(shown.order):
        if not len(nodes) or not view.is_grouped(at):
            continue
        x, y = placed.x[nodes], placed.y[nodes]
        away = np.maximum(np.abs(x[:, None] - x), np.abs(y[:, None] - y)) + 1e9 * np.eye(len(nodes))
        assert away.min() >= 2 * placed.radius[at] - 1e-3
        start, end = placed.layer_offsets[at : at + 2]
        rest = start + np.flatnonzero(shown.state[start:end] == IN_STRIP)
        across = placed.x if placed.is_portrait else placed.y
        if len(rest):
            assert across[rest].min() > across[nodes].max() + placed.radius[at]


def test_lines_join_what_is_shown_and_the_header_says_how_many_that_are(view):
    packed = payload(view, {"up": np.arange(view.parameter_count)}, 500, closeup=Closeup(layer=1))
    header, arrays = unpack(pack(packed, {}))
    shown = {"layer": 1, "by": "bottlenecks", "orders": MAP_ORDERS, "shown": [1, 42, 20, 0]}
    assert header["closeup"] == shown
    for ends in (arrays["source"], arrays["target"]):
        assert (arrays["rest"][ends] == SHOWN).all()
    among = arrays["rest"] == SHOWN
    assert len(drawn_edges(view, 10**6, among=among)) == 42 + 42 * 20
