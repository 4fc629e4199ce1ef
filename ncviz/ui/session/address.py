"""The browser's address, which says what a session looks at."""

from __future__ import annotations

from typing import cast

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ncviz.text import plain
from ncviz.ui.link.view_state import ViewState, from_query
from ncviz.ui.server import resources
from ncviz.ui.session import session
from ncviz.ui.session.lost_steps import BROUGHT, find_lost, lost_query

# How many of a session's links are known by the view that they were written for.
MOST_LINKS = 200
Query = frozenset[tuple[str, str]]


def write_link() -> None:
    """Put the view into the address, so that a reload or a copied link shows the same."""
    now, own = session.view(), session.own_networks()
    query = now.to_query() | lost_query()
    if now.model in own:
        # A network of this session cannot be reached by a link, and its layers are none of another's.
        for name in ("model", "parts", "channels"):
            query.pop(name, None)
    if now.other_model in own:
        query.pop("other_model", None)
    if session.has_lost_network() or now.model in own or now.other_model in own:
        # All that a link can say of them; whoever opens it learns why they see another one.
        query[BROUGHT] = "1"
        if now.model not in own:
            # Though it be the usual one: else it would be taken for the one that is gone, and so would its steps.
            query["model"] = now.model
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    resources.keep(_written(), frozenset(query.items()), now, MOST_LINKS)


def follow_history() -> None:
    """Where the reader went back or forward in the browser's history, look at what the address says again."""
    context = get_script_run_ctx()
    if context is None or not context.is_history_navigation:
        return
    query = st.query_params.to_dict()
    known = _written().get(frozenset(query.items()))
    if known is None and not query:
        return
    at, problems = (known, []) if known is not None else from_query(query)
    for problem in problems:
        st.toast(plain(problem))
    session.look(at)
    find_lost(query, session.view())


def _written() -> dict[Query, ViewState]:
    """Return what this session looked at when each link was written: a link cannot hold all of it."""
    return cast(dict[Query, ViewState], st.session_state.setdefault("links", {}))
