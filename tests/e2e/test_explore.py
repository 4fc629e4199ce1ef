"""The first minute, in a real browser."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from ncviz.models.files.open_file import read_file

pytestmark = pytest.mark.browser


def colours(visit):
    """Counts of clearly red and clearly blue pixels on the canvas."""
    picture = Image.open(io.BytesIO(visit.canvas().screenshot())).convert("RGB")
    red, green, blue = np.moveaxis(np.asarray(picture).astype(int), -1, 0)
    return int(((red - blue > 60) & (red - green > 40)).sum()), int((blue - red > 60).sum())


def measured(visit):
    return "measured on" in visit.page.get_by_test_id("ncviz-source").first.inner_text()


def wait_until_measured(visit):
    visit.wait(lambda: measured(visit))


def test_first_screen_shows_both_colours_with_no_error_and_no_request_outside(visit):
    first = visit()
    # The slider stands still where somebody wants no movement.
    first.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    first.open("/")
    for scheme in ("light", "dark"):
        first.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        first.wait(lambda: min(colours(first)) > 300)
    assert first.canvas().get_attribute("data-total-edges") == "12942"
    assert first.accuracy() > 0.95
    wait_until_measured(first)
    assert first.outside == []
    assert first.errors == []


def test_the_slider_moves_by_itself_once_and_stops_at_a_touch(visit):
    still = visit()
    still.page.emulate_media(reduced_motion="reduce")
    still.open("/").canvas()
    page = visit().open("/")
    caption, share = (page.page.get_by_test_id(f"ncviz-{name}").first for name in ("caption", "share"))
    page.wait(
        lambda: "Blue mesh first" in caption.inner_text() and share.inner_text() not in ("0.0%", "60.0%")
    )
    # Nothing of that is a step yet.
    assert "removed" not in page.page.url
    page.wait(lambda: "Red bridges first: 1.00%" in caption.inner_text())
    page.wait(lambda: f"{100 * page.accuracy():.1f}%, 98.1% before." in caption.inner_text())
    assert page.accuracy() < 0.4
    page.page.keyboard.press("Shift")
    page.wait(lambda: caption.is_hidden() and "removed=0.0099" in page.page.url)
    assert "order=bottlenecks" in page.page.url
    play = page.page.get_by_test_id("ncviz-play").first
    page.settle()
    play.click()
    page.wait(lambda: "Blue mesh first" in caption.inner_text())
    play.click()
    page.wait(caption.is_hidden)
    assert still.page.get_by_test_id("ncviz-caption").first.is_hidden()
    assert still.page.get_by_test_id("ncviz-share").first.inner_text() == "0.0%"
    # The way out leads past the address that the bare link was given.
    still.page.go_back()
    still.wait(lambda: still.page.url == "about:blank")
    assert page.errors == still.errors == []


def test_a_drag_takes_edges_and_accuracy_is_told_at_its_end_and_can_be_undone(visit):
    page = visit().open()
    page.canvas()
    wait_until_measured(page)
    said = page.page.get_by_test_id("ncviz-said").first
    whole = page.visible_edges()
    assert whole == 2720
    seen = page.drag(
        0.0,
        0.95,
        read=lambda: (page.accuracy(), page.visible_edges(), measured(page), said.text_content()),
    )
    accuracies, edges, are_measured, words = zip(*seen, strict=True)
    assert len(set(accuracies)) >= 5
    assert list(edges) == sorted(edges, reverse=True)
    assert edges[-1] < 300
    assert accuracies[3] > 0.9
    assert accuracies[-1] < 0.6
    assert any(are_measured[:-1])
    # A step is announced once it is known, and not on the way.
    assert set(words) == {""}
    page.wait(lambda: "Measured on 360 images" in said.text_content())
    share, accuracy, headline = (
        page.page.get_by_test_id(f"ncviz-{name}").first for name in ("share", "accuracy", "headline")
    )
    sentence = f"Redundant first: {share.inner_text()} gone. Accuracy {accuracy.inner_text()}, "
    assert said.text_content().startswith(sentence)
    assert headline.inner_text().startswith(sentence)
    assert accuracy.get_attribute("aria-live") == "off"
    pruned = page.visible_edges()
    page.page.get_by_test_id("ncviz-undo").click()
    page.wait(lambda: page.visible_edges() == whole)
    page.page.get_by_test_id("ncviz-redo").click()
    page.wait(lambda: page.visible_edges() == pruned)
    page.page.get_by_test_id("ncviz-reset").click()
    page.wait(lambda: page.visible_edges() == whole)
    # Bottlenecks first, it collapses at once.
    page.page.get_by_test_id("ncviz-order-curvature/bottlenecks").click()
    page.settle()
    page.drag(0.0, 0.15)
    wait_until_measured(page)
    page.wait(lambda: page.accuracy() < 0.5)
    page.page.get_by_test_id("ncviz-order-curvature/redundant").click()
    page.wait(lambda: page.accuracy() > 0.9)
    assert page.errors == []


def test_back_undoes_the_last_choice_and_then_leaves(visit):
    page = visit().open()
    page.canvas()
    before = page.page.evaluate("history.length")
    page.drag(0.0, 0.5, steps=4)
    page.wait(lambda: "removed=" in page.page.url)
    page.choose("LeNet, MNIST (ReLU)")
    page.wait(lambda: "model=" not in page.page.url)
    page.wait(lambda: page.canvas().get_attribute("data-total-edges") == "12942")
    page.settle()
    page.page.get_by_test_id("ncviz-order-curvature/bottlenecks").click()
    page.wait(lambda: "order=bottlenecks" in page.page.url)
    page.settle()
    # Two choices; the slider makes no entry.
    assert page.page.evaluate("history.length") == before + 2
    page.page.go_back()
    page.wait(lambda: "order=" not in page.page.url)
    redundant = page.page.get_by_test_id("ncviz-order-curvature/redundant")
    page.wait(lambda: redundant.get_attribute("aria-checked") == "true")
    page.settle()
    page.page.go_back()
    page.wait(lambda: page.canvas().get_attribute("data-total-edges") == "2720")
    assert 1000 < page.visible_edges() < 1800
    assert page.errors == []
    page.page.go_back()
    page.wait(lambda: page.page.url == "about:blank")


def test_the_slider_shows_where_never_active_weights_end(visit):
    page = visit().open("/?model=mlp-digits-relu&removed=0.12")
    page.canvas()
    rule = page.page.get_by_test_id("ncviz-threshold").first
    page.wait(lambda: rule.inner_text() == "removes only weights never active on these 10 images")
    slider = page.page.get_by_test_id("ncviz-slider").first
    assert "has-band" in slider.get_attribute("class")
    assert page.page.locator("svg.chart rect.band").count() == 1
    chart = page.page.get_by_test_id("ncviz-chart").first
    assert "16.0% never active on these 10 images, from 0.0% to 16.0%" in chart.get_attribute("aria-label")
    page.drag(0.12, 0.5, steps=4)
    page.wait(lambda: rule.inner_text().startswith("removes all never-active weights and κ\u00a0>\u00a00."))
    assert "2.00" not in rule.inner_text()
    assert page.errors == []


def test_a_network_of_a_million_weights_is_drawn_and_collapses(visit):
    page = visit().open()
    page.canvas()
    page.choose("VGG-9, CIFAR-10 (ReLU)")
    page.wait(lambda: page.canvas().get_attribute("data-total-edges") == "337344")
    red, blue = colours(page)
    assert red > 300
    assert blue > 300
    page.wait(lambda: page.accuracy() > 0.8)
    wait_until_measured(page)
    page.page.get_by_test_id("ncviz-order-curvature/bottlenecks").first.click()
    page.settle()
    page.drag(0.0, 0.06, steps=6)
    page.wait(lambda: page.accuracy() < 0.3)
    assert page.errors == []
    assert page.outside == []


def test_pictures_weights_and_a_checkpoint_that_loads_are_taken_home(visit, tmp_path):
    page = visit().open("/?model=mlp-digits-relu&removed=0.5")
    page.canvas()
    wait_until_measured(page)
    for kind in ("PNG", "SVG"):
        page.page.get_by_test_id("ncviz-menu").first.click()
        with page.page.expect_download() as started:
            page.page.get_by_test_id(f"ncviz-{kind.lower()}").first.click()
        started.value.save_as(tmp_path / kind)
    with Image.open(tmp_path / "PNG") as picture:
        assert picture.size[0] > 300
    text = (tmp_path / "SVG").read_text()
    assert "showing 1,360 of 2,720" in text
    assert "bottleneck" in text
    said = " ".join(re.sub("<[^>]*>", " ", text).split())
    assert "MLP, digits (ReLU): curvature from 1 image per class, α = 0.9, seed 0" in said
    assert "Redundant first: 50.0% removed (removes all never-active weights" in said
    assert f"· accuracy {100 * page.accuracy():.1f}%, measured on 360 images" in said
    page.page.get_by_role("tab", name="Downloads").click()
    with page.page.expect_download() as started:
        page.page.get_by_role("button", name="Pruned checkpoint").click()
    path = tmp_path / "pruned.safetensors"
    started.value.save_as(path)
    network = read_file(path, architecture="mlp-digits-relu")
    zeros = sum(
        int((values == 0).sum()) for name, values in network.arrays.items() if name.endswith("weight")
    )
    assert zeros == 1360
    with page.page.expect_download() as started:
        page.page.get_by_role("button", name="Weights (CSV)").click()
    path = tmp_path / "edges.csv"
    started.value.save_as(path)
    assert len(path.read_text().splitlines()) == 2721


def test_a_phone_shows_the_picture_and_the_slider(visit):
    page = visit(width=390, height=844).open()
    red, blue = colours(page)
    assert red > 100
    assert blue > 100
    box = page.page.locator("body").bounding_box()
    assert box["width"] <= 390
    # Without scrolling, the slider and what it did are seen with the picture.
    headline = page.page.get_by_test_id("ncviz-headline").first
    page.wait(lambda: page.box_of(headline)["y"] + page.box_of(headline)["height"] < 844)
    assert page.box_of(page.page.get_by_test_id("ncviz-network").first)["y"] < 500
    slider = page.box_of(page.slider())
    assert slider["x"] >= 0
    assert slider["y"] < page.box_of(headline)["y"]
    page.drag(0.0, 0.5)
    page.wait(lambda: "Redundant first: 50" in headline.inner_text())
    # Scrolled to, the rest of the panel follows it.
    field = page.page.get_by_test_id("ncviz-typed").first
    field.scroll_into_view_if_needed()
    page.wait(
        lambda: page.box_of(field)["y"] < 844 and page.box_of(page.slider())["y"] < page.box_of(field)["y"]
    )
