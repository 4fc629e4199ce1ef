"""How fast the page is in a real browser: ``python tests/e2e/rates.py [--repeat N] [--model NAME …] [--out FILE]``.

Starts the app by itself, visits each network once so that the server is warm, then measures in fresh contexts:
the time from navigation to the coloured network, accuracy updates a second during a drag and the round trip of its
steps (request sent → answer shown), how long the picture takes for a threshold step, and how often a second the flow of
one image is drawn anew during a drag. Prints a table and JSON.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

MODELS = ("mlp-digits-relu", "lenet-mnist-relu", "vgg9-cifar10-relu")
DRAG_SECONDS = 6.0
# A browser hands on one move of the mouse a frame.
FRAME_SECONDS = 1 / 60
CANVAS_STEPS = 30
SETTLED = '[data-test-script-state="notRunning"]'

# Notes when each request leaves and when the panel shows what, in the page itself: a browser driven from outside
# would add its own delays.
WATCH = """
(() => {
  const watch = (window.rates = { sent: [], shown: [], painted: null });
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (message) {
    const found = /"seq":\\s*(\\d+)/.exec(new TextDecoder("latin1").decode(message));
    if (found) watch.sent.push({ at: performance.now(), seq: Number(found[1]) });
    return send.call(this, message);
  };
  const find = (id, root = document) => {
    const here = root.querySelector(`[data-testid="${id}"]`);
    if (here) return here;
    for (const element of root.querySelectorAll("*")) {
      const inner = element.shadowRoot && find(id, element.shadowRoot);
      if (inner) return inner;
    }
    return null;
  };
  watch.find = find;
  const look = () => {
    if (watch.painted !== null) return;
    const canvas = find("ncviz-network");
    if (Number(canvas?.dataset.drawnEdges) > 0) watch.painted = performance.now();
    else requestAnimationFrame(look);
  };
  look();
  watch.follow = () => {
    const accuracy = find("ncviz-accuracy");
    const note = () => {
      const { seq, source, removed, at: measured } = accuracy.dataset;
      watch.shown.push({ at: performance.now(), seq: Number(seq), source, removed: Number(removed), measured });
    };
    new MutationObserver(note).observe(accuracy, { attributes: true });
  };
  watch.flow = () => {
    watch.flowed = [];
    const verdict = find("ncviz-verdict");
    const note = () => watch.flowed.push({ at: performance.now(), removed: verdict.dataset.removed });
    new MutationObserver(note).observe(verdict, { attributeFilter: ["data-removed"] });
  };
  watch.steps = async (count) => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const channel = window.__ncvizChannels.get("explore");
    for (let i = 0; !channel.last; i += 1) {
      if (i > 600) throw new Error("the panel says nothing");
      await frame();
    }
    const { order } = channel.last;
    const total = Number(find("ncviz-network").dataset.totalEdges);
    const times = [];
    for (let i = 1; i <= count; i += 1) {
      await frame();
      const start = performance.now();
      const event = { removed: Math.round((total * 0.95 * i) / count), order };
      for (const listener of [...channel.listeners]) listener(event);
      // The picture is drawn in the next frame; the one after that begins once it is done.
      await frame();
      await frame();
      times.push(performance.now() - start);
    }
    return times;
  };
})();
"""


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))] if ordered else None


def middle(values):
    """The median of what there is: a drag whose values are all at hand asks for nothing."""
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 1) if known else None


def visit(browser, url, model, more=""):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(f"{url}/?model={model}{more}")
    page.wait_for_function("window.rates.painted !== null", timeout=120_000)
    page.wait_for_selector(SETTLED, timeout=120_000)
    return context, page


def wait_until_measured(page):
    words = page.get_by_test_id("ncviz-source").first
    for _ in range(600):
        if "measured on" in words.inner_text():
            return
        page.wait_for_timeout(100)
    raise RuntimeError("the accuracy was not measured")


def drag(page):
    """Move the slider to and fro for a while, as a hand does; return what was sent and shown meanwhile."""
    box = page.get_by_test_id("ncviz-slider").first.bounding_box()
    y = box["y"] + box["height"] / 2
    at = lambda share: box["x"] + 10 + share * (box["width"] - 20)  # noqa: E731
    page.mouse.move(at(0), y)
    page.evaluate("window.rates.follow()")
    page.mouse.down()
    start = page.evaluate("performance.now()")
    began = time.monotonic()
    while (since := time.monotonic() - began) < DRAG_SECONDS:
        page.mouse.move(at(0.05 + 0.85 * abs(since / 3 % 2 - 1)), y)
        time.sleep(FRAME_SECONDS)
    end = page.evaluate("performance.now()")
    page.mouse.up()
    return start, end


def measure(browser, url, model):
    context, page = visit(browser, url, model)
    painted = page.evaluate("window.rates.painted")
    wait_until_measured(page)
    page.wait_for_timeout(1000)
    steps = page.evaluate(f"window.rates.steps({CANVAS_STEPS})")
    start, end = drag(page)
    sent = page.evaluate("window.rates.sent")
    released = page.evaluate("performance.now()")
    wait_until_measured(page)
    exact = page.evaluate("performance.now()") - released
    shown = page.evaluate("window.rates.shown")
    context.close()
    during = [item for item in shown if start <= item["at"] <= end]
    measured = [item["measured"] for item in during if item["measured"] != ""]
    # Values that belong to the very threshold that they were measured at; one that is shown on counts once.
    updates = sum(now != before for now, before in zip(measured, [None, *measured], strict=False))
    off_curve = len({item["removed"] for item in during if item["source"] == "curve"})
    trips = []
    for request in sent:
        if start <= request["at"] <= end:
            answers = [item["at"] for item in shown if item["seq"] >= request["seq"]]
            if answers:
                trips.append(min(answers) - request["at"])
    seconds = (end - start) / 1000
    return {
        "first paint, ms": painted,
        "measured updates a second": updates / seconds,
        "values off the curve a second": off_curve / seconds,
        "round trip, median ms": quantile(trips, 0.5),
        "round trip, 95 % ms": quantile(trips, 0.95),
        "exact after release, ms": exact,
        "picture a step, median ms": quantile(steps, 0.5),
        "picture a step, 95 % ms": quantile(steps, 0.95),
    }


def measure_flow(browser, url, model):
    """Return how many steps of a drag a second the flow of one image was worked out for and shown."""
    context, page = visit(browser, url, model, "&flow=image-3")
    wait_until_measured(page)
    page.wait_for_function("window.rates.find('ncviz-verdict')?.dataset.removed === '0'", timeout=60_000)
    page.wait_for_timeout(1000)
    page.evaluate("window.rates.flow()")
    start, end = drag(page)
    flowed = page.evaluate("window.rates.flowed")
    context.close()
    removed = [item["removed"] for item in flowed if start <= item["at"] <= end]
    changes = sum(now != before for now, before in zip(removed, [None, *removed], strict=False))
    return {"flows a second": changes / ((end - start) / 1000)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--model", nargs="+", default=MODELS)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    from tests.e2e.conftest import FLAGS, find_browser
    from tests.e2e.server.running import Server

    found = {}
    with tempfile.TemporaryDirectory() as cache, Server(cache) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        for model in arguments.model:
            context, page = visit(browser, server.url, model)
            wait_until_measured(page)
            context.close()
            runs = [
                measure(browser, server.url, model) | measure_flow(browser, server.url, model)
                for _ in range(arguments.repeat)
            ]
            found[model] = {name: middle([run[name] for run in runs]) for name in runs[0]}
        browser.close()
    width = max(map(len, next(iter(found.values()))))
    print(f"{'':{width}}  " + "  ".join(f"{model:>18}" for model in found))
    for name in next(iter(found.values())):
        print(
            f"{name:{width}}  "
            + "  ".join(f"{'–' if found[model][name] is None else found[model][name]:>18}" for model in found)
        )
    print(json.dumps(found))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
