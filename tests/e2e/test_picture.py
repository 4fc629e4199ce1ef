"""Convolutional networks in a real browser: from the network down to a place on the image, and what flows."""

import base64

import numpy as np
import pytest
from PIL import Image

from ncviz.scene.tables import locate
from tests.examples import shipped

pytestmark = pytest.mark.browser

LENET = "model=lenet-mnist-relu"


def card(visit):
    return visit.page.get_by_test_id("ncviz-card").first


def crumbs(visit):
    return visit.page.get_by_test_id("ncviz-crumbs").first


def step_to(visit, name):
    crumbs(visit).get_by_role("button", name=name, exact=True).click()


def test_lenet_is_drawn_map_by_map_and_slices_vanish_with_the_slider(visit):
    page = visit().open(f"/?{LENET}")
    canvas = page.canvas()
    assert canvas.get_attribute("data-total-edges") == "12942"
    whole = page.visible_edges()
    page.drag(0.0, 0.9)
    page.wait(lambda: page.visible_edges() < 0.6 * whole)
    assert page.errors == []
    assert page.outside == []


def test_from_a_channel_to_its_kernel_to_one_weight_on_the_image(visit):
    page = visit().open(f"/?{LENET}&selected=channel-2-5")
    page.canvas()
    card(page).get_by_text("conv 2 · channel 5").wait_for()
    card(page).get_by_role("button", name="Kernel from 3").click()
    page.wait(lambda: "selected=slice-1-5-3" in page.page.url)
    cells = card(page).locator("button.cell")
    page.wait(lambda: cells.count() == 36)
    cells.nth(13).click()
    page.wait(lambda: "selected=weight-" in page.page.url)
    page.wait(lambda: cells.nth(13).get_attribute("aria-pressed") == "true")
    assert "Least on image" in card(page).inner_text()
    step_to(page, "ch 5")
    page.wait(lambda: "selected=channel-2-5" in page.page.url)
    step_to(page, "conv 2")
    page.wait(lambda: "selected" not in page.page.url)
    page.wait(lambda: page.canvas().get_attribute("data-closeup") == "2")
    step_to(page, "Network")
    page.wait(lambda: page.canvas().get_attribute("data-closeup") == "-1")
    assert page.errors == []


def test_of_a_large_network_a_layer_fills_the_picture_and_a_selection_has_all_its_lines(visit):
    page = visit().open("/?model=vgg9-cifar10-relu&flow=all&zoom=4&selected=channel-4-5")
    told = lambda name: page.canvas().get_attribute(f"data-{name}")  # noqa: E731
    page.wait(lambda: told("own-edges") == str(128 + 256))
    assert told("closeup") == "4"
    assert int(told("drawn-edges")) < 5000, "lines between the maps that are shown"
    page.page.get_by_test_id("ncviz-menu").first.click()
    page.page.get_by_test_id("ncviz-maps").first.select_option("activity")
    page.wait(lambda: "maps=activity" in page.page.url)
    page.wait(lambda: told("own-edges") == str(128 + 256))
    step_to(page, "Network")
    page.wait(lambda: told("closeup") == "-1" and told("own-edges") == "0")
    page.wait(lambda: "zoom=" not in page.page.url)
    assert page.errors == []


def test_the_keyboard_alone_reaches_a_weight(visit):
    page = visit().open(f"/?{LENET}")
    page.canvas().focus()
    page.page.keyboard.press("n")
    page.wait(lambda: "selected=" in page.page.url)
    first = page.page.url
    page.canvas().focus()
    page.page.keyboard.press("n")
    page.wait(lambda: "selected=" in page.page.url and page.page.url != first)
    page.canvas().focus()
    page.page.keyboard.press("t")
    page.wait(lambda: "selected=unit-" in page.page.url or "selected=channel-" in page.page.url)


def test_a_link_to_what_is_not_there_is_a_sentence(visit):
    page = visit().open(f"/?{LENET}&flow=class-77&selected=slice-99-0-0")
    # Each for a few seconds alone.
    for told in ("flow class-77", "selection slice-99-0-0"):
        page.page.get_by_text(f"The link's {told} was left out").first.wait_for()
    page.canvas()
    page.wait(lambda: "flow=class-77" not in page.page.url and "selected=" not in page.page.url)
    assert page.page.get_by_test_id("stException").count() == 0


def test_a_flow_that_is_not_known_is_computed_on_request(visit):
    page = visit().open("/?model=vgg9-cifar10-relu&flow=image-3")
    page.canvas()
    page.page.get_by_role("button", name="Compute it").first.click()
    page.wait(lambda: page.page.get_by_text("alone is not known yet").count() == 0, seconds=150)
    page.wait(lambda: page.page.get_by_text("Computing the curvature on").count() == 0, seconds=150)
    assert page.visible_edges() > 4000
    assert page.errors == []


