"""Many browser sessions on one server: ``python tests/e2e/load.py [--sessions N] [--seconds N] [--out FILE]``.

Starts the app by itself with an empty store and opens N pages, each a session of its own. All of them slide at once
for a while; then all compute at once, two for each key, while one more goes on sliding, first with the others' pages
open, then with blank ones: the browsers of real visitors do not share the server's cores. Once half of the keys are
finished the server is killed and started again. Prints how many accuracies a second each session saw and how long its
requests took, alone and among the others; when each result was stored; the server's memory; and how many finished
results are still there after the kill.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

MODEL = "lenet-mnist-relu"
PER_KEY = 2
SAMPLES = 10
FIRST_SEED = 1000
DONE = "Distribution by layer"

# The slider moves by itself, as a hand would move it: a step every 50 ms, up and down.
SLIDE = """
(seconds) => {
  const slider = window.rates.find("ncviz-slider");
  const [low, high] = [Number(slider.min || 0), Number(slider.max || 100)];
  const began = performance.now();
  window.rates.follow();
  window.rates.begin = began;
  const timer = setInterval(() => {
    const since = (performance.now() - began) / 1000;
    if (since > seconds) {
      clearInterval(timer);
      window.rates.end = performance.now();
      return;
    }
    const share = 0.05 + 0.85 * Math.abs(((since / 3) % 2) - 1);
    slider.value = low + share * (high - low);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }, 50);
}
"""


class Report(dict):
    """What was measured, told as it comes."""

    def __setitem__(self, name, value):
        super().__setitem__(name, value)
        print(f"{name}: {value}", file=sys.stderr, flush=True)


def collect(page):
    """Return what a page's slider saw while it moved."""
    watch = page.evaluate(
        "({sent, shown, begin, end}) => ({sent, shown, begin, end})", page.evaluate_handle("rates")
    )
    begin, end = watch["begin"], watch["end"] or watch["begin"]
    during = [item for item in watch["shown"] if begin <= item["at"] <= end]
    measured = [item["measured"] for item in during if item["measured"] != ""]
    updates = sum(now != before for now, before in zip(measured, [None, *measured], strict=False))
    trips = []
    for request in watch["sent"]:
        if begin <= request["at"] <= end:
            answers = [item["at"] for item in watch["shown"] if item["seq"] >= request["seq"]]
            trips += [min(answers) - request["at"]] if answers else []
    told = len({(item["removed"], item["measured"]) for item in during})
    seconds = max(1e-9, (end - begin) / 1000)
    return updates / seconds, told / seconds, trips


def summary(found):
    """Return medians and extremes over sessions."""
    rates, told = ([own[part] for own in found] for part in (0, 1))
    trips = sorted(trip for *_, own in found for trip in own)
    return {
        "accuracies measured a second, median": round(statistics.median(rates), 1),
        "least of any session": round(min(rates), 1),
        "accuracies shown a second, measured or off the curve, median": round(statistics.median(told), 1),
        "least shown of any session": round(min(told), 1),
        "round trip, median ms": round(statistics.median(trips)) if trips else None,
        "95 % ms": round(trips[int(0.95 * (len(trips) - 1))]) if trips else None,
        "longest ms": round(trips[-1]) if trips else None,
    }


def slide(pages, seconds):
    for page in pages:
        page.evaluate(SLIDE, seconds)
    deadline = time.monotonic() + seconds + 60
    for page in pages:
        while not page.evaluate("window.rates.end") and time.monotonic() < deadline:
            time.sleep(0.1)
    found = summary([collect(page) for page in pages])
    for page in pages:
        page.evaluate("Object.assign(window.rates, {end: null, sent: [], shown: []})")
    return found


def address(url, seed):
    return f"{url}/curvature?model={MODEL}&seed={seed}&samples={SAMPLES}"


def compute(pages, url):
    """Press Compute in every page; return the seeds."""
    seeds = [FIRST_SEED + number // PER_KEY for number in range(len(pages))]
    for page, seed in zip(pages, seeds, strict=True):
        page.goto(address(url, seed))
        page.get_by_role("button", name="Compute", exact=False).first.wait_for(timeout=120_000)
    for page in pages:
        page.get_by_role("button", name="Compute", exact=False).first.click()
    for page in pages:
        page.get_by_role("button", name="Cancel").or_(page.get_by_text(DONE)).first.wait_for(timeout=300_000)
    return seeds


def stored(cache):
    """Return when each curvature was there, growing."""
    found = []
    for path in cache.rglob("*.ncviz"):
        with path.open("rb") as file:
            if rb"\"kind\": \"curvature\"" in file.read(500):
                found.append(path.stat().st_mtime)
    return sorted(found)


def until_stored(cache, most):
    deadline = time.monotonic() + 600
    while len(stored(cache)) < most and time.monotonic() < deadline:
        time.sleep(0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--port", type=int, default=8699)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    from tests.e2e.conftest import FLAGS, find_browser
    from tests.e2e.rates import WATCH
    from tests.e2e.server.running import Server

    report = Report()
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(cache := Path(folder), port=arguments.port) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)

        def opened(path):
            page = browser.new_context(viewport={"width": 1200, "height": 800}).new_page()
            page.add_init_script(WATCH)
            page.goto(server.url + path)
            return page

        began = time.monotonic()
        pages = [opened(f"/?model={MODEL}") for _ in range(arguments.sessions)]
        for page in pages:
            page.wait_for_function("window.rates.painted !== null", timeout=300_000)
            page.get_by_test_id("ncviz-slider").first.wait_for(timeout=300_000)
        report["all pages painted, s"] = round(time.monotonic() - began, 1)
        time.sleep(5)
        report["memory with all open, MB"] = server.memory() // 2**20
        report["one alone"] = slide(pages[:1], arguments.seconds)
        report["all sliding"] = slide(pages, arguments.seconds)
        report["memory after sliding, MB"] = server.memory() // 2**20

        lone, others = pages[0], pages[1:]
        seeds = compute(others, server.url)
        began, keys = time.time(), len(set(seeds))
        report["one sliding while all compute"] = slide([lone], arguments.seconds)
        for page in others:
            page.goto("about:blank")
        report["the same, the others' pages blank"] = slide([lone], arguments.seconds)
        report["memory while computing, MB"] = server.memory() // 2**20
        report["results by then"] = f"{len(stored(cache))} of {keys}"
        until_stored(cache, keys // 2)
        server.kill()
        finished = stored(cache)
        report["results when the server was killed"] = f"{len(finished)} of {keys}"
        report["seconds to each"] = [round(at - began) for at in finished]
        server.start()
        there = 0
        for seed in sorted(set(seeds)):
            page = opened(address("", seed))
            # The button comes first, whether there is a result or not.
            page.get_by_role("button", name="Compute", exact=False).first.wait_for(timeout=300_000)
            page.wait_for_selector('[data-test-script-state="notRunning"]', timeout=300_000)
            there += page.get_by_text(DONE).count() > 0
            page.context.close()
        report["results shown after a restart"] = there
        report["peak memory, MB"] = server.peak // 2**20
        browser.close()
    print(json.dumps(report, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
