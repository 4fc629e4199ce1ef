"""Two pictures side by side, keys, and slow networks, in a real browser."""

import pytest

from tests.e2e.hand import place, pull

pytestmark = pytest.mark.browser

LEFT, RIGHT = 0, 1


def on(visit, side, name):
    return visit.page.get_by_test_id(f"ncviz-{name}").nth(side)


def both(visit):
    """What the two panels and pictures say: fraction removed, accuracy, edges that are left."""
    return [
        (
            on(visit, side, "share").inner_text(),
            on(visit, side, "accuracy").inner_text(),
            on(visit, side, "network").get_attribute("data-visible-edges"),
        )
        for side in (LEFT, RIGHT)
    ]


def source(visit, side=LEFT):
    return on(visit, side, "source").inner_text()


def wait_until_measured(visit, *sides):
    visit.wait(lambda: all("measured on" in source(visit, side) for side in sides or (LEFT,)))


def drag(visit, side, start, end, steps=None, read=None):
    """Drag one side's slider between two shares of all weights; return what ``read`` gave on the way."""
    slider = on(visit, side, "slider")
    slider.scroll_into_view_if_needed()
    seen = pull(visit.page, slider, start, end, steps or (15 if read else 6), read)
    visit.settle()
    return seen


@pytest.fixture
def compared(visit):
    def open_(path="/?model=mlp-digits-relu&compare=1"):
        page = visit().open(path)
        page.wait(lambda: on(page, RIGHT, "slider").count() == 1)
        page.wait(lambda: int(on(page, RIGHT, "network").get_attribute("data-visible-edges") or 0) > 0)
        page.canvas()
        wait_until_measured(page, LEFT, RIGHT)
        return page

    return open_


def test_each_side_moves_alone_and_undo_walks_both(compared):
    page = compared()
    start = both(page)
    assert start[LEFT] == start[RIGHT]
    titles = [on(page, side, "title").inner_text() for side in (LEFT, RIGHT)]
    assert "Redundant first, 0.0% removed" in titles[LEFT]
    assert "Bottlenecks first, 0.0% removed" in titles[RIGHT]

    seen = drag(page, RIGHT, 0.0, 0.3, read=lambda: (both(page), on(page, RIGHT, "title").inner_text()))
    assert all(state[LEFT] == start[LEFT] for state, _ in seen), "the left side stands still"
    assert len({state[RIGHT] for state, _ in seen}) >= 5, "the right side follows the drag"
    assert len({title for _, title in seen}) >= 5, "and so does its heading"
    wait_until_measured(page, LEFT, RIGHT)
    page.wait(lambda: "other_removed=" in page.page.url)
    right_moved = both(page)
    assert right_moved[LEFT] == start[LEFT]
    assert float(right_moved[RIGHT][1].split("%")[0]) < 50

    drag(page, LEFT, 0.0, 0.6)
    wait_until_measured(page, LEFT, RIGHT)
    page.wait(lambda: "removed=0." in page.page.url.replace("other_removed", ""))
    both_moved = both(page)
    assert both_moved[RIGHT] == right_moved[RIGHT]

    on(page, RIGHT, "undo").click()
    page.wait(lambda: both(page) == right_moved)
    on(page, RIGHT, "undo").click()
    page.wait(lambda: both(page) == start)
    page.page.keyboard.press("Control+Shift+Z")
    page.wait(lambda: both(page) == right_moved)
    page.page.keyboard.press("Control+y")
    page.wait(lambda: both(page) == both_moved)
    page.page.keyboard.press("Control+z")
    page.wait(lambda: both(page) == right_moved)
    assert page.errors == []
    assert page.outside == []


def test_a_reload_and_a_copied_link_show_the_same_two(compared, visit):
    page = compared(
        "/?model=mlp-digits-relu&compare=1&removed=0.5&other_model=lenet-mnist-relu&other_criterion=magnitude"
    )
    drag(page, RIGHT, 0.0, 0.4)
    wait_until_measured(page, LEFT, RIGHT)
    page.wait(lambda: "other_removed=" in page.page.url)
    before = both(page)
    titles = [on(page, side, "title").inner_text() for side in (LEFT, RIGHT)]
    assert "MLP, digits" in titles[LEFT]
    assert "LeNet, MNIST" in titles[RIGHT]
    page.page.reload()
    page.wait(lambda: on(page, RIGHT, "slider").count() == 1)
    page.wait(lambda: both(page) == before)
    other = visit()
    other.page.goto(page.page.url)
    other.wait(lambda: on(other, RIGHT, "slider").count() == 1)
    other.wait(lambda: both(other) == before)


def test_the_switch_adds_a_second_picture_and_takes_it_away(visit):
    page = visit().open("/?model=mlp-digits-relu&removed=0.6")
    page.canvas()
    page.page.locator("label", has_text="Compare").first.click()
    page.wait(lambda: on(page, RIGHT, "slider").count() == 1)
    wait_until_measured(page, LEFT, RIGHT)
    page.wait(lambda: [state[0] for state in both(page)] == ["60.0%", "60.0%"])
    page.wait(lambda: both(page)[LEFT][1] != both(page)[RIGHT][1])
    page.page.get_by_role("button", name="Swap").click()
    page.wait(lambda: "Bottlenecks first" in on(page, LEFT, "title").inner_text())
    # On a phone they stand one above the other.
    page.page.set_viewport_size({"width": 390, "height": 844})
    boxes = lambda: [page.box_of(on(page, side, "slider")) for side in (LEFT, RIGHT)]  # noqa: E731
    page.wait(lambda: boxes()[RIGHT]["y"] > boxes()[LEFT]["y"] + 300)
    page.wait(lambda: all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes()))
    page.wait(lambda: page.page.evaluate("document.documentElement.scrollWidth") <= 390)
    page.page.set_viewport_size({"width": 1440, "height": 900})
    page.page.locator("label", has_text="Compare").first.click()
    page.wait(lambda: page.page.get_by_test_id("ncviz-slider").count() == 1)
    assert page.errors == []


