"""Computing, cancelling, and bringing a checkpoint of one's own, in a real browser."""

import pytest

pytestmark = pytest.mark.browser


def body(visit):
    return visit.page.locator("body").inner_text()


def test_other_settings_are_computed_and_a_failure_is_said_once_and_takes_nothing_away(visit):
    page = visit().open("/curvature?model=mlp-digits-relu")
    page.wait(lambda: "Most negative κ" in body(page) and "Distribution by layer" in body(page), 120)
    samples = page.page.get_by_role("spinbutton", name="Samples per class")
    samples.fill("900")
    samples.press("Tab")
    page.page.get_by_role("button", name="Compute", exact=True).click()
    page.wait(lambda: "900 are asked for" in body(page), 120)
    page.wait(lambda: "Most negative κ" in body(page))
    assert body(page).count("900 are asked for") == 1
    page.wait(lambda: "samples=900" not in page.page.url)
    samples.fill("1")
    seed = page.page.get_by_role("spinbutton", name="Seed")
    seed.fill("7")
    seed.press("Tab")
    page.page.get_by_role("button", name="Compute", exact=True).click()
    page.wait(lambda: "seed=7" in page.page.url, 120)
    page.wait(lambda: "Most negative κ" in body(page), 120)
    assert "Traceback" not in body(page)


def test_progress_survives_a_page_change_and_a_reload_and_can_be_cancelled(visit):
    page = visit().open("/curvature?model=vgg9-cifar10-relu&samples=8&seed=3")
    assert "No curvature yet" in body(page)
    page.page.get_by_role("button", name="Compute", exact=True).click()
    # What it says before it can tell the time left: that the engine is made ready, or about how long it will take.
    first = ("preparing the engine", "bounding the curvature", "sharpening the curvature")
    page.wait(lambda: any(text in body(page) for text in first), 300)
    page.page.get_by_role("link", name="Model").click()
    page.wait(lambda: "Accuracy, class by class" in body(page), 120)
    page.wait(lambda: page.page.get_by_role("button", name="Cancel").first.is_visible())
    page.page.get_by_role("link", name="Curvature").click()
    running = ("Computing the curvature", "They sharpen while you look")
    page.wait(lambda: any(text in body(page) for text in running), 120)
    page.wait(lambda: "samples=8" in page.page.url)
    # A page that polls beside a busy computation is seldom at rest, so this waits for what it shows.
    page.page.reload()
    page.wait(lambda: page.page.get_by_role("button", name="Cancel").first.is_visible(), 120)
    page.wait(lambda: "left" in body(page), 300)
    # Nothing is known if it ended before the first bounds were there, and intervals otherwise.
    page.page.get_by_role("button", name="Cancel").first.click()
    ended = ("cancelled; intervals found by then are kept", "Compute it exactly")
    page.wait(lambda: any(text in body(page) for text in ended), 120)
    page.page.get_by_role("link", name="Explore").click()
    page.wait(lambda: "No curvature yet" in body(page) or "Compute it exactly" in body(page))


def bring(page, file):
    page.page.get_by_role("tab", name="Bring your own").click()
    page.wait(lambda: "3 · Check, then compute" in body(page))
    page.settle()
    page.page.get_by_test_id("stMain").locator("input[type=file]").first.set_input_files(file)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_file_name_is_no_markdown_and_reaches_no_other_session(visit, tmp_path):
    import torch

    from ncviz import load_model

    hostile = tmp_path / "![x](https:example.com) **b** $x$.onnx"
    net = load_model("mlp-digits-tanh")
    torch.onnx.export(net, (torch.zeros(1, 1, 8, 8),), hostile, dynamo=False, input_names=["x"])
    page = visit().open("/model?model=mlp-digits-relu")
    bring(page, hostile)
    page.wait(lambda: "input 1×8×8 · 10 classes" in body(page))
    assert page.outside == []
    other = visit().open("/curvature?model=mlp-digits-relu")
    other.wait(lambda: "Stored results" in body(other))
    other.page.get_by_text("Stored results:").click()
    other.settle()
    assert "example" not in other.page.content()
