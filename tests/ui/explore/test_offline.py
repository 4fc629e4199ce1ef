import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from ncviz.plots.network.payload import payload, unpack
from ncviz.ui.components.live.data import Curves, Order, SliderStep, Sweep, panel_data
from ncviz.ui.explore import offline
from tests.examples.three_by_two import three_by_two

EVIL = '</script><img src="http://example.org/x" onerror=alert(1)>'


class Parts(HTMLParser):
    """Every tag of the page, and the text of each script and of the title."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts, self.inside = [], {}, None

    def handle_starttag(self, tag, attributes):
        facts = dict(attributes)
        self.tags.append((tag, facts))
        self.inside = facts.get("data-part", tag) if tag in ("script", "title") else None

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.texts[self.inside] = self.texts.get(self.inside, "") + data


@pytest.fixture(scope="module")
def page():
    edges = np.arange(6, dtype=np.int32)
    view = three_by_two(layer_names=(EVIL, "out"), classes=("a", EVIL))
    panel = panel_data(
        SliderStep("file", 6, 2, "redundant"),
        [Order("redundant", EVIL)],
        Curves({"redundant": Sweep([0, 6], [0.9, 0.1])}, 0.9),
        is_offline=True,
    )
    volatile = {"channel": "file", "height": 300, "removed": 2, "order": "redundant"}
    drawn = payload(view, {"redundant": edges[::-1]})
    made = offline.html_page(
        drawn, volatile, panel, title=EVIL, facts={"Network": EVIL, "$title": "100 % ${x}"}
    )
    parts = Parts()
    parts.feed(made.decode())
    return made.decode(), parts


def test_the_page_forbids_the_network_and_names_no_address(page):
    text, parts = page
    policy = next(facts["content"] for tag, facts in parts.tags if facts.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"connect-src|https?:|\*", policy)
    assert not [tag for tag, _ in parts.tags if tag in ("link", "iframe", "img", "object", "base")]
    assert not [facts for _, facts in parts.tags if "src" in facts or "href" in facts]
    addresses = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
    assert {address for address in addresses if "example.org" not in address} == set()
    assert "import(" not in parts.texts["script"]
    assert not re.search(r"@import|url\(", text.split("</style>")[0])


def test_names_stay_text(page):
    _, parts = page
    assert parts.texts["title"].strip() == EVIL
    assert json.loads(parts.texts["panel"])["orders"][0]["label"] == EVIL


def test_the_payload_travels_whole(page):
    header, arrays = unpack(base64.b64decode(page[1].texts["payload"]))
    assert header["classes"] == ["a", EVIL]
    assert (header["channel"], header["removed"]) == ("file", 2)
    assert arrays["curvature"].size == 6


def test_placeholders_in_names_are_not_filled_in(page):
    assert "<dt>$title</dt><dd>100 % ${x}</dd>" in page[0]


def test_an_infinity_is_an_error_rather_than_a_broken_file():
    with pytest.raises(ValueError, match="JSON"):
        offline._json({"baseline": float("inf")})
