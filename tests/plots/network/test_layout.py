import itertools

import numpy as np
import pytest

from ncviz.plots.network.layout import layout, units

DIGITS = ((1, 8, 8), (32,), (16,), (10,))
LENET = ((1, 28, 28), (6, 12, 12), (16, 4, 4), (120,), (84,), (10,))
VGG = ((3, 32, 32), (64, 16, 16), (128, 8, 8), (256,), (100,))
FLAT = ((784,), (300,), (10,))
ALL = (DIGITS, LENET, VGG, FLAT, ((1,),), ((2, 1, 1), (3,)))


@pytest.mark.parametrize("shapes", ALL)
@pytest.mark.parametrize(("width", "height"), [(300, 500), (800, 460), (2560, 400)])
def test_every_unit_lies_in_the_box_at_a_place_of_its_own(shapes, width, height):
    placed = layout(shapes, width, height)
    count = sum(units(shape) for shape in shapes)
    assert placed.x.shape == placed.y.shape == (count,)
    assert placed.x.dtype == placed.y.dtype == np.float32
    assert placed.layer_offsets == tuple(np.concatenate([[0], np.cumsum([units(s) for s in shapes])]))
    assert len(placed.radius) == len(placed.labels) == len(shapes)
    assert placed.x.min() >= 0
    assert placed.x.max() <= width
    assert placed.y.min() >= 0
    assert placed.y.max() <= height
    places = np.round(np.stack([placed.x, placed.y], axis=1), 2)
    assert len(np.unique(places, axis=0)) == count


@pytest.mark.parametrize("shapes", [DIGITS, LENET, FLAT])
@pytest.mark.parametrize("width", [340, 1200])
def test_layers_follow_one_another_and_are_centred(shapes, width):
    placed = layout(shapes, width, 460)
    assert placed.is_portrait == (width < 600)
    along, across = (placed.y, placed.x) if placed.is_portrait else (placed.x, placed.y)
    extent = width if placed.is_portrait else 460
    bounds = list(zip(placed.layer_offsets, placed.layer_offsets[1:], strict=False))
    for (a, b), (c, d) in itertools.pairwise(bounds):
        assert along[a:b].max() < along[c:d].min()
    for a, b in bounds:
        assert (across[a:b].max() + across[a:b].min()) / 2 == pytest.approx(extent / 2, abs=0.5)


@pytest.mark.parametrize("portrait", [False, True])
def test_pixels_are_at_their_place(portrait):
    placed = layout(((3, 4, 6), (2,)), 900, 800, is_portrait=portrait)
    x, y = (values[: 3 * 4 * 6].reshape(3, 4, 6) for values in (placed.x, placed.y))
    assert (np.diff(x, axis=2) > 0).all(), "columns run to the right"
    assert (np.diff(y, axis=1) > 0).all(), "rows run down"
    channel = y if not portrait else x
    assert (np.diff(channel.mean(axis=(1, 2))) > 0).all(), "channels in order"


def test_image_rows_are_readable_as_heights():
    placed = layout(LENET, 1200, 460)
    heights = np.unique(np.round(placed.y[:784], 1))
    assert heights.size > 300, "edges of one image row would lie on one another"


def test_dots_do_not_touch_where_there_is_room():
    placed = layout(DIGITS, 1200, 460)
    for layer, (a, b) in enumerate(zip(placed.layer_offsets, placed.layer_offsets[1:], strict=False)):
        points = np.stack([placed.x[a:b], placed.y[a:b]], axis=1).astype(float)
        away = np.linalg.norm(points[:, None] - points[None], axis=-1)
        np.fill_diagonal(away, np.inf)
        assert away.min() >= 1.9 * placed.radius[layer]


def test_no_layers_is_an_error():
    with pytest.raises(ValueError, match="at least one layer"):
        layout((), 100, 100)
