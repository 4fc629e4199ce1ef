"""One class: its own bottlenecks light up, are cut, and that class goes blind while the others stay."""

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def classes(visit):
    """LeNet with what each class's bar says."""
    page = visit().open("/?model=lenet-mnist-relu&flow=all")
    bars = page.page.get_by_test_id("ncviz-classes").first.locator("button")

    def values():
        found = [bar.get_attribute("data-value") for bar in bars.all()]
        return [float(value) for value in found] if all(found) else []

    page.canvas()
    page.wait(lambda: len(values()) == 10)
    return page, bars, values


def test_a_class_goes_blind_while_the_others_stay(classes):
    visit, bars, values = classes

    def is_like(known):
        found = values()
        return len(found) == 10 and all(abs(a - b) < 1e-4 for a, b in zip(found, known, strict=True))

    before, drawn = values(), visit.canvas().get_attribute("data-drawn-edges")
    bars.nth(0).click()
    visit.wait(lambda: bars.nth(0).get_attribute("aria-pressed") == "true")
    # Its bottlenecks are drawn beyond the most lines that there are.
    visit.wait(lambda: int(visit.canvas().get_attribute("data-drawn-edges")) > int(drawn))
    visit.page.get_by_role("button", name="Cut 906", exact=True).click()
    visit.wait(lambda: values() and values()[0] < 0.4)
    after = values()
    change = [100 * (now - was) for was, now in zip(before, after, strict=True)]
    assert sum(change[1:]) / 9 > -4
    assert min(change[1:]) > -10
    words = visit.page.get_by_test_id("ncviz-class-outcome").inner_text()
    assert words.startswith(f"0: {100 * before[0]:.1f} → {100 * after[0]:.1f} %; the others −")
    visit.wait(lambda: "906 cut by hand" in visit.page.get_by_test_id("ncviz-threshold").inner_text())
    total = sum(after) / 10
    visit.wait(lambda: abs(visit.accuracy() - total) < 0.006)

    # The link holds class and cut, and opens on the same numbers.
    visit.wait(lambda: "hand=cut" in visit.page.url)
    visit.open(visit.page.url.removeprefix(visit.url))
    visit.wait(lambda: is_like(after))
    assert bars.nth(0).get_attribute("aria-pressed") == "true"

    # What is done by hand is a step like any other.
    visit.page.get_by_role("button", name="Put back").click()
    visit.wait(lambda: is_like(before))
    visit.page.get_by_test_id("ncviz-undo").click()
    visit.wait(lambda: is_like(after))
    assert not visit.errors
