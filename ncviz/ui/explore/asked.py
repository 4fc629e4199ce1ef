"""What a link asks of the Explore page, held against the network that is shown."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ncviz.scene.cards.card import card
from ncviz.scene.names import connection_links, place_of, unit_layer_links
from ncviz.text import listed, plain
from ncviz.ui.explore.canvas import state_of
from ncviz.ui.explore.drawn import details_of
from ncviz.ui.explore.living import no_own_image_words, own_image
from ncviz.ui.link.view_state import ALL_LAYERS, DETAILS
from ncviz.ui.session import session
from ncviz.ui.session.subject import Subject

# More layers than that are no sentence.
MOST_NAMED = 12


def check_link(subject: Subject) -> None:
    """Leave out what a link asks for and this network does not have, in a sentence each."""
    view, record = subject.view, subject.record
    images = len(record.labels)
    session.change(
        layer=_checked_layer("layer", view.layer, connection_links(record)),
        zoom=_checked_layer("zoom", view.zoom, unit_layer_links(record)),
    )
    if view.flow == "own" and own_image(record) is None:
        st.toast(f"The flow of an image of your own was left out: {no_own_image_words(record)}")
        session.change(flow="all")
    elif view.flow not in ("all", "own") and subject.samples is None:
        st.toast(
            f"The link's flow {view.flow} was left out: there are the images 0 to {images - 1} and their classes."
        )
        session.change(flow="all")
    if view.selected and card(state_of(subject), subject.selection) is None:
        st.toast(f"The link's selection {view.selected} was left out: this network has nothing of that name.")
        session.change(selected="")
    # These follow the network without a word: what it does not have is no choice either.
    detail = DETAILS[0] if view.detail not in details_of(record) else view.detail
    session.change(detail=detail, other_model="" if view.other_model == view.model else view.other_model)


def _checked_layer(field: str, asked: str, names: Sequence[str]) -> str:
    """Return a layer by its name; all, in a sentence, where a link asks for one that this network does not have."""
    at = place_of(asked, names)
    if at is not None:
        return names[at]
    if asked != ALL_LAYERS:
        told = (
            listed(names)
            if len(names) <= MOST_NAMED
            else f"{names[0]} to {names[-1]}, or 0 to {len(names) - 1}"
        )
        st.toast(plain(f"The link's {field} {asked} was left out: this network has the layers {told}."))
    return ALL_LAYERS
