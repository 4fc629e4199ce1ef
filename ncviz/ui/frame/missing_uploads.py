"""Networks and images of a session's own that are gone, such as after a reload, and where to bring them again."""

from __future__ import annotations

import streamlit as st

from ncviz.tasks.images import is_gone
from ncviz.text import plain
from ncviz.ui.session import session

_SAVE = "bring it again, or save it to the library next time"


def tell_missing(*, is_model_page: bool) -> None:
    """Say what is gone, and where to bring it again; without its images a network's page ends there.

    Args:
        is_model_page: Whether this is the page where both are brought.
    """
    if session.has_lost_network() and not (is_model_page and _is_being_brought()):
        st.warning(
            "The network that you brought was held for one session only, and a reload begins another: "
            f"{_SAVE}. Until then this is {plain(session.network().title)}."
        )
        if not is_model_page:
            st.page_link("pages/model.py", label="Bring it again on the Model page")
    for name in dict.fromkeys(
        (session.network().dataset, session.network(session.view().other_model or None).dataset)
    ):
        if not is_gone(name):
            continue
        st.warning(
            "The images that you brought had to make room for others' and are no longer on the server: bring them "
            "again, or save network and images to the library next time."
        )
        if not is_model_page:
            st.page_link("pages/model.py", label="Bring them again on the Model page")
            st.stop()


def _is_being_brought() -> bool:
    from ncviz.ui.model import draft

    return draft.current() is not None
