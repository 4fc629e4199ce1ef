"""The heading over one of two pictures: what is removed from it, following its slider within the browser."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import streamlit as st

from ncviz.ui.components.bundle import bundle, read_asset
from ncviz.ui.components.live_data import Order, tones

NAME = "ncviz_title"
HTML = '<h3 class="title" data-testid="ncviz-title"></h3>'


@cache
def _component() -> Callable[..., Any]:
    """Registered at first use, not at import: importing this package must not need a running app."""
    css = read_asset("css/live_title.css")
    return st.components.v2.component(NAME, html=HTML, css=css, js=bundle("live_title_main.js"))


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
    _component()(key=key, data=data)
