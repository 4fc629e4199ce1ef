"""The file that works without a server, opened from a disk in a real browser that has no network."""

import base64
import io
import time

import numpy as np
import pytest
from PIL import Image

from ncviz import tasks
from ncviz.ui.explore import export_files
from ncviz.ui.explore.living import forward_of
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.session.subject import Side, Subject
from tests.e2e.hand import pull
from tests.examples import shipped

pytestmark = pytest.mark.browser


@pytest.fixture
def lenet():
    name = "lenet-mnist-relu"
    side = Side("explore", ViewState(model=name))
    return Subject(shipped.network(name), shipped.curvature(name), shipped.sweep(name), side)


class File:
    """The file in a browser, with what it said and asked for behind the scenes."""

    def __init__(self, page, path):
        self.page, self.said, self.requests = page, [], []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri())
        self.part("network").wait_for()
        page.wait_for_function("document.querySelector('[data-mount=network]').shadowRoot"
                               ".querySelector('[data-testid=ncviz-network]').dataset.visibleEdges > 0")  # fmt: skip
        self.address = path.as_uri()

    def part(self, name):
        return self.page.get_by_test_id(f"ncviz-{name}")

    def accuracy(self):
        return float(self.part("accuracy").get_attribute("data-value"))

    def edges(self):
        return int(self.part("network").get_attribute("data-visible-edges"))

    def state(self):
        return self.accuracy(), self.edges()

    def wait(self, condition):
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, (self.state(), self.said)
            self.page.wait_for_timeout(20)

    def drag_to(self, share):
        slider = self.part("slider")
        slider.scroll_into_view_if_needed()
        start = int(slider.get_attribute("data-removed")) / int(slider.get_attribute("data-total"))
        seen = pull(self.page, slider, start, share, 8, self.state, pause=40)
        self.page.wait_for_timeout(100)
        return seen


@pytest.fixture
def opened(browser, lenet, tmp_path):
    contexts = []

    def make(scheme="light", width=1440, **view):
        path = tmp_path / "network.html"
        subject = lenet.showing(ViewState(model=lenet.network.name, **view))
        forward = forward_of(subject, tasks.open_context().run(tasks.Forward(subject.network)).result)
        path.write_bytes(export_files.offline_page(subject, forward))
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, accept_downloads=True
        )
        contexts.append(context)
        return File(context.new_page(), path)

    yield make
    for context in contexts:
        context.close()


def test_the_slider_removes_edges_and_moves_the_accuracy_and_the_curve(opened, lenet):
    file = opened()
    whole = file.state()
    assert whole[0] == pytest.approx(lenet.sweep.baseline, abs=1e-4)
    dot = file.part("chart").locator(".dot")
    before = float(dot.get_attribute("cx"))
    seen = file.drag_to(0.95)
    edges = [count for _, count in seen]
    assert edges == sorted(edges, reverse=True)
    assert edges[-1] < whole[1] / 2
    assert seen[-1][0] < whole[0] - 0.3
    assert float(dot.get_attribute("cx")) > before + 200
    removed = int(file.part("accuracy").get_attribute("data-removed"))
    assert file.accuracy() == pytest.approx(lenet.sweep.at("curvature", "redundant", removed), abs=1e-3)
    assert "read off the curve" in file.part("source").inner_text()
    assert file.said == []
    assert file.requests == [file.address]


def test_orders_undo_redo_and_reset_work_without_a_server(opened, lenet):
    file = opened()
    whole = file.state()
    file.drag_to(0.6)
    pruned = file.state()
    assert pruned[0] > 0.9
    file.part("order-curvature/bottlenecks").click()
    file.wait(lambda: file.accuracy() < 0.2 and file.edges() != pruned[1])
    file.part("undo").click()
    file.wait(lambda: file.state() == pruned)
    file.part("undo").click()
    file.wait(lambda: file.state() == whole)
    file.part("redo").click()
    file.wait(lambda: file.state() == pruned)
    file.part("reset").click()
    file.wait(lambda: file.state() == whole)
    file.part("order-more").select_option("magnitude/bottlenecks")
    file.drag_to(0.3)
    file.wait(lambda: file.accuracy() < 0.5)
    assert file.said == []


def test_an_image_flows_through_it_and_so_does_a_drawing(opened):
    file = opened(flow="image-5")
    verdict = file.part("verdict")
    file.wait(lambda: verdict.get_attribute("data-now") == "5")
    file.part("order-curvature/bottlenecks").click()
    file.drag_to(0.3)
    file.wait(lambda: verdict.get_attribute("data-now") != "5")
    assert "whole network: 5" in verdict.inner_text()
    file.part("reset").click()
    file.part("flow-image-2").click()
    file.wait(lambda: verdict.get_attribute("data-now") == "2")
    file.part("flow-draw").click()
    box = file.part("pad").locator("canvas").first.bounding_box()
    file.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.15 * box["height"])
    file.page.mouse.down()
    file.page.mouse.move(box["x"] + 0.48 * box["width"], box["y"] + 0.85 * box["height"], steps=8)
    file.wait(lambda: verdict.get_attribute("data-now") == "1")
    file.page.mouse.up()
    # A unit is worked out in its card, which the file makes itself.
    file.part("flow-image-5").click()
    file.part("network").focus()
    for key in ("n", "t"):
        file.page.keyboard.press(key)
    file.wait(lambda: file.part("sum").count() == 1 and "bias" in file.part("sum").inner_text())
    # A layer fills the picture, with what is beside it; of all images the mean flows.
    closeup = lambda: file.part("network").get_attribute("data-closeup")  # noqa: E731
    steps = file.part("crumbs").get_by_role("button")
    drawn = file.edges()
    steps.nth(1).click()
    file.wait(lambda: closeup() != "-1" and file.edges() < drawn)
    steps.first.click()
    file.wait(lambda: closeup() == "-1" and file.edges() == drawn)
    file.part("flow-all").click()
    file.wait(lambda: verdict.get_attribute("data-now") == "10 of 10")
    assert file.said == []
    assert file.requests == [file.address]


