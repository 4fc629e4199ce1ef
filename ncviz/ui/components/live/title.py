"""The heading over one of two pictures: what is removed from it, following its slider within the browser."""

from collections.abc import Sequence
from dataclasses import asdict

from ncviz.ui.components.bundle import component
from ncviz.ui.components.live.data import Order, SliderStep, tones

NAME = "ncviz_title"


def live_title(step: SliderStep, orders: Sequence[Order], *, network: str, key: str) -> None:
    """Draw the heading, such as "Redundant first, 70.0%".

    Args:
        step: Where the slider of the same picture's live panel stands; the panel's word overrides it.
        orders: What can be chosen.
        network: What to say first, such as the network's title; may be empty.
        key: Of the component.
    """
    data = {
        **asdict(step),
        "network": network,
        "orders": {item.key: {"label": item.label, "tone": item.tone} for item in orders},
        "tones": tones(),
    }
    component(NAME, "live/title")(key=key, data=data)
