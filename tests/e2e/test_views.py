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


MODELS = ["mlp-digits-relu", "lenet-mnist-relu", "vgg9-cifar10-relu"]
CHARTS = ["matrix", "distribution"]


@pytest.mark.parametrize(("show", "scheme"), [("matrix", "light"), ("distribution", "dark")])
def test_charts_follow_the_drag_and_ask_nothing_outside(visit, show, scheme):
    page = visit(scheme=scheme).open(f"/?model=lenet-mnist-relu&show={show}")
    chart(page).wait_for()
    page.wait(lambda: "showing 45,312 of 45,312" in words(page))
    page.wait(lambda: is_in_sight(page))
    seen = page.drag(0.0, 0.7, read=lambda: words(page))
    assert len(set(seen)) >= 3, "the chart moves while the slider does"
    page.wait(lambda: "redundant first" in words(page) and "showing 45,312" not in words(page))
    assert page.errors == []
    assert page.outside == []


def texts(page):
    """The boxes of all words of the chart but those turned by a quarter."""
    return page.page.evaluate(
        """() => [...document.querySelectorAll(".js-plotly-plot .annotation-text, .js-plotly-plot .xtitle," +
             ".js-plotly-plot .cbaxis text, .js-plotly-plot .xtick text, .js-plotly-plot .ytick text")]
            .map((text) => [text.textContent, text.getBoundingClientRect()])
            .filter(([, box]) => box.width > 0)
            .map(([text, box]) => [text, box.left, box.top, box.right, box.bottom])"""
    )


def wait_until_no_words_overlap(page):
    found = []

    def is_legible():
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
    page.wait(is_legible, seconds=30)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("show", CHARTS)
def test_a_chart_shares_the_first_screen_and_is_legible_beside_another_and_on_a_phone(visit, model, show):
    page = visit().open(f"/?model={model}&show={show}&removed=0.3&selected=weight-100")
    chart(page).wait_for()
    page.wait(lambda: is_in_sight(page))
    assert page.page.get_by_test_id("stException").count() == 0
    page.wait(lambda: page.box_of(chart(page))["height"] <= 450)
    accuracy = page.page.get_by_test_id("ncviz-accuracy").first
    page.wait(lambda: page.box_of(accuracy)["y"] + page.box_of(accuracy)["height"] <= 900)

    def has_margin():
        # The buttons have a margin of their own.
        bar = page.box_of(page.page.locator(".modebar").first)
        areas = chart(page).locator(".bglayer .bg, .nsewdrag").all()
        drawn = [box for area in areas if (box := area.bounding_box())]
        return drawn and all(box["x"] + box["width"] <= bar["x"] + 1 for box in drawn)

    page.wait(has_margin, 20)
    if model != "mlp-digits-relu":
        wait_until_no_words_overlap(page)
        page.page.locator("label", has_text="Compare").first.click()
        page.wait(lambda: page.page.get_by_test_id("ncviz-slider").count() == 2)
        page.settle()
        wait_until_no_words_overlap(page)
        page.page.locator("label", has_text="Compare").first.click()
        page.wait(lambda: page.page.get_by_test_id("ncviz-slider").count() == 1)
        page.settle()
        # The browser tells its width, upon which the picture is drawn anew.
        page.page.set_viewport_size({"width": 390, "height": 844})
        page.wait(lambda: fits(chart(page), 390))
        # The slider sticks to the lower edge by itself: the picture stays under the choice of pictures.
        switch = page.page.get_by_role("radiogroup", name="Picture")
        page.wait(
            lambda: page.box_of(chart(page))["y"] >= page.box_of(switch)["y"] + page.box_of(switch)["height"]
        )
        page.settle()
        wait_until_no_words_overlap(page)
    assert page.errors == []
    assert page.outside == []


def fits(picture, width):
    box = picture.bounding_box()
    return box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width


def test_the_camera_saves_what_was_chosen(visit, tmp_path):
    page = visit().open("/?model=mlp-digits-relu&show=distribution")
    chart(page).wait_for()
    page.page.get_by_role("tab", name="Downloads").click()

    def saved(kind, title):
        page.page.get_by_text(kind, exact=True).click()
        page.settle()
        # The figure is drawn anew for another kind, and its button then named anew.
        with page.page.expect_download() as started:
            page.page.locator(f'.modebar-btn[data-title="{title}"]').first.click()
        path = tmp_path / kind
        started.value.save_as(path)
        return path.read_bytes()

    assert saved("PNG", "Download plot as a PNG")[:4] == b"\x89PNG"
    text = saved("SVG", "Download plot").decode()
    assert "<svg" in text[:10]
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


def test_the_free_layout_of_a_large_network_fits_a_phone(visit):
    page = visit(width=390, height=844).open(
        "/?model=vgg9-cifar10-relu&show=free&removed=0.3&selected=weight-100"
    )
    page.wait(lambda: fits(page.page.locator("iframe").first, 390))
    page.page.get_by_test_id("ncviz-slider").first.wait_for()
    page.settle()
    assert page.page.get_by_test_id("stException").count() == 0
    assert page.errors == []
    assert page.outside == []
