"""The Learn page and the lessons, in a real browser."""

import re

import pytest

pytestmark = pytest.mark.browser


def graph(visit):
    picture = visit.page.get_by_test_id("ncviz-graph")
    picture.wait_for(timeout=60_000)
    return picture


def node(visit, name):
    return visit.page.get_by_test_id(f"ncviz-node-{name}")


def edge(visit, u, v):
    return visit.page.get_by_test_id(f"ncviz-edge-{u}-{v}")


def kappa(visit, u, v):
    return round(float(edge(visit, u, v).get_attribute("data-kappa")), 2)


def join(visit, u, v):
    before = edge(visit, u, v).count()
    node(visit, u).click()
    node(visit, v).click()
    visit.wait(lambda: edge(visit, u, v).count() > before)


def heading(visit):
    return visit.page.locator("h5").first.inner_text()


def status(visit):
    return visit.page.get_by_test_id("ncviz-graph-status").inner_text()


def banner(visit):
    found = visit.page.locator(".st-key-lesson-banner")
    found.wait_for(timeout=60_000)
    return found.inner_text()


def open_learn(visit, graph_name=""):
    visit.open(f"/learn?graph={graph_name}" if graph_name else "/learn")
    graph(visit)
    return visit


def choose(visit, title):
    visit.page.get_by_role("combobox", name="Graph").click()
    visit.page.get_by_role("option", name=title).click()


def test_an_edge_is_added_and_taken_back(visit):
    page = open_learn(visit())
    page.wait(lambda: heading(page).startswith("Edge 4–5: κ = −1.00, bottleneck"))
    choose(page, "Cycle")
    page.wait(lambda: edge(page, 1, 6).count() == 1)
    assert kappa(page, 1, 2) == 0
    edge(page, 2, 3).click()
    page.wait(lambda: heading(page).startswith("Edge 2–3: κ = 0.00, flat"))
    join(page, 1, 3)
    page.wait(lambda: heading(page).startswith("Edge 2–3: κ = 0.83, redundant"))
    assert "Added 1–3: κ of 2–3: 0.00 → 0.83" in status(page)
    page.page.get_by_test_id("ncviz-graph-undo").click()
    page.wait(lambda: edge(page, 1, 3).count() == 0)
    page.wait(lambda: kappa(page, 2, 3) == 0)
    page.page.get_by_test_id("ncviz-graph-redo").click()
    page.wait(lambda: edge(page, 1, 3).count() == 1)
    page.page.get_by_test_id("ncviz-graph-reset").click()
    page.wait(lambda: edge(page, 1, 3).count() == 0)
    assert "graph=cycle" in page.page.url
    assert page.errors == []
    assert page.outside == []


def test_edges_and_nodes_are_changed_by_mouse_by_keys_and_fast(visit):
    page = open_learn(visit())
    page.page.get_by_test_id("ncviz-graph-remove").click()
    page.wait(lambda: edge(page, 4, 5).count() == 0)
    node(page, 8).click()
    page.page.get_by_role("button", name="Remove node 8").click()
    page.wait(lambda: node(page, 8).count() == 0)
    box = page.box_of(graph(page))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.dblclick(x, y)
    page.wait(lambda: node(page, 8).count() == 1)
    page.settle()
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + 40, y + 90, steps=6)
    page.page.mouse.up()
    page.settle()
    moved = page.box_of(node(page, 8))
    assert abs(moved["x"] + moved["width"] / 2 - x - 40) < 3
    assert "Added node 8" in status(page), "a node that was moved is no change of curvature"
    # The keyboard does it too.
    page.page.get_by_test_id("ncviz-graph-reset").click()
    page.wait(lambda: edge(page, 4, 5).count() == 1)
    node(page, 1).focus()
    keys = page.page.keyboard
    keys.press("ArrowDown")
    keys.press("Enter")
    page.wait(lambda: "Node 2: click another" in page.page.get_by_test_id("ncviz-graph-hint").inner_text())
    node(page, 7).focus()
    keys.press("Enter")
    page.wait(lambda: edge(page, 2, 7).count() == 1)
    keys.press("Control+z")
    page.wait(lambda: edge(page, 2, 7).count() == 0)
    edge(page, 4, 5).focus()
    keys.press("Delete")
    page.wait(lambda: edge(page, 4, 5).count() == 0)
    assert "bottleneck" not in edge(page, 1, 2).get_attribute("aria-label")
    # Clicks that come faster than answers all count.
    page.page.get_by_test_id("ncviz-graph-reset").click()
    page.wait(lambda: edge(page, 4, 5).count() == 1)
    for u, v in ((3, 6), (2, 7), (1, 8)):
        node(page, u).click()
        node(page, v).click()
    page.wait(lambda: all(edge(page, u, v).count() == 1 for u, v in ((3, 6), (2, 7), (1, 8))))
    page.wait(lambda: kappa(page, 4, 5) == 0.5)
    assert page.errors == []


