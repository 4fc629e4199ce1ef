"""How wide a column is, measured in the browser."""

from collections.abc import Mapping

import streamlit as st

from ncviz.ui.components.bundle import component, ignore

NAME = "ncviz_width"
NARROWEST, WIDEST = 240, 4000


def column_width(key: str, guess: int) -> int:
    """Return how many pixels wide the column is in which this is called, to the next lower multiple of 20.

    The first run does not know; the browser answers with another run of the fragment if the guess was too far off.

    Args:
        key: Of the component; what it measured is remembered across pages.
        guess: What to return before anything was measured.
    """
    remembered = f"{key}-measured"
    width = _measured(st.session_state.get(key)) or st.session_state.get(remembered, guess)
    st.session_state[remembered] = width
    component(NAME, "shared/width")(key=key, data={"width": width}, on_width_change=ignore)
    return int(width)


def _measured(state: object) -> int | None:
    """What the browser sent, brought into sensible limits; None if it makes no sense."""
    value = state.get("width") if isinstance(state, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        return None
    return min(max(int(value), NARROWEST), WIDEST)
