"""Choose, bring, inspect a network, and say where its data lie."""

import streamlit as st

from ncviz.ui import bring_view, library_view, model_view, session, shell, training_view

shell.enter()
st.title("Model")
network = session.network()
parts = {
    "Inspect": lambda: model_view.inspect(network),
    "Bring your own": bring_view.show,
    "Train": training_view.show,
    "Data": lambda: model_view.data(network),
    "Library": library_view.show,
}
# Streamlit forgets the tab on another page.
usual = "Bring your own" if session.has_lost_network() else "Inspect"
st.session_state.setdefault("model-tabs", st.session_state.get("model-tab", usual))
opened = st.tabs(list(parts), key="model-tabs", on_change="rerun")
st.session_state["model-tab"] = st.session_state["model-tabs"]
for tab, part in zip(opened, parts.values(), strict=True):
    # What is half filled in there, files included, would be lost with a look at another tab.
    if tab.open or part is bring_view.show:
        with tab:
            part()
