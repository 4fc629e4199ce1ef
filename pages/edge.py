"""One edge under the lens: its neighbours, the optimal plan, and κ worked out in numbers that add up."""

import streamlit as st

from ncviz.ui.curvature import settings
from ncviz.ui.edge import lens, page
from ncviz.ui.frame import shell
from ncviz.ui.session import session

shell.enter()
st.title("Edge")
network = session.network()
record, _ = settings.current(network)
if record is None:
    settings.empty_state(network)
    st.stop()
chosen = page.choose(network, record)
if chosen is not None:
    page.header(chosen)
    lens.show(chosen)
