"""The flow of one image in a real browser: it follows the slider, and so does what is drawn by hand."""

import numpy as np
import pytest

from ncviz import tasks
from ncviz.tasks.criteria import masks_of
from tests.examples import shipped

pytestmark = pytest.mark.browser

LENET = "lenet-mnist-relu"


def classes_at(name, image, order, removed):
    """The class that torch gives a calibration image with so many weights removed."""
    network, record = shipped.network(name), shipped.curvature(name)
    context = tasks.open_context()
    by = tasks.ranks(network, "curvature", record, context, order=order)
    [pixels] = tasks.calibration_inputs(network, context, [int(record.calibration[image])])
    scores = tasks.ForwardPass(network, context).layers(pixels, masks_of(by, removed, record.shapes))[-1]
    return network.dataset_spec.classes[int(scores.argmax())], float(scores.max())


class Flow:
    """What the page says of the image."""

    def __init__(self, visit):
        self.visit, self.verdict = visit, visit.page.get_by_test_id("ncviz-verdict").first

    def said(self, name):
        return self.verdict.get_attribute(f"data-{name}")

    def wait_for(self, **said):
        self.visit.wait(lambda: all(self.said(name) == value for name, value in said.items()))

    def drag(self, end):
        """Drag the slider to a share of all weights; return what is said at each step while it is held there."""

        def said():
            self.wait_for(removed=self.visit.slider().get_attribute("data-removed"))
            return self.said("removed"), self.said("now")

        return self.visit.drag(0, end, steps=10, read=said)


def test_the_verdict_flips_while_the_slider_moves(visit):
    page = visit().open(f"/?model={LENET}&order=bottlenecks")
    page.canvas()
    flow = Flow(page)
    # Of all images the mean flows, and follows the slider too.
    flow.wait_for(now="10 of 10", whole="10 of 10", removed="0")
    assert "Choose an image" in flow.verdict.inner_text()
    seen = flow.drag(0.3)
    assert len({removed for removed, _ in seen}) > 5
    assert len({now for _, now in seen}) > 2
    page.page.get_by_test_id("ncviz-reset").first.click()
    page.page.get_by_test_id("ncviz-flow-image-5").first.click()
    flow.wait_for(now="5", whole="5", removed="0")
    page.wait(lambda: "flow=image-5" in page.page.url)
    assert "right" in flow.verdict.inner_text()
    seen = flow.drag(0.35)
    assert len({removed for removed, _ in seen}) > 5
    assert {"5"} < {now for _, now in seen}
    page.wait(lambda: flow.said("removed") == page.canvas().get_attribute("data-removed"))
    now, share = classes_at(LENET, 5, "bottlenecks", int(flow.said("removed")))
    assert flow.said("now") == now != "5"
    text = flow.verdict.inner_text()
    assert f"{100 * share:.1f}%" in text
    assert "wrong, it is 5" in text
    assert "whole network: 5" in text
    assert not page.errors


def test_what_is_drawn_flows_and_lines_show_how_much(visit):
    page = visit().open(f"/?model={LENET}&removed=0.3&selected=unit-5-7")
    page.canvas()
    flow = Flow(page)
    page.page.get_by_test_id("ncviz-flow-draw").first.click()
    sheet = page.page.get_by_test_id("ncviz-pad").locator("canvas").first
    box = page.box_of(sheet)
    points = [(0.3, 0.2), (0.7, 0.2), (0.62, 0.4), (0.5, 0.6), (0.42, 0.85)]
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.page.mouse.move(*at[0])
    page.page.mouse.down()
    for point in at[1:]:
        page.page.mouse.move(*point, steps=5)
    flow.wait_for(now="7", whole="7")
    page.page.mouse.up()
    page.wait(lambda: "flow=own" in page.page.url)
    # The arithmetic of the class that it is taken for: everything adds up to the largest logit.
    page.wait(lambda: page.page.get_by_test_id("ncviz-sum").count() > 0)
    total = page.page.get_by_test_id("ncviz-sum").first.locator("tr.total")
    assert float(total.get_attribute("data-now")) > 2
    page.page.get_by_test_id("ncviz-lines-flow").first.click()
    page.wait(lambda: "lines=flow" in page.page.url)
    page.settle()
    flow.wait_for(now="7")
    # What is drawn stays in the session, and is no part of the link.
    other = visit().open("/?flow=own&lines=flow")
    other.wait(lambda: other.page.get_by_text("image of your own was left out").count() > 0)
    assert not page.errors
    assert not page.outside


@pytest.mark.slow
def test_a_large_network_follows_by_the_server(visit):
    page = visit().open("/?model=vgg9-cifar10-relu&flow=image-3")
    flow = Flow(page)
    page.canvas()
    flow.wait_for(now="cat", whole="cat", removed="0")
    seen = page.drag(0, 0.7, read=lambda: flow.said("removed"))
    assert len(set(seen)) > 3
    removed = page.canvas().get_attribute("data-removed")
    flow.wait_for(removed=removed)
    now, share = classes_at("vgg9-cifar10-relu", 3, "redundant", int(removed))
    assert flow.said("now") == now
    assert np.isclose(float(flow.verdict.inner_text().split("%")[0].split()[-1]), 100 * share, atol=0.06)
    assert not page.errors