def test_a_finger_on_a_phone(visit):
    page = visit(width=390, height=844, has_touch=True, is_mobile=True).open("/?lesson=3")
    graph(page)
    for u, v in ((3, 6), (2, 7)):
        node(page, u).tap()
        node(page, v).tap()
    page.wait(lambda: "✓ Done" in banner(page))
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.errors == []


def test_lessons_follow_each_other_and_are_ticked(visit):
    page = visit().open("/?lesson=1")
    graph(page)
    assert "/learn?" in page.page.url
    assert "To do" in banner(page)
    edge(page, 4, 5).click()
    page.wait(lambda: "✓ Done" in banner(page))
    page.page.get_by_role("button", name="Next ›").click()
    page.wait(lambda: "Lesson 2 of 6" in banner(page) and edge(page, 1, 6).count() == 1)
    assert "To do" in banner(page)
    join(page, 1, 3)
    page.wait(lambda: "✓ Done" in banner(page))
    # The graph that was changed and the ticks are in the link, and so come back with it.
    page.wait(lambda: "drawn=" in page.page.url and "ticked=1" in page.page.url)
    page.page.goto(f"{page.url}/?{page.page.url.partition('?')[2]}")
    page.wait(lambda: "✓ Done" in banner(page) and edge(page, 1, 3).count() == 1)
    page.wait(lambda: page.page.get_by_role("button", name="✓ 1 · Mass moves along edges").count() == 1)
    page.page.get_by_role("button", name="5 · Bottlenecks carry the network").click()
    page.wait(lambda: "Lesson 5 of 6" in banner(page))
    page.canvas()
    page.wait(lambda: "order=bottlenecks" in page.page.url)
    page.page.get_by_role("button", name="‹").click()
    page.wait(lambda: edge(page, 7, 9).count() == 1)
    page.page.get_by_role("button", name="Leave").click()
    page.wait(lambda: page.page.locator(".st-key-lesson-banner").count() == 0)
    assert "lesson" not in page.page.url
    assert page.errors == []


def test_a_task_that_is_reached_in_another_way_is_not_done_and_the_reason_is_said(visit):
    page = visit().open("/?lesson=4")
    graph(page)
    alpha = page.page.get_by_role("slider", name="α, the share that stays")
    alpha.press("End")
    page.wait(lambda: "idleness=0.95" in page.page.url)
    page.settle()
    join(page, 8, 12)
    page.wait(lambda: "Not done yet: α was changed; set it back to 0.5." in banner(page))
    assert "To do" in banner(page)
    page.page.get_by_test_id("ncviz-graph-undo").click()
    page.wait(lambda: "Not done yet" not in banner(page))
    page.page.get_by_role("button", name="4 · In a network").click()
    page.wait(lambda: "idleness" not in page.page.url)
    page.settle()
    field = page.page.get_by_test_id("stNumberInputField")
    field.fill("5")
    field.press("Enter")
    page.wait(lambda: "Not done yet: A length was changed; undo that, or reset the graph." in banner(page))
    page.page.get_by_test_id("ncviz-graph-reset").click()
    page.wait(lambda: "Not done yet" not in banner(page))
    join(page, 8, 12)
    page.wait(lambda: "✓ Done" in banner(page))
    assert page.errors == []


def test_the_digits_collapse_by_less_than_a_tenth_of_the_bottlenecks(visit):
    page = visit().open("/?lesson=5")
    page.canvas()
    assert "To do" in banner(page)
    page.drag(0.0, 0.5, steps=6)
    page.wait(lambda: "removed=0.5" in page.page.url or "removed=0.4" in page.page.url)
    assert "To do" in banner(page), "far more than 10% were taken"
    page.drag(0.5, 0.07, steps=6)
    page.wait(lambda: "✓ Done" in banner(page))
    assert 0 < page.accuracy() < 0.5
    assert page.errors == []


