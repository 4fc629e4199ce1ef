"""Images that come from a browser, which is not to be trusted."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ncviz import tasks
from ncviz.ui.explore import living
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.session.subject import Side, Subject
from tests.examples import shipped


@pytest.fixture
def page(monkeypatch):
    """What is kept, and what is said."""
    kept, said = [], []
    monkeypatch.setattr(living, "_keep", kept.append)
    monkeypatch.setattr(living.st, "toast", said.append)
    return kept, said


def drawn(image, **changes):
    sizes = dict(zip(("channels", "rows", "columns"), image.shape, strict=True))
    return sizes | {"pixels": base64.b64encode(image.tobytes()).decode()} | changes


def test_a_drawing_is_kept_as_it_was_drawn(page):
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    living.take_image(drawn(pixels))
    np.testing.assert_array_equal(page[0], [pixels])


@pytest.mark.parametrize(
    "changes",
    [{"rows": 9}, {"rows": -1}, {"rows": "x"}, {"rows": None}, {"rows": 1e40}, {"pixels": "???"}, {"pixels": None}],
    ids=str,
)  # fmt: skip
def test_what_is_no_drawing_is_left_out(page, changes):
    living.take_image(drawn(np.zeros((1, 8, 8), np.uint8), **changes))
    living.take_image("none")
    assert page == ([], [])


def test_a_picture_is_made_as_large_as_the_data_or_left_out_in_a_sentence(page):
    kept, said = page
    stream = io.BytesIO()
    Image.new("RGB", (50, 40), (200, 10, 10)).save(stream, "JPEG")
    take = living.take_file(tasks.open_network("vgg9-cifar10-relu"))
    take({"name": "red.jpg", "content": base64.b64encode(stream.getvalue()).decode()})
    assert kept[0].shape == (3, 32, 32)
    take({"name": "none.jpg", "content": base64.b64encode(b"none").decode()})
    take({"name": "large.jpg", "content": "A" * (living.MAX_FILE + 4)})
    take({"name": "odd.jpg", "content": "A"})
    take(None)
    assert len(kept) == 1
    assert "none.jpg cannot be read" in said[0]
    assert "larger than 21" in said[1]
    assert len(said) == 2


def test_what_flows_is_told_from_that_of_other_images_and_of_other_things_done_by_hand(monkeypatch, network):
    record = tasks.open_context().look_up(tasks.Curvature(network))
    sweep = tasks.open_context().look_up(tasks.Sweep(network))
    view = ViewState(model=network.name, flow="own")

    def basis(image, of=network, **changes):
        monkeypatch.setattr(living, "own_image", lambda _: image)
        side = Side("explore", replace(view, **changes))
        return living.flow_basis(Subject(of, record, sweep, side))

    one = np.zeros((1, 8, 8), np.uint8)
    states = [
        basis(one),
        basis(one + 1),
        basis(one, hand="x0.5:weight-42"),
        basis(one, scope="layer"),
        basis(one, never="last"),
        basis(one, of=replace(network, dataset="mnist")),
    ]
    assert len(set(states)) == len(states)
    assert basis(one, removed=0.5) == states[0]


def test_a_browser_knows_the_pixels_of_known_images_in_their_own_layout_alone(network):
    assert tasks.has_exact_pixels(network)
    assert not tasks.has_exact_pixels(replace(network, input_shape=(8, 8, 1)))


def test_an_image_of_ones_own_is_there_only_for_networks_that_it_fits(monkeypatch):
    found = {}
    monkeypatch.setattr(living.st, "session_state", found)
    mlp, vgg = (shipped.curvature(name) for name in ("mlp-digits-relu", "vgg9-cifar10-relu"))
    assert living.own_image(mlp) is None
    assert "stays in its session" in living.no_own_image_words(mlp)
    found["own-image"] = np.zeros((1, 8, 8), np.uint8)
    assert living.own_image(mlp) is found["own-image"]
    assert living.own_image(vgg) is None
    assert (
        living.no_own_image_words(vgg)
        == "your image has 1 × 8 × 8 values, and this network sees 3 × 32 × 32."
    )
