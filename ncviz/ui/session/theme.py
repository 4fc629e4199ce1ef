"""Which of the two themes the browser shows."""

from __future__ import annotations

import streamlit as st

from ncviz.plots.palette import Theme


def theme() -> Theme:
    """Return "dark" or "light"."""
    return "dark" if st.context.theme.type == "dark" else "light"
