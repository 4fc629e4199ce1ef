"""One edge under the lens: its neighbours, the optimal plan, and κ worked out in numbers that add up."""

import streamlit as st

from ncviz.ui import edge_lens, edge_view, session, settings, shell

shell.enter()
st.title("Edge")
network = session.network()
record, _ = settings.current(network)
if record is None:
    settings.empty_state(network)
    st.stop()
chosen = edge_view.choose(network, record)
if chosen is not None:
    edge_view.header(chosen)
    edge_lens.show(chosen)
