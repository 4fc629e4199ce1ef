"""The Pruning page in a real browser: measure, cancel, look closer, take a file away."""

import csv
import io

import pytest
from safetensors.numpy import load

pytestmark = pytest.mark.browser
CANCELLED = "curves that were finished are kept"


def body(visit):
    return visit.page.locator("body").inner_text()


def open_tab(page, name, words):
    page.page.get_by_role("tab", name=name).click()
    page.wait(lambda: words in body(page))
    page.settle()


def download(page, name):
    with page.page.expect_download() as found:
        page.page.get_by_role("button", name=name).click()
    with open(found.value.path(), "rb") as file:  # noqa: PTH123
        return file.read()


def test_measure_look_closer_and_take_it_away(visit, tmp_path):
    page = visit().open(
        "/pruning?model=mlp-digits-relu&lab_criteria=curvature,magnitude,random&lab_seeds=2&lab_scope=layer"
    )
    page.wait(lambda: "Nothing is measured yet" in body(page))
    page.page.get_by_role("button", name="Measure 5 curves").click()
    page.wait(lambda: "accuracy on 360 images" in page.page.content() and "Cancel" not in body(page), 120)
    page.settle()
    rows = list(csv.DictReader(io.StringIO(download(page, "Curves (CSV)").decode())))
    assert {row["criterion"] for row in rows} == {"curvature", "magnitude", "random"}
    figure = tmp_path / "figure.html"
    figure.write_bytes(download(page, "Figure (HTML)"))
    open_tab(page, "Where it cuts", "In common")
    open_tab(page, "What breaks", "Right before, wrong now")
    assert "On 360 evaluation images" in body(page)
    open_tab(page, "Plans and files", "weights kept")
    masks = load(download(page, "Download mlp-digits-relu-pruned.safetensors"))
    weights = [values for name, values in masks.items() if name.endswith("weight")]
    assert sum(int((values == 0).sum()) for values in weights) == round(0.8 * 2720)
    assert page.outside == []
    # What is compared, and the open tab, stay over a change of pages and a reload.
    page.page.get_by_role("link", name="Learn").click()
    page.settle()
    page.page.get_by_role("link", name="Pruning").click()
    page.wait(lambda: "weights kept" in body(page))
    assert "lab_tab=plans" in page.page.url
    page.page.get_by_role("tab", name="Compare").click()
    page.wait(lambda: "accuracy on 360 images" in page.page.content())
    assert "lab_seeds=2" in page.page.url
    page.wait(lambda: "lab_tab" not in page.page.url)
    page.page.reload()
    page.wait(lambda: "accuracy on 360 images" in page.page.content())
    assert "Traceback" not in body(page)
    alone = visit()
    asked = []
    alone.page.on("request", lambda request: asked.append(request.url))
    alone.page.goto(figure.as_uri())
    alone.page.locator(".legendtext", has_text="Curvature").wait_for()
    assert "without training again" in body(alone)
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_protecting_a_layer_can_be_taken_back(visit):
    page = visit().open("/pruning?model=mlp-digits-relu&lab_criteria=magnitude&lab_seeds=1")
    page.wait(lambda: "Protect layers" in body(page))
    page.choose("1 · linear 64→32", page.page.get_by_role("combobox", name="Protect layers"))
    page.wait(lambda: "lab_protect=0" in page.page.url)
    page.wait(lambda: "leave at most 20%" in body(page))
    page.page.keyboard.press("Escape")
    page.page.get_by_role("button", name="Undo").click()
    page.wait(lambda: "lab_protect" not in page.page.url)


def test_a_run_that_is_cancelled_keeps_what_it_finished(visit):
    page = visit().open(
        "/pruning?model=lenet-mnist-relu&lab_criteria=curvature,magnitude,lamp,wanda,synflow,random&lab_seeds=10&"
        "lab_samples=2&lab_scope=layer"
    )
    page.wait(lambda: "Nothing is measured yet" in body(page), 120)
    page.page.get_by_role("button", name="Measure").click()
    page.wait(lambda: "curve 3 of" in body(page) or "curve 4 of" in body(page), 300)
    page.page.get_by_role("button", name="Cancel").last.click()
    page.wait(lambda: CANCELLED in body(page), 120)
    page.wait(lambda: "of this comparison are not measured yet" in body(page), 120)
    page.wait(lambda: "accuracy on 2,000 images" in page.page.content())
