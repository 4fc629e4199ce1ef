"""The Explore page: what it says, which picture it shows, how that is drawn, what is left of each layer."""

from __future__ import annotations

import streamlit as st

from ncviz.scene.tables import layer_table
from ncviz.scene.wording import short_word
from ncviz.ui.components.stage.intro import introduction
from ncviz.ui.explore.asked import check_link
from ncviz.ui.explore.before_curves import draw_part, draw_whole, whole_network
from ncviz.ui.explore.by_hand.class_group import draw_group
from ncviz.ui.explore.by_hand.own_groups import settle_by_hand
from ncviz.ui.explore.by_hand.steps_file import tell_of_link
from ncviz.ui.explore.by_hand.surgery import draw_surgery
from ncviz.ui.explore.canvas import draw_network
from ncviz.ui.explore.compare import draw_both
from ncviz.ui.explore.flows import offer_flow, take_flow_up, with_flow
from ncviz.ui.explore.live_curves import slider_step
from ncviz.ui.explore.panel import STAGE_COLUMNS, draw_panel
from ncviz.ui.explore.settings import choose_picture, draw_settings
from ncviz.ui.session import address, results, session
from ncviz.ui.session.subject import Subject, first_side
from ncviz.ui.session.tables import show_table
from ncviz.ui.stage import steps


def draw_page() -> None:
    """Draw the page."""
    # The picture needs the room of a title, but who hears the page goes by one.
    with st.container(key="explore-title"):
        st.html('<h1 class="ncviz-unseen">Explore</h1>')
    network = session.network()
    take_flow_up()
    record, sweep = results.current_results(network)
    if record is None:
        results.offer_curvature(network, first_side())
        st.stop()
    if sweep is None:
        results.offer_curves(network, record, first_side())
        check_link(whole_network(network, record))
        # What the link asked for in vain is left out of the picture, too.
        draw_whole(with_flow(whole_network(network, record)))
        st.stop()
    check_link(Subject(network, record, sweep, first_side()))
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
    draw_settings(subject)
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
                if subject.drawn.intervals is not None:
                    st.caption(subject.drawn.intervals.sentence())
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
        choose_picture(view)
    if wish == "tour":
        steps.go(steps.tour(), 0)
        st.rerun()
    if wish == "learn":
        address.write_link()
        st.switch_page("pages/learn.py")
    draw_part(subject)


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


def _draw_layers(subject: Subject) -> None:
    """Draw what is left of each layer."""
    table = layer_table(subject.record, subject.ranks, subject.removed, subject.mask)
    share = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    percent = st.column_config.NumberColumn(format="percent")
    number = st.column_config.NumberColumn(format="localized")
    show_table(
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
