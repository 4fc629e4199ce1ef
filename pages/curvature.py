"""Compute neural curvature, and look at it: distributions, strongest bottlenecks, class by class."""

import streamlit as st

from ncviz.ui import compute, results_view, session, settings, shell, stored_list

shell.enter()
st.title("Curvature")
network, view = session.network(), session.view()
settings.show(network)
record, _ = compute.results(network, view.config, view.scope, session.data_dir())
if record is None:
    settings.empty_state(network)
else:
    results_view.show(network, record)
stored_list.show()
