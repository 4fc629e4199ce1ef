"""Choose, bring, inspect a network, and say where its data lie."""

import streamlit as st

from ncviz.ui.frame import shell
from ncviz.ui.model import bring, inspect, library, training
from ncviz.ui.session import session

shell.enter()
st.title("Model")
network = session.network()
parts = {
    "Inspect": lambda: inspect.inspect(network),
    "Bring your own": bring.show,
    "Train": training.show,
    "Data": lambda: inspect.data(network),
    "Library": library.show,
}
# Streamlit forgets the tab on another page.
usual = "Bring your own" if session.has_lost_network() else "Inspect"
st.session_state.setdefault("model-tabs", st.session_state.get("model-tab", usual))
opened = st.tabs(list(parts), key="model-tabs", on_change="rerun")
st.session_state["model-tab"] = st.session_state["model-tabs"]
for tab, part in zip(opened, parts.values(), strict=True):
    # What is half filled in there, files included, would be lost with a look at another tab.
    if tab.open or part is bring.show:
        with tab:
            part()