def test_another_network_in_the_sidebar_is_another_on_both_sides(compared):
    page = compared()
    page.choose("LeNet, MNIST (ReLU)")
    page.wait(lambda: "model=" not in page.page.url)
    page.wait(lambda: [on(page, side, "share").count() for side in (LEFT, RIGHT)] == [1, 1])
    page.settle()
    page.wait(lambda: all("LeNet" not in on(page, side, "title").inner_text() for side in (LEFT, RIGHT)))
    assert "other_model" not in page.page.url
    page.choose("MLP, digits (tanh)", page.page.get_by_role("combobox", name="Second network"))
    page.wait(lambda: "MLP" in on(page, RIGHT, "title").inner_text())
    assert "LeNet" in on(page, LEFT, "title").inner_text()
    # Linked, both lose the same share, whatever their sizes.
    wait_until_measured(page, LEFT, RIGHT)
    page.settle()
    page.page.get_by_text("Link the sliders").click()
    page.wait(lambda: "linked=1" in page.page.url)
    page.settle()
    drag(page, RIGHT, 0.1, 0.5, steps=5)

    def shares():
        return [float(on(page, side, "share").inner_text().split("%")[0]) for side in (LEFT, RIGHT)]

    page.wait(lambda: min(shares()) > 1 and abs(shares()[LEFT] - shares()[RIGHT]) < 0.2)
    page.wait(
        lambda: "&removed=0." in page.page.url.replace("?", "&") and "other_removed=0." in page.page.url
    )
    assert page.errors == []


def test_keys_step_from_anywhere_but_not_in_a_text_field(visit):
    page = visit().open("/?model=mlp-digits-relu&removed=0.5")
    page.canvas()
    wait_until_measured(page)
    share = lambda: float(on(page, LEFT, "share").inner_text().split("%")[0])  # noqa: E731
    removed = lambda: int(page.slider().get_attribute("data-removed"))  # noqa: E731
    assert removed() == 1360
    page.page.keyboard.press(".")
    page.wait(lambda: removed() == 1361)
    page.page.keyboard.press("]")
    page.wait(lambda: 1365 < removed() < 1395)
    page.page.keyboard.press("}")
    page.wait(lambda: share() > 57)
    page.wait(lambda: f"removed={removed() / 2720:.9g}" in page.page.url)
    wait_until_measured(page)
    page.page.keyboard.press("Control+z")
    page.wait(lambda: share() == 50.0)
    page.slider().focus()
    page.page.keyboard.press("Control+ArrowLeft")
    page.wait(lambda: removed() == 1359)
    page.page.keyboard.press("PageDown")
    page.wait(lambda: share() < 43)
    for key, value in (("End", 100.0), ("Home", 0.0)):
        page.page.keyboard.press(key)
        page.wait(lambda value=value: share() == value)
    page.settle()
    page.wait(lambda: "removed=" not in page.page.url)
    field, unit = (page.page.get_by_test_id(f"ncviz-{name}") for name in ("typed", "unit"))
    field.click()
    page.page.keyboard.press("]")
    page.page.keyboard.press("Control+z")
    page.page.wait_for_timeout(800)
    assert share() == 0.0
    field.fill("150")
    field.press("Enter")
    page.wait(lambda: "from 0 to 100%" in page.page.get_by_test_id("ncviz-problem").inner_text())
    unit.select_option(label="weights")
    field.fill("1,234")
    field.press("Enter")
    page.wait(lambda: removed() == 1234)
    assert page.page.get_by_test_id("ncviz-problem").inner_text() == ""
    unit.select_option(label="κ above")
    field.fill("0.5")
    field.press("Enter")
    rule = page.page.get_by_test_id("ncviz-threshold").first
    page.wait(lambda: rule.inner_text().split("\u00a0")[-1] == "0.50" and removed() != 1234)
    page.page.get_by_test_id("ncviz-linear").click()
    page.wait(lambda: "scale=linear" in page.page.url)
    at = float(page.slider().input_value())
    assert at == pytest.approx(100 * removed() / 2720, abs=1e-3)
    assert page.errors == []


def test_a_slow_network_is_read_off_the_curve_until_the_drag_ends(visit):
    page = visit().open("/?model=vgg9-cifar10-relu")
    page.canvas()
    wait_until_measured(page)
    images = source(page)
    page.page.wait_for_timeout(500)
    seen = drag(page, LEFT, 0.0, 0.9, steps=25, read=lambda: (both_values(page), source(page)))
    assert {words for _, words in seen} == {"read off the curve"}
    assert len({accuracy for (_, accuracy), _ in seen}) >= 8
    page.wait(lambda: source(page) == images)
    settled = both_values(page)
    # Nothing that was measured may stay beside a threshold that it was not measured at.
    box = page.slider().bounding_box()
    y = box["y"] + box["height"] / 2
    page.page.mouse.move(place(page.slider(), 0.9), y)
    page.page.mouse.down()
    page.page.mouse.move(place(page.slider(), 0.2), y)
    page.page.wait_for_timeout(100)
    assert source(page) == "read off the curve"
    assert both_values(page) != settled
    page.page.mouse.up()
    page.wait(lambda: source(page) == images)


def both_values(visit):
    return on(visit, LEFT, "share").inner_text(), on(visit, LEFT, "accuracy").inner_text()
