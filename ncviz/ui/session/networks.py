"""The networks that a session brought: kept, named, looked at, forgotten."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ncviz import tasks
from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.memory import NETWORK_MEMORY
from ncviz.models.zoo import MODELS
from ncviz.ui.link.view_state import DEFAULT_MODEL
from ncviz.ui.session import session


def add_network(brought: tasks.Network) -> None:
    """Keep a network for this session and look at it; another network of its name stays, under its own.

    Raises:
        ModelError: If the session holds as many as it may, or the server has no room for it.
    """
    own = session.own_networks()
    is_new = brought.fingerprint not in {each.fingerprint for each in own.values()}
    if is_new and len(own) >= LIMITS.session_networks:
        raise ModelError(
            f"This session holds {len(own)} networks of its own, the most that are kept; forget one on the Model page "
            "under “Keep and take away” first."
        )
    NETWORK_MEMORY.claim(brought)
    name, number = brought.name, 1
    while name in MODELS or (name in own and own[name].fingerprint != brought.fingerprint):
        number += 1
        name = f"{brought.name} {number}"
    own.pop(name, None)
    own[name] = (
        brought if name == brought.name else replace(brought, name=name, title=f"{brought.title} {number}")
    )
    select_model(name)


def drop_network(name: str) -> None:
    """Forget a network that this session brought."""
    del session.own_networks()[name]
    if session.view().other_model == name:
        session.change(other_model="", **session.OTHER_WHOLE)
    if session.view().model == name:
        select_model(DEFAULT_MODEL)


def network_titles() -> dict[str, str]:
    """Return the title of each network that can be looked at, by name: those of the zoo, then this session's."""
    own = {name: brought.title for name, brought in session.own_networks().items()}
    return {name: spec.title for name, spec in MODELS.items()} | own


def select_model(name: str) -> None:
    """Look at another network, whole."""
    st.session_state["lost"] = False
    session.change(model=name, **session.WHOLE, **session.OTHER_WHOLE)
