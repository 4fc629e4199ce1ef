"""Computing, cancelling, and bringing a checkpoint of one's own, in a real browser."""

import pytest

pytestmark = pytest.mark.browser


def body(visit):
    return visit.page.locator("body").inner_text()


def test_compute_other_settings(visit):
    page = visit().open("/curvature")
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
    page.wait(lambda: "preparing the engine" in body(page) or "in all" in body(page), 300)
    page.page.get_by_role("link", name="Model").click()
    page.wait(lambda: "Accuracy, class by class" in body(page), 120)
    assert page.page.get_by_role("button", name="Cancel").first.is_visible()
    page.page.get_by_role("link", name="Curvature").click()
    page.wait(lambda: "Computing the curvature" in body(page), 120)
    page.wait(lambda: "samples=8" in page.page.url)
    # A page that polls beside a busy computation is seldom at rest, so this waits for what it shows.
    page.page.reload()
    page.wait(lambda: page.page.get_by_role("button", name="Cancel").first.is_visible(), 120)
    page.wait(lambda: "left" in body(page), 300)
    page.page.get_by_role("button", name="Cancel").first.click()
    page.wait(lambda: "cancelled; nothing was changed" in body(page), 120)
    page.page.get_by_role("link", name="Explore").click()
    page.wait(lambda: "No curvature yet" in body(page))


def test_a_visitor_who_comes_to_a_page_by_its_link(visit):
    for path, words in (("/model", "Accuracy, class by class"), ("/curvature", "Distribution by layer")):
        page = visit().open(path)
        page.wait(lambda page=page, words=words: words in body(page), 120)


def test_a_foreign_file_is_one_sentence_and_a_good_one_is_used(visit, tmp_path):
    junk = tmp_path / "junk.pt"
    junk.write_bytes(b"not a checkpoint")
    page = visit().open("/model")
    page.page.get_by_role("tab", name="Your own checkpoint").click()
    page.page.locator('input[type="file"]').set_input_files(junk)
    page.page.get_by_role("button", name="Use this checkpoint").click()
    page.wait(lambda: "junk.pt is no checkpoint" in body(page))
    assert "Traceback" not in body(page)
    import torch

    from ncviz import load_model

    good = tmp_path / "mine.pt"
    torch.save(load_model("mlp-digits-relu").state_dict(), good)
    page.page.locator('input[type="file"]').set_input_files(good)
    page.wait(lambda: "mine.pt" in body(page) and "is no checkpoint" not in body(page))
    page.settle()
    page.page.get_by_role("button", name="Use this checkpoint").click()
    page.wait(lambda: "mine.pt (MLP" in body(page), 120)
    page.page.get_by_role("link", name="Explore").click()
    page.settle()
    assert page.visible_edges() == 2720


def test_a_failure_is_said_once_and_the_last_good_result_stays(visit):
    page = visit().open("/curvature")
    page.wait(lambda: "Most negative κ" in body(page), 120)
    samples = page.page.get_by_role("spinbutton", name="Samples per class")
    samples.fill("900")
    samples.press("Tab")
    page.page.get_by_role("button", name="Compute", exact=True).click()
    page.wait(lambda: "900 are asked for" in body(page), 120)
    page.wait(lambda: "Most negative κ" in body(page))
    assert body(page).count("900 are asked for") == 1
    page.wait(lambda: "samples=900" not in page.page.url)


def test_a_file_name_is_no_markdown_and_reaches_no_other_session(visit, tmp_path):
    import torch

    from ncviz import load_model

    hostile = tmp_path / "![x](https:example.com) **b** $x$.pt"
    torch.save(load_model("mlp-digits-tanh").state_dict(), hostile)
    page = visit().open("/model")
    page.page.get_by_role("tab", name="Your own checkpoint").click()
    page.page.get_by_role("combobox").nth(2).click()
    page.page.get_by_role("option", name="mlp-digits-tanh").click()
    page.settle()
    page.page.locator('input[type="file"]').set_input_files(hostile)
    page.page.get_by_role("button", name="Use this checkpoint").click()
    page.wait(lambda: "is loaded" in body(page))
    page.page.get_by_role("link", name="Explore").click()
    page.settle()
    assert page.visible_edges() == 2720
    assert page.outside == []
    other = visit().open("/curvature")
    other.wait(lambda: "Stored results" in body(other))
    other.page.get_by_text("Stored results").click()
    other.settle()
    assert "example" not in other.page.content()
