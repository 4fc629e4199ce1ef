"""The two custom components, network canvas and live panel, and how they talk.

The panel leads: while its slider moves, it publishes `{removed, order}` on a channel of the page, and the canvas
hides edges in the same frame, without the server. Beside that it asks Python for accuracies, one request at a time.
The canvas belongs outside the panel's fragment, so that its payload stays where it is during a drag.
"""

from ncviz.ui.components.live.component import LiveRequest, live_panel, live_requests
from ncviz.ui.components.live.data import Answer, Curves, Order, SliderStep, Sweep, panel_data
from ncviz.ui.components.network.component import Picked, network_canvas

__all__ = [
    "Answer",
    "Curves",
    "LiveRequest",
    "Order",
    "Picked",
    "SliderStep",
    "Sweep",
    "live_panel",
    "live_requests",
    "network_canvas",
    "panel_data",
]