def test_every_position_of_lenet_is_drawn(visit):
    page = visit().open(f"/?{LENET}&detail=positions&edges=200000")
    assert page.canvas().get_attribute("data-drawn-edges") == "128040"


def test_a_weight_goes_under_the_lens(visit):
    page = visit().open(f"/?{LENET}&selected=slice-1-5-3")
    page.canvas()
    assert "times the way between its ends" in page.page.get_by_test_id("ncviz-card").first.inner_text()
    page.page.get_by_text("Why is it red?").first.click()
    page.wait(lambda: "/edge" in page.page.url and "edge=1-" in page.page.url)
    assert page.errors == []


def test_a_finger_finds_out_why_a_line_is_red(visit):
    """Without a hover: a touch says κ and what it means at once, and leads to the Edge page on that very line."""
    page = visit(width=390, height=844, has_touch=True, is_mobile=True).open("/?model=mlp-digits-relu")
    canvas, tip = page.canvas(), page.page.get_by_test_id("ncviz-tooltip").first
    ask = page.page.get_by_test_id("ncviz-tip-lens").first

    def touch(across, down):
        box = page.box_of(canvas)
        page.page.touchscreen.tap(box["x"] + across * box["width"], box["y"] + down * box["height"])

    # Between two layers, right of their names, wherever a line runs; a node says what it is as well, and asks nothing.
    places = [(across, down) for down in (0.48, 0.46, 0.5) for across in np.linspace(0.5, 0.9, 9)]
    for place in places:
        touch(*place)
        page.page.wait_for_timeout(300)
        if ask.is_visible():
            break
    page.wait(ask.is_visible)
    told = dict(zip(tip.locator("dt").all_inner_texts(), tip.locator("dd").all_inner_texts(), strict=True))
    kappa = float(told["κ"].split()[0].replace("−", "-"))
    assert ask.inner_text() == ("Why is it red?" if kappa < 0 else "Why is it blue?")
    ways = "shorter than itself" if kappa > 1 else f"{1 - kappa:.1f} times the way"
    assert ways in told["mass around it"]
    # All of it can be seen and pressed: above the bar of what is selected, and that above the slider.
    page.wait(lambda: page.page.get_by_test_id("ncviz-surgery").first.is_visible())
    page.settle()
    bar = page.box_of(page.page.get_by_test_id("ncviz-surgery").first)
    found = page.box_of(ask)
    assert 0 < found["y"] < found["y"] + found["height"] <= bar["y"]
    page.wait(lambda: page.box_of(canvas)["y"] + page.box_of(canvas)["height"] <= bar["y"] + 2)
    page.wait(lambda: "selected=weight-" in page.page.url)
    weight = int(page.page.url.split("selected=weight-")[1].split("&")[0])
    ask.tap()
    page.wait(lambda: "/edge" in page.page.url and "edge=" in page.page.url)
    edge = [int(part) for part in page.page.url.split("edge=")[1].split("&")[0].split("-")]
    record = shipped.curvature("mlp-digits-relu")
    name, at = locate(record, weight)
    own = record.edges[edge[0]]
    [line] = np.flatnonzero((own.source == edge[1]) & (own.target == edge[2]))
    assert (record.parameters[edge[0]], int(own.parameter[line])) == (name, at)
    assert record.weights[name].reshape(-1)[at] == pytest.approx(kappa, abs=6e-4)
    page.wait(lambda: page.page.get_by_text(f"{abs(kappa):.3f}").count() > 0)
    assert page.errors == []


def test_a_picture_of_a_chosen_size(visit, tmp_path):
    page = visit().open(f"/?{LENET}")
    page.canvas()
    menu = page.page.get_by_test_id("ncviz-menu").first
    for name, size in (("3840 × 2160", (3840, 2160)), ("A4, 300 dpi", (3507, 2481))):
        menu.click()
        page.page.get_by_test_id("ncviz-size").first.select_option(name)
        with page.page.expect_download() as started:
            page.page.get_by_test_id("ncviz-png").first.click()
        started.value.save_as(tmp_path / "picture.png")
        with Image.open(tmp_path / "picture.png") as picture:
            assert picture.size == size
    menu.click()
    with page.page.expect_download() as started:
        page.page.get_by_test_id("ncviz-svg").first.click()
    started.value.save_as(tmp_path / "picture.svg")
    text = (tmp_path / "picture.svg").read_text()
    assert "kernel slices" in text
    assert text.count("<image") == 1 + 6 + 16


