"""How wide a column is, measured in the browser."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import streamlit as st

from ncviz.ui.components.bundle import bundle

NAME = "ncviz_width"
HTML = '<div class="ruler" aria-hidden="true"></div>'
CSS = ".ruler { width: 100%; height: 0; }"
NARROWEST, WIDEST = 240, 4000


@cache
def _component() -> Callable[..., Any]:
    """Registered at first use, not at import: importing this package must not need a running app."""
    return st.components.v2.component(NAME, html=HTML, css=CSS, js=bundle("width_main.js"))


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
    _component()(key=key, data={"width": width}, on_width_change=_ignore)
    return int(width)


def _measured(state: object) -> int | None:
    """What the browser sent, brought into sensible limits; None if it makes no sense."""
    value = state.get("width") if isinstance(state, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        return None
    return min(max(int(value), NARROWEST), WIDEST)


def _ignore() -> None:
    """Nothing to do: the width is read before the component is mounted."""
