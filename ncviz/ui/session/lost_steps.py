"""Steps by hand that a link left to a file: the sides whose network is shown without them, until they are opened."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, cast

import streamlit as st

from ncviz.ui.link.by_hand import IN_FILE

if TYPE_CHECKING:
    from ncviz.ui.link.view_state import ViewState

# In the address: that a network of the session's own is looked at.
BROUGHT = "brought"
# What each side's fields are called: its steps by hand, and the network that they are about.
_FIELDS = {"explore": ("hand", "model"), "other": ("other_hand", "other_model")}


def lost_steps() -> set[str]:
    """Return the names of the sides that lack the steps of the link that is looked at."""
    return cast(set[str], st.session_state.setdefault("lost-steps", set()))


def find_lost(query: Mapping[str, str], view: ViewState) -> None:
    """Find these sides anew.

    Args:
        query: What the link says.
        view: What is looked at by now.
    """
    lost = lost_steps()
    lost.clear()
    for side, (hand, model) in _FIELDS.items():
        # Steps on a network that no link reaches are gone with it.
        is_gone = BROUGHT in query and model not in query
        if query.get(hand) == IN_FILE and not getattr(view, hand) and not is_gone:
            lost.add(side)


def settle_lost(changed: Container[str]) -> None:
    """Lose no steps any more where fields of the view are changed that say what is done by hand."""
    lost = lost_steps()
    lost.difference_update([side for side, (hand, _) in _FIELDS.items() if hand in changed])


def swap_lost(lost: set[str]) -> None:
    """Lose on each side what was lost on the other before."""
    own, beside = _FIELDS
    lost_steps().update({own: beside, beside: own}[side] for side in lost)


def lost_query() -> dict[str, str]:
    """Return what a link has to say of them."""
    return {_FIELDS[side][0]: IN_FILE for side in lost_steps()}
