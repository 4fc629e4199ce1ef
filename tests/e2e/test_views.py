"""The other pictures of the network, in a real browser."""

import pytest

pytestmark = pytest.mark.browser


def chart(page):
    return page.page.locator(".js-plotly-plot").first


def is_in_sight(page):
    box = page.slider().bounding_box()
    return box["y"] + box["height"] <= 900


def words(page):
    texts = chart(page).locator(".annotation-text").all_text_contents()
    return next(text for text in texts if text.startswith("showing "))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("show", ["matrix", "distribution"])
def test_charts_follow_the_drag_and_ask_nothing_outside(visit, show, scheme):
    page = visit(scheme=scheme).open(f"/?model=lenet-mnist-relu&show={show}")
    chart(page).wait_for()
    page.wait(lambda: "showing 45,312 of 45,312" in words(page))
    page.wait(lambda: is_in_sight(page))
    seen = page.drag(0.0, 0.7, steps=30, read=lambda: words(page))
    assert len(set(seen)) >= 3, "the chart moves while the slider does"
    page.wait(lambda: "redundant first" in words(page) and "showing 45,312" not in words(page))
    assert page.errors == []
    assert page.outside == []


@pytest.mark.parametrize("model", ["mlp-digits-relu", "lenet-mnist-relu", "vgg9-cifar10-relu"])
@pytest.mark.parametrize("show", ["matrix", "distribution"])
def test_picture_slider_and_accuracy_share_the_first_screen(visit, model, show):
    page = visit().open(f"/?model={model}&show={show}&removed=0.3")
    chart(page).wait_for()
    page.wait(lambda: is_in_sight(page))
    assert chart(page).bounding_box()["height"] <= 450
    accuracy = page.page.get_by_test_id("ncviz-accuracy").first.bounding_box()
    assert accuracy["y"] + accuracy["height"] <= 900
    # The buttons have a margin of their own.
    bar = page.page.locator(".modebar").first.bounding_box()
    drawn = [box.bounding_box() for box in page.page.locator(".js-plotly-plot .bglayer .bg, .nsewdrag").all()]
    assert drawn
    assert all(box["x"] + box["width"] <= bar["x"] + 1 for box in drawn if box)


def texts(page):
    """The boxes of all words of the chart but those turned by a quarter."""
    return page.page.evaluate(
        """() => [...document.querySelectorAll(".js-plotly-plot .annotation-text, .js-plotly-plot .xtitle," +
             ".js-plotly-plot .cbaxis text, .js-plotly-plot .xtick text, .js-plotly-plot .ytick text")]
            .map((text) => [text.textContent, text.getBoundingClientRect()])
            .filter(([, box]) => box.width > 0)
            .map(([text, box]) => [text, box.left, box.top, box.right, box.bottom])"""
    )


@pytest.mark.parametrize("model", ["lenet-mnist-relu", "vgg9-cifar10-relu"])
@pytest.mark.parametrize("show", ["matrix", "distribution"])
@pytest.mark.parametrize(("width", "more"), [(1440, ""), (1440, "&compare=1&other_removed=0.5"), (390, "")])
def test_words_cover_no_other_words(visit, model, show, width, more):
    page = visit(width=width).open(f"/?model={model}&show={show}&removed=0.3{more}")
    chart(page).wait_for()
    found = []

    def overlaps():
        boxes = texts(page)
        spare = 3  # A line of text is higher than its letters.
        found[:] = [
            (one[0], two[0])
            for at, one in enumerate(boxes)
            for two in boxes[at + 1 :]
            if min(one[3], two[3]) - max(one[1], two[1]) > 1
            and min(one[4], two[4]) - max(one[2], two[2]) > spare
        ]
        return len(boxes) > 8 and not found

    page.page.wait_for_timeout(500)
    page.wait(overlaps, seconds=15)
    assert found == []


@pytest.mark.parametrize("kind", ["PNG", "SVG"])
def test_the_camera_saves_what_was_chosen(visit, tmp_path, kind):
    page = visit().open("/?model=mlp-digits-relu&show=distribution")
    chart(page).wait_for()
    page.page.get_by_role("tab", name="Downloads").click()
    page.page.get_by_text(kind, exact=True).click()
    page.settle()
    # The figure is drawn anew for another kind, and its button then named anew.
    title = "Download plot as a PNG" if kind == "PNG" else "Download plot"
    with page.page.expect_download() as started:
        page.page.locator(f'.modebar-btn[data-title="{title}"]').first.click()
    path = tmp_path / "picture"
    started.value.save_as(path)
    start = path.read_bytes()
    if kind == "PNG":
        assert start[:4] == b"\x89PNG"
    else:
        assert b"<svg" in start[:10]
        text = start.decode()
        assert "showing 2,720 of 2,720 weights" in text
        assert "bottleneck" in text


def test_the_free_layout_hides_edges_during_the_drag_and_settles_anew_after_it(visit):
    page = visit().open("/?model=mlp-digits-relu&show=free")
    frame = lambda: next(frame for frame in page.page.frames if frame != page.page.main_frame)  # noqa: E731
    counts = "[edges.length, edges.get().filter((edge) => edge.hidden).length]"
    page.wait(lambda: len(page.page.frames) > 1 and frame().evaluate("typeof edges") == "object")
    assert frame().evaluate(counts) == [300, 0]
    assert is_in_sight(page)
    seen = page.drag(0.0, 0.9, read=lambda: frame().evaluate(counts))
    hidden = [number for _, number in seen]
    assert hidden == sorted(hidden)
    assert hidden[-1] >= 140, "the redundant half is gone"
    page.wait(lambda: "removed, redundant first" in frame().locator("#legend").inner_text())
    assert page.errors == []
    assert page.outside == []


@pytest.mark.parametrize("show", ["matrix", "distribution", "free"])
def test_pictures_fit_a_phone(visit, show):
    page = visit(width=390, height=844).open(f"/?model=lenet-mnist-relu&show={show}")
    picture = page.page.locator("iframe").first if show == "free" else chart(page)
    picture.wait_for()
    # The browser tells its width, upon which the picture is drawn anew.
    page.wait(lambda: picture.bounding_box() is not None)
    page.settle()
    box = picture.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
