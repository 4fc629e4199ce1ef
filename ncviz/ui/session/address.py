"""The browser's address, which says what a session looks at."""

from __future__ import annotations

import streamlit as st

from ncviz.ui.session import session


def write_link() -> None:
    """Put the view into the address, so that a reload or a copied link shows the same."""
    now, own = session.view(), session.own_networks()
    query = now.to_query()
    if now.model in own:
        # A network of this session cannot be reached by a link, and its layers are none of another's.
        for name in ("model", "parts", "channels"):
            query.pop(name, None)
    if now.other_model in own:
        query.pop("other_model", None)
    if session.has_lost_network() or now.model in own or now.other_model in own:
        # All that a link can say of them; whoever opens it learns why they see another one.
        query[session.BROUGHT] = "1"
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
