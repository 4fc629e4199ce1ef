"""The frame around every page: navigation, this session's state, the sidebar, the link."""

from __future__ import annotations

import streamlit as st

from ncviz.ui import resources, session, sidebar

# Streamlit leaves six lines of empty space above every page; the picture needs them.
_STYLE = "<style>.stMainBlockContainer{padding-top:4.4rem;padding-bottom:2rem}</style>"


def run() -> None:
    """Run the page that is asked for inside the frame."""
    page = st.navigation(_pages(), position="top")
    st.html(_STYLE)
    session.begin()
    sidebar.show()
    # Going to another page empties the address, and a reload before that page is done would lose the view.
    session.write_link()
    try:
        page.run()
    finally:
        resources.warm_up()
    session.write_link()


def enter() -> None:
    """Open every page file with this: it brings the frame where Streamlit ran the file without it.

    The first visitor of a fresh server who comes by a link to a page is served by Streamlit's older scheme, which
    runs the file in pages/ alone; declaring the navigation once ends that scheme for good.
    """
    if not session.has_begun():
        st.navigation(_pages(), position="top")
        st.rerun()


def _pages() -> list[st.Page]:
    return [
        st.Page("pages/explore.py", title="Explore", default=True),
        st.Page("pages/model.py", title="Model"),
        st.Page("pages/curvature.py", title="Curvature"),
    ]
