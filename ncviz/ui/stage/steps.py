"""The steps that a session holds, and the one that is shown."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import cast

import streamlit as st

from ncviz.errors import NcvizError
from ncviz.ui.learn import lesson_banner
from ncviz.ui.link.deck import Deck, Step, read_deck
from ncviz.ui.session import session

_DECK, _AT, _PAGE = "deck", "deck-at", "deck-page"


def deck() -> Deck:
    """Return this session's own steps."""
    return cast(Deck, st.session_state.get(_DECK, Deck()))


def keep(changed: Deck) -> None:
    """Hold these steps instead."""
    st.session_state[_DECK] = changed


def shown() -> tuple[Deck, int] | None:
    """Return the steps that are gone through and the index of the one that is shown; None for none."""
    return cast("tuple[Deck, int] | None", st.session_state.get(_AT))


def go(through: Deck, at: int) -> None:
    """Show a step: its page, and all that it looks at; a stage stays one."""
    step = through.steps[at]
    now = session.view()
    # What the reader has done of the lessons is no part of what is shown.
    session.look(replace(step.view, present=now.present, ticked=now.ticked))
    if step.page == "learn":
        lesson_banner.begin(step.view.graph)
    st.session_state[_AT] = through, at
    st.session_state[_PAGE] = step.page


def leave() -> None:
    """End going through steps; what is shown stays."""
    st.session_state.pop(_AT, None)


def page_to_open() -> str | None:
    """Return the page of a step that was just asked for, once."""
    return cast("str | None", st.session_state.pop(_PAGE, None))


def add(page: str) -> None:
    """Put what is looked at now at the end of this session's own steps.

    Raises:
        NcvizError: If no link holds it, or there are too many.
    """
    view = session.view()
    if view.model in session.own_networks() or view.other_model in session.own_networks():
        raise NcvizError(
            "A network of your own is in no link, so it cannot be a step; save it to the library first."
        )
    if view.flow == "own":
        raise NcvizError("An image of your own is in no link, so it cannot be a step; choose another first.")
    if not (view.is_whole_in_link and view.is_graph_in_link):
        raise NcvizError(
            "This view is too long for a link, so it cannot be a step; take back some of what is done by hand."
        )
    keep(deck().with_step(Step(page, replace(view, present=False))))


@cache
def tour() -> Deck:
    """Return the three minutes from the bridge to the collapsing LeNet."""
    return read_deck(files(__package__).joinpath("tour.json").read_bytes())
