"""A network of one's own, step by step: the network, its images, a check, and what is kept."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ncviz.ui.model import draft, images, library, network_source, preflight


def draw_steps() -> None:
    """Draw the four steps; each says what it waits for."""
    found = draft.current()
    with st.container(border=True):
        st.markdown("#### 1 · Network")
        is_there = found is not None and not draft.is_changing("network")
        with _find_place("network", str(is_there)):
            network_source.draw_network_step(found)
    with st.container(border=True):
        st.markdown("#### 2 · Images")
        is_chosen = found is not None and bool(found.dataset) and not draft.is_changing("images")
        with _find_place("images", f"{found is None} {is_chosen}"):
            if found is None:
                st.caption(
                    "Images that the network is shown, with labels or without. Choose a network first."
                )
            else:
                images.draw_image_step(found)
    found = draft.current()
    with st.container(border=True):
        st.markdown("#### 3 · Check, then compute")
        if found is None or not found.dataset:
            with _find_place("check", ""):
                st.caption(
                    "What was read, layer by layer, and how long and how much memory it takes, before anything runs."
                )
        else:
            with _find_place("check", found.network.fingerprint + found.dataset):
                preflight.draw_check(found)
    with st.container(border=True):
        st.markdown("#### 4 · Keep and take away")
        library.draw_own_networks()


def _find_place(step: str, state: str) -> DeltaGenerator:
    """Return where a step is drawn, another place than before where it is in another state.

    Streamlit leaves what stood in a place until the page is done, greyed, under what comes there.
    """
    key = f"bring-drawn-{step}"
    drawn, at = st.session_state.get(key, ("", 0))
    if drawn != state:
        at = 1 - at
        st.session_state[key] = state, at
    places = [st.empty() if other != at else st.container() for other in (0, 1)]
    return places[at]
