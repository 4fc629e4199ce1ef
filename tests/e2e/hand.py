"""Where a hand has to take the slider for a share of the weights: its scale is finer towards both ends."""

import numpy as np

from ncviz.ui.components.live.scale import positions

THUMB = 20


def place(slider, share):
    """x in pixels of a share of all weights, on a slider as wide as it is now."""
    box, total = slider.bounding_box(), int(slider.get_attribute("data-total"))
    way = float(positions(np.array(share * total), total))
    return box["x"] + THUMB / 2 + way * (box["width"] - THUMB)


def pull(page, slider, start, end, steps=15, read=None, pause=60):
    """Drag between two shares of all weights; return what ``read`` gave at each step."""
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    first, last = place(slider, start), place(slider, end)
    page.mouse.move(first, y)
    page.mouse.down()
    seen = []
    for step in range(1, steps + 1):
        page.mouse.move(first + (last - first) * step / steps, y)
        page.wait_for_timeout(pause)
        seen.append(read() if read else None)
    page.mouse.up()
    return seen
