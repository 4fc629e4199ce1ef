"""One edge under the lens, in a real browser."""

import json

import pytest

pytestmark = pytest.mark.browser

LENS = "κ of this edge on this image"
# How wide the page was at most, looked at whenever it is drawn.
WIDEST = """
window.widest = 0;
requestAnimationFrame(function look() {
  window.widest = Math.max(window.widest, document.querySelector('[data-testid=stMain]')?.scrollWidth ?? 0);
  requestAnimationFrame(look);
});
"""


def kappa(visit):
    metric = visit.page.get_by_test_id("stMetric").filter(has_text=LENS)
    return float(metric.get_by_test_id("stMetricValue").inner_text().replace("−", "-"))


def step(visit, name, key, times):
    thumb = visit.page.get_by_role("slider", name=name)
    for _ in range(times):
        thumb.press(key)
    visit.page.wait_for_timeout(400)
    visit.settle()


def open_lens(visit, link):
    visit.open(link)
    visit.page.get_by_test_id("stTopNavLink").filter(has_text="Edge").first.click()
    visit.wait(lambda: visit.page.get_by_text(LENS).count() == 1, 120)
    visit.settle()


def test_alpha_moves_the_curvature_below_one_half_only(visit):
    page = visit()
    open_lens(page, "/?model=lenet-mnist-relu&edge=2-66-40")
    assert "edge=2-66-40" in page.page.url
    before = kappa(page)
    step(page, "Idleness α", "ArrowLeft", 8)
    assert page.page.get_by_role("slider", name="Idleness α").input_value() == "0.5"
    assert kappa(page) == before
    step(page, "Idleness α", "ArrowLeft", 10)
    page.wait(lambda: kappa(page) != before)
    low = kappa(page)
    page.page.get_by_role("button", name="Reset both sliders").click()
    page.wait(lambda: kappa(page) == before)
    assert low < before
    step(page, "Weight of this edge", "ArrowRight", 6)
    page.wait(lambda: kappa(page) < before)
    assert page.errors == []
    assert page.outside == []


def test_a_row_of_the_table_comes_under_the_lens_and_can_be_taken_along(visit):
    page = visit()
    open_lens(page, "/?model=mlp-digits-relu")
    # The mass sets out by itself, the work counts up, and the clock can be stopped and put back.
    work, clock = page.page.get_by_test_id("ncviz-work"), page.page.get_by_test_id("ncviz-travel")
    page.wait(lambda: work.inner_text() == "W = 1.097" and clock.inner_text() == "Replay")
    clock.click()
    page.wait(lambda: work.inner_text().startswith("work so far 0.") and clock.inner_text() == "Pause")
    clock.click()
    page.wait(lambda: clock.inner_text() == "Play")
    # Another theme draws the charts anew.
    line = page.page.locator(".js-line").first
    assert "rgb(74, 78, 87)" in line.get_attribute("style")
    page.page.emulate_media(color_scheme="dark")
    page.wait(lambda: "rgb(197, 202, 211)" in line.get_attribute("style"))
    page.page.get_by_text("Choose another edge").click()
    table = page.page.get_by_test_id("stDataFrame").first

    def is_ticked():
        # Until it is open, it grows, and a click meets another row or none.
        box = page.box_of(table)
        page.page.mouse.click(box["x"] + 18, box["y"] + 52)
        page.page.wait_for_timeout(1000)
        return "edge=1-27-14" in page.page.url

    page.wait(is_ticked)
    page.settle()
    assert kappa(page) == pytest.approx(-4.302, abs=2e-3)
    page.page.get_by_role("tab", name="Download").click()
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="The problem (JSON)").click()
    taken = json.loads(download.value.path().read_text("utf-8"))
    assert taken["curvature"] == pytest.approx(-4.302, abs=2e-3)
    assert sum(map(sum, taken["plan"])) == pytest.approx(1)
    assert page.errors == []


def test_a_link_straight_to_it_on_a_phone(visit):
    page = visit(390, 844, "dark")
    page.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.page.add_init_script(WIDEST)
    page.open("/edge?model=mlp-digits-relu&edge=1-27-14")
    page.wait(lambda: page.page.get_by_text(LENS).count() == 1, 120)
    page.settle()
    # Nor while it is drawn: placeholders of parts that are not seen stood out of it.
    assert 0 < page.page.evaluate("window.widest") <= 390
    # Who wants no movement sees where everything has arrived, and may set it going.
    page.wait(lambda: page.page.get_by_test_id("ncviz-work").inner_text() == "W = 1.097")
    assert page.page.get_by_test_id("ncviz-travel").inner_text() == "Replay"
    assert page.errors == []
    assert page.outside == []
