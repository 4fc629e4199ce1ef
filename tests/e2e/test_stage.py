"""Presenter mode and prepared steps in a real browser."""

import pytest

pytestmark = pytest.mark.browser


def shown(page, name):
    return page.page.get_by_test_id(f"ncviz-{name}").first


def add_step(page, number, note):
    """Make a step of what is shown, with a note."""
    page.page.get_by_role("button", name="Add this view as a step").click()
    field = page.page.get_by_label(f"{number} · Explore")
    field.fill(note)
    field.press("Enter")
    page.settle()


def stands_on_one_screen(page, pictures, names=("network", "verdict")):
    """Wait until all that a lecture shows is seen in windows of all sizes, and there is nothing to scroll to."""
    for width, height in ((1024, 768), (1440, 900), (2560, 1440)):
        page.page.set_viewport_size({"width": width, "height": height})

        def is_seen(name, at, width=width, height=height):
            box = page.box_of(page.page.locator(f".{name}, [data-testid=ncviz-{name}]").nth(at))
            return (
                min(box["x"], box["y"]) >= 0
                and box["x"] + box["width"] <= width
                and box["y"] + box["height"] <= height
            )

        for name in ("slider", "accuracy", "chart", *names):
            for at in range(pictures):
                page.wait(lambda name=name, at=at: is_seen(name, at), 30)
        room = (
            "(main => main.scrollHeight - main.clientHeight)(document.querySelector('[data-testid=stMain]'))"
        )
        page.wait(lambda room=room: page.page.evaluate(room) <= 1, 30)


def test_two_pictures_share_a_stage_and_letters_are_those_of_what_has_the_keyboard(visit):
    page = visit(1024, 768).open(
        "/?model=lenet-mnist-relu&flow=image-5&removed=0.6&compare=1&other_removed=0.01&present=1"
    )
    page.wait(lambda: page.page.get_by_test_id("ncviz-slider").count() == 2)
    page.wait(lambda: "wrong, it is 5" in page.page.get_by_test_id("ncviz-verdict").nth(1).inner_text())
    stands_on_one_screen(page, 2)
    # In the picture P walks back through the lines; with nothing in hand it leaves the stage.
    page.canvas().focus()
    page.page.keyboard.press("p")
    page.wait(lambda: "selected=" in page.page.url)
    assert "present=1" in page.page.url
    page.settle()
    page.slider().focus()
    page.page.keyboard.press("p")
    page.wait(lambda: "present=" not in page.page.url)
    assert page.errors == []


def test_charts_stand_on_a_stage_whole(visit):
    page = visit()
    for show in ("matrix", "distribution"):
        page.open(f"/?model=lenet-mnist-relu&show={show}&removed=0.3&present=1")
        page.page.locator(".main-svg").first.wait_for(timeout=60_000)
        stands_on_one_screen(page, 1, ("main-svg", "stPlotlyChart"))
    assert page.errors == []


def test_steps_are_prepared_and_shown_on_a_stage_without_scrolling(visit):
    page = visit(1024, 768).open("/?model=lenet-mnist-relu&flow=image-5&removed=0.6")
    page.canvas()
    page.page.get_by_text("Lecture", exact=True).click()
    add_step(page, 1, "First, the redundant ones")
    shown(page, "order-curvature/bottlenecks").click()
    page.wait(lambda: "order=bottlenecks" in page.page.url)
    page.settle()
    add_step(page, 2, "Then the bottlenecks")
    page.page.get_by_role("button", name="Show", exact=True).first.click()
    page.wait(lambda: "order=" not in page.page.url and shown(page, "step").inner_text() == "1 / 2")
    page.settle()
    page.page.keyboard.press("p")
    page.wait(lambda: "present=1" in page.page.url)
    page.page.mouse.move(5, 5)
    stands_on_one_screen(page, 1)
    # A clicker's key goes on, also where the slider has the keyboard; the arrows there stay the slider's.
    page.slider().focus()
    page.page.keyboard.press("PageDown")
    page.wait(lambda: "order=bottlenecks" in page.page.url and "present=1" in page.page.url)
    page.wait(lambda: shown(page, "step-note").inner_text() == "Then the bottlenecks")
    page.settle()
    shown(page, "code").click()
    page.wait(lambda: page.page.locator("figure svg path").first.is_visible())
    assert page.page.get_by_role("img", name="QR code of the link to this view").count() == 1
    page.page.keyboard.press("PageUp")
    page.wait(lambda: shown(page, "step").inner_text() == "1 / 2" and "order=" not in page.page.url)
    page.settle()
    page.page.keyboard.press("p")
    page.wait(lambda: "present=" not in page.page.url)
    page.settle()
    page.page.get_by_text("Lecture", exact=True).wait_for()
    assert page.errors == []
    assert page.outside == []
