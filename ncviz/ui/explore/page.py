"""The Explore page: what it says, which picture it shows, how that is drawn, what is left of each layer."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ncviz.config import SCOPES
from ncviz.scene.cards.card import card
from ncviz.scene.comparison import SCOPE_TITLES
from ncviz.scene.flow_choices import OWN_TITLE, flow_titles
from ncviz.scene.names import (
    connection_links,
    layer_title,
    link_words,
    measured_words,
    place_of,
    unit_layer_links,
)
from ncviz.scene.tables import layer_table
from ncviz.scene.wording import folded_words, part_words, short_word
from ncviz.text import listed, plain, zero_words
from ncviz.ui.components.stage.intro import introduction
from ncviz.ui.explore.before_curves import draw_whole, whole_network
from ncviz.ui.explore.by_hand.class_group import draw_group
from ncviz.ui.explore.by_hand.own_groups import settle_by_hand
from ncviz.ui.explore.by_hand.steps_file import tell_of_link
from ncviz.ui.explore.by_hand.surgery import draw_surgery
from ncviz.ui.explore.canvas import draw_network, state_of
from ncviz.ui.explore.compare import draw_both, draw_controls
from ncviz.ui.explore.drawn import details_of, nearest_detail
from ncviz.ui.explore.flows import offer_flow, with_flow
from ncviz.ui.explore.live_curves import slider_step
from ncviz.ui.explore.living import no_own_image_words, own_image
from ncviz.ui.explore.panel import STAGE_COLUMNS, draw_panel
from ncviz.ui.link.view_state import ALL_LAYERS, DETAILS, EDGE_CAPS, VIEW_TITLES
from ncviz.ui.session import address, results, session
from ncviz.ui.session.subject import Subject, first_side
from ncviz.ui.stage import steps

# More layers than that are no sentence.
MOST_NAMED = 12


def draw_page() -> None:
    """Draw the page."""
    # The picture needs the room of a title, but who hears the page goes by one.
    with st.container(key="explore-title"):
        st.html('<h1 class="ncviz-unseen">Explore</h1>')
    network = session.network()
    record, sweep = results.current_results(network)
    if record is None:
        results.offer_curvature(network, first_side())
        st.stop()
    if sweep is None:
        results.offer_curves(network, record, first_side())
        whole = whole_network(network, record)
        _check_link(whole)
        draw_whole(with_flow(whole))
        st.stop()
    _check_link(Subject(network, record, sweep, first_side()))
    if not settle_by_hand(Subject(network, record, sweep, first_side())):
        st.stop()
    subject = with_flow(Subject(network, record, sweep, first_side()))
    _draw_introduction(subject)
    if not subject.view.present:
        results.follow_sharpening(network, record, first_side())
    if subject.view.compare:
        other = draw_both(subject, _draw_side)
    else:
        other = None
        _draw_side(subject)
    _draw_settings(subject)
    if not subject.view.hides("sidebar"):
        draw_surgery(subject, other)
    if not subject.view.hides("tabs"):
        _draw_tabs(subject)


def _draw_tabs(subject: Subject) -> None:
    parts = {
        "Selected": _draw_selected,
        "Layers": _draw_layers,
        "Never active": _draw_never_active,
        "Downloads": _draw_downloads,
    }
    tabs = st.tabs(list(parts), key="explore-tabs", on_change="rerun")
    for tab, draw in zip(tabs, parts.values(), strict=True):
        if tab.open:
            with tab:
                draw(subject)


# What few ask for in the first seconds is imported when it is: a first start has to compile all that it imports.


def _draw_selected(subject: Subject) -> None:
    from ncviz.ui.explore.selected import draw_selected

    draw_selected(subject)


def _draw_never_active(subject: Subject) -> None:
    from ncviz.ui.explore.never_active import draw_never_active

    draw_never_active(subject)


def _draw_downloads(subject: Subject) -> None:
    from ncviz.ui.explore.exports import draw_downloads

    draw_downloads(subject)


def _check_link(subject: Subject) -> None:
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


def _draw_introduction(subject: Subject) -> None:
    """Say what is seen, and offer the other ways to see it."""
    view = subject.view
    if view.present and view.compare:
        # Two pictures need the room, and each has the legend of its colours.
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        with st.container():
            wish = introduction(
                channel=slider_step(subject).channel,
                total=subject.total,
                word=short_word(subject.network),
                baseline=subject.sweep.baseline,
                plays=session.has_landed(),
                key="introduction",
            )
        if not view.hides("views"):
            st.segmented_control(
                "Picture",
                list(VIEW_TITLES),
                format_func=lambda name: VIEW_TITLES[name],
                required=True,
                label_visibility="collapsed",
                **session.bound("show"),
            )
    if wish == "tour":
        steps.go(steps.tour(), 0)
        st.rerun()
    if wish == "learn":
        address.write_link()
        st.switch_page("pages/learn.py")
    part = part_words(subject.record.config, len(subject.record.weights))
    told = f"Curvature of a part alone: {part}." if part else ""
    norms = folded_words(subject.network, subject.record.config)
    if told or norms:
        st.caption(plain(f"{told} {f'{norms} into the weights.' if norms else ''}".strip()))


def _draw_side(subject: Subject) -> None:
    """Draw the picture that is chosen, with the live panel under it."""
    if not subject.view.present:
        tell_of_link(subject)
    if subject.samples is not None and subject.flow is None and not subject.view.present:
        offer_flow(subject)
    name = subject.view.show
    if name == "network" and subject.view.present and not subject.view.compare:
        picture, numbers = st.columns(STAGE_COLUMNS, gap="medium")
        with picture:
            draw_network(subject)
        with numbers:
            draw_panel(subject)
    elif name == "network":
        draw_network(subject, link="zoom" if subject.view.compare else None)
        draw_panel(subject)
        if not subject.view.hides("classes"):
            draw_group(subject)
    elif name == "free":
        from ncviz.ui.explore.charts import draw_free_layout

        # It is laid out for the step that was reached last; the browser hides what a drag removes.
        draw_panel(subject, lambda _: draw_free_layout(subject))
    else:
        from ncviz.ui.explore.charts import draw_distribution, draw_matrix

        draw_panel(subject, {"matrix": draw_matrix, "distribution": draw_distribution}[name])


def _draw_settings(subject: Subject) -> None:
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


def _draw_layers(subject: Subject) -> None:
    """Draw what is left of each layer."""
    table = layer_table(subject.record, subject.ranks, subject.removed, subject.mask)
    share = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    percent = st.column_config.NumberColumn(format="percent")
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        table,
        hide_index=True,
        # What a layer has none of: weights that were measured, or that are ever active.
        placeholder="–",
        column_config={
            **dict.fromkeys(("weights", "kept", "measured", "edges"), number),
            **dict.fromkeys(("bottlenecks", "never active"), percent),
            "kept share": share,
            "most negative κ": st.column_config.NumberColumn(format="%.2f"),
        },
    )
