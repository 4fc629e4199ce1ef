"""The heading over one of two pictures: what is removed from it, following its slider within the browser."""

from collections.abc import Sequence

from ncviz.ui.components.bundle import component
from ncviz.ui.components.live.data import Order, tones

NAME = "ncviz_title"


def live_title(
    *, channel: str, network: str, total: int, removed: int, order: str, orders: Sequence[Order], key: str
) -> None:
    """Draw the heading, such as "Redundant first, 70.0 %".

    Args:
        channel: The name that the live panel of the same picture was given.
        network: What to say first, such as the network's title; may be empty.
        total: Number of prunable parameters.
        removed: How many of them are removed; the panel's word overrides it.
        order: The key of the order in use, likewise.
        orders: What can be chosen.
        key: Of the component.
    """
    data = {
        "channel": channel,
        "network": network,
        "total": int(total),
        "removed": int(removed),
        "order": order,
        "orders": {item.key: {"label": item.label, "tone": item.tone} for item in orders},
        "tones": tones(),
    }
    component(NAME, "live/title")(key=key, data=data)
