"""Compute neural curvature, and look at it: distributions, strongest bottlenecks, class by class."""

import streamlit as st

from ncviz.ui import results_view, session, settings, shell, stored_list

shell.enter()
st.title("Curvature")
network = session.network()
settings.show(network)
record, _ = settings.current(network)
if record is None:
    settings.empty_state(network)
else:
    results_view.show(network, record)
stored_list.show()
