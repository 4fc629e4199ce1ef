"""Compute neural curvature, and look at it: distributions, strongest bottlenecks, class by class."""

import streamlit as st

from ncviz.ui.curvature import results, settings
from ncviz.ui.frame import shell, stored_results
from ncviz.ui.session import session

shell.enter()
st.title("Curvature")
network = session.network()
settings.show(network)
record, _ = settings.current(network)
if record is None:
    settings.empty_state(network)
else:
    results.show(network, record)
stored_results.draw_stored_results()
