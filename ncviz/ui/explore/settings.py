"""The controls of the Explore page that choose what is drawn and how weights compete."""

from __future__ import annotations

import streamlit as st

from ncviz.config import SCOPES
from ncviz.scene.comparison import SCOPE_TITLES
from ncviz.scene.flow_choices import OWN_TITLE, flow_titles
from ncviz.scene.names import connection_links, layer_title, link_words, measured_words
from ncviz.text import zero_words
from ncviz.ui.explore.compare import draw_controls
from ncviz.ui.explore.drawn import details_of, nearest_detail
from ncviz.ui.explore.living import own_image
from ncviz.ui.link.view_state import ALL_LAYERS, EDGE_CAPS, VIEW_TITLES, ViewState
from ncviz.ui.session import session
from ncviz.ui.session.subject import Subject


def choose_picture(view: ViewState) -> None:
    """Draw the choice of pictures, unless the link hides it."""
    if view.hides("views"):
        return
    st.segmented_control(
        "Picture",
        list(VIEW_TITLES),
        format_func=lambda name: VIEW_TITLES[name],
        required=True,
        label_visibility="collapsed",
        **session.bound("show"),
    )


def draw_settings(subject: Subject) -> None:
    """Draw the controls that choose what is drawn and how weights compete."""
    if subject.view.hides("settings"):
        return
    draw_controls()
    record = subject.record
    names = connection_links(record)
    titles = {ALL_LAYERS: "All layers"} | {name: layer_title(record, at) for at, name in enumerate(names)}
    columns = st.columns([1.2, 1.2, 1.25, 1, 2])
    columns[0].selectbox("Layer", list(titles), format_func=lambda at: titles[at], **session.bound("layer"))
    details = details_of(record)
    columns[1].selectbox(
        "Detail",
        list(details),
        format_func=lambda name: details[name],
        disabled=len(details) < 2,
        help="A feature map as one node; each unit, with each weight where its curvature is lowest; or each weight at "
        "all its positions.",
        **session.shows("detail", nearest_detail(subject), lambda name: session.change(detail=name)),
    )
    choices = flow_titles(subject.record, subject.classes)
    if own_image(subject.record) is not None:
        choices["own"] = OWN_TITLE
    columns[2].selectbox(
        "Flow of",
        list(choices),
        format_func=lambda flow: choices.get(flow, flow),
        help="Draw the curvature on all calibration images, or on one of them. Weights are removed by all of them.",
        **session.bound("flow"),
    )
    columns[3].selectbox(
        "Most lines",
        EDGE_CAPS,
        format_func=lambda cap: f"{cap:,}",
        help="Each layer gets an equal share: half its strongest, half an even sample of the rest.",
        **session.bound("edges"),
    )
    columns[4].segmented_control(
        "Weights compete within",
        SCOPES,
        format_func=lambda scope: SCOPE_TITLES[scope],
        required=True,
        help="Remove the same share of every layer, or rank the weights of all layers together.",
        **session.bound("scope"),
    )
    if zeros := zero_words(subject.zeros, subject.total):
        st.caption(f"{zeros}: they count as removed, and go first in every order.")
    if record.measured < record.total:
        st.caption(f"{measured_words(record)} The others are neither drawn nor removed by curvature.")
    if record.links:
        st.caption(
            f"Grey lines join layers without weights: {link_words(record)}. They have no κ and are never removed."
        )
    if record.number_of_edges > subject.total:
        st.caption(
            f"The {record.number_of_edges:,} edges of this network share {subject.total:,} weights: a convolution's "
            "weight goes with all its edges. A feature map is drawn with its mean activity; a line between two is a "
            "kernel slice, coloured by its strongest bottleneck and as wide as many of its weights are bottlenecks."
        )