FILM = """async (encoded) => {
  const video = document.createElement("video");
  const bytes = Uint8Array.from(atob(encoded.data), (letter) => letter.charCodeAt(0));
  video.src = URL.createObjectURL(new Blob([bytes], { type: encoded.type }));
  video.muted = true;
  const reached = (name) => new Promise((resolve, reject) => {
    video.addEventListener(name, resolve, { once: true });
    video.addEventListener("error", () => reject(new Error(video.error.message)), { once: true });
  });
  await reached("loadeddata");
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext("2d");
  // How many pixels of a frame are clearly no paper.
  const inked = () => {
    context.drawImage(video, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) count += data[at] + data[at + 1] + data[at + 2] < 600 ? 1 : 0;
    return count;
  };
  const first = inked();
  video.playbackRate = 4;
  const end = reached("ended");
  await video.play();
  await end;
  const { totalVideoFrames: frames } = video.getVideoPlaybackQuality();
  const { videoWidth: width, videoHeight: height, currentTime: seconds } = video;
  return { width, height, seconds, frames, first, last: inked() };
}"""


def test_the_slider_s_run_is_taken_home_as_a_film(visit, tmp_path):
    page = visit().open(f"/?{LENET}&removed=0.3")
    canvas = page.canvas()
    page.wait(lambda: "measured on" in page.page.get_by_test_id("ncviz-source").first.inner_text())
    page.page.get_by_test_id("ncviz-menu").first.click()
    with page.page.expect_download(timeout=90_000) as started:
        page.page.get_by_test_id("ncviz-film").first.click()
    name = started.value.suggested_filename
    kind = name.rpartition(".")[2]
    assert kind in ("mp4", "webm")
    started.value.save_as(tmp_path / name)
    data = base64.b64encode((tmp_path / name).read_bytes()).decode()
    film = page.page.evaluate(FILM, {"data": data, "type": f"video/{kind}"})
    assert film["width"] % 2 == film["height"] % 2 == 0
    assert film["width"] > 600
    assert 6 < film["seconds"] < 20
    assert film["frames"] >= 10
    assert film["first"] > 2 * film["last"] > 0, "all lines are drawn at first, and none at the end"
    # The slider is back where it was.
    page.wait(lambda: canvas.get_attribute("data-removed") == str(round(0.3 * 45312)))
    assert page.errors == []


def test_the_blocks_of_a_deep_network_fold_by_hand_and_stay_so_as_the_page_runs_again(visit):
    page = visit(width=390, height=844).open("/?model=convnext-mnist")
    page.canvas()
    strip = page.page.get_by_test_id("ncviz-overview").first
    blocks = strip.locator("button.block")

    def unfolded():
        return [block.get_attribute("aria-expanded") == "true" for block in blocks.all()]

    page.wait(lambda: blocks.count() == 4)
    # Its rows are so low that some of each block are seen at first.
    assert unfolded() == [True] * 4
    layers = strip.locator("button.layer").count()
    assert layers == 17
    blocks.nth(1).click()
    assert unfolded() == [True, False, True, True]
    assert strip.locator("button.layer").count() == layers - 3
    blocks.nth(3).focus()
    page.page.keyboard.press("Enter")
    assert unfolded() == [True, False, True, False]
    # A layer that is pressed fills the picture: the page runs again, with another network to draw.
    strip.locator('[data-stop="layer-15"]').click()
    page.wait(lambda: "zoom=" in page.page.url)
    page.settle()
    page.wait(lambda: "the 3 shown below" in strip.inner_text())
    assert unfolded() == [True, False, True, False]
    assert page.errors == []


def test_on_a_phone_the_bar_of_a_selection_covers_no_bars_of_classes(visit):
    page = visit(width=390, height=844).open(f"/?{LENET}&selected=channel-2-5&flow=image-7")
    canvas = page.canvas()
    bar = page.page.get_by_test_id("ncviz-surgery").first

    def covered():
        picture = page.box_of(canvas)
        return picture["y"] + picture["height"] - page.box_of(bar)["y"]

    page.wait(lambda: bar.is_visible() and page.slider().is_visible())
    page.wait(lambda: covered() <= 0)
    assert page.box_of(canvas)["y"] > 0
    # Who scrolls away from it is not brought back.
    page.page.mouse.move(195, 500)
    page.page.mouse.wheel(0, -60)
    page.wait(lambda: covered() > 20)
    page.page.set_viewport_size({"width": 380, "height": 844})
    page.wait(lambda: page.box_of(canvas)["width"] < 350)
    page.page.wait_for_timeout(200)
    assert covered() > 0
