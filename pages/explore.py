"""The network coloured by curvature, the threshold slider and the live accuracy, on one screen."""

import streamlit as st

from ncviz.ui.curvature import settings
from ncviz.ui.explore import exports, flows, page, selected
from ncviz.ui.frame import shell
from ncviz.ui.session import session
from ncviz.ui.session.subject import Shown

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
page.check_link(shown)
page.introduction(shown)
page.show_picture(shown)
page.display_settings(shown)
if not shown.view.hides("tabs"):
    parts = {
        "Selected": lambda: selected.show(shown),
        "Layers": lambda: page.layers(shown),
        "Downloads": lambda: exports.downloads(shown, flows.record(shown)),
    }
    for tab, part in zip(
        st.tabs(list(parts), key="explore-tabs", on_change="rerun"), parts.values(), strict=True
    ):
        if tab.open:
            with tab:
                part()
