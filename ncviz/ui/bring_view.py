"""Bringing a network of one's own, step by step: the network, its images, a check, and what is kept."""

from __future__ import annotations

import streamlit as st

from ncviz.ui import bring_network, bring_state, data_view, library_view, preflight_view


def show() -> None:
    """Draw the four steps; each says what it waits for."""
    found = bring_state.draft()
    with st.container(border=True):
        st.markdown("#### 1 · Network")
        bring_network.show(found)
    with st.container(border=True):
        st.markdown("#### 2 · Images")
        if found is None:
            st.caption("Images that the network is shown, with labels or without. Choose a network first.")
        else:
            data_view.show(found)
    found = bring_state.draft()
    with st.container(border=True):
        st.markdown("#### 3 · Check, then compute")
        if found is None or not found.dataset:
            st.caption(
                "What was read, layer by layer, and how long and how much memory it takes, before anything runs."
            )
        else:
            preflight_view.show(found)
    with st.container(border=True):
        st.markdown("#### 4 · Keep and take away")
        library_view.keep()
