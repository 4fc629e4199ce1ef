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


@pytest.mark.parametrize("kind", ["PNG", "SVG"])
def test_the_camera_saves_what_was_chosen(visit, tmp_path, kind):
    page = visit().open("/?show=distribution")
    chart(page).wait_for()
    page.page.get_by_text(f"Camera saves {kind}").click()
    page.settle()
    with page.page.expect_download() as started:
        page.page.locator(".modebar-btn").first.click()
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
    page = visit().open("/?show=free")
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
    box = picture.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