def test_a_length_that_is_not_possible_is_refused_beside_its_field(visit):
    page = open_learn(visit())
    field = page.page.get_by_test_id("stNumberInputField")
    refusal = page.page.get_by_text("must lie between 0.1 and 10")
    for length in ("-3", "1000"):
        field.fill(length)
        field.press("Enter")
        page.wait(lambda length=length: f"got {length};" in "".join(refusal.all_inner_texts()))
        page.wait(lambda: field.input_value() == "1.00")
    below = refusal.bounding_box()["y"] - field.bounding_box()["y"] - field.bounding_box()["height"]
    assert 0 <= below < 40
    field.fill("2")
    field.press("Enter")
    page.wait(lambda: "Length of 4–5 set to 2" in status(page))
    assert refusal.count() == 0
    assert page.errors == []


OVERLAPS = """svg => {
  const boxes = [...svg.querySelectorAll("text[data-label]")].map(label => label.getBBox());
  const shared = (a, b) => Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x) > 0
    && Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y) > 4;
  return [boxes.length, boxes.filter((box, at) => boxes.slice(0, at).some(other => shared(box, other))).length];
}"""


@pytest.mark.parametrize(("name", "new"), [("karate", (3, 26)), ("layered", (8, 12)), ("bridge", (3, 6))])
def test_no_value_lies_on_another(visit, name, new):
    page = open_learn(visit(), name)

    def is_legible(labels):
        count, overlapping = graph(page).evaluate(OVERLAPS)
        return count >= labels and overlapping == 0

    def resize(width):
        page.page.set_viewport_size({"width": width, "height": 900})
        page.wait(lambda: abs(page.page.evaluate("window.innerWidth") - width) < 2)
        page.page.wait_for_timeout(300)
        page.settle()

    page.wait(lambda: is_legible(1), 20)
    resize(390)
    page.wait(lambda: is_legible(1), 20)
    count = graph(page).locator("text[data-label]").count()
    join(page, *new)
    page.settle()
    page.wait(lambda: is_legible(count + 1), 20)
    resize(1440)
    page.wait(lambda: is_legible(count + 1), 20)


def test_the_keyboard_s_focus_is_seen_on_the_links_to_the_pages(visit):
    page = visit().open()
    page.canvas()
    ring = """() => {
      const style = getComputedStyle(document.activeElement);
      return [document.activeElement.dataset.testid, style.outlineStyle, style.outlineWidth, style.outlineColor];
    }"""
    for scheme in ("light", "dark"):
        page.page.emulate_media(color_scheme=scheme)
        page.page.wait_for_timeout(500)
        page.page.evaluate("document.activeElement.blur()")
        # From the start of the page again.
        page.page.mouse.click(2, 2)
        seen = []
        for _ in range(20):
            page.page.keyboard.press("Tab")
            seen.append(page.page.evaluate(ring))
        links = [rest for name, *rest in seen if name == "stTopNavLink"]
        assert len(links) >= 5
        for style, width, colour in links:
            assert (style, width) == ("solid", "2px")
            red, green, blue, *_ = [float(part) for part in re.findall(r"[\d.]+", colour)]
            assert max(red, green, blue) < 128 if scheme == "light" else min(red, green, blue) > 128


def test_the_last_lesson_opens_lenet_and_is_done_by_pruning(visit):
    page = visit().open("/?lesson=6")
    page.wait(lambda: "Lesson 6 of 6" in banner(page) and "To do" in banner(page))
    page.canvas()
    assert "model=" not in page.page.url
    # The banner leaves the picture and the slider on the first screen.
    assert page.slider().bounding_box()["y"] < 900
    page.drag(0.0, 0.66, steps=8)
    page.wait(lambda: "✓ Done" in banner(page))
    page.page.reload()
    page.settle()
    page.wait(lambda: "✓ Done" in banner(page))
    assert page.errors == []
    assert page.outside == []


def test_a_teacher_hides_the_sidebar_and_the_other_pages(visit):
    page = visit().open("/?lesson=2")
    graph(page)
    page.page.get_by_text("Share this lesson").click()
    # The second click cuts short what the first one began.
    for name in ("Sidebar", "Other pages"):
        page.page.get_by_text(name, exact=True).click()
    page.wait(lambda: "hide=sidebar,navigation" in page.page.locator("code").last.inner_text())
    link = page.page.locator("code").last.inner_text()
    assert link == f"{page.url}/?lesson=2&hide=sidebar,navigation"
    other = visit().open(link.removeprefix(page.url))
    graph(other)
    assert "Lesson 2 of 6" in banner(other)
    assert other.page.get_by_role("link", name="Model").count() == 0
    assert other.page.get_by_text("See how information flows").count() == 0
    other.page.get_by_role("button", name="Next ›").click()
    other.wait(lambda: "Lesson 3 of 6" in banner(other))
    assert "hide=sidebar" in other.page.url, "what is hidden stays hidden"
    assert other.errors == []
