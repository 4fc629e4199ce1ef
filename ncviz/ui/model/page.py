"""The Model page: what the network is, a network of one's own, training, data, and what is saved."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ncviz import tasks
from ncviz.ui.model import data, inspect, library, own_network, training
from ncviz.ui.session import session


def draw_page(of: tasks.Network) -> None:
    """Draw the tabs."""
    st.title("Model")
    parts: dict[str, Callable[[], None]] = {
        "Inspect": lambda: inspect.draw_network(of),
        "Bring your own": own_network.draw_steps,
        "Train": training.draw_training,
        "Data": lambda: data.draw_data(of),
        "Library": library.draw_library,
    }
    # Streamlit forgets the tab on another page.
    usual = "Bring your own" if session.has_lost_network() else "Inspect"
    st.session_state.setdefault("model-tabs", st.session_state.get("model-tab", usual))
    tabs = st.tabs(list(parts), key="model-tabs", on_change="rerun")
    st.session_state["model-tab"] = st.session_state["model-tabs"]
    for tab, part in zip(tabs, parts.values(), strict=True):
        # What is half filled in there, files included, would be lost with a look at another tab.
        if tab.open or part is own_network.draw_steps:
            with tab:
                part()
