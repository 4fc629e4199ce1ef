"""The network coloured by curvature, the threshold slider and the live accuracy, on one screen."""

import streamlit as st

from ncviz.ui import explore_view, exports, flows, selected_view, session, settings, shell
from ncviz.ui.shown import Shown

shell.enter()
network = session.network()
record, sweep = settings.current(network)
if record is None:
    settings.empty_state(network)
    st.stop()
if sweep is None:
    settings.missing_curve(network)
    st.stop()
shown = Shown(network, record, sweep)
explore_view.check_link(shown)
explore_view.introduction(shown)
explore_view.show_picture(shown)
explore_view.display_settings(shown)
if not shown.view.hides("tabs"):
    parts = {
        "Selected": lambda: selected_view.show(shown),
        "Layers": lambda: explore_view.layers(shown),
        "Downloads": lambda: exports.downloads(shown, flows.record(shown)),
    }
    for tab, part in zip(
        st.tabs(list(parts), key="explore-tabs", on_change="rerun"), parts.values(), strict=True
    ):
        if tab.open:
            with tab:
                part()
