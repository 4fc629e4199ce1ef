"""Every page by axe-core in both themes, and on a phone, in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser

PAGES = ("/", "/model", "/curvature", "/pruning", "/edge", "/learn")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


def findings(page):
    """What axe-core holds to be serious or critical, as sentences."""
    found = Axe().run(page, options=RULES).response
    # Without a page there would be nothing to find.
    assert len(found["passes"]) > 10
    return [
        f"{rule['id']}: {node['html'][:120]} ({node['failureSummary'][:160]})"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_no_page_fails_level_aa_in_either_theme_nor_logs_an_error(visit, path):
    page = visit().open(path)
    page.wait(lambda: page.page.locator("h1").count() == 1, 120)
    page.settle()
    for scheme in ("light", "dark"):
        page.page.emulate_media(color_scheme=scheme)
        for _ in range(20):
            found = findings(page.page)
            if not found:
                break
            # Colours fade over; what stays is what counts.
            page.page.wait_for_timeout(500)
        assert found == [], scheme
    # Opened by its own address, it asks for nothing that is not there.
    assert page.errors == []


def test_the_menu_of_a_phone_closes_once_a_page_is_chosen(visit):
    page = visit(width=390, height=844, has_touch=True, is_mobile=True).open("/curvature?seed=0")
    sidebar = page.page.get_by_test_id("stSidebar")

    def is_open():
        box = sidebar.bounding_box()
        return box is not None and box["x"] + box["width"] > 1

    page.page.wait_for_selector("body[data-ncviz-page]", state="attached")
    page.page.get_by_test_id("stExpandSidebarButton").click()
    page.wait(is_open)
    page.page.get_by_test_id("stSidebarNavLink").filter(has_text="Learn").click()
    page.wait(lambda: "/learn" in page.page.url and not is_open())
    page.page.get_by_test_id("stExpandSidebarButton").click()
    page.wait(is_open)
    # Streamlit keeps it open over a reload.
    page.page.goto(page.url + "/?lesson=2")
    page.wait(lambda: page.page.get_by_test_id("ncviz-graph").count() == 1 and not is_open())
