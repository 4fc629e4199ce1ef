import pytest
from streamlit.testing.v1 import AppTest

from ncviz.ui.components.shared.width import NARROWEST, WIDEST, _measured


def page():
    import streamlit as st

    from ncviz.ui.components.shared.width import column_width

    st.text(column_width("ruler", 960))


def test_nothing_measured_is_the_guess_and_what_was_measured_is_remembered():
    app = AppTest.from_function(page).run()
    assert app.text[0].value == "960"
    app.session_state["ruler-measured"] = 340
    assert app.run().text[0].value == "340"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"width": 340.0}, 340),
        ({"width": 3}, NARROWEST),
        ({"width": 1e9}, WIDEST),
        ({"width": -5}, None),
        ({"width": float("nan")}, None),
        ({"width": float("inf")}, None),
        ({"width": True}, None),
        ({"width": "340"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_what_a_browser_sends_is_not_trusted(sent, read):
    assert _measured(sent) == read
