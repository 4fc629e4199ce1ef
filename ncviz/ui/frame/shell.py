"""The frame around every page: navigation, this session's state, the sidebar, the link."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from ncviz.ui.components.stage.history import keep_history
from ncviz.ui.components.stage.menu import close_menu
from ncviz.ui.components.stage.repaint import follow_theme
from ncviz.ui.frame import missing_uploads, sidebar
from ncviz.ui.frame.style import NO_BAR, STYLE, stage_style
from ncviz.ui.learn import lesson_banner
from ncviz.ui.link.view_state import SLIDING
from ncviz.ui.server import resources
from ncviz.ui.session import address, session, visitors
from ncviz.ui.stage import lecture, steps

# A picture: to know an emoji, Streamlit builds a pattern of all of them, which takes a fifth of a second.
ICON = Path(__file__).with_name("icon.svg")


def run() -> None:
    """Run the page that is asked for inside the frame."""
    named = set(st.query_params)
    is_new = not session.has_begun()
    if is_new:
        session.begin()
        lesson_banner.open_link(named)
    else:
        address.follow_history()
    visitors.visited()
    pages = _pages()
    is_bare = session.view().hides("navigation")
    page = st.navigation(list(pages.values()), position="hidden" if is_bare else "top")
    if is_new and not named and page == pages["explore"]:
        session.land()
    lesson_page = lesson_banner.page_to_open(pages, page)
    if lesson_page is not None:
        st.switch_page(lesson_page)
    here = page.url_path or "explore"
    asked = steps.page_to_open()
    if asked not in (None, here):
        st.switch_page(pages[asked])
    view = session.view()
    stage = stage_style(is_compared=view.compare and here == "explore") if view.present else ""
    st.html(STYLE + stage + ("" if lecture.has_bar() else NO_BAR))
    close_menu(page.url_path)
    follow_theme()
    sidebar.draw_sidebar()
    if not session.view().hides("sidebar"):
        with st.sidebar:
            lecture.draw_lecture(here)
    # Going to another page empties the address, and a reload before that page is done would lose the view.
    address.write_link()
    lecture.draw_bar()
    lesson_banner.draw_banner()
    if page.url_path != pages["learn"].url_path:
        missing_uploads.tell_missing(is_model_page=page.url_path == pages["model"].url_path)
    try:
        page.run()
    finally:
        resources.warm_up()
        _settle()
    address.write_link()


def _settle() -> None:
    """Tell the browser that this page is drawn: the next chosen step is an entry of its history."""
    run = st.session_state["runs"] = int(st.session_state.get("runs", 0)) + 1
    keep_history(SLIDING, run=run)


def enter() -> None:
    """Open every page file with this: it brings the frame where Streamlit ran the file without it.

    The first visitor of a fresh server who comes by a link to a page is served by Streamlit's older scheme, which
    runs the file in pages/ alone; declaring the navigation once ends that scheme for good.
    """
    if not session.has_begun():
        st.navigation(list(_pages().values()), position="top")
        st.rerun()


def _pages() -> dict[str, StreamlitPage]:
    return {
        "explore": st.Page("pages/explore.py", title="Explore", default=True),
        "model": st.Page("pages/model.py", title="Model"),
        "curvature": st.Page("pages/curvature.py", title="Curvature"),
        "pruning": st.Page("pages/pruning.py", title="Pruning"),
        "edge": st.Page("pages/edge.py", title="Edge"),
        "learn": st.Page("pages/learn.py", title="Learn"),
    }
