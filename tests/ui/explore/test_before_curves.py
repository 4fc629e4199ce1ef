"""Before accuracy curves are known the network is drawn whole, however the link would prune it."""

import pytest
from streamlit.testing.v1 import AppTest


def page():
    import streamlit as st

    from ncviz.ui.explore.before_curves import draw_whole, whole_network
    from ncviz.ui.session import session
    from ncviz.ui.session.results import current_results

    session.begin()
    network = session.network()
    whole = whole_network(network, current_results(network)[0])
    st.session_state["seen"] = (whole.removed, whole.by_hand, whole.total, whole.sweep.accuracy)
    draw_whole(whole)


@pytest.mark.parametrize(("show", "drawn"), [("network", "bidi_component"), ("matrix", "plotly_chart"),
                                             ("distribution", "plotly_chart"), ("free", "iframe")])  # fmt: skip
def test_the_network_is_drawn_whole(from_here, show, drawn):
    app = AppTest.from_function(page, default_timeout=60)
    app.query_params |= {"model": "mlp-digits-relu", "removed": "0.7", "show": show, "hand": "cut:weight-3"}
    app.run()
    assert not app.exception
    assert app.session_state["seen"] == (0, None, 2720, {})
    assert app.get(drawn)