def test_a_picture_of_ones_own_flows_through_it(opened, lenet):
    """It is read by the browser alone, and as Python reads it; a camera's turn and a transparent ground are heeded."""
    file = opened()
    verdict, words = file.part("verdict"), file.part("picture-words")
    paper = np.full((120, 90, 4), 255, np.uint8)
    paper[15:105, 41:51, :3] = 20
    ink = paper.copy()
    ink[..., 3] = 255 - paper[..., 0]
    camera = Image.Exif()
    camera[0x0112] = 6
    lying = np.ascontiguousarray(np.rot90(paper))
    for number, (pixels, options) in enumerate([(paper, {}), (ink, {}), (lying, {"exif": camera})]):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG", **options)
        name = f"one-{number}.png"
        expected, note = tasks.read_picture(stream.getvalue(), name, lenet.network)
        file.part("flow-file").set_input_files(
            {"name": name, "mimeType": "image/png", "buffer": stream.getvalue()}
        )
        file.wait(lambda: verdict.get_attribute("data-now") == "1")
        assert words.inner_text() == note != ""
        button = file.part("flow-own")
        assert button.get_attribute("aria-pressed") == "true"
        small = button.locator("canvas").evaluate(
            "each => [...each.getContext('2d').getImageData(0, 0, each.width, each.height).data]"
            ".filter((_, at) => at % 4 === 0)"
        )
        # Its pixels, made larger without smoothing.
        at = (28 * (np.arange(52) + 0.5) / 52).astype(int)
        shown = np.array(small).reshape(52, 52)
        assert np.abs(shown - expected[0].astype(int)[np.ix_(at, at)]).max() <= 1
        file.part("flow-image-5").click()
        file.wait(lambda: verdict.get_attribute("data-now") == "5" and not words.is_visible())
    file.part("flow-file").set_input_files(
        {"name": "<b>notes</b>.png", "mimeType": "image/png", "buffer": b"no picture"}
    )
    file.wait(words.is_visible)
    assert words.inner_text().startswith("The picture <b>notes</b>.png cannot be read")
    assert verdict.get_attribute("data-now") == "5"
    # Dropped and pasted, as a browser hands it over.
    stream = io.BytesIO()
    Image.fromarray(paper).save(stream, "PNG")
    for event, of, data in (
        ("drop", "DragEvent", "dataTransfer"),
        ("paste", "ClipboardEvent", "clipboardData"),
    ):
        file.part("flow-image-2").click()
        file.wait(lambda: verdict.get_attribute("data-now") == "2")
        file.part("network").evaluate(
            """(target, [event, of, data, text]) => {
                 const transfer = new DataTransfer();
                 const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                 transfer.items.add(new File([bytes], "one.png", { type: "image/png" }));
                 const settings = { bubbles: true, composed: true, cancelable: true, [data]: transfer };
                 target.dispatchEvent(new window[of](event, settings));
               }""",
            [event, of, data, base64.b64encode(stream.getvalue()).decode()],
        )
        file.wait(lambda: verdict.get_attribute("data-now") == "1")
    assert file.said == []
    assert file.requests == [file.address]


def test_it_opens_where_the_view_stood(opened, lenet):
    file = opened(order="bottlenecks", removed=0.01)
    assert file.accuracy() == pytest.approx(
        lenet.sweep.at("curvature", "bottlenecks", round(0.01 * lenet.total)), abs=1e-3
    )
    assert file.part("order-curvature/bottlenecks").get_attribute("aria-checked") == "true"


def test_it_follows_the_theme_keeps_its_state_fits_a_phone_and_saves_its_picture(opened, tmp_path):
    file = opened()
    paper = lambda: file.page.evaluate("getComputedStyle(document.body).backgroundColor")  # noqa: E731
    assert paper() == "rgb(255, 255, 255)"
    file.drag_to(0.7)
    before = file.state()
    file.page.emulate_media(color_scheme="dark")
    file.wait(lambda: paper() != "rgb(255, 255, 255)")
    assert file.state() == before
    file.page.emulate_media(color_scheme="light")
    file.wait(lambda: paper() == "rgb(255, 255, 255)")
    assert file.state() == before
    file.part("undo").click()
    file.wait(lambda: file.accuracy() > before[0])
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<svg")):
        file.part("menu").first.click()
        with file.page.expect_download() as started:
            file.part(kind).click()
        path = tmp_path / f"picture.{kind}"
        started.value.save_as(path)
        assert path.read_bytes()[:4] == start
    file.page.set_viewport_size({"width": 390, "height": 844})
    file.wait(lambda: file.page.evaluate("document.documentElement.scrollWidth") <= 390)
    file.drag_to(0.9)
    file.wait(lambda: file.accuracy() < 0.9)
    assert file.said == []
