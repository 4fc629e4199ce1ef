"""A real server and a real browser, one of each for all tests here."""

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from tests.e2e.hand import pull
from tests.e2e.server.running import ROOT, Server

# Background services of the browser would ask the network; nothing here may.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
# The smallest network; a bare link opens another.
MLP = "/?model=mlp-digits-relu"


def find_browser():
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        path = shutil.which(name)
        if path:
            return path
    return None


@pytest.fixture(scope="session")
def chromium():
    """The kind of browser, and where it lies."""
    path = find_browser()
    if path is None:
        message = "no Chromium on this machine; install it to run the browser tests"
        if os.environ.get("NCVIZ_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium, path


@pytest.fixture(scope="session")
def browser(chromium):
    """A browser that keeps nothing."""
    kind, path = chromium
    with kind.launch(executable_path=path, args=FLAGS) as opened:
        yield opened


@pytest.fixture(scope="session")
def profile(chromium, tmp_path_factory):
    """A browser that keeps what it has loaded and compiled: half the work of every page that a test opens."""
    kind, path = chromium
    folder = tmp_path_factory.mktemp("profile")
    with kind.launch_persistent_context(folder, executable_path=path, args=FLAGS) as opened:
        yield opened


def tracebacks(log):
    """Return those of a server's log in which this project takes part; a visitor who leaves as a page opens makes one
    in the server's own connection.
    """
    ours = [str(ROOT / name) for name in ("ncviz", "pages", "app.py")]
    return [
        text
        for text in log.split("Traceback (most recent call last)")[1:]
        if any(name in text for name in ours)
    ]


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with Server(tmp_path_factory.mktemp("cache"), log) as found:
        yield found.url
        assert tracebacks(log.read_text()) == [], "a traceback that no page showed is a failure as well"


class Visit:
    """One page in one browser context, with what it did behind the scenes."""

    def __init__(self, page, url):
        self.page, self.url = page, url
        self.errors, self.outside = [], []
        page.on(
            "console", lambda message: self.errors.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._note)

    def _note(self, request):
        if not request.url.startswith((self.url, "data:", "blob:", self.url.replace("http", "ws"))):
            self.outside.append(request.url)

    def open(self, path=MLP):
        self.page.goto(self.url + path)
        self.settle()
        return self

    def settle(self):
        self.page.wait_for_selector('[data-test-script-state="notRunning"]', timeout=150_000)

    def canvas(self):
        # Until the browser has taken an old picture away there are two; the new one comes first.
        canvas = self.page.get_by_test_id("ncviz-network").first
        canvas.wait_for(timeout=60_000)
        self.wait(lambda: int(canvas.get_attribute("data-drawn-edges") or 0) > 0)
        return canvas

    def visible_edges(self):
        # Between an old picture and a new one there may be one that holds no network yet.
        found = []

        def is_told():
            found[:] = [self.canvas().get_attribute("data-visible-edges")]
            return found[0] is not None

        self.wait(is_told)
        return int(found[0])

    def choose(self, option, box=None):
        """Choose an option of a select box; a page that runs again meanwhile closes its list."""
        from playwright.sync_api import TimeoutError as TooLate

        for _ in range(5):
            (box or self.page.get_by_role("combobox").first).click()
            try:
                self.page.get_by_role("option", name=option).click(timeout=4000)
            except TooLate:
                self.page.keyboard.press("Escape")
                self.settle()
            else:
                return
        pytest.fail(f"{option} could not be chosen")

    def box_of(self, locator):
        """Return where something is, once it is there: a part that is drawn anew has no place for a moment."""
        found = []

        def is_there():
            found[:] = [locator.bounding_box()]
            return found[0] is not None

        self.wait(is_there)
        return found[0]

    def accuracy(self):
        text = self.page.get_by_test_id("ncviz-accuracy").first.inner_text()
        return float(text.replace("%", "").strip()) / 100

    def slider(self):
        return self.page.get_by_test_id("ncviz-slider").first

    def drag(self, start, end, steps=None, read=None):
        """Drag the slider between two shares of all weights; return what ``read`` gave at each step.

        Each step is drawn and measured, so that there are few of them where nobody looks.
        """
        seen = pull(self.page, self.slider(), start, end, steps or (15 if read else 6), read)
        self.settle()
        return seen

    def wait(self, condition, seconds=90):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                self.page.screenshot(
                    path=Path(tempfile.gettempdir()) / "ncviz-e2e-failure.png", full_page=True
                )
                pytest.fail(f"the page did not come to this state: {self.page.url}, console: {self.errors}")
            self.page.wait_for_timeout(50)


@pytest.fixture
def visit(profile, server, request):
    """Opens pages, each a visitor of its own; with options of a context, in a browser that is new."""
    contexts, pages = [], []

    def make(width=1440, height=900, scheme="light", **options):
        size = {"width": width, "height": height}
        if options:
            context = request.getfixturevalue("browser").new_context(
                viewport=size, color_scheme=scheme, **options
            )
            contexts.append(context)
            return Visit(context.new_page(), server)
        page = profile.new_page()
        pages.append(page)
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        return Visit(page, server)

    yield make
    for context in contexts:
        context.close()
    if pages:
        kept = {"origin": server, "storageTypes": "cookies,local_storage"}
        profile.new_cdp_session(pages[0]).send("Storage.clearDataForOrigin", kept)
    for page in pages:
        page.close()
